"""Which objects have a value: kept up to date with each change, so that a lookup costs what it finds."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from auditor.errors import ClusterError
from auditor.json import JsonObject

log = logging.getLogger(__name__)

IndexFunction: TypeAlias = Callable[[JsonObject], Iterable[str]]
"""The values under which an object is found: none, one or more. It must read nothing of metadata.managedFields, which
is not always there, and change nothing. Users share an index if they give the same function."""

NO_VALUES: tuple[str, ...] = ()


class Index:
    """It is made of whole objects as they pass, so it works whatever the store keeps. One writer, many readers."""

    __slots__ = ("_failed", "_keys", "_values", "function", "generation", "users")

    def __init__(self, function: IndexFunction, generation: int) -> None:
        self.function = function
        self.generation = generation
        """All objects of layers from this one on are in it."""
        self.users = 0
        self._values: dict[str, tuple[str, ...]] = {}
        self._keys: dict[str, str | set[str]] = {}
        """By value. Most values of most indexes have one object, and a set of one costs 216 bytes."""
        self._failed: dict[str, str] = {}

    def put(self, key: str, obj: JsonObject) -> None:
        self._set(key, self._compute(key, obj))

    def fail(self, key: str, reason: str) -> None:
        """The object could not be had."""
        self._failed[key] = reason
        self._set(key, NO_VALUES)

    def _set(self, key: str, values: tuple[str, ...]) -> None:
        old = self._values.get(key, NO_VALUES)
        if values == old:
            return
        # First in, then out: a reader meanwhile may find one too many, never one too few.
        for value in values:
            if value not in old:
                self._enter(value, key)
        for value in old:
            if value not in values:
                self._take_out(value, key)
        if values:
            self._values[key] = values
        else:
            self._values.pop(key, None)

    def remove(self, key: str) -> None:
        self._failed.pop(key, None)
        for value in self._values.pop(key, NO_VALUES):
            self._take_out(value, key)

    def keys(self, value: str) -> Sequence[str]:
        """Raises where the function failed on an object: that one might be among those sought."""
        failed = list(self._failed.items()) if self._failed else []
        if failed:
            raise ClusterError(f"an index is incomplete: it failed on {len(failed)} objects, such as {failed[0]}")
        found = self._keys.get(value, NO_VALUES)
        return [found] if isinstance(found, str) else list(found)

    def values(self) -> Sequence[str]:
        """All that some object has."""
        return list(self._keys)

    @property
    def failed(self) -> int:
        """Objects on which the function failed."""
        return len(self._failed)

    def _compute(self, key: str, obj: JsonObject) -> tuple[str, ...]:
        # The function is the caller's, and the list-watch must go on whatever it does.
        try:
            values = self.function(obj)
            if isinstance(values, str):
                raise TypeError("an index function gives several values, not one text")  # noqa: TRY301 - or each letter counts as one
            found = tuple(dict.fromkeys(values))
        except Exception as error:
            if not self._failed:
                log.exception("%s: an index function failed on it", key)
            self._failed[key] = f"{type(error).__name__}: {error}"
            return NO_VALUES
        self._failed.pop(key, None)
        return found

    def _enter(self, value: str, key: str) -> None:
        found = self._keys.get(value)
        if found is None:
            self._keys[value] = key
        elif isinstance(found, str):
            self._keys[value] = {found, key}
        else:
            found.add(key)

    def _take_out(self, value: str, key: str) -> None:
        found = self._keys[value]
        if isinstance(found, str):
            del self._keys[value]
        else:
            found.discard(key)
            if len(found) == 1:
                self._keys[value] = found.copy().pop()
