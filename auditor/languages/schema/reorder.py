"""The order of sets and list maps does not matter in CEL rules: `self == oldSelf` compares them without it.

The CEL library has ordinary lists only. So in oldSelf those that hold the same as in self are given the order of self.
"""

from collections.abc import Callable
from typing import TypeAlias

from auditor.json import Json
from auditor.languages.schema.correlation import by_key, find
from auditor.languages.schema.node import Node
from auditor.languages.schema.values import same

Reorder: TypeAlias = Callable[[Json, Json], Json]
"""Takes self and oldSelf, and gives oldSelf."""


def reorder_of(node: Node) -> Reorder:
    return _find(node) or (lambda _, old: old)


def _find(node: Node) -> Reorder | None:
    """None where there is no such list under a node."""
    if node.type == "array" and node.items is not None:
        below = _find(node.items)
        if node.list_type == "set":
            return _reorder_set
        if node.list_type == "map":
            return _reorder_map(node, below)
        return None if below is None else _reorder_items(below)
    fields = {name: found for name, child in node.properties.items() if (found := _find(child)) is not None}
    values = _find(node.values) if node.values is not None else None
    return _reorder_object(fields, values) if fields or values is not None else None


def _reorder_set(new: Json, old: Json) -> Json:
    if not (isinstance(new, list) and isinstance(old, list)) or len(new) != len(old) or new == old:
        return old
    rest = list(old)
    for item in new:
        i = next((i for i, other in enumerate(rest) if same(item, other)), None)
        if i is None:
            return old
        del rest[i]
    return new


def _reorder_map(node: Node, below: Reorder | None) -> Reorder:
    def reorder(new: Json, old: Json) -> Json:
        if not (isinstance(new, list) and isinstance(old, list)) or len(new) != len(old):
            return old
        olds = by_key(node, old)
        found = [find(node, olds, item) for item in new]
        if any(item is None for item in found):
            return old
        return found if below is None else [below(a, b) for a, b in zip(new, found, strict=True)]

    return reorder


def _reorder_items(below: Reorder) -> Reorder:
    def reorder(new: Json, old: Json) -> Json:
        if not (isinstance(new, list) and isinstance(old, list)) or len(new) != len(old):
            return old
        return [below(a, b) for a, b in zip(new, old, strict=True)]

    return reorder


def _reorder_object(fields: dict[str, Reorder], values: Reorder | None) -> Reorder:
    def reorder(new: Json, old: Json) -> Json:
        if not (isinstance(new, dict) and isinstance(old, dict)):
            return old
        if values is not None:
            return {name: values(new[name], item) if name in new else item for name, item in old.items()}
        return {name: fields[name](new.get(name), item) if name in fields else item for name, item in old.items()}

    return reorder
