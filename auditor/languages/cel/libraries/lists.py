"""`sum`, `min`, `max`, `isSorted`, `optional.unwrap`: declared here, loops at run time (see `loops`)."""

from typing import Final

from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
    optional_of,
)

_SUMMABLE = (INT, UINT, DOUBLE, DURATION)
_COMPARABLE = (INT, UINT, DOUBLE, BOOL, DURATION, TIMESTAMP, STRING, BYTES)
_ANY = Type("T")

LIBRARY: Final = Library(
    (
        *(Function("isSorted", (list_of(t),), BOOL) for t in _COMPARABLE),
        *(Function("sum", (list_of(t),), t) for t in _SUMMABLE),
        *(Function(name, (list_of(t),), t) for name in ("min", "max") for t in _COMPARABLE),
        Function("optional.unwrap", (list_of(optional_of(_ANY)),), list_of(_ANY), member=False),
        Function("unwrapOpt", (list_of(optional_of(_ANY)),), list_of(_ANY)),
    )
)
