"""One run of a program, measured from outside."""

import contextlib
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

LOOK_EVERY = 0.05
# The modules are compiled already, as they are where somebody has installed it.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Run:
    code: int
    cpu: float
    """Seconds, of it and the processes that it waited for."""
    wall: float
    memory: float
    """MB, the most that was seen, if it was looked at; of all its processes together, what they share counted once."""
    output: str


def auditor(*arguments: str, memory: bool = False) -> Run:
    return run_program([sys.executable, "-m", "auditor", *arguments], memory=memory)


def run_program(command: Sequence[str], output: Path | None = None, *, memory: bool = False) -> Run:
    """With `output`, a file, what it prints is in the result, too. To look at its memory costs it some time."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with (output or Path(os.devnull)).open("w") as sink:
        program = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.DEVNULL, env=ENVIRONMENT
        )
        with _Memory(program.pid) if memory else contextlib.nullcontext() as seen:
            code = program.wait()  # without a timeout, which would be looked at every some milliseconds
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    most = seen.most / 1e6 if seen is not None else 0.0
    return Run(code, cpu, wall, most, output.read_text() if output is not None else "")


class _Memory:
    """Looked at by a thread, as long as the block lasts."""

    def __init__(self, pid: int) -> None:
        self.most = 0.0
        self._pid, self._ended = pid, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            self.most = max(self.most, _memory(self._pid))


def _memory(pid: int) -> float:
    try:
        process = psutil.Process(pid)
        return float(sum(each.memory_full_info().pss for each in (process, *process.children(recursive=True))))
    except psutil.Error:
        return 0.0
