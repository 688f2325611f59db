"""Into a folder: each file is there as a whole or not at all, and old ones go."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Final

from auditor.report.delivery.parcel import DeliveryError, Parcel

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_ENDINGS: Final = "html|md|csv|json"
_UNFINISHED: Final = ".auditor-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    root: Path
    """Nothing is written outside of it, whatever links there are in it."""
    directory: str
    keep: int
    """Reports of one series, each in all its forms."""

    def deliver(self, parcel: Parcel) -> str:
        try:
            place = self._open()
            for sheet in parcel.sheets:
                _write(place / f"{_name(parcel)}.{sheet.ending}", sheet.content)
            self._prune(place, parcel.series)
        except OSError as error:
            raise DeliveryError(f"{self.root / self.directory}: {error.strerror or error}") from error
        return ""

    def _open(self) -> Path:
        root = self.root.resolve()
        place = (root / self.directory).resolve()
        if not place.is_relative_to(root):
            raise DeliveryError(f"{self.root / self.directory}: it leads out of {self.root}")
        place.mkdir(parents=True, exist_ok=True, mode=0o750)
        return place

    def _prune(self, place: Path, series: str) -> None:
        ours = re.compile(rf"{re.escape(series)}-(\d{{8}}T\d{{6}}Z)\.({_ENDINGS})")
        found = [(match[1], path) for path in place.iterdir() if (match := ours.fullmatch(path.name))]
        kept = sorted({stamp for stamp, _ in found})[-self.keep :]
        for stamp, path in found:
            if stamp not in kept:
                path.unlink(missing_ok=True)


def _name(parcel: Parcel) -> str:
    """By when it was due: made again, it takes the place of what was there."""
    return f"{parcel.series}-{parcel.at.astimezone(UTC).strftime(_STAMP)}"


def _write(path: Path, content: bytes) -> None:
    with _unfinished(path.parent) as (handle, unfinished):
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o640)
        unfinished.replace(path)
    # What was renamed is there after a power cut only if its folder was written, too.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _unfinished(place: Path) -> Iterator[tuple[int, Path]]:
    handle, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=place)
    try:
        yield handle, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
