"""The kinds that CRDs define, followed live: who subscribes hears of a change as soon as the watch does.

Kinds of aggregated API servers are none of these: `Discovery` knows them, too.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from auditor.cluster.callback import FAULTS
from auditor.cluster.client import Client
from auditor.cluster.discovery.changes import KindChange, KindTable, Turn
from auditor.cluster.discovery.crd import CrdKind, read_crd
from auditor.cluster.listwatch import Change, Event, ListWatch, Status, Versions
from auditor.cluster.resource import CRDS

log = logging.getLogger(__name__)

Handler = Callable[[KindChange], None]

PAGE_SIZE = 25
"""CRDs of 1 MB exist, and a page is in memory as a whole."""
STOP_TIMEOUT = 5.0
"""Seconds, as for everything that stops; it takes some milliseconds, unless a handler is at work."""


class Kinds:
    """Safe to use from many threads. `with Kinds(client) as kinds` follows in a thread of its own."""

    def __init__(self, client: Client) -> None:
        self._table = KindTable()
        self._watch = ListWatch(client, CRDS, Versions(), sink=self.hear, page_size=PAGE_SIZE)
        self._handlers: dict[object, Handler] = {}
        self._synced = self._stopped = False
        # Re-entrant: a handler may ask, subscribe and end its subscription.
        self._changed = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """In the caller's thread, until `stop`."""
        self._watch.run()

    def start(self) -> None:
        """In a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="kinds", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """False if its own thread had not ended by then."""
        self._watch.stop()
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is None or self._thread is threading.current_thread():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def kinds(self) -> Mapping[str, CrdKind]:
        """By the name of the CRD, as of this moment. Those that are not established are among them."""
        return self._table.kinds()

    def get(self, name: str) -> CrdKind | None:
        """`databases.db.example.com`."""
        return self.kinds().get(name)

    def find(self, group: str, kind: str) -> CrdKind | None:
        """By what an object says of itself. Of two that claim the name, the one that has it."""
        claims = [k for k in self.kinds().values() if (k.group, k.kind) == (group, kind)]
        return next((k for k in claims if k.established), claims[0] if claims else None)

    def subscribe(self, handler: Handler) -> Callable[[], None]:
        """Tells of all kinds that are there (ADDED), in this thread, then of each change, in that of the watch.

        No two calls overlap, and none is missed between them. A handler must be quick: it holds up the others. What
        is returned ends the subscription; after it has returned, the handler is not called any more.
        """
        subscription = object()
        with self._changed:
            for kind in self.kinds().values():
                _tell(handler, KindChange(Turn.ADDED, kind))
            self._handlers[subscription] = handler

        def end() -> None:
            with self._changed:
                self._handlers.pop(subscription, None)

        return end

    @property
    def synced(self) -> bool:
        """All that were there at the start have been told."""
        return self._synced

    @property
    def status(self) -> Status:
        return self._watch.status

    def wait_until(self, fits: Callable[[Mapping[str, CrdKind]], bool], timeout: float | None = None) -> bool:
        """For those who need a kind before they go on; False if it did not come to that in time, or before `stop`."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or fits(self.kinds()), timeout)
            return fits(self.kinds())

    def wait_synced(self, timeout: float | None = None) -> bool:
        return self.wait_until(lambda _: self._synced, timeout)

    def hear(self, event: Event) -> None:
        """The sink of the list-watch."""
        # Read outside of the lock: large schemas take milliseconds.
        kind = None if event.object is None or event.change is Change.DELETED else read_crd(event.object)
        with self._changed:
            if kind is not None:
                changes = self._table.put(kind)
            elif event.change is Change.DELETED:
                changes = self._table.remove(event.key)
            else:
                changes = []
                self._synced = self._synced or event.change is Change.SYNCED
            for change in changes:
                log.info("%s", change)
                for subscription in list(self._handlers):
                    if handler := self._handlers.get(subscription):  # not ended by one of those before
                        _tell(handler, change)
            self._changed.notify_all()


def _tell(handler: Handler, change: KindChange) -> None:
    try:
        handler(change)
    except FAULTS:
        log.exception("%s: whoever was to be told of it failed", change)
