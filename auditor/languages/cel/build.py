"""Makes trees: nodes with ids of their own, for what rewrites put in."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from auditor.languages.cel.ast import (
    Call,
    Constant,
    Entry,
    Fold,
    ListLiteral,
    Literal,
    MapLiteral,
    Name,
    Node,
    Select,
)

# The library knows a binding by the name of the variable that it does not use, and evaluates it when it is first used.
LAZILY: Final = "#unused"
_NOW: Final = "@unused"


def set_anew(fold: Fold) -> Fold:
    """A binding that is evaluated at its place.

    Where the library binds lazily it looks whether the place of the value is taken already. A loop that ends early, as
    `l.all(x, ...)` does, leaves its last x in its place, and the next binding is given the same one: it would stand
    for that x. So lazy bindings can only be where no loop was before them.
    """
    return replace(fold, variable=_NOW) if fold.variable == LAZILY else fold


class Builder:
    """Gives every node that it makes the next id."""

    def __init__(self, start: int = 1) -> None:
        self.next_id = start

    def id(self) -> int:
        self.next_id += 1
        return self.next_id - 1

    def constant(self, value: Literal) -> Constant:
        return Constant(self.id(), value)

    def name(self, name: str) -> Name:
        return Name(self.id(), name)

    def call(self, function: str, *arguments: Node, target: Node | None = None) -> Call:
        return Call(self.id(), function, arguments, target)

    def list(self, *elements: Node) -> ListLiteral:
        return ListLiteral(self.id(), elements)

    def choice(self, condition: Node, yes: Node, no: Node) -> Call:
        return self.call("_?_:_", condition, yes, no)

    def bind(self, name: str, value: Node, body: Node) -> Node:
        """`body`, in which the name stands for the value, which is evaluated once and before."""
        return Fold(self.id(), _NOW, self.list(), name, value, self.constant(value=False), self.name(name), body)

    def bind_lazily(self, name: str, value: Node, body: Node) -> Node:
        """The value is evaluated when it is first used. Only around everything else, see `set_anew`."""
        fold = self.bind(name, value, body)
        return replace(fold, variable=LAZILY) if isinstance(fold, Fold) else fold


def map_children(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with changed children."""
    match node:
        case Select():
            return replace(node, operand=change(node.operand))
        case Call():
            target = None if node.target is None else change(node.target)
            return replace(node, target=target, arguments=tuple(map(change, node.arguments)))
        case ListLiteral():
            return replace(node, elements=tuple(map(change, node.elements)))
        case MapLiteral():
            return replace(node, entries=tuple(_change_entry(e, change) for e in node.entries))
        case Fold():
            return replace(
                node,
                range=change(node.range),
                initial=change(node.initial),
                condition=change(node.condition),
                step=change(node.step),
                result=change(node.result),
            )
        case _:
            return node


def _change_entry(entry: Entry, change: Callable[[Node], Node]) -> Entry:
    key = entry.key if isinstance(entry.key, str) else change(entry.key)
    return replace(entry, key=key, value=change(entry.value))


def renumber(node: Node, builder: Builder, references: dict[int, bytes], into: dict[int, bytes]) -> Node:
    """A copy with fresh ids, and its references under them: trees from several sources can then be one."""

    def copy(each: Node) -> Node:
        number = builder.id()
        if each.id in references:
            into[number] = references[each.id]
        changed = map_children(each, copy)
        if isinstance(changed, MapLiteral):
            changed = replace(changed, entries=tuple(replace(e, id=builder.id()) for e in changed.entries))
        return replace(changed, id=number)

    return copy(node)


def depth(node: Node) -> int:
    """Levels below this one, in messages of the serialized form."""
    match node:
        case Select():
            return 2 + depth(node.operand)
        case Call():
            below = [*node.arguments, *([node.target] if node.target else [])]
            return 2 + max(map(depth, below), default=0)
        case ListLiteral():
            return 2 + max(map(depth, node.elements), default=0)
        case MapLiteral():
            return 3 + max((depth(e.value) for e in node.entries), default=0)
        case Fold():
            return 2 + max(map(depth, (node.range, node.initial, node.condition, node.step, node.result)))
        case _:
            return 2
