"""The defaults of a schema, as the API server applies them after pruning.

First null goes where neither null nor a default is declared; then defaults fill what is absent, or null where null is
not allowed, also inside of defaults. Nothing is changed in place; what is complete already is shared.
"""

import copy

from auditor.json import Json, JsonObject
from auditor.languages.schema.node import Absent, Node

_COMPOSITE = (dict, list)


def default(obj: JsonObject, root: Node) -> JsonObject:
    filled: JsonObject = _object(_without_nulls(obj, root), root)
    return filled


def fill(obj: JsonObject, root: Node) -> JsonObject:
    """The second half alone, as after a mutation: null stays where it is not allowed, and is wrong."""
    filled: JsonObject = _object(obj, root)
    return filled


def _without_nulls(value: Json, node: Node | None) -> Json:
    if node is None:
        return value
    if isinstance(value, dict):
        kept = {}
        changed = False
        for name, old in value.items():
            composite = type(old) in _COMPOSITE
            child = node.child(name) if composite or old is None else None
            if old is None and child is not None and not child.nullable and isinstance(child.default, Absent):
                changed = True
                continue
            kept[name] = _without_nulls(old, child) if composite else old
            changed = changed or kept[name] is not old
        return kept if changed else value
    if isinstance(value, list):
        new = [_without_nulls(item, node.items) for item in value]
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return value


def _value(value: Json, node: Node | None) -> Json:
    if node is None:
        return value
    if isinstance(value, dict):
        return _object(value, node)
    if isinstance(value, list):
        new = [_value(_replaced(item, node.items), node.items) for item in value]
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return value


def _replaced(value: Json, node: Node | None) -> Json:
    if value is None and node is not None and not node.nullable and not isinstance(node.default, Absent):
        return copy.deepcopy(node.default)
    return value


def _object(obj: JsonObject, node: Node) -> JsonObject:
    filled = {}
    changed = False
    for name, old in obj.items():
        if old is None or type(old) in _COMPOSITE:
            child = node.child(name)
            filled[name] = _value(_replaced(old, child), child)
            changed = changed or filled[name] is not old
        else:
            filled[name] = old
    for name, child in node.properties.items():
        if name not in obj and not isinstance(child.default, Absent):
            filled[name] = _value(copy.deepcopy(child.default), child)
            changed = True
    return filled if changed else obj
