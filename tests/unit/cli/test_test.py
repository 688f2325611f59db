"""`auditor test` as a person runs it."""

import signal
import subprocess
from pathlib import Path

from tests.unit.cli.binary import AUDITOR, environment
from tests.unit.cli.test_scan import ERROR, GOOD, run


def write(folder: Path, *cases: tuple[str, str]) -> None:
    (folder / "tests").mkdir()
    (folder / "policy.yaml").write_text(ERROR.replace("/ 0 > 1", "> 3"))
    for name, text in cases:
        (folder / "tests" / name).write_text(text)


def test_as_expected(tmp_path: Path) -> None:
    write(tmp_path, ("pass.yaml", GOOD))
    code, out, _ = run("test", ".", cwd=tmp_path)
    assert (code, out) == (0, "ok    tests/pass.yaml\nnote  no case violates wrong/divides\n1 passed, 0 failed\n")


def test_not_evaluated_beats_failed(tmp_path: Path) -> None:
    write(tmp_path, ("pass.yaml", "a: [1"), ("fail.divides.yaml", GOOD))
    code, out, _ = run("test", "-q", ".", cwd=tmp_path)
    assert code == 3
    assert out.splitlines()[0] == "FAIL  tests/fail.divides.yaml: does not violate divides"
    assert out.splitlines()[-1] == "0 passed, 1 failed, 1 not evaluated"


def test_mistakes(tmp_path: Path) -> None:
    write(tmp_path, ("pass.yaml", GOOD))
    (tmp_path / "policy.yaml").write_text(ERROR.replace("jq:", "jqq:"))
    code, _, err = run("test", ".", cwd=tmp_path)
    assert code == 2
    assert "did you mean jq?" in err


def test_watch_runs_again_when_a_file_is_saved(tmp_path: Path) -> None:
    write(tmp_path, ("pass.yaml", GOOD))
    policy, case = tmp_path / "policy.yaml", tmp_path / "tests" / "pass.yaml"
    right = policy.read_text()
    command = [AUDITOR, "test", ".", "--watch", "-q"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as watch:
        assert watch.stdout is not None

        def wait_for(text: str) -> None:
            assert watch.stdout is not None
            assert any(text in line for line in watch.stdout), f"it ended before it said {text}"

        wait_for("1 passed, 0 failed")
        case.write_text("a: [1")
        wait_for("0 passed, 0 failed, 1 not evaluated")
        policy.write_text(right.replace("jq:", "jqq:"))
        wait_for("did you mean jq?")
        policy.write_text(right)
        case.write_text(GOOD)
        wait_for("1 passed, 0 failed")
        watch.send_signal(signal.SIGINT)
        assert watch.wait(timeout=30) == 0
