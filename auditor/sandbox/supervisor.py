"""The process that owns one sandbox: starts its parts, watches them and the owner, and cleans up at the end.

Started as `python -m auditor.sandbox.supervisor FOLDER` with the folder's lock already held (record.py).
"""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import psutil

from auditor.errors import StartError
from auditor.sandbox import record as records
from auditor.sandbox.api import Api
from auditor.sandbox.components import (
    HOST,
    api_server_command,
    controllers_command,
    etcd_command,
    write_credentials,
)
from auditor.sandbox.record import STOP_TIMEOUT, Record

START_TIMEOUT = 120.0  # an API server needs 3 s on two cores; ten sandboxes that start at once on them need 40
POLL = 0.05
WATCH = 0.2
PORT_TRIES = 3


class Supervisor:
    def __init__(self, record: Record) -> None:
        self._record = record
        self._directory = record.directory
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._stop = threading.Event()
        self._owner = _find_process(record.owner) if record.owner else None

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        reason: str | None
        try:
            self._note_process("supervisor", os.getpid())
            self._start()
            reason = self._watch()
        except StartError as error:
            reason = f"did not start: {error}"
        except OSError as error:
            reason = f"did not start: {error.strerror}: {error.filename}"
        except Exception:
            reason = f"has ended by a defect of auditor, please report it:\n{traceback.format_exc()}"
        self._stop_children()
        if reason and self._record.persist:
            reason += " Its data is kept."
        with suppress(OSError):  # a full disk; the log is for whoever waits for the start
            print(reason or "was stopped", flush=True)  # noqa: T201 into the log
        records.retire(self._directory, self._record)
        if reason:  # after the files are removed: on a full disk there was no room for it before
            records.leave_notice(self._record.name, reason)

    def _start(self) -> None:
        for attempt in range(1, PORT_TRIES + 1):
            try:
                return self._start_once()
            except PortTakenError:
                # Free when we looked, and taken since: by another sandbox, or any connection of this computer.
                self._stop_children()
                if attempt == PORT_TRIES:
                    raise
        return None

    def _start_once(self) -> None:
        etcd_port, port = _free_ports(self._record)
        self._record = replace(self._record, etcd_port=etcd_port, port=port, started=time.time())
        plan = self._record.plan()
        write_credentials(plan)
        api = Api(plan.url, plan.pki)
        self._spawn("etcd", etcd_command(plan))
        self._await("etcd", lambda: _listens(plan.etcd_port))
        self._spawn("kube-apiserver", api_server_command(plan))
        self._await("kube-apiserver", lambda: api.answers("/readyz"))
        if plan.controllers:
            # Not before: it gives up after 10 s, and on a busy machine its rights may not be there until then.
            self._spawn("kube-controller-manager", controllers_command(plan))
            # The last thing that a new control plane does by itself: from here on a namespace works as anywhere.
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            self._await("kube-controller-manager", lambda: api.answers(account))
        self._record = replace(self._record, phase="ready")
        self._record.write()

    def _spawn(self, name: str, command: list[str]) -> None:
        with (self._log(name)).open("wb") as log:
            self._children[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._directory,
                env=_environment(),
            )
        self._note_process(name, self._children[name].pid)

    def _note_process(self, name: str, pid: int) -> None:
        self._record = replace(self._record, processes={**self._record.processes, name: pid})
        self._record.write()

    def _await(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not ready():
            if self._stop.is_set():
                raise StartError("it was stopped while it started")
            if self._owner_has_ended():
                raise StartError("the process that it belonged to has ended")
            if ended := self._find_ended():
                raise self._explain_end(ended)
            if time.monotonic() > deadline:
                raise StartError(f"{name} was not ready after {START_TIMEOUT:.0f} s.{self._tail(name)}")
            time.sleep(POLL)

    def _watch(self) -> str | None:
        """Returns when it is time to end; the text is the reason, if it was not asked for."""
        while not self._stop.wait(WATCH):
            if ended := self._find_ended():
                return f"has ended: {self._explain_end(ended)}"
            if self._owner_has_ended():
                return f"was stopped, because the process that it belonged to ({self._record.owner}) has ended."
        return None

    def _owner_has_ended(self) -> bool:
        return self._record.owner is not None and not (self._owner and records.runs(self._owner))

    def _find_ended(self) -> str | None:
        return next((name for name, child in self._children.items() if child.poll() is not None), None)

    def _explain_end(self, name: str) -> StartError:
        code = self._children[name].returncode
        log = self._log(name).read_text(errors="replace")
        if "address already in use" in log:
            return PortTakenError(f"port {self._record.port} or {self._record.etcd_port} was taken while it started")
        if "no space left on device" in log or "disk quota exceeded" in log:
            return StartError(
                f"the disk is full: {name} cannot write to {self._directory}. Make room and start it again"
            )
        if code < 0:
            return StartError(f"{name} was killed by signal {-code} ({signal.Signals(-code).name}).{self._tail(name)}")
        return StartError(f"{name} has ended with exit code {code}.{self._tail(name)}")

    def _tail(self, name: str) -> str:
        lines = [line for line in self._log(name).read_text(errors="replace").splitlines() if line.strip()]
        telling = [
            line for line in lines if re.search(r"(^[EF]\d{4} )|error|fatal|panic", line, re.IGNORECASE)
        ] or lines
        return " Its log ends with:" + "".join(f"\n    {line[:300]}" for line in telling[-5:]) if telling else ""

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    def _stop_children(self) -> None:
        """etcd is asked when its data is to be kept; the others have nothing to lose."""
        for name, child in reversed(self._children.items()):
            if name == "etcd" and self._record.persist:
                child.terminate()
            else:
                child.kill()
        for child in self._children.values():
            try:
                child.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._children.clear()


class PortTakenError(StartError):
    pass


def _find_process(pid: int) -> psutil.Process | None:
    """Known from now on by its start as well: a later process of the same number is another."""
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _free_ports(record: Record) -> tuple[int, int]:
    """One for etcd, one for the API server: the wanted one, or the last one where it is still free."""
    with ExitStack() as held:

        def take(port: int) -> int:
            sock = held.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((HOST, port))
            return int(sock.getsockname()[1])

        etcd = take(0)
        if record.wanted_port:
            try:
                return etcd, take(record.wanted_port)
            except OSError as error:
                raise StartError(
                    f"port {record.wanted_port} on {HOST} cannot be used: {error.strerror}. "
                    "Choose another, or leave out --port to get a free one"
                ) from error
        try:
            return etcd, take(record.port)
        except OSError:
            return etcd, take(0)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _environment() -> dict[str, str]:
    """Nothing of ours reaches the servers but what sets Go's collector: with GOGC=400 an API server takes a third less
    CPU time to start, and half as much memory more.
    """
    collector = {name: os.environ[name] for name in ("GOGC", "GOMEMLIMIT") if name in os.environ}
    return {"PATH": os.environ.get("PATH", ""), "AUDITOR_SANDBOX_SUPERVISOR": str(os.getpid()), **collector}


if __name__ == "__main__":
    found = Record.read(Path(sys.argv[1]))
    if found is None:
        sys.exit(f"{sys.argv[1]}: no sandbox")
    Supervisor(found).run()
