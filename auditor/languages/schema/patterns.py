"""Regular expressions of schemas, in linear time, with Go's meaning."""

import re
from collections.abc import Callable
from typing import TypeAlias

import re2

Search: TypeAlias = Callable[[str], re.Match[str] | None]

PLAIN_ESCAPES = frozenset(r".-/\+*?^$()[]{}|dwtnrf_~%!&',;=:@#<>\" ") | {'"'}

_HEX = re.compile("x[0-7][0-9a-fA-F]")


class PatternError(Exception):
    """Not a regular expression of RE2."""


def search(pattern: str) -> Search:
    """RE2 is the engine that Go's regexp is modelled on: the same syntax, the same answers, in linear time."""
    options = re2.Options()
    options.log_errors = False
    try:
        found: Search = re2.compile(pattern, options).search
    except re2.error as error:
        raise PatternError(str(error)) from None
    return found


def find_all(pattern: str) -> Callable[[str], list[tuple[str, str]]]:
    """All matches of a pattern with two groups."""
    found: Callable[[str], list[tuple[str, str]]] = re2.compile(pattern).findall
    return found


class Matches:
    """Whether a text has what the pattern describes."""

    __slots__ = ("_search",)

    def __init__(self, pattern: str) -> None:
        self._search = search(pattern)

    def __call__(self, text: str) -> bool:
        return self._search(text.encode("utf-8", "replace").decode()) is not None


def is_portable(pattern: str) -> bool:
    """Whether a pattern surely means the same to ECMAScript in Rust (what jsonschema-rs speaks) as it means to Go.

    Only what is certain: no Unicode classes, flags, word boundaries, class arithmetic or odd brackets.
    """
    i, size, in_class = 0, len(pattern), False
    while i < size:
        char = pattern[i]
        if char == "\\":
            if _HEX.match(pattern, i + 1):
                i += 2
            elif pattern[i + 1 : i + 2] not in PLAIN_ESCAPES:
                return False
            i += 1
        elif in_class:
            if char == "[" or pattern[i : i + 2] in ("&&", "--", "~~"):
                return False
            in_class = char != "]"
        elif char == "[":
            in_class = True
            i += pattern[i + 1 : i + 2] == "^"
            if pattern[i + 1 : i + 2] == "]":
                return False
        elif (
            (char == "(" and pattern[i + 1 : i + 2] == "?" and pattern[i + 2 : i + 3] != ":")
            or (char == "{" and not _is_repeat(pattern, i))
            or (char in "]}" and (char == "]" or "{" not in pattern[:i]))
        ):
            return False
        i += 1
    return not in_class


def _is_repeat(pattern: str, start: int) -> bool:
    low, comma, high = pattern[start + 1 : pattern.find("}", start)].partition(",")
    return low.isdecimal() and low.isascii() and (not comma or not high or (high.isdecimal() and high.isascii()))
