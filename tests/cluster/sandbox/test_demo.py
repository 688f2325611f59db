"""The demo as a person runs it, and its checks when something does not happen."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auditor.cli.demo.stage import Stage, StoryError
from auditor.sandbox import Sandbox

pytestmark = pytest.mark.timeout(180)


@contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[None]:
    """A test that fails waits for nobody."""
    try:
        yield
    except BaseException:
        process.terminate()
        raise


def test_whole_story_leaves_all_running_until_ctrl_c(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "of-the-user")}
    with (
        subprocess.Popen(
            [sys.executable, "-m", "auditor", "demo"], env=environment, stdout=subprocess.PIPE, text=True
        ) as process,
        ending(process),
    ):
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if line.startswith("Ctrl-C ends it"):
                assert list((tmp_path / "auditor" / "sandboxes").glob("*/kubeconfig"))
                (link,) = [each.strip() for each in told if "/enter?link=" in each]
                with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(link, timeout=60) as page:
                    assert "Compliance" in page.read().decode()
                (report,) = [Path(each.split()[-1]) for each in told if each.startswith("The compliance report")]
                assert "queues-named" in report.read_text()
                process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert "can grow, but not shrink" in "".join(told)
    assert told[-1] == "Stopped; nothing is left behind.\n"
    assert not report.exists()
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_story_that_is_interrupted_is_no_success(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "auditor", "demo", "--once"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process, ending(process):
        assert process.stdout is not None
        while not process.stdout.readline().startswith("1."):
            pass
        process.send_signal(signal.SIGTERM)
        # To a shell both are 130: CPython ends by the signal itself where that met an `exec`, as of a dataclass.
        assert process.wait() in (130, -signal.SIGINT)
    deadline = time.monotonic() + 30  # a supervisor that had just begun ends by itself, when it notices
    while list((tmp_path / "auditor" / "sandboxes").glob("*")):
        assert time.monotonic() < deadline


def test_step_that_does_not_happen_ends_the_story(control_plane: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage()
    stage.sandbox = control_plane
    stage.expect("it is there", "default", "get", "namespace", "default")
    assert "ok: it is there" in capsys.readouterr().out
    with pytest.raises(StoryError, match="another is there: expected success with 'nowhere'; exit code 1") as error:
        stage.expect("another is there", "nowhere", "get", "namespace", "nowhere")
    assert error.value.exit_code == 1
    with pytest.raises(StoryError, match="expected a refusal"):
        stage.expect("it is refused", "default", "get", "namespace", "default", fails=True)
    with pytest.raises(StoryError, match="with 'something else'"):
        stage.expect("it says so", "something else", "get", "namespace", "default")
