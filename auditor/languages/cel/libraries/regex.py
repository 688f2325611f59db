"""`find` and `findAll`, in linear time."""

from functools import lru_cache
from typing import Final

import re2

from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.types import INT, STRING, list_of

# Patterns are nearly always constants of policies; a thousand policies with one each still fit.
_KEPT_PATTERNS: Final = 1024

_ESCAPES: Final = re2.compile(r"(?s)\\Q.*?(?:\\E|$)|\\.")


@lru_cache(_KEPT_PATTERNS)
def compiled(pattern: str) -> "re2._Regexp[str]":
    """Raises ValueError."""
    if any(match.group() == r"\C" for match in _ESCAPES.finditer(pattern)):
        raise ValueError(r"invalid regular expression: \C is not known to Go")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        detail = error.args[0]
        raise ValueError(
            f"invalid regular expression: {detail.decode() if isinstance(detail, bytes) else detail}"
        ) from None


def find(text: str, pattern: str) -> str:
    match = compiled(pattern).search(text)
    return match.group() if match else ""


def find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    """Empty matches right after another match do not count, as in Go."""
    regex = compiled(pattern)
    data = text.encode()
    found: list[str] = []
    at, last_end = 0, -1
    while at <= len(data) and (limit < 0 or len(found) < limit):
        match = regex.search(data, at)
        if match is None:
            break
        start, end = match.span()
        if end > at:
            at = end
        else:
            at += _width(data, at)
        if start != end or start != last_end:
            found.append(match.group().decode())
        last_end = end
    return found


def _width(data: bytes, at: int) -> int:
    """Of the character there: a match never starts within one."""
    width = 1
    while at + width < len(data) and data[at + width] & 0xC0 == 0x80:
        width += 1
    return width


LIBRARY: Final = Library(
    (
        Function("find", (STRING, STRING), STRING, find),
        Function("findAll", (STRING, STRING), list_of(STRING), find_all),
        Function("findAll", (STRING, STRING, INT), list_of(STRING), find_all),
    )
)
