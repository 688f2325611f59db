"""What differs in CEL itself: overloads that Kubernetes has and the library has not, or not with these types."""

from itertools import product
from typing import Final

from auditor.languages.cel.libraries.declare import Function
from auditor.languages.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    list_of,
)

_NUMBERS = (INT, UINT, DOUBLE)

# Numbers of different types can be ordered. At run time the library does it, its checker does not know.
_ORDERINGS = tuple(
    Function(operator, (left, right), BOOL, member=False)
    for operator in ("_<_", "_<=_", "_>_", "_>=_")
    for left, right in product(_NUMBERS, _NUMBERS)
    if left != right
)

# `"text".indexOf` exists; these are for lists, and become loops.
_LISTS = tuple(Function(name, (list_of(DYN), DYN), INT) for name in ("indexOf", "lastIndexOf"))

MERGED: Final = (*_ORDERINGS, *_LISTS)

# `string(ip)` and `string(cidr)` exist besides these.
REPLACED: Final = ("string",)
DECLARED: Final = tuple(
    Function("string", (type_,), STRING, member=False)
    for type_ in (BOOL, INT, UINT, DOUBLE, BYTES, STRING, TIMESTAMP, DURATION)
)
