"""Where results go and in which formats: `-o FORMAT[=FILE]`, several in one run."""

import contextlib
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.dataclass import dataclass
from auditor.errors import AuditorError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from auditor.report.results import Results

# Written down here too, so that --help needs none of the formats; a test holds it equal to theirs.
FORMATS = ("table", "json", "yaml", "sarif", "junit", "github", "gitlab", "markdown", "html", "csv", "report")
JSON_FORMATS = ("json", "sarif", "gitlab")


@dataclass(frozen=True, slots=True)
class Output:
    format: str
    file: str = ""
    """Empty: standard output."""


class OutputType(click.ParamType):  # type: ignore[type-arg] # not generic in the oldest click that we allow
    name = "format[=file]"

    def __init__(self, formats: Sequence[str] = FORMATS) -> None:
        self._formats = formats

    def convert(self, value: str | Output, param: click.Parameter | None, ctx: click.Context | None) -> Output:
        if isinstance(value, Output):
            return value
        name, equals, file = value.partition("=")
        if name not in self._formats:
            self.fail(f"{name!r} is no format: there are {', '.join(self._formats)}", param, ctx)
        if equals and not file:
            self.fail(f"{value!r} names no file: write {name}=FILE, or {name} for standard output", param, ctx)
        return Output(name, "" if file == "-" else file)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        name, equals, file = incomplete.partition("=")
        if equals:
            return [CompletionItem(file, type="file")]
        return [CompletionItem(each) for each in self._formats if each.startswith(name)]


def check_outputs(outputs: Sequence[Output], *more_files: str) -> None:
    """Raises UsageError for what could not be written: before anything is judged, not after."""
    if sum(not each.file for each in outputs) > 1:
        raise UsageError(
            "only one format can go to standard output: name a file for the others, as in -o json=out.json"
        )
    seen: dict[str, str] = {}
    for file in [*(each.file for each in outputs if each.file), *more_files]:
        check_file(file)
        place = os.path.realpath(file)
        if place in seen and not _is_special(place):
            raise UsageError(f"{file}: would be written twice")
        seen[place] = file


def check_file(file: str) -> None:
    path = Path(file)
    if path.is_dir():
        raise UsageError(f"{file}: is a directory: name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"{file}: there is no directory {path.parent}: make it first")


def write_outputs(outputs: Sequence[Output], results: "Results") -> None:
    """Files first: whoever reads standard output may go away."""
    from auditor.intake.printable import quiet
    from auditor.report.formats import FORMATS as WRITERS

    for each in sorted(outputs, key=lambda each: not each.file):
        write = WRITERS[each.format]
        if each.file:
            write_file(each.file, write(results))
        else:
            text = write(dress(results))
            # Who wants no colour got none.
            click.echo(quiet(text) if each.format in JSON_FORMATS else text, nl=False, color=True)


def dress(results: "Results") -> "Results":
    """For who looks at standard output now: a person at a terminal, or a program."""
    width = 0
    if sys.stdout.isatty():
        from shutil import get_terminal_size  # with all that it knows of archives

        width = get_terminal_size().columns
    return replace(results, colour=wants_colour(), width=width)


def wants_colour() -> bool:
    """On standard output: as the person says, else if it is a terminal that has colours."""
    environment = os.environ
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return environment["FORCE_COLOR"] not in ("0", "false")
    return sys.stdout.isatty() and environment.get("TERM") != "dumb"


def write_file(file: str, text: str) -> None:
    """As a whole or not at all: nobody reads half of it. What is no plain file (/dev/stderr, a pipe) is written to."""
    place = Path(os.path.realpath(file))
    data = text.encode(errors="replace")
    try:
        if _is_special(str(place)):
            place.write_bytes(data)
        else:
            _replace(place, data)
    except OSError as error:
        raise AuditorError(f"{file}: cannot be written: {error.strerror}") from error


def _replace(place: Path, data: bytes) -> None:
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        with contextlib.suppress(FileNotFoundError):
            beside.chmod(stat.S_IMODE(place.stat().st_mode))
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)


def _is_special(path: str) -> bool:
    place = Path(path)
    return place.exists() and not place.is_file()
