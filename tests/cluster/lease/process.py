"""Members as processes that the test starts, freezes, cuts off and stops, and what they said."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]
PATIENCE = 40.0
"""Seconds until a test gives up waiting: many lease times, for machines that are busy."""


class Member:
    def __init__(self, what: str, name: str, *, kubeconfig: Path, namespace: str, wall_offset: float = 0.0) -> None:
        self.name = name
        self.said: list[str] = []
        self._heard = threading.Condition()
        self._process = subprocess.Popen(
            [
                *[sys.executable, "-m", "tests.cluster.lease.member", what, name],
                *["--kubeconfig", str(kubeconfig), "--namespace", namespace, f"--wall-offset={wall_offset}"],
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._heard:
                self.said.append(line.strip())
                self._heard.notify_all()

    def await_word(self, word: str, *, after: int = 0) -> str:
        """The first line from `after` on that begins so."""

        def find() -> str:
            return next((line for line in self.said[after:] if line.split(" ")[0] == word), "")

        with self._heard:
            assert self._heard.wait_for(lambda: find() != "", PATIENCE), (
                f"{self.name}: no {word} in {self.said[after:]}"
            )
            return find()

    @property
    def owned(self) -> list[str]:
        lines = [line for line in self.said if line.startswith("owns")]
        return lines[-1].split(" ")[1:] if lines else []

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> float:
        """Seconds that it took."""
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(PATIENCE)
        return time.monotonic() - begun

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Looks again and again: for what is only to be seen by asking the API server, or several members."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, f"not in {PATIENCE} s: {what}"
        pause.wait(0.05)
