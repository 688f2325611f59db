"""From what lists and watches say to what has changed: each change told once, in order, and none lost.

No network and no clock in here. The store knows what was told; what the server says is compared with it.
"""

import logging
from collections.abc import Callable

from auditor.cluster.callback import FAULTS
from auditor.cluster.listwatch.decode import Identity
from auditor.cluster.listwatch.event import Change, Event
from auditor.cluster.listwatch.status import Counts
from auditor.cluster.listwatch.store import Store
from auditor.cluster.listwatch.version import Version, is_after, resource_version_of, uid_of
from auditor.json import JsonObject

log = logging.getLogger(__name__)

Sink = Callable[[Event], None]
DELETED = "DELETED"


class Tracker:
    def __init__(self, store: Store, sink: Sink, *, name: str, counts: Counts) -> None:
        self._store, self._sink, self._name, self._counts = store, sink, name, counts
        self._unseen: set[str] = set()
        self._gone: dict[str, Version] = {}
        self._distrust = False

    def begin_list(self) -> None:
        """Until `end_list`, objects of the store count as unseen until they are listed."""
        self._unseen = set(self._store.keys())
        self._gone = {}
        self._distrust = False

    def distrust(self) -> None:
        """The server's history went backwards (etcd was restored): an equal version may be another state."""
        self._distrust = True

    def see(self, identity: Identity, obj: JsonObject) -> None:
        """An object of a page: it is as the list says, whatever was known."""
        key, version = identity
        known = self._store.version(key)
        if known is None:
            self._store.put(key, version, obj)
            self._tell(Event(Change.ADDED, key, obj, version, listed=True))
            return
        self._unseen.discard(key)
        if known != version or self._distrust:
            self._replace(key, known, version, obj, listed=True)

    def see_streamed(self, kind: str, identity: Identity, obj: JsonObject) -> None:
        """An event of a streamed list: objects as they are, and what happens to them meanwhile. After its first
        word on an object, an object only moves forward."""
        key, version = identity
        known = self._store.version(key)
        settled = self._gone.get(key) if known is None else None if key in self._unseen else known
        if settled is not None and not _is_newer(version, settled):
            self._counts.repeated += 1
        elif kind == DELETED:
            self._unseen.discard(key)
            self._gone[key] = version
            if known is not None:
                self._delete(key, version, obj, listed=True)
        else:
            self.see(identity, obj)

    def end_list(self) -> None:
        """It was complete: what it did not name is gone."""
        for key in self._unseen:
            known = self._store.version(key)
            if known is not None:
                self._miss(key, known, listed=True)
        self._unseen, self._gone = set(), {}
        self._counts.lists += 1
        self._tell(Event(Change.SYNCED, listed=True))

    def follow(self, kind: str, identity: Identity, obj: JsonObject, *, last: str) -> None:
        """An event of a watch that has told all up to the resourceVersion `last`: an object only moves forward."""
        key, version = identity
        known = self._store.version(key)
        settled = last if known is None else resource_version_of(known)
        if not is_after(resource_version_of(version), settled) or (kind == DELETED and known is None):
            self._counts.repeated += 1
        elif kind == DELETED:
            self._delete(key, version, obj)
        elif known is None:
            self._store.put(key, version, obj)
            self._tell(Event(Change.ADDED, key, obj, version))
        else:
            self._replace(key, known, version, obj)

    def _replace(self, key: str, known: Version, version: Version, obj: JsonObject, *, listed: bool = False) -> None:
        change = Change.UPDATED
        if uid_of(known) != uid_of(version):
            self._miss(key, known, listed=listed)
            change = Change.ADDED
        self._store.put(key, version, obj)
        self._tell(Event(change, key, obj, version, listed=listed))

    def _delete(self, key: str, version: Version, obj: JsonObject, *, listed: bool = False) -> None:
        self._store.remove(key)
        self._tell(Event(Change.DELETED, key, obj, version, listed=listed))

    def _miss(self, key: str, known: Version, *, listed: bool) -> None:
        last = self._store.get(key)
        self._store.remove(key)
        self._tell(Event(Change.DELETED, key, last, known, listed=listed, missed=True))

    def _tell(self, event: Event) -> None:
        told = self._counts.told
        told[event.change.value] = told.get(event.change.value, 0) + 1
        try:
            self._sink(event)
        except FAULTS:
            self._counts.sink_errors += 1
            log.exception("%s: whoever listens failed on %s of %s", self._name, event.change.value, event.key)


def _is_newer(version: Version, known: Version) -> bool:
    return is_after(resource_version_of(version), resource_version_of(known))
