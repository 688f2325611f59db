"""A program that the nursery has started behaves as one that was started with its interpreter."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import nursery

SLEEP = ("timeit", "-n1", "-r1", "-s", "import time", "time.sleep(60)")


@pytest.fixture(params=[True, False], ids=["born", "plain"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways are held to the same."""
    if request.param and sys.platform != "linux":
        pytest.skip("nothing is forked here")
    monkeypatch.setattr(nursery, "opened", request.param)
    return bool(request.param)


def close(process: nursery.Process) -> str:
    assert process.stderr is not None
    with process.stderr as log:
        return log.read()


def test_code_and_log(either: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    program = nursery.start("auditor", "status")
    text = close(program)
    assert program.wait(20) == program.poll() == program.returncode == 2
    assert f"{tmp_path}/nowhere" in text
    monkeypatch.delenv("KUBECONFIG")
    assert "KUBECONFIG" not in os.environ
    again = nursery.start("auditor", "nonsense")
    assert "there is no command 'nonsense'" in close(again)
    assert again.wait(20) == 2
    assert again.pid != program.pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_ended_by_a_signal(either: bool, number: signal.Signals) -> None:
    program = nursery.start(*SLEEP)
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0.1)
    assert program.poll() is None
    assert psutil.Process(program.pid).is_running()
    program.send_signal(number)
    assert program.wait(20) == -number
    program.kill()  # whoever is gone is not asked any more
    assert close(program) == ""
    assert not psutil.pid_exists(program.pid)


def test_nobody_stays(either: bool) -> None:
    """What one leaves open is not held by the next: the end of a log is the end of its program."""
    first, second = nursery.start(*SLEEP), nursery.start(*SLEEP)
    first.kill()
    assert close(first) == ""
    assert second.poll() is None
    second.kill()
    assert close(second) == ""
    assert {first.wait(20), second.wait(20)} == {-signal.SIGKILL}
