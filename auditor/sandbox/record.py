"""What is known of each sandbox on this computer, in files: who runs, what has ended and why.

A sandbox is a folder. Its supervisor holds a lock in it as long as it lives, so a folder whose lock is free
belongs to nobody: `sweep` stops what is left of its processes, says what happened, and removes it.
"""

import os
import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

import psutil

from auditor.errors import SandboxError
from auditor.sandbox.assets import PROGRAMS, Assets
from auditor.sandbox.components import HOST, Plan
from auditor.sandbox.files import read_json, try_lock, write_json
from auditor.sandbox.places import state_directory

FILE = "sandbox.json"
KILL_TIMEOUT = 5.0  # a process that is killed ends when it next runs: on a busy machine some moments later
POLL = 0.02


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that a sandbox must not outlive. The start time tells it from a later one of the same number."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Self:
        return cls(pid, psutil.Process(pid).create_time())

    def lives(self) -> bool:
        try:
            process = psutil.Process(self.pid)
        except psutil.NoSuchProcess:
            return False
        return process.create_time() == self.started and _runs(process)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    name: str
    version: str
    programs: dict[str, str]
    persist: bool
    controllers: bool
    wanted_port: int | None = None
    api_server_arguments: tuple[str, ...] = ()
    owner: Owner | None = None
    phase: str = "starting"
    """starting, ready, or stopped (only with persist: the data waits for the next start)"""
    port: int = 0
    etcd_port: int = 0
    started: float = 0.0
    processes: dict[str, int] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        return directory_of(self.name)

    def write(self) -> None:
        write_json(self.directory / FILE, asdict(self))

    @classmethod
    def read(cls, directory: Path) -> Self | None:
        facts = read_json(directory / FILE)
        if facts is None:
            return None
        owner = facts.pop("owner", None)
        arguments = tuple(facts.pop("api_server_arguments", ()))
        try:
            return cls(**facts, api_server_arguments=arguments, owner=Owner(**owner) if owner else None)
        except TypeError:  # written by another version of us
            return None

    def plan(self) -> Plan:
        return Plan(
            directory=self.directory,
            assets=Assets(self.version, {name: Path(path) for name, path in self.programs.items()}),
            etcd_port=self.etcd_port,
            port=self.port,
            durable=self.persist,
            controllers=self.controllers,
            api_server_arguments=self.api_server_arguments,
        )

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"


def directory_of(name: str) -> Path:
    return state_directory() / "sandboxes" / name


def directories() -> list[Path]:
    return sorted(p for p in (state_directory() / "sandboxes").glob("*") if p.is_dir())


def claim(directory: Path) -> int | None:
    """The lock of this folder, or None while somebody lives in it."""
    while True:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = try_lock(directory / "lock")
            if lock is None:
                return None
            # Between opening and locking, the last holder may have removed the folder: then this is nobody's lock.
            if os.fstat(lock).st_ino == (directory / "lock").stat().st_ino:
                return lock
            os.close(lock)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SandboxError(f"{directory}: {error.strerror}. The sandbox keeps its files there.") from error


def sweep() -> None:
    """Cleans up after what was killed. What happened is left as a notice."""
    for directory in directories():
        lock = claim(directory)
        if lock is None:
            continue
        try:
            record = Record.read(directory)
            if record is None or record.phase != "stopped":
                stopped = kill_remains(directory)
                leave_notice(directory.name, _describe(record, stopped))
                retire(directory, record)
        finally:
            os.close(lock)


def retire(directory: Path, record: Record | None) -> None:
    """The end of a sandbox: nothing is left of it, but for the data of one that persists."""
    if record is not None and record.persist:
        replace(record, phase="stopped", processes={}, owner=None).write()
    else:
        shutil.rmtree(directory, ignore_errors=True)


def kill_remains(directory: Path) -> list[str]:
    """Kills the processes that work in this folder; their command lines name it."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if command and Path(command[0]).name in PROGRAMS and any(f"={directory}/" in word for word in command[1:]):
            found.append(process)
    for process in found:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    deadline = time.monotonic() + KILL_TIMEOUT
    while any(map(_runs, found)) and time.monotonic() < deadline:
        time.sleep(POLL)
    return [Path(p.info["cmdline"][0]).name for p in found]


def _runs(process: psutil.Process) -> bool:
    """A zombie holds no file and no port; in a container it may stay one for long."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def leave_notice(name: str, text: str) -> None:
    notices = state_directory() / "notices"
    notices.mkdir(mode=0o700, parents=True, exist_ok=True)
    (notices / name).write_text(text)


def take_notice(name: str) -> str | None:
    path = state_directory() / "notices" / name
    try:
        text = path.read_text()
        path.unlink()
    except OSError:
        return None
    return text


def take_notices() -> list[tuple[str, str]]:
    """What has ended since somebody last asked: the name of each sandbox, and how it ended."""
    names = sorted(p.name for p in (state_directory() / "notices").glob("*"))
    return [(name, text) for name in names if (text := take_notice(name))]


def _describe(record: Record | None, stopped: list[str]) -> str:
    if record is None or record.phase == "starting":
        what = "did not finish starting, because its supervisor was killed"
    else:
        what = "has ended, because its supervisor was killed"
    also = f"; what was left of it is stopped now: {', '.join(stopped)}" if stopped else ""
    kept = " Its data is kept." if record is not None and record.persist else ""
    return f"{what}{also}.{kept}"
