"""The end of a watcher: whatever is going on, whatever it is asked by, and however often."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.audit.conftest import ODD, POLICIES, BadDay, Stage, Start, plain_kubeconfig, policy
from tests.cluster.audit.running import Watch

TEN = 10.0
"""Seconds that it may take, as documented."""


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Path]:
    """An API server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        path = tmp_path / "silent.kubeconfig"
        path.write_text(json.dumps(plain_kubeconfig(f"http://127.0.0.1:{server.getsockname()[1]}")))
        yield path


def end(program: Watch, *signals: signal.Signals) -> tuple[int, float]:
    """Its exit code, and the seconds."""
    begun = time.monotonic()
    for each in signals:
        program.process.send_signal(each)
        time.sleep(0.05)
    return program.process.wait(30), time.monotonic() - begun


@pytest.mark.timeout(120)
def test_before_it_has_begun(start: Start, silent: Path) -> None:
    program = start(kubeconfig=silent, ready=False)
    code, seconds = end(program, signal.SIGTERM)
    assert code == 0, program.text
    assert seconds < TEN
    assert "Traceback" not in program.text


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGTERM, signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGTERM),
    ],
    ids=["three times", "Ctrl-C, then the group"],
)
def test_who_is_asked_twice_ends_once(stage: Stage, start: Start, signals: tuple[signal.Signals, ...]) -> None:
    stage.put(POLICIES, policy("one", ODD))
    program = start()
    code, seconds = end(program, *signals)
    assert code == 0, program.text
    assert seconds < TEN


@pytest.mark.timeout(120)
def test_who_presses_it_again_does_not_want_to_wait(start: Start, silent: Path) -> None:
    """And goes on pressing it: on a busy machine two may come in before the first has been heard."""
    program = start(kubeconfig=silent, ready=False)
    begun = time.monotonic()
    while program.process.poll() is None and time.monotonic() - begun < TEN:
        program.process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    code, seconds = program.process.wait(30), time.monotonic() - begun
    assert code == -signal.SIGINT or (code == 0 and seconds < 3)
    assert seconds < TEN


@pytest.mark.timeout(120)
def test_while_the_api_server_is_away(stage: Stage, start: Start, bad_day: BadDay, tmp_path: Path) -> None:
    """It takes connections, and everything hangs: reports to be written, a pass, the lease, the history."""
    stage.put(POLICIES, policy("one", ODD))
    for number in range(10):
        stage.write(f"t{number}", replicas=1)
    program = start("--database-url", f"sqlite:///{tmp_path}/h.db", kubeconfig=bad_day.kubeconfig)
    stage.wait_equal(program)
    bad_day.gate.late = 2.0
    stage.put(POLICIES, policy("one", {"name": "odd", "cel": "object.spec.replicas > 100"}))
    bad_day.network.stall()
    code, seconds = end(program, signal.SIGTERM)
    assert seconds < TEN + 1, program.text[-3000:]
    assert code in (0, 3), program.text[-3000:]
