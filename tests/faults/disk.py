"""A small disk in memory, that a test can fill."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self


class Disk:
    def __init__(self, place: Path) -> None:
        self.place = place
        self._ballast = place / "ballast"

    @classmethod
    def mount(cls, place: Path, *, megabytes: int, mode: str = "755") -> Self | None:
        """None where that is not allowed: it takes root."""
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode={mode}", "auditor-faults", str(place)]
        if os.geteuid() != 0 or shutil.which("mount") is None:
            return None
        return None if subprocess.run(mount, check=False, capture_output=True).returncode else cls(place)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte is left."""
        try:
            with self._ballast.open("wb", buffering=0) as sink:
                for piece in (1 << 20, 4096):
                    _write_until_full(sink.fileno(), bytes(piece))
            yield
        finally:
            self._ballast.unlink(missing_ok=True)

    def end(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)


def _write_until_full(file: int, piece: bytes) -> None:
    try:
        while os.write(file, piece):
            pass
    except OSError:
        return
