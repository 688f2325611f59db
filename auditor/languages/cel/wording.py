"""Errors of evaluation in the words of the API server, which its users know and search for."""

import re
from collections.abc import Callable
from typing import Final

# What the server needs of the first operand. Where it lacks that, the error names the operator, else it does not.
_COMPARABLE: Final = {"bool", "int64", "uint64", "double", "string", "bytes", "timestamp", "duration"}
_NUMBERS: Final = {"int64", "uint64", "double"}
_OPERANDS: Final = {
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _COMPARABLE),
    "_+_": _NUMBERS | {"string", "bytes", "list", "timestamp", "duration"},
    "_-_": _NUMBERS | {"timestamp", "duration"},
    "_*_": _NUMBERS,
    "_/_": _NUMBERS,
    "_%_": {"int64", "uint64"},
}
_NAMES: Final = {"int64": "int", "uint64": "uint"}
_OVERLOAD: Final = re.compile(r"(\S+?)\((.*)\)", re.DOTALL)
_MEMBER: Final = re.compile(r"\((\S+)\)\.(\w+)\((.*)\)", re.DOTALL)
# Functions of the strings extension, whose errors name the types.
_OF_STRINGS: Final = frozenset(
    ["charAt", "indexOf", "lastIndexOf", "lowerAscii", "replace", "split", "substring", "trim", "upperAscii"]
)


def _key(match: re.Match[str]) -> str:
    """The library quotes and escapes text keys; Kubernetes does neither."""
    text = match[1]
    return f"no such key: {_unescape(text[1:-1]) if text.startswith(chr(34)) else text}"


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "r": "\r"}.get(m[1], m[1]), text)


def _overload(match: re.Match[str]) -> str:
    member = _MEMBER.fullmatch(match[1])
    if member is not None:
        if member[2] not in _OF_STRINGS:
            return "no such overload"
        return f"no such overload: {member[2]}({_types([member[1], *filter(None, member[3].split(', '))])})"
    call = _OVERLOAD.fullmatch(match[1])
    if call is not None:
        function, types = call[1], call[2].split(", ")
        if function in _OPERANDS and types[0] not in _OPERANDS[function]:
            return f"no such overload: {function}"
        if function == "size":
            return "no such overload: size"
        if function.isidentifier():
            return f"no such overload: {function}({_types(types)})"
    return "no such overload"


def _types(types: list[str]) -> str:
    return ", ".join(_NAMES.get(each, each) for each in types)


_WORDINGS: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        (r"Key not found in map : (.*)", _key),
        (r"No matching overloads found : (.*)", _overload),
        (r"divide by zero", "division by zero"),
        (r"Index error: index=(-?\d+) size=\d+", r"index out of bounds: \1"),
        (r"Index error: expected integer type, got (\w+)", r"unsupported index type '\1' in list"),
        (r"cannot convert '.*' to a number", "type conversion error from 'string' to 'int'"),
        (r"cannot convert '.*' to a timestamp", "type conversion error from 'string' to 'google.protobuf.Timestamp'"),
        (r"cannot convert '.*' to a duration", "type conversion error from 'string' to 'google.protobuf.Duration'"),
    )
)


def reword(error: str) -> str:
    """The error itself where there are no other words for it."""
    for pattern, words in _WORDINGS:
        match = pattern.fullmatch(error)
        if match is not None:
            return words(match) if callable(words) else match.expand(words)
    return error
