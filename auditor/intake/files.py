"""Paths that a person names, to the texts in them: files, directories, globs, standard input."""

import glob
import io
import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from auditor.dataclass import dataclass
from auditor.errors import InputError, UsageError

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "-"
# 100,000 objects of 5 KB. The API server takes none over 1.5 MB, so a larger file is a mistake.
MAX_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    path: str | None
    """None: standard input."""
    real: str = ""
    """Where it really is, through all links, if that is known already."""
    named: bool = True
    """By whoever asked; it was not found in a folder."""

    @property
    def lasts(self) -> bool:
        """Whether it can be read again: a pipe cannot."""
        return self.path is not None and os.path.isfile(self.path)  # noqa: PTH113 a path that is no text stays one

    def read(self) -> bytes:
        """Raises InputError, which names the file."""
        try:
            if self.path is None:
                data = sys.stdin.buffer.read(MAX_BYTES + 1)
            else:
                with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123 thousands of files, a Path for none
                    status = os.fstat(file.fileno())
                    if status.st_size > MAX_BYTES:
                        raise InputError(self._too_large)
                    # So much room as is needed at once; of a pipe nobody knows it.
                    data = file.readall() if stat.S_ISREG(status.st_mode) else _read_pipe(file)
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


class ChartError(InputError):
    """A Helm chart. Its templates are no YAML, and its values no objects; what comes out of them is to be read."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"{folder}: a Helm chart is not read, but for its crds: what comes out of it is, by "
            f"`helm template {folder} | auditor scan -`"
        )
        self.folder = folder


def find_sources(
    paths: Iterable[str], *, skip: Collection[str] = (), exclude: Sequence[str] = ()
) -> Iterator[Source | InputError]:
    """Each file once, in the order in which it is found. Folders with a name in `skip` are not entered, and files that
    a pattern of `exclude` fits are left out.

    A folder that cannot be read, or has nothing to read, comes in its place, and so does a Helm chart. Raises
    UsageError for paths that lead to nothing at all, as whoever mistypes one must not be told that all is well; and
    where there is nothing else.
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
                if not (exclude and is_excluded(source, exclude)):
                    found.append(source)
    empty = [str(each) for each in found if isinstance(each, _EmptyError | ChartError)]
    if missing or len(empty) == len(found) > 0:
        raise UsageError("\n".join([*missing, *empty]))
    yield from found


def is_excluded(source: Source | InputError, patterns: Sequence[str]) -> bool:
    """A pattern without a slash fits the name of the file or of a folder above it; one with, the path as it is named,
    or its end. `*` also stands for slashes, as in a shell's case."""
    named = source.path if isinstance(source, Source) else source.folder if isinstance(source, ChartError) else None
    if named is None:
        return False
    path = Path(named)
    name = path.as_posix().removeprefix("./")
    for pattern in patterns:
        wanted = pattern.rstrip("/").removeprefix("./")
        if "/" not in wanted:
            if any(fnmatchcase(part, wanted) for part in path.parts):
                return True
        elif any(fnmatchcase(name, each) for each in (wanted, f"*/{wanted}", f"{wanted}/*", f"*/{wanted}/*")):
            return True
    return False


def _expand(path: str, skip: Collection[str], missing: list[str]) -> Iterator[Source | InputError]:
    if path == STDIN:
        yield Source("<stdin>", None)
    elif os.path.isdir(path):  # noqa: PTH112 Path.is_dir raises for what may not be looked at
        errors: list[OSError] = []
        walked = list(_walk(str(Path(path)), skip, errors))
        walked += map(_tell, errors)
        yield from walked or [_EmptyError(f"{path}: holds no file that ends in {', '.join(SUFFIXES)}")]
    elif os.path.lexists(path):
        yield Source(path, path)
    elif matched := sorted(glob.glob(path, recursive=True)):  # noqa: PTH207 absolute patterns, as shells take them
        for each in matched:
            # A pattern may name folders that hold nothing of ours, as shells' patterns do.
            yield from (found for found in _expand(each, skip, []) if not isinstance(found, _EmptyError))
    else:
        missing.append(f"{path}: no such file or directory")


def _walk(top: str, skip: Collection[str], errors: list[OSError]) -> Iterator[Source | InputError]:
    """Names in order, the files of a folder first; links to folders are not followed, so that there are no loops."""
    left = [top]
    while left:
        folder = left.pop()
        try:
            with os.scandir(folder) as scanned:
                entries = sorted(scanned, key=lambda each: each.name)
        except OSError as error:
            errors.append(error)
            continue
        if _is_chart(entries):
            yield ChartError(folder)
            left += [entry.path for entry in entries if entry.name == "crds" and entry.is_dir(follow_symlinks=False)]
            continue
        inner: list[str] = []
        real = os.path.realpath(folder)
        above = "" if folder == os.curdir else os.path.join(folder, "")  # noqa: PTH118 a path that is no text stays one
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    if name not in skip:
                        inner.append(above + name)
                elif name.endswith(SUFFIXES) and entry.is_file(follow_symlinks=False):
                    yield Source(above + name, above + name, f"{real}{os.sep}{name}", named=False)
                elif name.endswith(SUFFIXES) and entry.is_symlink() and _leads_to_file(Path(entry.path)):
                    yield Source(above + name, above + name, named=False)
            except OSError as gone:  # meanwhile
                errors.append(gone)
        left += reversed(inner)


def _is_chart(entries: Sequence["os.DirEntry[str]"]) -> bool:
    names = {entry.name for entry in entries}
    return "Chart.yaml" in names and "templates" in names


def _leads_to_file(link: Path) -> bool:
    """Or to nothing, which is told when it is read; not to a pipe that happens to lie there, which would never end."""
    return not link.is_dir() and not link.is_fifo()


def _tell(error: OSError) -> InputError:
    return InputError(f"{error.filename}: cannot be read: {error.strerror}")


def _read_pipe(file: io.FileIO) -> bytes:
    with io.BufferedReader(file) as buffered:
        return buffered.read(MAX_BYTES + 1)
