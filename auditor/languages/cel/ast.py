"""The expression tree, as the library hands it out: macros are expanded, every node has an id and so a position."""

from typing import TypeAlias

from auditor.dataclass import dataclass

Literal: TypeAlias = "bool | int | Unsigned | float | str | bytes | None"


class Unsigned(int):
    """The value of a literal like `3u`; a type of its own, because to CEL it is another type than 3."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Constant:
    id: int
    value: Literal


@dataclass(frozen=True, slots=True)
class Name:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`, or `has(operand.field)` where it only tests."""

    id: int
    operand: "Node"
    field: str
    test: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    id: int
    function: str
    arguments: tuple["Node", ...]
    target: "Node | None" = None


@dataclass(frozen=True, slots=True)
class ListLiteral:
    id: int
    elements: tuple["Node", ...]
    optional: tuple[int, ...] = ()
    """Indexes of the elements that are written `?x`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value`; the key is a field's name in an object literal, an expression in a map literal."""

    id: int
    key: "Node | str"
    value: "Node"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class MapLiteral:
    """A map, or with a name an object: `Object.spec{...}`."""

    id: int
    entries: tuple[Entry, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """What `all`, `exists`, `map` and the like become: a loop over a range with one accumulator."""

    id: int
    variable: str
    range: "Node"
    accumulator: str
    initial: "Node"
    condition: "Node"
    step: "Node"
    result: "Node"
    second_variable: str = ""


Node: TypeAlias = Constant | Name | Select | Call | ListLiteral | MapLiteral | Fold


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in the order of the source."""
    match node:
        case Select():
            return (node.operand,)
        case Call():
            return node.arguments if node.target is None else (node.target, *node.arguments)
        case ListLiteral():
            return node.elements
        case MapLiteral():
            return tuple(
                child for e in node.entries for child in ((e.value,) if isinstance(e.key, str) else (e.key, e.value))
            )
        case Fold():
            return (node.range, node.initial, node.condition, node.step, node.result)
        case _:
            return ()
