"""x-kubernetes-list-type: no value twice in a set, no keys twice in a map."""

from collections.abc import Callable, Iterator

from auditor.json import Json, JsonObject
from auditor.languages.schema import fielderror
from auditor.languages.schema.node import Node
from auditor.languages.schema.place import Place
from auditor.languages.schema.trim import Branch, walk
from auditor.languages.schema.values import Kind, as_float, kind_of, show_json
from auditor.languages.schema.violation import Violation


def wants(node: Node) -> bool:
    return node.list_type in ("set", "map")


Suspect = Callable[[Json], bool]
"""Says False only where no list under a value has anything twice."""


def suspect(branch: Branch) -> Suspect:
    """The fast look at valid objects: it knows no paths, and takes 1, 1.0 and true for the same."""
    own = _suspect_list(branch.node) if branch.wanted else None
    properties = [(name, suspect(child)) for name, child in branch.properties.items()]
    items = suspect(branch.items) if branch.items is not None else None
    values = suspect(branch.values) if branch.values is not None else None

    def look(value: Json) -> bool:
        if isinstance(value, dict):
            for name, below in properties:
                if name in value and below(value[name]):
                    return True
            return values is not None and any(map(values, value.values()))
        if isinstance(value, list):
            if own is not None and own(value):
                return True
            return items is not None and any(map(items, value))
        return False

    return look


def _suspect_list(node: Node) -> Suspect:
    keys = node.list_keys

    def is_suspect(items: list[Json]) -> bool:
        try:
            if not keys:
                return len(set(items)) < len(items)
            if len(keys) == 1:
                key = keys[0]
                return len({item[key] for item in items}) < len(items)
            return len({tuple([item.get(k) for k in keys]) for item in items}) < len(items)
        except (AttributeError, KeyError, TypeError):  # no objects, no key, or no scalars
            return True

    return is_suspect


def check_lists(branch: Branch, obj: JsonObject) -> list[Violation]:
    return [
        v for node, value, place in walk(branch, obj) if isinstance(value, list) for v in _check(node, value, place)
    ]


def _check(node: Node, items: list[Json], place: Place) -> Iterator[Violation]:
    if node.list_type == "set":
        for i in _repeated(items):
            yield fielderror.duplicate(place.item(i), items[i])
        return
    for i, item in enumerate(items):
        if item is not None and not isinstance(item, dict):
            detail = "must be an object for an array of list-type map"
            yield fielderror.invalid(place.item(i), item, detail)
            return
    keys = [{k: item[k] for k in node.list_keys if k in item} if item else {} for item in items]
    alone = node.list_keys[0] if len(node.list_keys) == 1 else None
    # A single key is compared as a value, several as their JSON, in which 1 and 1.0 are the same.
    for i in _repeated(keys if alone is None else [key.get(alone, _UNSPECIFIED) for key in keys]):
        yield fielderror.duplicate(place.item(i), keys[i], value=items[i])


def _repeated(items: list[Json]) -> Iterator[int]:
    """The place of the second of equal items; a third is not reported. Composites are equal when their JSON is."""
    if len(items) < 2:
        return
    seen: dict[Json, int] = {}
    for i, item in enumerate(items):
        token = _token(item)
        seen[token] = seen.get(token, 0) + 1
        if seen[token] == 2:
            yield i


_UNSPECIFIED = object()


def _token(item: Json) -> Json:
    if item is _UNSPECIFIED:
        return item
    kind = kind_of(item)
    if kind is Kind.STRING:
        return item
    if kind in (Kind.ARRAY, Kind.OBJECT):
        return (kind, show_json(item))
    return (kind, as_float(item) if kind is Kind.NUMBER else item)
