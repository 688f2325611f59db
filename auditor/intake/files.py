"""Paths that a person names, to the texts in them: files, directories, globs, standard input."""

import glob
import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from auditor.errors import InputError, UsageError

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "-"
# 100,000 objects of 5 KB. The API server takes none over 1.5 MB, so a larger file is a mistake.
MAX_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    path: Path | None
    """None: standard input."""
    real: str = ""
    """Where it really is, through all links, if that is known already."""

    @property
    def lasts(self) -> bool:
        """Whether it can be read again: a pipe cannot."""
        return self.path is not None and self.path.is_file()

    def read(self) -> bytes:
        """Raises InputError, which names the file."""
        try:
            if self.path is None:
                data = sys.stdin.buffer.read(MAX_BYTES + 1)
            else:
                with self.path.open("rb") as file:
                    if os.fstat(file.fileno()).st_size > MAX_BYTES:
                        raise InputError(self._too_large)
                    data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise InputError(f"{self.name}: cannot be read: {error.strerror}") from error
        except (ValueError, AttributeError) as error:  # standard input is closed, or there is none
            raise InputError(f"{self.name}: cannot be read: there is no standard input") from error
        if len(data) > MAX_BYTES:
            raise InputError(self._too_large)
        return data

    @property
    def _too_large(self) -> str:
        return f"{self.name}: larger than {MAX_BYTES >> 20} MB: no file of Kubernetes objects is"


class _EmptyError(InputError):
    """A folder that holds nothing for us."""


def find_sources(
    paths: Iterable[str], *, skip: Collection[str] = (), exclude: Sequence[str] = ()
) -> Iterator[Source | InputError]:
    """Each file once, in the order in which it is found. Folders with a name in `skip` are not entered, and files that
    a pattern of `exclude` fits are left out.

    A folder that cannot be read, or has nothing to read, comes in its place. Raises UsageError for paths that lead to
    nothing at all, as whoever mistypes one must not be told that all is well; and where there is nothing else.
    """
    seen: set[str] = set()
    missing: list[str] = []
    found: list[Source | InputError] = []
    for path in paths:
        sources = list(_expand(path, skip, missing))
        for source in sources:
            key = str(source)
            if isinstance(source, Source) and source.path:
                key = source.real or os.path.realpath(source.path)
            if key not in seen:
                seen.add(key)
                if not (exclude and isinstance(source, Source) and is_excluded(source, exclude)):
                    found.append(source)
    empty = [str(each) for each in found if isinstance(each, _EmptyError)]
    if missing or len(empty) == len(found) > 0:
        raise UsageError("\n".join([*missing, *empty]))
    yield from found


def is_excluded(source: Source, patterns: Sequence[str]) -> bool:
    """A pattern without a slash fits the name of the file or of a folder above it; one with, the path as it is named,
    or its end. `*` also stands for slashes, as in a shell's case."""
    if source.path is None:
        return False
    name = source.path.as_posix().removeprefix("./")
    for pattern in patterns:
        wanted = pattern.rstrip("/").removeprefix("./")
        if "/" not in wanted:
            if any(fnmatchcase(part, wanted) for part in source.path.parts):
                return True
        elif any(fnmatchcase(name, each) for each in (wanted, f"*/{wanted}", f"{wanted}/*", f"*/{wanted}/*")):
            return True
    return False


def _expand(path: str, skip: Collection[str], missing: list[str]) -> Iterator[Source | InputError]:
    if path == STDIN:
        yield Source("<stdin>", None)
    elif os.path.isdir(path):  # noqa: PTH112 Path.is_dir raises for what may not be looked at
        walked = list(_walk(Path(path), skip))
        yield from walked or [_EmptyError(f"{path}: holds no file that ends in {', '.join(SUFFIXES)}")]
    elif os.path.lexists(path):
        yield Source(path, Path(path))
    elif matched := sorted(glob.glob(path, recursive=True)):  # noqa: PTH207 absolute patterns, as shells take them
        for each in matched:
            # A pattern may name folders that hold nothing of ours, as shells' patterns do.
            yield from (found for found in _expand(each, skip, []) if not isinstance(found, _EmptyError))
    else:
        missing.append(f"{path}: no such file or directory")


def _walk(top: Path, skip: Collection[str]) -> Iterator[Source | InputError]:
    """Names in order; links to directories are not followed, so that there are no loops."""
    errors: list[OSError] = []
    for directory, names, files in os.walk(top, onerror=errors.append):
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in skip)
        real = os.path.realpath(directory)
        for name in sorted(files):
            if not name.endswith(SUFFIXES) or name.startswith("."):
                continue
            path = Path(directory) / name
            try:
                mode = os.lstat(path).st_mode
            except OSError as gone:  # again, meanwhile
                errors.append(gone)
                continue
            if stat.S_ISREG(mode):
                yield Source(str(path), path, f"{real}{os.sep}{name}")
            elif stat.S_ISLNK(mode) and not path.is_fifo():  # one that is broken is told when it is read
                yield Source(str(path), path)
            # Else a pipe that happens to lie there, which would never end.
    for error in errors:
        yield InputError(f"{error.filename}: cannot be read: {error.strerror}")
