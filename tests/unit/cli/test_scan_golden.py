"""`auditor scan` as a process, against files whose names say what is expected: CASE.exit-CODE.FORMAT.

UPDATE_GOLDENS=1 writes them anew: then read what is different.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.cli.outputs import FORMATS

GOLDEN = Path(__file__).parent / "golden"
INPUTS = GOLDEN / "inputs"
POLICIES = ("--policies", "policies.yaml", "--exceptions", "exceptions.yaml", "--crds", "crd.yaml")
CASES = {
    "clean.exit-0": ("clean.yaml", *POLICIES),
    "passes.exit-0": ("clean.yaml", *POLICIES, "--include-passes"),
    "findings.exit-1": ("shops.yaml", "clean.yaml", *POLICIES),
    "known.exit-0": ("shops.yaml", *POLICIES, "--baseline", "../baseline.json", "--new-only"),
    "incomplete.exit-3": ("shops.yaml", "broken.yaml", *POLICIES, "--policies", "error.yaml"),
    "everything.exit-3": ("shops.yaml", "broken.yaml", *POLICIES, "--policies", "error.yaml", "--include-passes"),
    "deletion.exit-1": ("clean.yaml", *POLICIES, "--operation", "delete"),
}
ALL_FORMATS = ("clean.exit-0", "findings.exit-1", "incomplete.exit-3", "everything.exit-3")
REFUSED = {
    "mistake.exit-2": ("shops.yaml", "--policies", "mistake.yaml"),
    "nowhere.exit-2": ("nowhere.yaml",),
    "no-paths.exit-2": (),
    "format.exit-2": ("clean.yaml", "-o", "pdf"),
    "no-file.exit-2": ("clean.yaml", "-o", "json="),
    "two-to-stdout.exit-2": ("clean.yaml", "-o", "json", "-o", "table"),
    "no-directory.exit-2": ("clean.yaml", "-o", "json=no/such/out.json"),
    "a-directory.exit-2": ("clean.yaml", "-o", "json=../inputs"),
    "written-twice.exit-2": ("clean.yaml", "-o", "json=/tmp/out", "-o", "csv=/tmp/./out"),
    "new-only.exit-2": ("clean.yaml", "--new-only"),
    "no-baseline.exit-2": ("clean.yaml", "--baseline", "nowhere.json"),
    "update-of-nothing.exit-2": ("clean.yaml", "--operation", "UPDATE"),
    "create-of-old.exit-2": ("clean.yaml", "--operation", "CREATE", "--old", "clean.yaml"),
    "no-exception.exit-2": ("clean.yaml", "--exceptions", "crd.yaml"),
    "policy-as-params.exit-2": ("clean.yaml", "--params", "policies.yaml"),
    "labels.exit-2": ("clean.yaml", "--namespace-labels", "town"),
    "user.exit-2": ("clean.yaml", "--user", "jane,,ops"),
    "percent.exit-2": ("clean.yaml", "--fail-coverage-below", "101"),
    "files-in-cluster.exit-2": ("clean.yaml", "--cluster"),
    "user-in-cluster.exit-2": ("--cluster", "--user", "jane", "--old", "x"),
}


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    done = subprocess.run(
        [sys.executable, "-m", "auditor", "scan", *arguments],
        cwd=INPUTS,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def steady(text: str) -> str:
    """Without what is different in each run: the time, and the version of the program."""
    text = re.sub(r"20\d\d-\d\d-\d\d([T ])\d\d:\d\d(:\d\d)?", r"2026-01-01\g<1>00:00:00", text)
    text = re.sub(r'( time=")\d+\.\d+"', r'\g<1>0.000"', text)
    text = re.sub(r"(\bseconds: )\d+", r"\g<1>0", text)
    return re.sub(r'("version": "|auditor )\d+\.\d+\.\d+(?!\.)(?<!2\.1\.0)', r"\g<1>0.0.0", text)


def compare(name: str, text: str) -> None:
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDENS"):
        file.write_text(steady(text))
    assert steady(text) == file.read_text(), f"{name} differs; UPDATE_GOLDENS=1 writes it anew"


def code_of(case: str) -> int:
    return int(case.rpartition("-")[2])


@pytest.mark.parametrize("case", CASES)
def test_the_table(case: str) -> None:
    code, out, _ = run(*CASES[case])
    compare(f"{case}.table", out)
    assert code == code_of(case)


@pytest.mark.parametrize("case", ALL_FORMATS)
def test_all_formats_in_one_run(case: str, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in FORMATS}
    code, out, err = run(*CASES[case], *(part for name, file in files.items() for part in ("-o", f"{name}={file}")))
    assert (code, out) == (code_of(case), "")
    compare(f"{case}.stderr", err)
    for name, file in files.items():
        compare(f"{case}.{name}", file.read_text())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FORMATS)  # nothing is left beside them


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    code, out, err = run(*REFUSED[case])
    assert (code, out) == (2, "")
    compare(f"{case}.stderr", err)


def test_no_golden_is_forgotten() -> None:
    known = {f"{case}.{name}" for case in ALL_FORMATS for name in (*FORMATS, "stderr")}
    known |= {f"{case}.table" for case in CASES} | {f"{case}.stderr" for case in REFUSED}
    assert {file.name for file in GOLDEN.iterdir()} == known | {"inputs", "baseline.json"}


def test_colours() -> None:
    arguments = CASES["findings.exit-1"]
    coloured = run(*arguments, FORCE_COLOR="1")[1]
    assert "\x1b[31mhigh" in coloured
    assert "\x1b" not in run(*arguments, FORCE_COLOR="1", NO_COLOR="1")[1]


def test_a_baseline_is_written_and_read(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    arguments = ("shops.yaml", *POLICIES, "--baseline", str(file))
    assert run(*arguments, "--write-baseline")[0] == 0
    assert file.read_text() == (GOLDEN / "baseline.json").read_text()
    assert run(*arguments)[0] == 1
    code, out, _ = run("clean.yaml", *POLICIES, "--baseline", str(file), "--new-only")
    assert code == 0
    assert "gone: Shop village/kiosk: shops/size at /spec/size\n" in out
    assert out.endswith("; of a baseline 0 known, 3 gone\n")
