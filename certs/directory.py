"""Files that change together: a reader has all of the old ones or all of the new ones, as in a mounted Secret.

As kubelet does it: the files are in a folder of their own, `..data` is a link to that folder, and each name is a link
through it. To change them is to move one link.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from auditor.certs.pair import write_private
from auditor.errors import InputError

DATA = "..data"
ATTEMPTS = 5
"""A reader loses a race when the files are changed between its look at the link and its last read: rare even once."""


def write_directory(directory: Path, files: Mapping[str, bytes]) -> None:
    """Readable by their owner alone. A name of ours that is not among `files` any more is gone afterwards."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = _data_of(directory)
        folder = Path(tempfile.mkdtemp(dir=directory, prefix="..files-"))
        for name, content in files.items():
            write_private(folder / name, content)
        _link(directory / DATA, folder.name)
        for name in files:
            if not _is_link_to(directory / name, f"{DATA}/{name}"):
                _link(directory / name, f"{DATA}/{name}")
        for entry in directory.iterdir():
            if entry.name not in files and _is_link_to(entry, f"{DATA}/{entry.name}"):
                entry.unlink()
        if before is not None and before.parent == folder.parent.resolve():
            shutil.rmtree(before, ignore_errors=True)
    except OSError as error:
        raise InputError(f"{error.filename or directory}: {error.strerror}") from error


def read_directory(directory: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Those that are there, all of one moment. InputError where there is no such directory, or no right to read."""
    names = list(names)
    for _ in range(ATTEMPTS):
        data = _data_of(directory)
        found = _read(directory, data, names)
        if data == _data_of(directory):
            return found
    raise InputError(f"{directory}: its files change all the time")


def _read(directory: Path, data: Path | None, names: list[str]) -> dict[str, bytes]:
    found = {}
    try:
        if not directory.is_dir():
            raise InputError(f"{directory}: is not a directory")
        for name in names:
            for place in (data, directory):
                with contextlib.suppress(FileNotFoundError):
                    if place is not None and name not in found:
                        found[name] = (place / name).read_bytes()
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error
    return found


def _data_of(directory: Path) -> Path | None:
    link = directory / DATA
    return link.resolve() if link.is_symlink() else None


def _is_link_to(path: Path, target: str) -> bool:
    return path.is_symlink() and str(path.readlink()) == target


def _link(path: Path, target: str) -> None:
    """In place of whatever has the name."""
    unfinished = path.with_name(f"..{path.name.lstrip('.')}-unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.replace(path)
