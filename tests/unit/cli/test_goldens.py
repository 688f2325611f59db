"""Goldens of mutations and conversions, JUnit and --watch, as a person runs `auditor test`."""

import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

ROOT = Path(__file__).parents[3]
CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.com}
spec:
  group: example.com
  names: {kind: Gadget, plural: gadgets}
  scope: Namespaced
  conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1]}}
  versions:
  - {name: v1, served: true, storage: true, schema: &any {openAPIV3Schema: {type: object, ANY}}}
  - {name: v2, served: true, storage: false, schema: *any}
"""
CONVERSION = """
apiVersion: auditor.dev/v1
kind: Conversion
metadata: {name: gadgets.example.com}
spec:
  resource: {group: example.com, resource: gadgets}
  steps:
  - {from: v1, to: v2, jq: '.spec |= {count: .size}'}
  - {from: v2, to: v1, jq: '.spec |= {size: BACK}'}
"""
POLICY = """
apiVersion: auditor.dev/v1
kind: Policy
metadata: {name: gadgets}
spec:
  match:
    resourceRules:
    - {apiGroups: [example.com], apiVersions: [v1], resources: [gadgets], operations: [CREATE]}
  mutate:
  - {name: colour, jq: '.spec.colour //= "red"'}
"""
CASE = """# A comment that stays.
apiVersion: example.com/v1
kind: Gadget
metadata: {name: one, namespace: default}
spec: {size: 3}
---
%s
---
# Around it.
apiVersion: v1
kind: Namespace
metadata: {name: default}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "crd.yaml").write_text(CRD.replace("ANY", "x-kubernetes-preserve-unknown-fields: true"))
    (tmp_path / "conversion.yaml").write_text(CONVERSION.replace("BACK", ".count"))
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def run(pack: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "auditor", "test", ".", *options]
    done = subprocess.run(
        command, cwd=pack, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def golden(spec: str, version: str = "v1") -> str:
    return f"apiVersion: example.com/{version}\nkind: Gadget\nmetadata: {{name: one, namespace: default}}\nspec: {spec}"


def test_a_conversion_and_its_way_back(pack: Path) -> None:
    (pack / "tests" / "convert.yaml").write_text(CASE % golden("{count: 3}", "v2"))
    assert run(pack)[0] == 0
    (pack / "conversion.yaml").write_text(CONVERSION.replace("BACK", "7"))
    code, told = run(pack)
    assert code == 1
    assert "comes back otherwise from v2" in told


def test_a_golden_that_differs_is_shown_as_a_diff_and_written_anew(pack: Path) -> None:
    case = pack / "tests" / "mutate.yaml"
    case.write_text(CASE % golden("{size: 3, colour: blue}"))
    code, told = run(pack)
    assert code == 1
    assert "-  colour: blue" in told
    assert "+  colour: red" in told
    code, told = run(pack, "--update-goldens")
    assert (code, told.splitlines()[0]) == (0, "new   tests/mutate.yaml")
    written = case.read_text()
    assert written.startswith("# A comment that stays.\n")
    assert written.endswith("---\n# Around it.\napiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n")
    assert run(pack)[0] == 0
    assert case.read_text() == written


def test_a_golden_that_is_missing_is_told(pack: Path) -> None:
    (pack / "tests" / "convert.yaml").write_text(golden("{size: 3}"))
    code, told = run(pack)
    assert code == 3
    assert "needs a second document" in told


def test_ci_servers_read_what_happened(pack: Path) -> None:
    (pack / "tests" / "mutate.yaml").write_text(CASE % golden("{size: 3, colour: blue}"))
    (pack / "tests" / "mutate.right.yaml").write_text(CASE % golden("{size: 3, colour: red}"))
    (pack / "tests" / "convert.yaml").write_text("a: [")
    code, _ = run(pack, "--junit", "out.xml")
    assert code == 3
    (suite,) = fromstring((pack / "out.xml").read_text())  # noqa: S314 - of our own making
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    cases = {case.get("name"): [each.tag for each in case] for case in suite}
    assert cases == {"convert.yaml": ["error"], "mutate.right.yaml": [], "mutate.yaml": ["failure"]}


def test_it_runs_again_when_a_file_is_saved(pack: Path) -> None:
    case = pack / "tests" / "mutate.yaml"
    case.write_text(CASE % golden("{size: 3, colour: blue}"))
    program = subprocess.Popen(
        [sys.executable, "-u", "-m", "auditor", "test", ".", "--watch"],
        cwd=pack,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    try:
        wait_for(program, "0 passed, 1 failed")
        case.write_text(CASE % golden("{size: 3, colour: red}"))
        wait_for(program, "1 passed, 0 failed")
    finally:
        program.terminate()
        program.communicate()


def wait_for(program: "subprocess.Popen[str]", text: str) -> None:
    assert program.stdout is not None
    deadline = time.monotonic() + 30
    for line in program.stdout:
        if text in line:
            return
        assert time.monotonic() < deadline
    raise AssertionError(f"{text!r} was never told")
