"""Apply configurations: merging what a policy wants set into an object, by the object's schema, as server-side apply.

Maps merge field by field; sets and list-maps merge item by item, in an order that keeps both sides' where it can;
everything else is replaced. Declared atomic lists and maps are refused, because setting one field of them would
remove all others.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol

from auditor.engine.patch.operations import PatchError
from auditor.engine.patch.pointer import join_pointer
from auditor.json import Json, JsonObject


class ShapeKind(Enum):
    MAP = "map"
    ATOMIC = "atomic"
    SET = "set"
    LIST_MAP = "list map"
    UNKNOWN = "unknown"
    """Nothing is declared, or a scalar: maps merge, everything else is replaced."""


class Shape(Protocol):
    """What a schema says of one node."""

    @property
    def kind(self) -> ShapeKind: ...

    @property
    def keys(self) -> Sequence[str]:
        """Of a list map: the fields that tell its items apart."""

    @property
    def defaults(self) -> Mapping[str, Json]:
        """Of a list map: the schema's defaults of its keys."""

    def field(self, name: str) -> "Shape | None":
        """Of a declared property of a map; None for one that is not declared."""

    @property
    def element(self) -> "Shape":
        """Of a list's items, or of a map's values that are not declared."""


_Path = tuple[str | int, ...]


def apply_configuration(document: JsonObject, patch: JsonObject, structure: Shape) -> JsonObject:
    """The document with the patch applied. Raises PatchError where server-side apply would refuse."""
    if atomics := _find_atomics(patch, structure, ()):
        what = "may not mutate atomic arrays, maps or structs"
        raise PatchError(f"invalid ApplyConfiguration: {what}: {', '.join(atomics)}")
    result: JsonObject = _merge(document, patch, structure, ())
    return result


def _find_atomics(value: Json, shape: Shape, path: _Path) -> list[str]:
    """Where the patch sets an atomic list or map. Like the API server's search it follows declared fields only."""
    found: list[str] = []
    if isinstance(value, dict):
        if shape.kind is ShapeKind.ATOMIC:
            found.append(_dotted(path))
        for key, item in value.items():
            child = shape.field(key)
            if child is not None:
                found += _find_atomics(item, child, (*path, key))
    elif isinstance(value, list):
        if shape.kind in {ShapeKind.ATOMIC, ShapeKind.UNKNOWN}:
            found.append(_dotted(path))
        else:
            for index, item in enumerate(value):
                found += _find_atomics(item, shape.element, (*path, index))
    return found


def _dotted(path: _Path) -> str:
    """As the API server names the place."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _merge(old: Json, new: Json, shape: Shape, path: _Path) -> Json:
    kind = shape.kind
    if kind is ShapeKind.ATOMIC:
        return new
    if kind in {ShapeKind.SET, ShapeKind.LIST_MAP}:
        if new is None:
            return old if isinstance(old, list) and old else None
        if not isinstance(new, list):
            raise PatchError(f"{join_pointer(path)} must be a list")
        return _merge_lists(old if isinstance(old, list) else [], new, shape, path)
    if kind is ShapeKind.MAP and new is not None and not isinstance(new, dict):
        raise PatchError(f"{join_pointer(path)} must be an object")
    if new is None:
        return old if isinstance(old, dict) and old else None
    if not isinstance(new, dict):
        return new
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        child = shape.field(key) or shape.element
        result[key] = _merge(result.get(key), value, child, (*path, key))
    return result


def _merge_lists(old: list[Json], new: list[Json], shape: Shape, path: _Path) -> list[Json]:
    """Items of both lists once. The new items keep their order, and so do the old ones around them where they can."""
    new_names = [_name(item, shape, (*path, index)) for index, item in enumerate(new)]
    if len(set(new_names)) < len(new_names):
        raise PatchError(f"{join_pointer(path)} has two items with the same key")
    old_names = [_name(item, shape, (*path, index)) for index, item in enumerate(old)]
    added = dict(zip(new_names, new, strict=True))
    known: dict[_Name, Json] = {}
    for name, item in zip(old_names, old, strict=True):
        known[name] = None if name in known else item  # a double is not merged with
    shared = [name for name in new_names if name in known]
    result: list[Json] = []
    done: set[_Name] = set()

    def take(name: _Name, index: int) -> None:
        result.append(_merge(known.get(name), added[name], shape.element, (*path, index)))
        done.add(name)
        if shared and shared[0] == name:
            shared.pop(0)

    left = right = 0
    while left < len(old) or right < len(new):
        if left < len(old) and right < len(new):
            name = old_names[left]
            if name == new_names[right]:
                take(name, right)
                left, right = left + 1, right + 1
                continue
            if name in added and shared and shared[0] != name:
                left += 1  # shared, but its turn comes later
                continue
        if left < len(old):
            name = old_names[left]
            if name not in added:
                result.append(old[left])
                left += 1
                continue
            if name in done:
                left += 1
        if right < len(new):
            take(new_names[right], right)
            right += 1
    return result


_Name = tuple[tuple[bool, Json], ...]


def _name(item: Json, shape: Shape, path: _Path) -> _Name:
    """What tells the item apart. Booleans are marked, because Python takes them for numbers."""
    where = join_pointer(path)
    if shape.kind is ShapeKind.SET:
        if item is None or isinstance(item, dict | list):
            raise PatchError(f"{where} must be a scalar, because the list is a set")
        return ((isinstance(item, bool), item),)
    if not isinstance(item, dict):
        raise PatchError(f"{where} must be an object with {', '.join(shape.keys)}")
    name = []
    for key in shape.keys:
        value = item.get(key, shape.defaults.get(key))
        if key not in item and key not in shape.defaults:
            raise PatchError(f"{where} lacks {key}, the key of its list")
        if isinstance(value, dict | list):
            raise PatchError(f"{where}/{key} must be a scalar, because it is a key")
        name.append((isinstance(value, bool), value))
    return tuple(name)
