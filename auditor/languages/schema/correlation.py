"""An object beside the one that it replaces: which parts belong together, and which have not changed.

This is what decides what an update is forgiven (ratcheting) and what `oldSelf` is. Items belong together by the keys
of a list map only; everything under a field that the schema does not describe counts as changed.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Self

from auditor.dataclass import dataclass
from auditor.json import Json
from auditor.languages.schema.node import Node
from auditor.languages.schema.values import Kind, as_float, kind_of, quote, same

SCALARS = frozenset((Kind.BOOLEAN, Kind.INTEGER, Kind.NUMBER, Kind.STRING))


@dataclass(slots=True, eq=False)
class Correlation:
    new: Json
    old: Json
    node: Node
    _equal: bool | None = None
    _by_key: Mapping[tuple[str, ...], Json] | None = field(default=None)

    def key(self, name: str) -> Self | None:
        if not (isinstance(self.new, dict) and isinstance(self.old, dict) and name in self.new and name in self.old):
            return None
        node = self.node.child(name)
        return None if node is None else type(self)(self.new[name], self.old[name], node)

    def index(self, i: int) -> Self | None:
        if not (isinstance(self.new, list) and isinstance(self.old, list)) or self.node.items is None:
            return None
        if self.node.list_type != "map":
            return None
        if self._by_key is None:
            self._by_key = by_key(self.node, self.old)
        old = find(self.node, self._by_key, self.new[i])
        return None if old is None else type(self)(self.new[i], old, self.node.items)

    def unchanged(self) -> bool:
        if self._equal is None:
            self._equal = self._compare()
        return self._equal

    def _compare(self) -> bool:
        new, old = self.new, self.old
        if new is None or old is None:
            return new is None and old is None
        if isinstance(new, dict) and isinstance(old, dict):
            if len(new) != len(old):
                return False
            children = (self.key(name) for name in new)
            return all(c is not None and c.unchanged() for c in children)
        if isinstance(new, list) and isinstance(old, list):
            if len(new) != len(old):
                return False
            if self.node.list_type != "map":
                return same(new, old)
            items = (self.index(i) for i in range(len(new)))
            return all(c is not None and c.unchanged() for c in items)
        return same(new, old)


def by_key(node: Node, items: list[Json]) -> dict[tuple[str, ...], Json]:
    """The items of a list map by their keys; of equal keys the first counts."""
    found: dict[tuple[str, ...], Json] = {}
    for item in items:
        key = key_of(node, item)
        if key is not None:
            found.setdefault(key, item)
    return found


def find(node: Node, items: Mapping[tuple[str, ...], Json], item: Json) -> Json:
    key = key_of(node, item)
    return None if key is None else items.get(key)


def key_of(node: Node, item: Json) -> tuple[str, ...] | None:
    """None where a key is absent or no scalar. Several keys are compared as text, so that floats have six digits."""
    if not isinstance(item, dict):
        return None
    values = [item.get(name) for name in node.list_keys]
    if any(kind_of(v) not in SCALARS for v in values):
        return None
    if len(values) == 1:
        kind = kind_of(values[0])
        return (kind, repr(as_float(values[0])) if kind is Kind.NUMBER else str(values[0]))
    return tuple(map(_text, values))


def _text(value: Json) -> str:
    match kind_of(value):
        case Kind.STRING:
            return quote(value)
        case Kind.NUMBER:
            return f"{as_float(value):f}"
        case Kind.BOOLEAN:
            return "true" if value else "false"
        case _:
            return str(value)
