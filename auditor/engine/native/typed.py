"""What server-side apply takes for a value of a schema's types, before it merges anything."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Final, TypeAlias

from auditor.engine.patch import PatchError
from auditor.json import Json, JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.languages.schema.node import ABSENT, Node

Wrong: TypeAlias = Iterator[str]

_TEXT: Final = {"type": "string"}
_WHOLE: Final = {"type": "integer"}
_TEXTS: Final = {"type": "object", "additionalProperties": _TEXT}
_OWNER: Final = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _TEXT),
        **{key: {"type": "boolean"} for key in ("controller", "blockOwnerDeletion")},
    },
    "required": ["uid"],
}
_HEAD: Final[JsonObject] = {
    "type": "object",
    "properties": {
        "apiVersion": _TEXT,
        "kind": _TEXT,
        "object": {
            "type": "object",
            "properties": {
                **dict.fromkeys(
                    (
                        *("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"),
                        *("creationTimestamp", "deletionTimestamp"),
                    ),
                    _TEXT,
                ),
                **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), _WHOLE),
                "labels": _TEXTS,
                "annotations": _TEXTS,
                "finalizers": {"type": "array", "x-kubernetes-list-type": "set", "items": _TEXT},
                "ownerReferences": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["uid"],
                    "items": _OWNER,
                },
                "managedFields": {"type": "array", "items": {"type": "object"}},
            },
        },
    },
}


@cache
def _head() -> dict[str, Node]:
    properties = StructuralSchema.compile(_HEAD).root.properties
    return {"apiVersion": properties["apiVersion"], "kind": properties["kind"], "metadata": properties["object"]}


def complete(root: Node | None) -> Node:
    """With the fields that every object has, whatever its CRD says of them, or where there is none."""
    root = root or Node(type="object", preserve=True)
    return replace(root, properties={**root.properties, **_head()})


def check_typed(value: Json, root: Node | None, *, what: str, written: bool) -> None:
    """Raises PatchError. `written` in an expression, null is no value of any type; in an object it is one of all."""
    found = list(_check(value, root, "", written=written))
    if found:
        told = found[0] if len(found) == 1 else "errors:\n" + "\n".join(f"  {each}" for each in found)
        raise PatchError(f"failed to convert {what} to typed object: {told}")


def is_free(node: Node | None) -> bool:
    """Nothing is declared of it."""
    if node is None:
        return True
    if node.type == "object":
        return not node.properties and node.additional is None
    return not node.type


def _check(value: Json, node: Node | None, path: str, *, written: bool) -> Wrong:
    if value is None and not written:
        return
    if node is None or is_free(node):
        yield from _check_free(value, path, written=written)
    elif node.type == "object":
        yield from _check_map(value, node, path, written=written)
    elif node.type == "array":
        yield from _check_list(value, node, path, written=written)
    elif node.type in ("integer", "number"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{path}: expected numeric (int or float), got {_go_type(value)}"
    elif node.type == "boolean":
        if not isinstance(value, bool):
            yield f"{path}: expected boolean, got {_show(value)}"
    elif not isinstance(value, str):
        yield f"{path}: expected string, got &value.valueUnstructured{{Value:{_go(value)}}}"


def _check_free(value: Json, path: str, *, written: bool) -> Wrong:
    if value is None and written:
        yield f"{path}: expected map, got {_show(value)}"
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _check_free(each, f"{path}.{name}", written=written)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            if isinstance(each, list) and written:
                yield f"{path}[{index}]: expected map, got {_show(each)}"
            else:
                yield from _check_free(each, f"{path}[{index}]", written=written)


def _check_map(value: Json, node: Node, path: str, *, written: bool) -> Wrong:
    if not isinstance(value, dict):
        yield f"{path}: expected map, got {_show(value)}"
        return
    for name, each in value.items():
        child = node.child(name)
        if child is not None or node.preserve or node.additional is True:
            yield from _check(each, child, f"{path}.{name}", written=written)
        elif not (node.embedded and name in _head()):
            yield f"{path}.{name}: field not declared in schema"


def _check_list(value: Json, node: Node, path: str, *, written: bool) -> Wrong:
    if not isinstance(value, list):
        yield f"{path}: expected list, got {_show(value)}"
        return
    seen = set()
    for index, each in enumerate(value):
        name = _name(each, node) or f"[{index}]"
        if name in seen and written:
            yield f"{path}: duplicate entries for key {name}"
        seen.add(name)
        yield from _check(each, node.items, path + name, written=written)


def _name(item: Json, node: Node) -> str:
    """What tells an item apart from the others of its list; empty: its index."""
    if node.list_type == "set" and not isinstance(item, dict | list):
        return f"[={_go(item)}]"
    if node.list_type == "map" and isinstance(item, dict):
        return f"[{','.join(f'{key}={_go(value)}' for key, value in _keys(item, node))}]"
    return ""


def _keys(item: JsonObject, node: Node) -> Sequence[tuple[str, Json]]:
    properties = node.items.properties if node.items is not None else {}
    found = []
    for key in node.list_keys:
        default = properties[key].default if key in properties else ABSENT
        if key in item or default is not ABSENT:
            found.append((key, item.get(key, default)))
    return found


def _go_type(value: Json) -> str:
    match value:
        case None:
            return "structpb.NullValue"
        case bool():
            return "bool"
        case str():
            return "string"
        case dict():
            return "map[string]interface {}"
    return "[]interface {}"


def _go(value: Json) -> str:
    """As Go writes it in code."""
    match value:
        case None:
            return "0"
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def _show(value: Json) -> str:
    return f"&{{{_print(value)}}}"


def _print(value: Json) -> str:
    """As Go prints it for people."""
    match value:
        case None:
            return "NULL_VALUE"
        case str():
            return value
        case list():
            return f"[{' '.join(map(_print, value))}]"
        case dict():
            return f"map[{' '.join(f'{key}:{_print(each)}' for key, each in sorted(value.items()))}]"
    return _go(value)
