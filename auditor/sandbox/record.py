"""What is known of each sandbox on this computer, in files: who runs, what has ended and why.

A sandbox is a folder. Its supervisor holds a lock in it as long as it lives, so a folder whose lock is free
belongs to nobody: `sweep` stops what is left of its processes, says what happened, and removes it.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Self

import psutil

from auditor.certs import write_private
from auditor.errors import SandboxError
from auditor.sandbox.assets import CONTROLLERS, ENVTEST, Assets
from auditor.sandbox.components import HOST, Plan
from auditor.sandbox.files import read_json, try_lock, write_json
from auditor.sandbox.places import state_directory

FILE = "sandbox.json"
SERVERS = {*ENVTEST, CONTROLLERS} - {"kubectl"}
SUPERVISOR = "auditor.sandbox.supervisor"  # the module, as its command line names it
STOP_TIMEOUT = 5.0  # an etcd that is asked to end writes what it has, which takes well under a second
KILL_TIMEOUT = 5.0  # a process that is killed ends when it next runs: on a busy machine some moments later
POLL = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    directory: Path
    run: str = ""
    """Of this start alone: tells it from an earlier or later one of the same name."""
    version: str
    programs: dict[str, str]
    persist: bool
    controllers: bool
    wanted_port: int | None = None
    api_server_arguments: tuple[str, ...] = ()
    owner: int | None = None
    """The process that it must not outlive."""
    phase: str = "starting"
    """starting, ready, or stopped (only with persist: the data waits for the next start)"""
    port: int = 0
    etcd_port: int = 0
    started: float = 0.0
    processes: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.directory.name

    def write(self) -> None:
        facts = asdict(self)
        del facts["directory"]
        write_json(self.directory / FILE, facts)

    @classmethod
    def read(cls, directory: Path) -> Self | None:
        """Also what another version of us wrote: data that persist are not lost by an update."""
        facts = read_json(directory / FILE)
        if facts is None:
            return None
        known = {f.name: facts[f.name] for f in fields(cls) if f.name in facts}
        arguments = tuple(known.pop("api_server_arguments", ()))
        try:
            return cls(**known, api_server_arguments=arguments, directory=directory)
        except TypeError:
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
    return [path for path in _entries() if path.is_dir() and not path.name.startswith(".")]


def _entries() -> list[Path]:
    root = state_directory() / "sandboxes"
    try:
        return sorted(root.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _cannot_write(root, error) from error


def claim(directory: Path) -> int | None:
    """The lock of this folder, which is made where there is none; None while somebody lives in it."""
    while True:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return claim_existing(directory)
        except FileNotFoundError:  # removed since
            continue
        except OSError as error:
            raise _cannot_write(directory, error) from error


def claim_existing(directory: Path) -> int | None:
    """The same; FileNotFoundError where there is no such folder, or none any more."""
    while True:
        lock = try_lock(directory / "lock")
        if lock is None:
            return None
        # Between opening and locking, the last holder may have removed the folder: then this is nobody's lock.
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(lock).st_ino == (directory / "lock").stat().st_ino:
                return lock
        os.close(lock)


def sweep() -> None:
    """Cleans up after what was killed. What happened is left as a notice."""
    for directory in directories():
        try:
            lock = claim_existing(directory)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _cannot_write(directory, error) from error
        if lock is None:
            continue
        try:
            _clean_up(directory)
        except OSError as error:
            raise _cannot_write(directory, error) from error
        finally:
            os.close(lock)
    for path in _entries():
        if path.name.startswith("."):  # whoever was removing it may have been killed over it
            shutil.rmtree(path, ignore_errors=True)


def _clean_up(directory: Path) -> None:
    if not (directory / FILE).exists():
        # Whoever made it did not get far. What else may lie in it was not put there by us.
        with contextlib.suppress(OSError):
            (directory / "lock").unlink()
            directory.rmdir()
        return
    record = Record.read(directory)
    if record is None or record.phase != "stopped":
        stopped = kill_remains(directory)
        retire(directory, record)
        leave_notice(directory.name, _describe(record, stopped))


def retire(directory: Path, record: Record | None) -> None:
    """The end of a sandbox: nothing is left of it, but for the data of one that persists."""
    if record is not None and record.persist:
        replace(record, phase="stopped", processes={}, owner=None).write()
        return
    # The name is free at once, and what a new one of this name writes is not what is removed here.
    gone = directory.with_name(f".{directory.name}-{os.getpid()}-{time.monotonic_ns()}")
    with contextlib.suppress(OSError):
        directory.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def kill_remains(directory: Path) -> list[str]:
    """Kills the servers that work in this folder; their command lines name it."""
    found = {}
    for process, command in _commands():
        name = Path(command[0]).name
        if name in SERVERS and any(f"={directory}/" in word for word in command[1:]):
            found[process] = name
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + KILL_TIMEOUT
    while any(map(runs, found)) and time.monotonic() < deadline:
        time.sleep(POLL)
    return list(found.values())


def find_supervisor(directory: Path) -> psutil.Process | None:
    """By its command line: a number that was noted may by now be that of a stranger."""
    return next((p for p, command in _commands() if command[-2:] == [SUPERVISOR, str(directory)]), None)


def _commands() -> Iterable[tuple[psutil.Process, list[str]]]:
    for process in psutil.process_iter(["cmdline"]):
        if command := process.info["cmdline"]:  # none: a zombie, or somebody else's on macOS
            yield process, command


def runs(process: psutil.Process) -> bool:
    """A zombie holds no file and no port; in a container it may stay one for long."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _cannot_write(directory: Path, error: OSError) -> SandboxError:
    return SandboxError(f"{directory}: {error.strerror}. The sandbox keeps its files there.")


def leave_notice(name: str, text: str) -> None:
    notices = state_directory() / "notices"
    notices.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(notices / name, text.encode())


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
    names = sorted(p.name for p in (state_directory() / "notices").glob("[!.]*"))
    return [(name, text) for name in names if (text := take_notice(name))]


def _describe(record: Record | None, stopped: list[str]) -> str:
    if record is None or record.phase == "starting":
        what = "did not finish starting, because its supervisor was killed"
    else:
        what = "has ended, because its supervisor was killed"
    also = f"; what was left of it is stopped now: {', '.join(stopped)}" if stopped else ""
    kept = " Its data is kept." if record is not None and record.persist else ""
    return f"{what}{also}.{kept}"
