"""All informers of a process for one API server: the same feed for the same objects, ended with its last user."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

from auditor.cluster.informer.feed import Feed, Follow
from auditor.cluster.informer.index import IndexFunction
from auditor.cluster.informer.informer import Informer
from auditor.cluster.informer.notice import Handler, Member
from auditor.cluster.informer.resync import TICK, Round
from auditor.cluster.informer.status import InformerStatus
from auditor.cluster.listwatch import Event, ListWatch, Scope, Store
from auditor.cluster.listwatch.source import Client
from auditor.cluster.listwatch.turns import Turns
from auditor.cluster.resource import Resource
from auditor.cluster.stores import IDENTITY, Keep

log = logging.getLogger(__name__)

STOP_TIMEOUT = 5.0
"""Seconds. Kubernetes gives a pod 30; a process has more to end than this."""
ANYWHERE = Scope()
NO_INDEXES: Mapping[str, IndexFunction] = {}


class Informers:
    """Safe to use from many threads, but not from handlers: one that opens an informer there may wait for itself."""

    def __init__(
        self,
        client: Client,
        *,
        follow: Follow | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        turns = Turns()

        def list_watch(resource: Resource, store: Store, *, scope: Scope, sink: Callable[[Event], None]) -> ListWatch:
            return ListWatch(client, resource, store, scope=scope, sink=sink, turns=turns)

        self._follow = follow or list_watch
        self._clock, self._now = clock, now
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._feeds: dict[tuple[Resource, Scope], Feed] = {}
        self._ending: list[Feed] = []
        self._open: dict[Informer, Round | None] = {}
        self._resyncer: threading.Thread | None = None

    def open(
        self,
        resource: Resource,
        *,
        scope: Scope = ANYWHERE,
        keep: Keep = IDENTITY,
        handler: Handler | None = None,
        indexes: Mapping[str, IndexFunction] = NO_INDEXES,
        resync: float = 0.0,
        fresh: bool = False,
    ) -> Informer:
        """Follows the objects of a kind until the informer is closed. Does not wait for them: `wait_synced` does.

        `keep`: what it needs to read of each object; others who follow the same kind may need more. `handler`: told of
        all that is there, then of each change. With `fresh` by a list of its own, so that its first notices carry whole
        objects though nobody keeps them. `resync`: seconds in which it is told of each object again; 0: never.
        """
        if resync < 0:
            raise ValueError("a resync needs an interval of more than 0 seconds, or 0 for none")
        resource.path(namespace=scope.namespace)  # raises here, not in the thread of the watch, where it makes no sense
        member = Member(resource.name, handler)
        with self._lock:
            if self._stopping.is_set():
                raise RuntimeError("these informers have been stopped")
            feed = self._feeds.get((resource, scope))
            if feed is None:
                feed = self._feeds[resource, scope] = Feed(resource, scope, keep, follow=self._follow)
            feed.users += 1
        informer = Informer(feed, member, keep, indexes, close=self._leave, now=self._now)
        try:
            feed.hub.join(member, keep, indexes.values(), fresh=fresh)
        except BaseException:
            member.closed = True
            self._release(feed)
            raise
        feed.refresh()
        with self._lock:
            stopped = self._stopping.is_set()
            if not stopped:
                self._open[informer] = self._make_round(informer, resync)
                feed.start()
        if stopped:
            informer.close()
        return informer

    def _make_round(self, informer: Informer, resync: float) -> Round | None:
        if not resync:
            return None
        if self._resyncer is None:
            self._resyncer = threading.Thread(target=self._resync, name="resync of informers", daemon=True)
            self._resyncer.start()
        return Round(resync, informer.keys, self._clock)

    def _resync(self) -> None:
        while not self._stopping.wait(TICK):
            self.resync_due()

    def resync_due(self) -> None:
        """Tells again what is due now. Called once a second by a thread of its own."""
        with self._lock:
            rounds = [(informer, each) for informer, each in self._open.items() if each is not None]
        for informer, each in rounds:
            for key in each.due():
                if self._stopping.is_set():
                    return
                informer.tell_again(key)

    def _leave(self, informer: Informer, feed: Feed) -> None:
        with self._lock:
            self._open.pop(informer, None)
        self._release(feed)

    def _release(self, feed: Feed) -> None:
        """The last user stops it, and does not wait: this may be its own thread, or one that a handler waits for."""
        with self._lock:
            feed.users -= 1
            if feed.users:
                return
            self._feeds.pop((feed.resource, feed.scope), None)
            self._ending = [each for each in self._ending if each.running]
            self._ending.append(feed)
        feed.stop()

    def status(self) -> list[InformerStatus]:
        """One for each list-watch."""
        with self._lock:
            feeds = list(self._feeds.values())
        return [InformerStatus.of(feed, self._now()) for feed in feeds]

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """Ends all, whatever they are doing. False if one did not end in time, as in a handler that does not return."""
        deadline = time.monotonic() + timeout
        self._stopping.set()
        with self._lock:
            feeds = [*self._feeds.values(), *self._ending]
            opened = list(self._open)
        for feed in feeds:
            feed.stop()
        for informer in opened:
            informer.close()
        late = [feed.name for feed in feeds if not feed.wait(deadline)]
        if late:
            log.error("not ended in %g s, because of a handler or a call that does not: %s", timeout, ", ".join(late))
        return not late

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def wait_synced(informers: Iterable[Informer], timeout: float | None = None) -> bool:
    """Until all of them have synced; False if one has not by then, or was closed."""
    deadline = None if timeout is None else time.monotonic() + timeout
    return all(
        informer.wait_synced(None if deadline is None else max(0.0, deadline - time.monotonic()))
        for informer in informers
    )
