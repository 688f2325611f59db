"""What the API server drops from an object before it looks at it: fields that the schema does not know.

Nothing is changed in place; parts that lose nothing are shared with what was given.
"""

from typing import TypeAlias

from auditor.json import Json, JsonObject
from auditor.languages.schema.node import Node
from auditor.languages.schema.objectmeta import known_metadata


class MapKey(str):
    """A step into a map, as opposed to a field of an object."""

    __slots__ = ()


Steps: TypeAlias = tuple[str | int, ...]
META_FIELDS = frozenset(("apiVersion", "kind", "metadata"))


def prune(obj: JsonObject, root: Node) -> tuple[JsonObject, list[str]]:
    """The object as it is kept, and the paths of the unknown fields, as a strict server names them."""
    unknown: list[str] = []
    kept = _object(obj, root, (), unknown, embedded=True)
    return kept, sorted(unknown)


def _value(value: Json, node: Node | None, path: Steps, unknown: list[str]) -> Json:
    if isinstance(value, dict):
        return _object(value, node, path, unknown, embedded=node is not None and node.embedded)
    if isinstance(value, list):
        items = node.items if node is not None else None
        below = _preserved if node is not None and node.preserve else _value
        new = [below(v, items, (*path, i), unknown) for i, v in enumerate(value)]
        return value if all(a is b for a, b in zip(value, new, strict=True)) else new
    return value


def _preserved(value: Json, node: Node | None, path: Steps, unknown: list[str]) -> Json:
    """An item of a list whose unknown fields are preserved, and so are its own."""
    if node is not None and isinstance(value, dict):
        return _object(value, node, path, unknown, embedded=node.embedded, preserve=True)
    if node is not None and isinstance(value, list):
        new = [_preserved(v, node.items, (*path, i), unknown) for i, v in enumerate(value)]
        return value if all(a is b for a, b in zip(value, new, strict=True)) else new
    return value


def _object(
    obj: JsonObject, node: Node | None, path: Steps, unknown: list[str], *, embedded: bool, preserve: bool = False
) -> JsonObject:
    preserve = preserve or (node is not None and node.preserve)
    kept: JsonObject = {}
    changed = False
    for name, value in obj.items():
        if embedded and name in META_FIELDS:
            new = _metadata(value, (*path, name), unknown, root=not path) if name == "metadata" else value
        elif node is not None and (name in node.properties or node.additional is not None):
            step = name if name in node.properties else MapKey(name)
            new = _value(value, node.child(name), (*path, step), unknown) if type(value) in (dict, list) else value
        elif preserve:
            new = value
        else:
            unknown.append(_text((*path, name)))
            changed = True
            continue
        kept[name] = new
        changed = changed or new is not value
    return kept if changed else obj


def _metadata(value: Json, path: Steps, unknown: list[str], *, root: bool) -> Json:
    return known_metadata(value, _text(path, brackets=True), unknown, drop_empty=not root)


def _text(path: Steps, *, brackets: bool = False) -> str:
    """As the server writes the paths of unknown fields; those in metadata have map keys in brackets."""
    text = ""
    for step in path:
        in_brackets = isinstance(step, int) or (brackets and isinstance(step, MapKey))
        text += f"[{step}]" if in_brackets else f".{step}" if text else str(step)
    return text
