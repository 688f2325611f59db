"""What a release is made of: one version, a bill of materials, workflows that say what is true."""

import hashlib
import json
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml

import auditor
from auditor.json import JsonObject
from auditor.sandbox import assets

ROOT = Path(__file__).parents[3]
RELEASE = ROOT / "deploy" / "release"
WORKFLOWS = {file.name: yaml.safe_load(file.read_text()) for file in (ROOT / ".github" / "workflows").glob("*.yml")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def script(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, RELEASE / name, *arguments], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout


def pins(lock: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9-]+)==([^ \\]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return dict(found)


def test_the_version_comes_from_one_place() -> None:
    version = auditor.__version__
    assert script("version.py") == f"{version}\n"
    assert "version" in PROJECT["dynamic"]
    assert f'"{version}"' not in (ROOT / "pyproject.toml").read_text()
    chart = yaml.safe_load((ROOT / "deploy" / "chart" / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version, version)
    headings = re.findall(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] in ("Unreleased", version)
    told = {
        found
        for file in [*(ROOT / "docs").rglob("*.md"), ROOT / "deploy" / "ci" / "gitlab.yml"]
        for found in re.findall(r"(?:auditor==|rev: v|@v|/auditor/v)(\d+\.\d+\.\d+)", file.read_text())
    }
    assert told == {version}


def test_the_bill_of_materials_is_that_of_the_image() -> None:
    text = script("sbom.py")
    assert text == script("sbom.py")
    bill: JsonObject = json.loads(text)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["version"] == auditor.__version__
    listed = {each["name"]: each["version"] for each in bill["components"]}
    assert listed == {
        name.lower().replace("_", "-"): version for name, version in pins("deploy/requirements.lock").items()
    }
    assert listed.items() <= {name.lower(): version for name, version in pins("requirements-dev.lock").items()}.items()
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])
    refs = {bill["metadata"]["component"]["bom-ref"], *(each["bom-ref"] for each in bill["components"])}
    assert {each["ref"] for each in bill["dependencies"]} == refs
    needed = {ref for each in bill["dependencies"] for ref in each["dependsOn"]}
    assert needed == refs - {bill["metadata"]["component"]["bom-ref"]}  # nothing is there without a reason
    direct = {re.split(r"[\[><=; ]", each)[0].lower().replace("_", "-") for each in PROJECT["dependencies"]}
    own = next(each for each in bill["dependencies"] if each["ref"] == f"pkg:pypi/auditor@{auditor.__version__}")
    assert direct <= {re.split("[/@]", ref)[1] for ref in own["dependsOn"]}


def test_notes_are_those_of_the_version() -> None:
    read = runpy.run_path(str(RELEASE / "notes.py"))["read_notes"]
    text = "# C\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-01\n\n### Added\n\n- this\n\n## [1.1.0]\n\n- that\n"
    assert read(text, "1.2.0") == "### Added\n\n- this\n"
    assert read(text, "1.1.0") == "- that\n"
    for missing in ("Unreleased", "1.0.0"):
        with pytest.raises(ValueError, match="nothing under"):
            read(text, missing)


def test_what_krew_gets(tmp_path: Path) -> None:
    script("krew.py", "somebody/auditor", str(tmp_path))
    archive = (tmp_path / "kubectl-auditor.tar.gz").read_bytes()
    spec = yaml.safe_load((tmp_path / "auditor.yaml").read_text())["spec"]
    assert "@" not in json.dumps(spec)
    (platform,) = spec["platforms"]
    assert platform["sha256"] == hashlib.sha256(archive).hexdigest()
    assert platform["uri"].endswith(f"somebody/auditor/releases/download/v{auditor.__version__}/kubectl-auditor.tar.gz")
    script("krew.py", "somebody/auditor", str(tmp_path))
    assert (tmp_path / "kubectl-auditor.tar.gz").read_bytes() == archive
    with tarfile.open(tmp_path / "kubectl-auditor.tar.gz") as packed:
        packed.extractall(tmp_path, filter="data")
    assert all((tmp_path / each["from"]).is_file() for each in platform["files"])

    def call(*programs: str) -> subprocess.CompletedProcess[str]:
        for name in programs:
            (tmp_path / name).write_text('#!/bin/sh\necho "${0##*/}" "$@"\n')
            (tmp_path / name).chmod(0o755)
        command = [str(tmp_path / "kubectl-auditor"), "findings", "-n", "my shop"]
        environment = {"PATH": str(tmp_path)}  # nothing else of this computer; the shell is named by its path
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    alone = call()
    assert (alone.returncode, "needs uv or pipx" in alone.stderr) == (2, True)
    wanted = f"auditor=={auditor.__version__} kubectl-auditor findings -n my shop\n"
    assert call("pipx").stdout == f"pipx run --quiet --spec {wanted}"
    assert call("uvx").stdout == f"uvx --quiet --from {wanted}"


def test_ci_runs_on_every_python_that_is_supported() -> None:
    tested = WORKFLOWS["ci.yml"]["jobs"]["run"]["strategy"]["matrix"]["python"]
    assert PROJECT["requires-python"] == f">={tested[0]}"
    minors = [int(each.partition(".")[2]) for each in tested]
    assert minors == list(range(minors[0], minors[0] + len(minors)))
    assert f"{tested[0]} to {tested[-1]}" in (ROOT / "docs" / "releasing.md").read_text()


def test_three_kubernetes_versions_are_tried_and_documented() -> None:
    tried = WORKFLOWS["kubernetes.yml"]["jobs"]["smoke"]["strategy"]["matrix"]["version"]
    assert len(tried) >= 3
    assert assets.DEFAULT_VERSION.rpartition(".")[0] in tried
    assert f"{tried[0]} to {tried[-1]}" in (ROOT / "docs" / "releasing.md").read_text()
    smoke = re.findall(r"^  (tests/\S+)$", (ROOT / ".ci" / "test-versions").read_text(), re.MULTILINE)
    assert smoke
    assert [each for each in smoke if not (ROOT / each).exists()] == []


def test_workflows_have_few_rights_and_run_what_there_is() -> None:
    for name, workflow in WORKFLOWS.items():
        assert workflow["permissions"] == {"contents": "read"}, name
        for job in workflow["jobs"].values():
            for step in job.get("steps", ()):
                run = step.get("run", "")
                assert "${{ github." not in run, f"{name}: what others can choose is no part of a script"
                for file in re.findall(r"(?:deploy|\.ci)/[\w./-]+", run):
                    assert (ROOT / file).exists(), f"{name}: {file}"
