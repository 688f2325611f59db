"""`auditor webhook` as a process of its own, for tests."""

import http.client
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests import nursery

SECONDS = 40.0


class Program:
    """Ends with `stop`. What it logs is in `text`."""

    def __init__(
        self,
        kubeconfig: Path,
        *options: str,
        url: str = "",
        port: int = 0,
        verbose: str = "-v",
        module: str = "auditor",
    ) -> None:
        command = [verbose, "webhook", "--kubeconfig", str(kubeconfig)]
        command += ["--listen", f"127.0.0.1:{port}", "--operations", "127.0.0.1:0"]
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self.process = nursery.start(module, *command, "--url", url or f"https://127.0.0.1:{port}", *options)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            found = self.wait_line(r"reviews: https://.*?:(\d+), operations: .*?:(\d+)$")
        except AssertionError:
            self.stop()
            raise
        self.port, self.operations = map(int, found)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self._lines.append(line.rstrip())
                self._changed.notify_all()

    @property
    def text(self) -> str:
        with self._changed:
            return "\n".join(self._lines)

    def wait_line(self, pattern: str, timeout: float = SECONDS) -> tuple[str, ...]:
        found: list[re.Match[str]] = []

        def seen() -> bool:
            found.extend(match for line in self._lines if (match := re.search(pattern, line)))
            return bool(found)

        with self._changed:
            if not self._changed.wait_for(seen, timeout):
                raise AssertionError(f"no line {pattern!r} in:\n{self.text}")
        return found[0].groups()

    def get(self, path: str, timeout: float = 3.0) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.operations, timeout=timeout)
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
        except OSError:
            return False

    def wait_ready(self, timeout: float = SECONDS) -> None:
        wait(lambda: self.ready, timeout, lambda: f"not ready:\n{self.get('/readyz')}\n{self.text}")

    @property
    def worker(self) -> psutil.Process:
        """Not those of jq, which are its children."""
        return psutil.Process(self.process.pid).children()[0]

    def stop(self, timeout: float = 20.0) -> int:
        self.process.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._reader.join(5)
            if self.process.stderr is not None:
                self.process.stderr.close()


def wait(holds: Callable[[], bool], timeout: float = SECONDS, why: Callable[[], str] = lambda: "") -> float:
    """The seconds that it took."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > timeout:
            raise AssertionError(f"not within {timeout} s. {why()}")
        threading.Event().wait(0.02)
    return time.monotonic() - begun
