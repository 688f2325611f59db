"""How an informer is doing: for metrics, for coverage, and for verdicts that rest on what it knows."""

from dataclasses import dataclass
from typing import Self

from auditor.cluster.informer.feed import Feed
from auditor.cluster.listwatch import Counts, Failure, Scope
from auditor.cluster.resource import Resource


@dataclass(frozen=True, slots=True)
class InformerStatus:
    resource: Resource
    scope: Scope
    keep: str
    """What is kept of each object, in words."""
    synced: bool
    """All that was there has been told, in the form that is needed now."""
    age: float | None
    """Seconds since the server was last heard, a bookmark at least, which comes about once a minute. None: never."""
    last_heard: float | None
    """The same by the wall clock."""
    last_error: Failure | None
    """None while all is well."""
    counts: Counts | None
    """Of the list-watch, since it listed anew for a need last."""
    objects: int
    users: int
    handler_failures: int
    """Exceptions of the handlers of those who use it now."""
    index_failures: int
    """Objects on which index functions failed."""

    @classmethod
    def of(cls, feed: Feed, now: float) -> Self:
        hub, status = feed.hub, feed.status
        return cls(
            resource=feed.resource,
            scope=feed.scope,
            keep=str(hub.layers.newest.keep),
            synced=hub.synced >= hub.layers.generation,
            age=age_of(feed, now),
            last_heard=feed.last_heard,
            counts=None if status is None else status.counts,
            last_error=None if status is None else status.last_error,
            objects=len(hub.layers),
            users=feed.users,
            handler_failures=sum(member.failures for member in hub.members),
            index_failures=sum(index.failed for index in hub.indexes.values()),
        )


def age_of(feed: Feed, now: float) -> float | None:
    # A wall clock may be set back.
    return None if feed.last_heard is None else max(0.0, now - feed.last_heard)
