"""Walks an object only where its schema has something to look at."""

from collections.abc import Callable, Iterator, Mapping

from auditor.dataclass import dataclass
from auditor.json import Json
from auditor.languages.schema.node import Node
from auditor.languages.schema.place import ROOT, Place


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A node with those of its children under which there is something to look at."""

    node: Node
    wanted: bool
    properties: Mapping[str, "Branch"]
    items: "Branch | None"
    values: "Branch | None"


def trim(node: Node | None, wants: Callable[[Node], bool]) -> Branch | None:
    if node is None:
        return None
    children = {name: trim(child, wants) for name, child in node.properties.items()}
    properties = {name: child for name, child in children.items() if child is not None}
    items, values = trim(node.items, wants), trim(node.values, wants)
    wanted = wants(node)
    if not (wanted or properties or items or values):
        return None
    return Branch(node, wanted, properties, items, values)


def walk(branch: Branch, value: Json, place: Place = ROOT) -> Iterator[tuple[Node, Json, Place]]:
    """Every wanted node with the value that is there. Entries of maps have the server's bracketed paths."""
    if branch.wanted:
        yield branch.node, value, place
    if isinstance(value, dict):
        for name, child in branch.properties.items():
            if name in value:
                yield from walk(child, value[name], place.child(name))
        if branch.values is not None:
            for name, item in value.items():
                yield from walk(branch.values, item, place.key(name))
    elif isinstance(value, list) and branch.items is not None:
        for i, item in enumerate(value):
            yield from walk(branch.items, item, place.item(i))
