"""What a list-watch is asked for, and what comes out of it."""

from dataclasses import dataclass
from enum import Enum

from auditor.cluster.listwatch.version import UNKNOWN, Version
from auditor.json import JsonObject


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects of a kind: of one namespace or (empty) of all, and those that both selectors let through."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""


class Change(Enum):
    ADDED = "added"
    UPDATED = "updated"
    DELETED = "deleted"
    """It is gone, or has left the selector."""
    SYNCED = "synced"
    """A list was complete. The first one means that all objects that were there at the start have been told."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one object, told once the store has it."""

    change: Change
    key: str = ""
    """`namespace/name`, or the name of an object without namespace; empty for SYNCED."""
    object: JsonObject | None = None
    """As it is now; of one that was deleted the last state, as far as it is known."""
    version: Version = UNKNOWN
    """Of that object; of one that was deleted the last that is known."""
    listed: bool = False
    """Found by a list, not told by the watch."""
    missed: bool = False
    """The deletion itself was not seen: the object, if there is one, is what the store had."""
