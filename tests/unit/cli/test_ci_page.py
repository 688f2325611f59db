"""docs/ci.md: each command as it stands, and the hooks as pre-commit calls them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.binary import AUDITOR, environment, run

TOP = Path(__file__).parents[3]
PAGE = (TOP / "docs" / "ci.md").read_text()
BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:- run: |\s*- )?((?:kustomize|helm|auditor) .*?)(?:\s+# .*)?$", re.MULTILINE)
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A repository with policies and manifests, one of which is bad, and programs that print manifests."""
    assert run("new", "pack", "policies", "--kind", "Gadget", cwd=tmp_path).code == 0
    shutil.copytree(tmp_path / "policies" / "examples", tmp_path / "manifests")
    (tmp_path / "bin").mkdir()
    for name in ("kustomize", "helm"):
        program = tmp_path / "bin" / name
        program.write_text("#!/bin/sh\ncat manifests/good/one.yaml\n")
        program.chmod(0o755)
    (tmp_path / "bin" / "auditor").symlink_to(AUDITOR)
    return tmp_path


@pytest.mark.timeout(300)  # ten times the program is started, and machines are shared
def test_each_command_does_what_the_page_says(place: Path) -> None:
    commands = [match for _, text in BLOCKS.findall(PAGE) for match in COMMAND.findall(text)]
    assert len(commands) == 9
    codes = []
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=place,
            env=environment(PATH=f"{place / 'bin'}:{os.environ['PATH']}"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == "", command
        codes.append(done.returncode)
    # The bad manifest is found, except in what is piped, and where it has become known.
    assert dict(zip(commands, codes, strict=True)) == {
        command: int("scan manifests" in command and "baseline" not in command) for command in commands
    }
    written = {"auditor.sarif", "auditor-tests.xml", "auditor.json", "auditor.xml", "baseline.json"}
    assert written <= {file.name for file in place.iterdir()}


def test_what_the_page_shows_is_yaml_and_names_hooks_that_there_are() -> None:
    texts = [yaml.safe_load(text) for kind, text in BLOCKS.findall(PAGE) if kind == "yaml"]
    assert len(texts) == 6
    used = {hook["id"] for text in texts if "repos" in text for repo in text["repos"] for hook in repo["hooks"]}
    assert used == set(HOOKS)


def test_the_action_and_the_template_have_what_the_page_says() -> None:
    """What they run is tried in tests/cluster/release."""
    texts = [yaml.safe_load(text) for kind, text in BLOCKS.findall(PAGE) if kind == "yaml"]
    action = yaml.safe_load((TOP / "deploy" / "actions" / "scan" / "action.yml").read_text())
    inputs = {name: each.get("default", "") for name, each in action["inputs"].items()}
    table = PAGE.partition("| input |")[2].partition("\n\n")[0]
    told = dict(re.findall(r"^\| `([a-z-]+)` \| .*?(?:\(`([^`]+)`\))? \|$", table, re.MULTILINE))
    assert told == inputs
    (used,) = [step for text in texts if "steps" in text for step in text["steps"] if "/actions/" in step["uses"]]
    assert used["with"].keys() <= inputs.keys()
    assert "/deploy/actions/scan@" in used["uses"]
    template = yaml.safe_load((TOP / "deploy" / "ci" / "gitlab.yml").read_text())
    assert {name for name in template["variables"] if f"`{name}`" in PAGE or f"  {name}:" in PAGE} == {
        *template["variables"]
    }
    (included,) = [text for text in texts if "include" in text]
    assert included["variables"].items() <= template["variables"].items()
    assert included["include"]["remote"].endswith("/deploy/ci/gitlab.yml")


def test_the_hooks_as_they_are_called(place: Path) -> None:
    def call(name: str, *arguments: str) -> int:
        hook = HOOKS[name]
        program, *words = hook["entry"].split()
        assert program == "auditor"
        return run(*words, *(arguments or hook.get("args", ())), cwd=place).code

    assert call("auditor-test") == 0
    assert call("auditor-scan", "--policies", "policies/", "manifests/good/one.yaml") == 0
    assert call("auditor-scan", "--policies", "policies/", "manifests/bad/two.yaml") == 1
    assert call("auditor-fix", "--policies", "policies/", "manifests/bad/two.yaml") == 0
    assert "replicas: 1" in (place / "manifests" / "bad" / "two.yaml").read_text()
