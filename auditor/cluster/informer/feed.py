"""One list-watch in one thread, and the hub that its events go into: shared by all who follow the same objects."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from auditor.cluster.informer.hub import Hub, View
from auditor.cluster.listwatch import Event, Scope, Status, Store
from auditor.cluster.resource import Resource
from auditor.cluster.stores import Keep

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds before a list-watch that ended by a fault of ours is started again."""


class Follower(Protocol):
    """What a feed needs of a list-watch."""

    def run(self) -> None: ...

    def stop(self) -> None: ...

    @property
    def status(self) -> Status: ...


class Follow(Protocol):
    """Makes the list-watch; a test makes its own."""

    def __call__(
        self, resource: Resource, store: Store, *, scope: Scope, sink: Callable[[Event], None]
    ) -> Follower: ...


class Feed:
    """Runs from `start` until `stop`. Whenever a user needs more than is kept, it lists anew."""

    def __init__(self, resource: Resource, scope: Scope, keep: Keep, *, follow: Follow) -> None:
        self.resource: Final = resource
        self.scope: Final = scope
        self.name: Final = " ".join(filter(None, [resource.name, scope.namespace, scope.labels, scope.fields]))
        self.hub: Final = Hub(self.name, keep)
        self.users = 0
        """Counted by who hands it out."""
        self._follow = follow
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listwatch: Follower | None = None
        self._generation = 0
        self._heard: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch {self.name}", daemon=True)

    def start(self) -> None:
        """Once: later calls do nothing."""
        with self._lock:
            if self._thread.ident is None:
                self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """From any thread, a handler's too. Does not wait."""
        self._stopping.set()
        self.hub.end()
        with self._lock:
            listwatch = self._listwatch
        if listwatch is not None:
            listwatch.stop()

    def wait(self, deadline: float) -> bool:
        """Until its thread has ended, or that time of the monotonic clock. A handler that stops its own feed returns
        to it, so there is nothing to wait for."""
        if self._thread is threading.current_thread() or self._thread.ident is None:
            return True
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def refresh(self) -> None:
        """Lists anew if the hub has begun a generation that this list-watch does not serve."""
        with self._lock:
            listwatch = self._listwatch if self._generation < self.hub.layers.generation else None
        if listwatch is not None:
            listwatch.stop()

    @property
    def status(self) -> Status | None:
        """Of its list-watch; None before that has begun."""
        listwatch = self._listwatch
        return None if listwatch is None else listwatch.status

    @property
    def last_heard(self) -> float | None:
        """By the wall clock: when the server was last heard."""
        status = self.status
        heard = [t for t in (self._heard, status.last_heard if status is not None else None) if t is not None]
        return max(heard, default=None)

    def _run(self) -> None:
        while (listwatch := self._begin()) is not None:
            try:
                listwatch.run()
            except Exception:
                log.exception("%s: the list-watch failed, and is started again", self.name)
            if self._generation == self.hub.layers.generation:
                # Nobody has asked for its end: it has failed, or stops for good.
                self._stopping.wait(PAUSE)

    def _begin(self) -> Follower | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            self._heard = self.last_heard
            generation = self._generation = self.hub.layers.generation
            self._listwatch = self._follow(
                self.resource,
                View(self.hub.layers, generation),
                scope=self.scope,
                sink=partial(self.hub.apply, generation=generation),
            )
            return self._listwatch
