"""One program of the world: it can be started, killed, frozen, and looked at. What it says goes into a file."""

import contextlib
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

HOST = "127.0.0.1"
TAIL = 6000
"""Characters of its log that a failure shows."""


class Part:
    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        cwd: Path | None = None,
        operations: int = 0,
    ) -> None:
        self.name, self.operations = name, operations
        self._command, self._cwd = [*_bound_to_us(), *command], cwd or folder
        self.environment: Mapping[str, str] = os.environ
        self.options: Sequence[str] = ()
        """From the next start on."""
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> None:
        """Does nothing where it runs."""
        if self.alive:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, *self.options],
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
            )
        self.starts += 1

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def process(self) -> psutil.Process:
        assert self._process is not None, self.name
        return psutil.Process(self._process.pid)

    @property
    def child(self) -> psutil.Process | None:
        """The worker of a door; those of jq are its children."""
        return next(iter(self.process.children()), None)

    def tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    # -- faults --------------------------------------------------------------------------------------------------------

    def kill(self) -> list[psutil.Process]:
        """The program alone. What comes back are those that it leaves behind, and that have to go by themselves."""
        assert self._process is not None, self.name
        left = self.process.children(recursive=True) if self.alive else []
        self._process.kill()
        self._process.wait()
        return left

    def freeze(self) -> None:
        for each in self.tree():
            each.suspend()

    def thaw(self) -> None:
        for each in self.tree():
            each.resume()

    def end(self, timeout: float = 20.0) -> None:
        """In good order, or else by force: at the end of all, nothing may be left."""
        if self._process is None:
            return
        left = self.process.children(recursive=True) if self.alive else []
        for pid in (self._process.pid, *(each.pid for each in left)):
            _signal(pid, signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _, alive = psutil.wait_procs(left, timeout=3)
        for each in alive:
            each.kill()

    # -- what it says --------------------------------------------------------------------------------------------------

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")[-TAIL:] if self.log.exists() else ""

    def get(self, path: str, timeout: float = 20.0) -> tuple[int, str]:
        connection = http.client.HTTPConnection(HOST, self.operations, timeout=timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    @property
    def ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def metrics(self) -> dict[str, float]:
        """By name with labels, as they stand in the text."""
        status, text = self.get("/metrics")
        assert status == 200, text
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    @property
    def memory(self) -> int:
        """Bytes that its processes have in memory."""
        return sum(each.memory_info().rss for each in self.tree())


def free_port() -> int:
    """None that the kernel may give to whoever connects somewhere: while a part is down, its port stays free."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)  # Linux gives those from 32768 on, macOS from 49152
        with contextlib.suppress(OSError), socket.create_server((HOST, port)):
            return port


def _bound_to_us() -> list[str]:
    """Where these tests are killed, nothing goes on without them."""
    found = shutil.which("setpriv")
    return [found, "--pdeathsig", "KILL"] if found else []


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
