"""How a function of ours is declared once, for the checker with its exact types and for the evaluation with its code.

At run time the library can take and give back plain values only. Two of its habits shape what follows:

- a list or map that holds an optional crashes the process when it is handed to Python: our functions take no such
  arguments, those that work on lists are rewritten into loops (see `rewrite`);
- Python cannot return a value of a type of its own, so that a quantity travels as bytes, with its type in front.
"""

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol, Self, TypeAlias

from cel_expr_python import cel as library

from auditor.dataclass import dataclass
from auditor.json import Json
from auditor.languages.cel.libraries.bridge import adapt
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
    Type,
    is_opaque,
    list_of,
)

Implementation: TypeAlias = Callable[..., Json]


class Opaque(Protocol):
    """A value of a type that CEL does not know; its text is canonical, so that equal values have equal texts."""

    TYPE: ClassVar[Type]

    def to_text(self) -> str: ...

    @classmethod
    def from_text(cls, text: str) -> Self: ...


@dataclass(frozen=True, slots=True)
class Function:
    """One overload. `member` means that it is called on its first argument."""

    name: str
    parameters: tuple[Type, ...]
    result: Type
    implementation: Implementation | None = None
    """None where a rewrite takes the call away before it runs, or where the library has it under other types."""
    member: bool = True

    @property
    def overload(self) -> str:
        """The name of the overload, as it stands in checked expressions."""
        return f"{self.name}({','.join(map(str, self.parameters))})"


@dataclass(frozen=True, slots=True)
class Library:
    """Functions of one subject, and the types that they bring."""

    functions: tuple[Function, ...]
    types: tuple[type[Opaque], ...] = ()


class NoOverloadError(Exception):
    pass


_RUNTIME_TYPES = {
    BOOL: library.Type.BOOL,
    INT: library.Type.INT,
    UINT: library.Type.UINT,
    DOUBLE: library.Type.DOUBLE,
    STRING: library.Type.STRING,
    BYTES: library.Type.BYTES,
    TIMESTAMP: library.Type.TIMESTAMP,
    DURATION: library.Type.DURATION,
    DYN: library.Type.DYN,
    list_of(DYN): library.Type.LIST,
}


def merged(functions: Iterable[Function]) -> list[library.FunctionDecl]:
    """Overloads for functions that the library has already; only plain types are possible here."""
    overloads: dict[str, list[library.Overload]] = {}
    for each in functions:
        parameters = [_RUNTIME_TYPES[p] for p in each.parameters]
        overload = library.Overload(each.overload, _RUNTIME_TYPES[each.result], parameters, is_member=each.member)
        overloads.setdefault(each.name, []).append(overload)
    return [library.FunctionDecl(name, same) for name, same in overloads.items()]


def implementations(libraries: Iterable[Library]) -> list[library.FunctionDecl]:
    """What the evaluation calls. Overloads that look the same at run time become one function that tries each."""
    known = tuple(libraries)
    types = {t.TYPE: t for each in known for t in each.types}
    groups: dict[tuple[str, bool, tuple[Type, ...]], list[Function]] = {}
    for function in (f for each in known for f in each.functions):
        if function.implementation is not None:
            kinds = tuple(BYTES if is_opaque(p) else p for p in function.parameters)
            groups.setdefault((function.name, function.member, kinds), []).append(function)
    overloads: dict[str, list[library.Overload]] = {}
    for (name, member, kinds), functions in groups.items():
        overload = library.Overload(
            f"{name}({','.join(map(str, kinds))})",
            library.Type.DYN,
            [_RUNTIME_TYPES[k] for k in kinds],
            is_member=member,
            impl=adapt(_dispatch(functions, types)),
        )
        overloads.setdefault(name, []).append(overload)
    return [library.FunctionDecl(name, same) for name, same in overloads.items()]


def _dispatch(functions: list[Function], types: dict[Type, type[Opaque]]) -> Implementation:
    opaque = frozenset(types.values())
    choices = [(f.implementation, tuple(types[p] if is_opaque(p) else None for p in f.parameters)) for f in functions]

    def call(*arguments: Json) -> Json:
        for implementation, kinds in choices:
            try:
                values = [a if k is None else _unpack(a, k) for a, k in zip(arguments, kinds, strict=True)]
            except NoOverloadError:
                continue
            result: Json = implementation(*values) if implementation else None
            return pack(result) if type(result) in opaque else _plain(result)
        raise NoOverloadError(f"no such overload: {functions[0].name}")

    return call


def pack(value: Opaque) -> bytearray:
    return bytearray(f"{value.TYPE.name}\n{value.to_text()}".encode())


def _unpack(value: bytearray, type_: type[Opaque]) -> Opaque:
    head, _, text = value.decode(errors="replace").partition("\n")
    if head != type_.TYPE.name:
        raise NoOverloadError
    return type_.from_text(text)


def _plain(value: Json) -> Json:
    """The library would cut a text short at a NUL."""
    if isinstance(value, str) and "\0" in value:
        raise ValueError("the text has a NUL character, which cannot be passed on")
    return value
