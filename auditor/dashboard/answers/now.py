"""What an object of a finding is in the cluster now: who wrote it, and what its policy's mutations would change."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from auditor.dashboard.answers.line import FindingLine


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLine:
    manager: str
    """As it calls itself; people by the program that they wrote with."""
    operation: str
    """Apply or Update."""
    subresource: str
    at: datetime | None
    """When it last wrote any of its fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    path: str
    before: str | None
    """As JSON; none where nothing stands there."""
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectNow:
    said: str
    """Why there is no more to tell, or what to know about what is told; empty: nothing."""
    seen: bool = False
    """Whether the object was read."""
    value: str | None = None
    """What stands at the path of the finding, as JSON; none where nothing does, or where it is not to be shown."""
    missing: bool = False
    """Nothing stands at the path."""
    beside: tuple[str, ...] = ()
    """Where nothing stands there: the names that the nearest part has that is there."""
    nearest: str = ""
    """The path of that part."""
    writers: tuple[WriterLine, ...] = ()
    """Of the path; where nothing stands there, of the nearest part. The latest first."""
    changes: tuple[ChangeLine, ...] = ()
    """What the mutations of its policy would change in it."""
    unchanged: str = ""
    """Why it is not told what they would change; empty where it is, or where there are none."""


class Look(Protocol):
    def __call__(self, finding: FindingLine, uid: str, /) -> ObjectNow:
        """Never raises for what the cluster refuses: that is told."""


def look_at_nothing(_: FindingLine, __: str) -> ObjectNow:
    return ObjectNow(said="The API server was not asked: this dashboard is not connected to a cluster.")
