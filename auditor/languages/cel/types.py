"""The static types that expressions are checked with, and how the library spells them."""

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from auditor.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Type:
    """A type by its name; lists, maps and optionals have parameters."""

    name: str
    parameters: tuple["Type", ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.parameters))})" if self.parameters else self.name


@dataclass(frozen=True, slots=True)
class ObjectType(Type):
    """An object whose fields are known: a field that is not among them does not compile.

    The library knows such types from protocol buffers only. So they are dyn to it, and `resolve` checks the fields: the
    paths that an expression writes out (`self.spec.replicas`) have their types nevertheless.
    """

    fields: Mapping[str, Type] = field(default_factory=dict, hash=False)


DYN: Final = Type("dyn")
BOOL: Final = Type("bool")
INT: Final = Type("int")
UINT: Final = Type("uint")
DOUBLE: Final = Type("double")
STRING: Final = Type("string")
BYTES: Final = Type("bytes")
NULL: Final = Type("null_type")
TIMESTAMP: Final = Type("google.protobuf.Timestamp")
DURATION: Final = Type("google.protobuf.Duration")


def list_of(element: Type) -> Type:
    return Type("list", (element,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    return Type("optional_type", (value,))


def object_of(fields: Mapping[str, Type]) -> Type:
    return ObjectType("object", (), fields)


_SPELLINGS: Final = {TIMESTAMP: "timestamp", DURATION: "duration", NULL: "null"}


def spell(type_: Type) -> str:
    """The type as the library's configuration writes it; it may hold anything to it where we know the fields."""
    if isinstance(type_, ObjectType):
        return "dyn"
    if type_ in _SPELLINGS:
        return _SPELLINGS[type_]
    return f"{type_.name}<{','.join(map(spell, type_.parameters))}>" if type_.parameters else type_.name


def is_opaque(type_: Type) -> bool:
    """A type of the Kubernetes libraries, such as a quantity: at run time it is bytes, see `libraries.opaque`."""
    return type_.name.startswith("kubernetes.")
