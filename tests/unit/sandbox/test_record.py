"""What a clean-up may touch, and what it must leave alone."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from auditor.sandbox import Sandbox
from auditor.sandbox import record as records
from auditor.sandbox.files import try_lock
from auditor.sandbox.record import Record
from auditor.sandbox.supervisor import Supervisor


@pytest.fixture(autouse=True)
def sandboxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "auditor" / "sandboxes").mkdir(parents=True)
    return tmp_path / "auditor" / "sandboxes"


def left(directory: Path, *, phase: str = "ready", persist: bool = False, owner: int | None = None) -> Record:
    """As it is found when its supervisor was killed."""
    directory.mkdir()
    record = Record(
        directory=directory, version="1.36.3", programs={}, persist=persist, controllers=True, phase=phase, owner=owner
    )
    record.write()
    return record


@pytest.fixture
def run_as() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Something that waits under a name and with arguments of our choice."""
    started = []

    def start(*command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [command[0], "-c", "read line", *command], executable="/bin/sh", stdin=subprocess.PIPE
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_what_was_killed_is_removed_and_told_once(sandboxes: Path) -> None:
    left(sandboxes / "x")
    records.sweep()
    assert list(sandboxes.iterdir()) == []
    assert records.take_notices() == [("x", "has ended, because its supervisor was killed.")]
    assert records.take_notices() == []


def test_data_that_persist_are_kept(sandboxes: Path) -> None:
    (left(sandboxes / "x", persist=True).directory / "etcd").mkdir()
    records.sweep()
    kept = Record.read(sandboxes / "x")
    assert kept is not None
    assert kept.phase == "stopped"
    assert (sandboxes / "x" / "etcd").is_dir()


def test_data_that_persist_are_kept_over_an_update_of_ours(sandboxes: Path) -> None:
    record = left(sandboxes / "x", persist=True, phase="stopped")
    path = record.directory / records.FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "something": "of a later version"}))
    records.sweep()
    assert Record.read(record.directory) == record


def test_folder_that_is_none_of_ours_is_left_alone(sandboxes: Path) -> None:
    (sandboxes / "backup").mkdir()
    (sandboxes / "backup" / "thesis.txt").touch()
    (sandboxes / "hardly-begun").mkdir()
    records.sweep()
    assert (sandboxes / "backup" / "thesis.txt").exists()
    assert not (sandboxes / "hardly-begun").exists()
    assert records.take_notices() == []


def test_removal_that_was_interrupted_is_finished(sandboxes: Path) -> None:
    (sandboxes / ".x-1-1").mkdir()
    (sandboxes / ".x-1-1" / "sandbox.json").touch()
    records.sweep()
    assert list(sandboxes.iterdir()) == []


def test_look_does_not_make_what_was_removed_meanwhile(sandboxes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "directories", lambda: [sandboxes / "gone"])
    records.sweep()
    assert not (sandboxes / "gone").exists()
    assert records.take_notices() == []


def test_one_that_lives_is_left_alone(sandboxes: Path) -> None:
    record = left(sandboxes / "x")
    lock = try_lock(record.directory / "lock") or 0
    records.sweep()
    os.close(lock)
    assert Record.read(record.directory) == record


def test_only_servers_of_this_very_folder_are_killed(
    sandboxes: Path, run_as: Callable[..., subprocess.Popen[bytes]]
) -> None:
    ours = run_as("/x/etcd", f"--data-dir={sandboxes}/a/etcd")
    others = [
        run_as("/x/etcd", f"--data-dir={sandboxes}/a.b/etcd"),
        run_as("kubectl", f"--kubeconfig={sandboxes}/a/kubeconfig", "get", "pods", "--watch"),
        run_as("vi", f"--file={sandboxes}/a/kubeconfig"),
    ]
    assert records.kill_remains(sandboxes / "a") == ["etcd"]
    assert ours.wait() == -9
    assert [other.poll() for other in others] == [None] * 3


def test_stop_does_not_trust_a_number_that_was_noted(
    sandboxes: Path, run_as: Callable[..., subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = run_as("stranger")
    record = replace(left(sandboxes / "x"), processes={"supervisor": stranger.pid})
    record.write()
    claim, held = records.claim_existing, [None, None]  # by another command that is about to end
    monkeypatch.setattr(records, "claim_existing", lambda directory: held.pop() if held else claim(directory))
    Sandbox(record).stop()
    assert stranger.poll() is None
    assert list(sandboxes.iterdir()) == []


def test_clock_that_is_set_does_not_end_a_sandbox(sandboxes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start times of processes are counted from the boot, so they move when the computer's clock does."""
    supervisor = Supervisor(left(sandboxes / "x", owner=os.getpid()))
    moved = psutil.Process().create_time() + 3600
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: moved)
    assert not supervisor._owner_has_ended()


def test_owner_that_has_ended(sandboxes: Path, run_as: Callable[..., subprocess.Popen[bytes]]) -> None:
    owner = run_as("owner")
    supervisor = Supervisor(left(sandboxes / "x", owner=owner.pid))
    assert not supervisor._owner_has_ended()
    owner.kill()
    owner.wait()
    assert supervisor._owner_has_ended()
    assert Supervisor(left(sandboxes / "y", owner=owner.pid))._owner_has_ended()


def test_clients_ask_no_proxy_for_the_sandbox(sandboxes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox(left(sandboxes / "x"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert sandbox.environment["no_proxy"] == sandbox.environment["NO_PROXY"] == "example.com,127.0.0.1"
    monkeypatch.delenv("NO_PROXY")
    assert sandbox.environment["no_proxy"] == "127.0.0.1"
