"""A clock that programs of ours believe, and that a test moves. Only theirs: the API server keeps the right time."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest


class Clock:
    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("there is no C compiler: the clock of a program cannot be moved")
        library = folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
        self._file = folder / "clock"
        self._file.write_bytes(struct.pack("l", 0))
        self.environment = {"LD_PRELOAD": str(library), "FAULT_CLOCK": str(self._file)}

    def move(self, hours: float) -> None:
        """From the right time. It is mapped by those who read it, so it is written in place."""
        with self._file.open("r+b") as sink:
            sink.write(struct.pack("l", int(hours * 3600)))
