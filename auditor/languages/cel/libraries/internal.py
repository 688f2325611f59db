"""Functions that no expression can name: rewrites call them."""

from typing import Final

import re2

from auditor.json import Json
from auditor.languages.cel.libraries import readings
from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.libraries.nulls import return_nulls
from auditor.languages.cel.types import BYTES, DYN, INT, STRING, list_of

# Kubernetes stops such a list by its cost limit of one million for an expression. The library would take the memory
# for whatever number is written there.
MAX_RANGE: Final = 1_000_000

_FRACTION: Final = re2.compile(r"\.([0-9]*?)0*([Zs])$")


def _error(message: str) -> Json:
    raise ValueError(message)


def _bounded(size: int) -> int:
    if size > MAX_RANGE:
        raise ValueError(f"a list of more than {MAX_RANGE} elements")
    return max(size, 0)


def _trim(text: str) -> str:
    """`1.500s` as `1.5s`: Kubernetes writes no zeros at the end of fractions of seconds."""
    match = _FRACTION.search(text)
    if match is None:
        return text
    digits, unit = match.groups()
    return f"{text[: match.start()]}{'.' if digits else ''}{digits}{unit}"


def _string(value: bytearray) -> str:
    return value.decode().partition("\n")[2]


def _map_of_pairs(pairs: list[list[Json]]) -> dict[Json, Json]:
    return_nulls(pairs)
    result: dict[Json, Json] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"insert failed: key {key!r} already exists")
        result[key] = value
    return result


LIBRARY: Final = Library(
    (
        Function("@error", (STRING,), DYN, _error, member=False),
        Function("@bounded", (INT,), INT, _bounded, member=False),
        Function("@trim", (STRING,), STRING, _trim, member=False),
        *(Function(f"@{name}_text", (STRING,), STRING, read, member=False) for name, read in readings.READINGS.items()),
        Function("@string", (BYTES,), STRING, _string, member=False),
        Function("@map_of_pairs", (list_of(DYN),), DYN, _map_of_pairs, member=False),
    )
)
