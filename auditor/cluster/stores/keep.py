"""What its users need of each object, and how the needs of several become one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from auditor.cluster.stores.text import encode
from auditor.json import JsonObject

Path: TypeAlias = tuple[str, ...]
"""Names of fields, one inside the other: ("spec", "storage", "class"). What a list holds is kept or left as a whole."""
Content: TypeAlias = Callable[[JsonObject], bytes]
"""What of an object a digest is made of, as bytes that are equal if, and only if, nothing of it has changed.

Two users share a digest if they give the same function, so it should be one that a module defines, no lambda.
"""

MANAGED_FIELDS: Path = ("metadata", "managedFields")
BOOKKEEPING = frozenset({"resourceVersion", "generation", "managedFields"})
"""Of metadata: what the API server counts and notes by itself. It changes when nothing that anybody wants has changed:
a status heartbeat or a second apply of the same file moves at least one of them."""


def content_of(obj: JsonObject) -> bytes:
    """All of it but the bookkeeping of the API server. Its uid is in it: a namesake is another object."""
    metadata = {name: value for name, value in obj["metadata"].items() if name not in BOOKKEEPING}
    return encode({**obj, "metadata": metadata}, orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Keep:
    """Which object it is, and at which version, is always kept; this says what else. `a | b` is enough for both."""

    digests: tuple[Content, ...] = ()
    """16 bytes for each: enough to see whether that content has changed, not what was in it."""
    fields: frozenset[Path] = frozenset()
    whole: bool = False
    """The object itself, as JSON text that is decoded on each read."""
    managed_fields: bool = False
    """Whole objects keep metadata.managedFields too, which are often a third of an object and seldom looked at."""

    def __post_init__(self) -> None:
        if not all(isinstance(path, tuple) for path in self.fields):  # the letters of a text are no path
            raise ValueError('a path is a tuple of names: ("spec", "replicas"), or ("spec",)')
        if () in self.fields:
            raise ValueError("a path has one name at least: for all of an object say whole=True")
        if self.managed_fields and not self.whole:
            raise ValueError("managed_fields is about whole objects: without them choose the field")

    def __or__(self, other: "Keep") -> "Keep":
        fields = _without_parts(self.fields | other.fields)
        whole = self.whole or other.whole
        digests = tuple(dict.fromkeys(self.digests + other.digests))
        # A part of managedFields that one of them chose must not get lost when the other wants whole objects.
        managed = self.managed_fields or other.managed_fields or any(map(_is_managed, fields))
        return Keep(digests, frozenset() if whole else fields, whole, whole and managed)

    def covers(self, other: "Keep") -> bool:
        """Whoever needs the other is served by this one too."""
        own = self | IDENTITY  # in the form that `|` gives
        return own | other == own

    def has(self, path: Path) -> bool:
        """Whether this part of an object can be read from the store."""
        if self.whole:
            return self.managed_fields or not _is_managed(path)
        return any(path[: len(kept)] == kept for kept in self.fields)

    def __str__(self) -> str:
        """For status: what sort of store this is."""
        parts = ["digests"] if self.digests else []
        parts += ["whole objects"] if self.whole else ["fields"] if self.fields else []
        return " and ".join(parts) or "identity"


IDENTITY = Keep()
DIGESTS = Keep(digests=(content_of,))
WHOLE = Keep(whole=True)


def _is_managed(path: Path) -> bool:
    """A part of managedFields, or what they are a part of."""
    return path[: len(MANAGED_FIELDS)] == MANAGED_FIELDS[: len(path)]


def _without_parts(paths: Iterable[Path]) -> frozenset[Path]:
    """Those that are not inside of another."""
    every = frozenset(paths)
    return frozenset(path for path in every if not any(path[:length] in every for length in range(len(path))))
