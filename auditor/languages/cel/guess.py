"""The types that expressions have as far as the checker does not know: objects are all alike to it.

What is not certain is dyn.
"""

from collections.abc import Sequence
from typing import Final

from auditor.languages.cel.ast import Call, Name
from auditor.languages.cel.types import DYN, Type, optional_of

NOTHING: Final = Type("nothing")
"""What an empty list or optional holds: it goes with everything."""

_KEEPING: Final = frozenset({"or", "sort", "reverse", "distinct", "slice", "@sortByAssociatedKeys"})
"""Functions whose result is of the type of what they are called on."""


def held(type_: Type) -> Type:
    """What an optional or a list holds, and the values of a map."""
    return type_.parameters[-1] if type_.parameters else DYN


def join(*types: Type) -> Type:
    """The type that all have."""
    known = NOTHING
    for each in types:
        if known == NOTHING:
            known = each
        elif each == NOTHING:
            continue
        elif known.name == each.name and len(known.parameters) == len(each.parameters) == 1:
            known = Type(known.name, (join(held(known), held(each)),))
        elif known != each:
            return DYN
    return known


def type_of_call(call: Call, types: Sequence[Type]) -> Type:
    """`types` are those of the target and of the arguments."""
    match call:
        case Call(function="_[_]" | "_[?_]" as function):
            in_optional = types[0].name == "optional_type"
            element = held(held(types[0])) if in_optional else held(types[0])
            return optional_of(element) if in_optional or function == "_[?_]" else element
        case Call(function="first" | "last", arguments=()):
            return optional_of(held(types[0]))
        case Call(function="value" | "orValue", target=target) if target is not None:
            return held(types[0]) if types[0].name == "optional_type" else DYN
        case Call(function="of" | "ofNonZeroValue", target=Name(name="optional")):
            return optional_of(types[1])
        case Call(function="optional.of"):
            return optional_of(types[0])
        case Call(function="none", target=Name(name="optional")) | Call(function="optional.none"):
            return optional_of(NOTHING)
        case Call(function="_?_:_"):
            return join(types[1], types[2])
        case Call(function="_+_"):
            return join(types[0], types[1]) if types[0].name == "list" else DYN
        case Call(function=function, target=target) if function in _KEEPING and target is not None:
            return types[0]
    return DYN
