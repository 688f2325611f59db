"""The GitHub Action and the GitLab template: each step as a runner would run it, with the wheel installed."""

import re
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

import auditor
from auditor.json import JsonObject
from tests.cluster.release.alone import ROOT, Installed

pytestmark = pytest.mark.timeout(240)

ACTION = yaml.safe_load((ROOT / "deploy" / "actions" / "scan" / "action.yml").read_text())
TEMPLATE = yaml.safe_load((ROOT / "deploy" / "ci" / "gitlab.yml").read_text())
# What it depends on is tried where the wheel is, and what builds it is here: 0 says to pip that it shall be used.
QUICKLY = f"export PIP_NO_DEPS=1 PIP_NO_BUILD_ISOLATION=0 PYTHONPATH={sysconfig.get_path('purelib')}"
INPUT = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")


@pytest.fixture
def place(installed: Installed, tmp_path: Path) -> Path:
    """A repository with policies and manifests, one of which is bad."""
    folder = tmp_path / "repository"
    folder.mkdir()
    made = installed.shell("auditor new pack policies --kind Gadget && cp -r policies/examples manifests", folder)
    assert made.returncode == 0, made.stderr
    return folder


class Runner:
    """Of GitHub: inputs become the environment of the steps, and files what these tell each other."""

    def __init__(self, installed: Installed, place: Path, inputs: Mapping[str, str]) -> None:
        self.installed, self.place = installed, place
        self.inputs = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
        self.inputs.update(inputs)
        self.files = place.parent / "runner"
        self.files.mkdir(exist_ok=True)
        for name in ("path", "output", "summary"):
            (self.files / name).write_text("")

    def run(self, step: JsonObject) -> subprocess.CompletedProcess[str]:
        assert "${{" not in step["run"]  # what a pull request can choose is never a part of a script
        given = {name: INPUT.sub(lambda m: self.inputs[m[1]], value) for name, value in step.get("env", {}).items()}
        return self.installed.shell(
            step["run"],
            self.place,
            RUNNER_TEMP=str(self.files),
            GITHUB_ACTION_PATH=str(ROOT / "deploy" / "actions" / "scan"),
            GITHUB_PATH=str(self.files / "path"),
            GITHUB_OUTPUT=str(self.files / "output"),
            GITHUB_STEP_SUMMARY=str(self.files / "summary"),
            **given,
        )

    def tell(self, name: str) -> str:
        return (self.files / name).read_text()


def steps() -> dict[str, JsonObject]:
    assert all(each["shell"] == "bash" for each in ACTION["runs"]["steps"])
    return {each["name"]: each for each in ACTION["runs"]["steps"]}


def test_the_action_installs_what_is_in_its_own_repository(installed: Installed, place: Path) -> None:
    runner = Runner(installed, place, {"paths": "manifests"})
    step = steps()["Install auditor"]
    done = runner.run({**step, "run": f"{QUICKLY}\n{step['run']}"})
    assert done.returncode == 0, done.stderr
    found = runner.tell("path").strip()
    assert installed.shell(f"{found}/auditor --version", place).stdout == f"auditor {auditor.__version__}\n"


def test_the_action_scans(installed: Installed, place: Path) -> None:
    runner = Runner(installed, place, {"paths": "manifests", "policies": "policies", "test": "policies"})
    assert runner.run(steps()["Run the test cases of the policies"]).returncode == 0
    done = runner.run(steps()["Scan"])
    assert (done.returncode, "file=manifests/bad/two.yaml" in done.stdout) == (1, True), done.stdout
    assert runner.tell("output") == "sarif=auditor.sarif\nexit-code=1\n"
    assert (place / "auditor.sarif").is_file()
    assert "Gadget" in runner.tell("summary")
    declared = {re.sub(r".*outputs\.|\s*\}\}", "", each["value"]) for each in ACTION["outputs"].values()}
    assert declared == {"exit-code", "sarif"}


def test_the_action_with_other_inputs(installed: Installed, place: Path) -> None:
    some = {"paths": "manifests/good manifests/bad", "policies": "policies policies", "sarif": "other.sarif"}
    lenient = Runner(installed, place, {**some, "fail-on": "critical", "arguments": "--include-passes"})
    assert lenient.run(steps()["Scan"]).returncode == 0
    assert "exit-code=0" in lenient.tell("output")
    known = installed.shell("auditor scan manifests --policies policies --baseline known.json --write-baseline", place)
    assert known.returncode == 0
    assert Runner(installed, place, {**some, "baseline": "known.json"}).run(steps()["Scan"]).returncode == 0
    wrong = Runner(installed, place, {"paths": "manifests", "policies": "nowhere"})
    assert wrong.run(steps()["Scan"]).returncode == 2
    assert wrong.tell("output") == "exit-code=2\n"


def run_job(installed: Installed, place: Path, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Of GitLab: what comes before and the script, in one shell."""
    job = {**TEMPLATE[TEMPLATE[name]["extends"]], **TEMPLATE[name]}
    given = {**TEMPLATE["variables"], **variables}
    # An installation for each job would be the same each time: it is tried once, below.
    before = job["before_script"][2:]
    return installed.shell("\n".join([*before, *job["script"]]), place, **given)


def test_the_template_of_gitlab(installed: Installed, place: Path) -> None:
    # Its environment is there already, with auditor in it.
    (place / ".auditor").symlink_to(installed.directory)
    tested = run_job(installed, place, "auditor-test")
    assert tested.returncode == 0, tested.stderr
    found = run_job(installed, place, "auditor-scan")
    assert (found.returncode, "two.yaml" in found.stdout) == (1, True), found.stdout
    lenient = run_job(installed, place, "auditor-scan", AUDITOR_FAIL_ON="critical", AUDITOR_PATHS="manifests/good")
    assert lenient.returncode == 0
    reports = {
        file for name in ("auditor-test", "auditor-scan") for file in TEMPLATE[name]["artifacts"]["reports"].values()
    }
    assert all((place / file).is_file() for file in reports)
    assert TEMPLATE["variables"]["AUDITOR_PACKAGE"] == f"auditor=={auditor.__version__}"


def test_the_template_installs_what_it_is_told(installed: Installed, place: Path) -> None:
    script = "\n".join(TEMPLATE[".auditor"]["before_script"])
    done = installed.shell(
        f"{script}\ncommand -v auditor", place, PIP_NO_DEPS="1", AUDITOR_PACKAGE=str(installed.wheel)
    )
    assert (done.returncode, done.stdout.strip()) == (0, str(place / ".auditor" / "bin" / "auditor")), done.stderr
