"""All doors: those that were named, and those that a Service leads to by now."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from auditor.audit.doors.asking import PORT, Line
from auditor.audit.doors.books import Books, Collected
from auditor.audit.doors.endpoints import ENDPOINT_SLICES, KEEP, SERVICE_LABEL, DoorService, find_urls
from auditor.audit.doors.follower import DoorStatus, Follower
from auditor.audit.doors.pardons import KEPT, Key, Pardons
from auditor.cluster.informer import Change, Informer, Informers, Notice, Scope
from auditor.json import JsonObject

log = logging.getLogger(__name__)

INTERVAL: Final = 10.0
"""Seconds. A door keeps 4096 decisions: none is lost while it refuses no more than 400 a second."""
MOST: Final = 64
"""Doors that are asked, each by a thread; replicas of a webhook are three to five."""
STOP: Final = 1.0
"""Seconds that `stop` waits for a door that is being read."""


@dataclass(frozen=True, slots=True)
class DoorsStatus:
    doors: tuple[DoorStatus, ...]
    """By their addresses."""
    discovery: str
    """Why it is not known which doors there are; empty: it is."""
    unasked: int
    """Doors beyond the most that are asked."""


def _now() -> datetime:
    return datetime.now(UTC)


class Doors:
    """`take` is called in the threads of the doors, one at a time; if it raises, it gets the same again later."""

    def __init__(
        self,
        take: Callable[[Collected], None],
        *,
        urls: Sequence[str] = (),
        pardoned: Callable[[Sequence[Key]], None] = lambda _: None,
        pardons_kept: timedelta = KEPT,
        interval: float = INTERVAL,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """`urls` are asked always. `pardoned` is told of objects that were written with broken glass: their group,
        kind and key. Raises UsageError for what is no address."""
        self.pardons = Pardons(now=now, kept=pardons_kept)
        self._books, self._pardoned = Books(take), pardoned
        self._interval, self._now = interval, now
        self._named = {Line(url).url for url in urls}
        self._lock = threading.Lock()
        self._followers: dict[str, Follower] = {}
        self._slices: dict[str, JsonObject] = {}
        self._port = PORT
        self._informer: Informer | None = None
        self._unasked = 0
        self._running = False

    def start(self) -> None:
        """Each is asked at once, and nobody is waited for."""
        with self._lock:
            self._running = True
        self._follow()

    def discover(self, informers: Informers, service: DoorService, *, namespace: str) -> None:
        """From now on also those that the EndpointSlices of this Service name."""
        self._port = service.port
        scope = Scope(namespace=namespace, labels=f"{SERVICE_LABEL}={service.name}")
        self._informer = informers.open(ENDPOINT_SLICES, scope=scope, keep=KEEP, handler=self._note)

    def hurry(self) -> None:
        """All are asked now: somebody wants to know of the last seconds."""
        with self._lock:
            followers = list(self._followers.values())
        for each in followers:
            each.hurry()

    def stop(self) -> None:
        """Waits for a second at most; what is read after that is told nobody."""
        if self._informer is not None:
            self._informer.close()
        with self._lock:
            self._running = False
            followers, self._followers = list(self._followers.values()), {}
        for each in followers:
            each.stop()
        deadline = time.monotonic() + STOP
        for each in followers:
            each.join(deadline - time.monotonic())

    @property
    def status(self) -> DoorsStatus:
        with self._lock:
            found = [follower.status for _, follower in sorted(self._followers.items())]
        return DoorsStatus(tuple(found), self._why_unknown(), self._unasked)

    def _why_unknown(self) -> str:
        if self._informer is None:
            return ""
        error = self._informer.status.last_error
        if error is not None:
            return error.message
        return "" if self._informer.synced else "the EndpointSlices have not been read yet"

    def _note(self, notice: Notice) -> None:
        with self._lock:
            if notice.change is Change.DELETED or notice.object is None:
                self._slices.pop(notice.key, None)
            else:
                self._slices[notice.key] = notice.object
        self._follow()

    def _follow(self) -> None:
        """Those that are to be asked by now, and no others."""
        with self._lock:
            if not self._running:
                return
            wanted = [*sorted(self._named), *sorted(find_urls(self._slices.values(), self._port) - self._named)]
            self._unasked = len(wanted[MOST:])
            if self._unasked:
                log.warning("doors: %d are not asked, as there are more than %d", self._unasked, MOST)
            gone = [self._followers.pop(url) for url in list(self._followers) if url not in wanted[:MOST]]
            new = [self._make(url) for url in wanted[:MOST] if url not in self._followers]
            self._followers |= {follower.status.url: follower for follower in new}
        for each in gone:
            each.stop()
        for each in new:
            each.start()

    def _make(self, url: str) -> Follower:
        return Follower(Line(url), self._books, hear=self._hear, interval=self._interval, now=self._now)

    def _hear(self, decisions: Sequence[JsonObject]) -> None:
        found = self.pardons.note(decisions)
        if found:
            self._pardoned(found)
