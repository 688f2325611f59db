"""managedFields: who wrote which fields, and when.

What they can prove, as measured on a real API server: whoever changes a value takes the field away from all others,
so the owners of a field wrote the same value, one of them last. The time is that of the whole entry, of one second,
and moves when any of its fields is written, not when one is removed. Writes to `scale`, and applies that changed
nothing, have no time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from auditor.checks.times import read_time, show_time
from auditor.engine.patch import same
from auditor.json import Json, JsonObject

Tokens = tuple[str, ...]
"""The steps of a JSON pointer."""
STATUS: Final = "status"


@dataclass(frozen=True, slots=True)
class Writer:
    manager: str
    operation: str
    """Apply or Update."""
    subresource: str
    version: str
    time: datetime | None
    fields: JsonObject

    def __str__(self) -> str:
        through = f" through the subresource {self.subresource}" if self.subresource else ""
        return f"{self.manager or 'somebody without a name'} ({self.operation}{through})"

    @property
    def when(self) -> str:
        return f"at {show_time(self.time)}" if self.time else "at a time that is not recorded"

    def owns(self, path: Tokens, thing: Json) -> bool:
        """The field, a part of it, or the whole of which it is a part."""
        node, value = self.fields, thing
        for depth, token in enumerate(path):
            if depth and not node:
                return True
            child, value = _step(node, value, token)
            if child is None:
                return False
            node = child
        return bool(node) or bool(path)

    def leaves(self, thing: Json) -> Iterator[Tokens]:
        """All that it owns; items of lists by their index, and those of sets by `v:` and the value."""
        return _leaves(self.fields, thing, ())


def read_writers(thing: JsonObject | None) -> list[Writer]:
    entries = ((thing or {}).get("metadata") or {}).get("managedFields")
    return [_read(each) for each in entries or () if isinstance(each, dict)]


def _read(entry: JsonObject) -> Writer:
    fields = entry.get("fieldsV1")
    return Writer(
        str(entry.get("manager") or ""),
        str(entry.get("operation") or ""),
        str(entry.get("subresource") or ""),
        version_of(entry),
        read_time(entry.get("time")),
        fields if isinstance(fields, dict) else {},
    )


def version_of(entry: JsonObject) -> str:
    return str(entry.get("apiVersion") or "").rpartition("/")[2]


def find_owners(writers: Iterable[Writer], path: Tokens, thing: Json) -> list[Writer]:
    return [writer for writer in writers if writer.owns(path, thing)]


def newest(writers: Iterable[Writer]) -> datetime | None:
    return max((writer.time for writer in writers if writer.time is not None), default=None)


def name_all(writers: Sequence[Writer]) -> str:
    return " or ".join(dict.fromkeys(map(str, writers)))


def _step(node: JsonObject, value: Json, token: str) -> tuple[JsonObject | None, Json]:
    if not isinstance(value, list):
        return node.get(f"f:{token}"), value.get(token) if isinstance(value, dict) else None
    index = int(token) if token.isdecimal() else len(value)
    if index >= len(value):
        return None, None
    item = value[index]
    for key, child in node.items():
        if _is_item(key, item, index):
            return child, item
    return None, None


def _is_item(key: str, item: Json, index: int) -> bool:
    """`k:` with the keys of a list map, `v:` with the value of a set, `i:` with the index."""
    match key[:2]:
        case "k:":
            keys = orjson.loads(key[2:])
            return isinstance(item, dict) and all(name in item and same(item[name], keys[name]) for name in keys)
        case "v:":
            return same(orjson.loads(key[2:]), item)
        case "i:":
            return key[2:] == str(index)
    return False


def _leaves(node: JsonObject, value: Json, path: Tokens) -> Iterator[Tokens]:
    for key, child in node.items():
        if key == ".":
            if len(node) == 1:
                yield path
            continue
        if key.startswith("f:"):
            step, below = key[2:], value.get(key[2:]) if isinstance(value, dict) else None
        else:
            items = value if isinstance(value, list) else []
            index = next((i for i, item in enumerate(items) if _is_item(key, item, i)), None)
            step = key if index is None or key.startswith("v:") else str(index)
            below = None if index is None else items[index]
        if child:
            yield from _leaves(child, below, (*path, step))
        else:
            yield (*path, step)
