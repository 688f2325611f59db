"""What a handler is told, and who is told."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from auditor.cluster.callback import FAULTS
from auditor.cluster.listwatch import Change, Version
from auditor.cluster.stores import IDENTITY, Content, Entry, Keep
from auditor.errors import ClusterError
from auditor.json import JsonObject

log = logging.getLogger(__name__)


class Notice(NamedTuple):
    """One change of one object, for one handler: ADDED, UPDATED or DELETED.

    A tuple, because it is made for each object of a list, and a frozen dataclass takes three times as long to make.
    """

    change: Change
    key: str
    """`namespace/name`, or the name of an object without namespace."""
    object: JsonObject | None
    """As it is now, the same for all handlers: not to be changed. Of one that was deleted the last state that is known.
    None where that is not known: then the store keeps no objects, and this comes from it (see `initial`, `missed`)."""
    before: Entry | None = None
    """What was kept of it until now."""
    after: Entry | None = None
    """What is kept of it from now on."""
    initial: bool = False
    """It was there before; this handler has not been told yet."""
    missed: bool = False
    """A tombstone: the deletion itself was not seen, and the object is what the store had, if anything."""
    resync: bool = False
    """Nothing has changed: it is told again, as it was asked for."""

    @property
    def version(self) -> Version:
        """Its uid and resourceVersion: those of now, or the last that were known."""
        entry = self.after or self.before
        return entry.version if entry is not None else Version("")

    @property
    def old(self) -> JsonObject | None:
        """As it was before, as far as the store keeps it; decoded at each call."""
        return read_object(self.before)

    def changed(self, content: Content) -> bool:
        """False only if both digests of it are known, and equal."""
        old = self.before.digest(content) if self.before is not None else None
        new = self.after.digest(content) if self.after is not None else None
        return old is None or old != new


Handler: TypeAlias = Callable[[Notice], None]
"""One call at a time: in the thread of the watch, which waits for it, so put the key into a queue; or in that of the
resync; or, for what is there already, in that of whoever opens the informer. It must not open informers itself."""


@dataclass(slots=True, eq=False)
class Member:
    """One user of a feed."""

    name: str
    handler: Handler | None = None
    keep: Keep = IDENTITY
    generation: int = 0
    """It has been told of the objects in the layers from this one on; it is synced once that one is."""
    closed: bool = False
    told: int = 0
    failures: int = 0

    def tell(self, notice: Notice) -> None:
        if self.closed or self.handler is None:
            return
        self.told += 1
        try:
            self.handler(notice)
        except FAULTS:
            self.failures += 1
            # A handler that always fails would fill the log with all objects of a cluster: the 1st, 2nd, 4th, 8th ...
            if self.failures & (self.failures - 1) == 0:
                log.exception("%s: a handler failed on %s, for the %d. time", self.name, notice.key, self.failures)


def read_object(entry: Entry | None) -> JsonObject | None:
    """None also for what could not be kept: whoever needs it has to ask the cluster."""
    if entry is None:
        return None
    try:
        return entry.object()
    except ClusterError:
        return None
