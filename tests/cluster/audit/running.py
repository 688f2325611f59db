"""`auditor watch` as a process of its own, for tests."""

import http.client
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests import nursery

SECONDS = 40.0
"""Until a test gives up waiting: a busy machine needs a while for what takes a second."""


class Watch:
    """What it logs is in `text`. With `quick` its leases last for two seconds; otherwise it is the command as it is."""

    def __init__(self, kubeconfig: Path, *options: str, quick: bool = False, log: Path | None = None) -> None:
        program = "tests.cluster.audit.quick" if quick else "auditor"
        command = [*([] if quick else ["-v"]), "watch", "--kubeconfig", str(kubeconfig)]
        command += ["--operations", "127.0.0.1:0", "--door-service", ""]
        if not any(each in ("--database-url", "--no-history") for each in options):
            command.append("--no-history")
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self.process = nursery.start(program, *command, *options)
        self._reader = threading.Thread(target=self._read, args=(log,), daemon=True)
        self._reader.start()
        try:
            self.operations = int(self.wait_line(r"operations port (\d+)$"))
        except AssertionError:
            self.kill()
            raise

    def _read(self, log: Path | None) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self._lines.append(line.rstrip())
                self._changed.notify_all()
            if log is not None:
                with log.open("a") as sink:
                    sink.write(line)

    @property
    def text(self) -> str:
        with self._changed:
            return "\n".join(self._lines)

    def wait_line(self, pattern: str, timeout: float = SECONDS) -> str:
        found: list[re.Match[str]] = []

        def seen() -> bool:
            found.extend(match for line in self._lines if (match := re.search(pattern, line)))
            return bool(found) or self.process.poll() is not None

        with self._changed:
            if not self._changed.wait_for(seen, timeout) or not found:
                raise AssertionError(f"no line {pattern!r} in:\n{self.text}")
        return found[0][1] if found[0].groups() else found[0][0]

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
        wait(lambda: self.ready, timeout, lambda: self.text[-5000:])

    def metrics(self) -> dict[str, float]:
        """By name with labels, as they stand in the text."""
        status, text = self.get("/metrics")
        assert status == 200, f"{text}\n{self.text[-5000:]}"
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def count(self, family: str, **labels: str) -> float:
        """The sum of all lines of a family that have these labels; 0 where there is none."""
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        return sum(
            value
            for name, value in self.metrics().items()
            if name.partition("{")[0] == family and all(each in name for each in wanted)
        )

    @property
    def usage(self) -> psutil.Process:
        return psutil.Process(self.process.pid)

    def stop(self, timeout: float = 20.0) -> float:
        """In good order; the seconds that it took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            raise AssertionError(f"it does not end:\n{self.text[-3000:]}") from error
        finally:
            self._close()
        assert self.process.returncode == 0, self.text[-3000:]
        return time.monotonic() - begun

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self._close()

    def _close(self) -> None:
        self.process.wait()
        self._reader.join(5)
        if self.process.stderr is not None:
            self.process.stderr.close()


def wait(holds: Callable[[], bool], timeout: float = SECONDS, why: Callable[[], str] = lambda: "") -> float:
    """The seconds that it took."""
    begun = time.monotonic()
    pause = threading.Event()
    while not holds():
        if time.monotonic() - begun > timeout:
            raise AssertionError(f"not within {timeout} s. {why()}")
        pause.wait(0.05)
    return time.monotonic() - begun
