"""What must come out of a case, written down beside it: compared, shown as a diff, written anew."""

import difflib
from collections.abc import Sequence
from pathlib import Path

import yaml

from auditor.errors import AuditorError
from auditor.json import Json, JsonObject

MOST = 60
"""Lines of a diff: a screen full. Who wants all of it writes the golden anew and asks git."""


def show_difference(expected: JsonObject, found: JsonObject) -> str:
    """As a diff of YAML, with what is expected as the old side."""
    lines = list(difflib.unified_diff(_lines(expected), _lines(found), "expected", "what comes out", lineterm="", n=2))
    more = [f"... and {len(lines) - MOST} lines more"] if len(lines) > MOST else []
    return "\n".join([*lines[:MOST], *more])


def _lines(thing: Json) -> list[str]:
    return render(thing).splitlines()


def render(thing: Json) -> str:
    return str(yaml.safe_dump(thing, sort_keys=False, allow_unicode=True, width=120))


def rewrite(file: Path, lines: Sequence[int], found: JsonObject) -> None:
    """The second document of the case becomes this; the others stay as they are written, comments included.

    `lines` are those where the documents begin.
    """
    text = file.read_text(encoding="utf-8")
    parts = text.splitlines(keepends=True)
    begin = _separator_before(parts, lines[1])
    end = _separator_before(parts, lines[2]) if len(lines) > 2 else len(parts)
    if parts[begin].strip() != "---":
        raise AuditorError(f"{file}: the golden cannot be written anew: no line `---` stands above it")
    file.write_text("".join([*parts[: begin + 1], render(found), *parts[end:]]), encoding="utf-8")


def _separator_before(parts: Sequence[str], line: int) -> int:
    """The index of the line with `---` above a document that begins in that line, which counts from 1."""
    index = line - 1
    while index > 0 and parts[index].strip() != "---":
        index -= 1
    return index
