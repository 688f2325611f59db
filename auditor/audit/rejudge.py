"""Objects that did not change, and are to be judged again because something else did: read anew, page by page.

What is asked for meanwhile is done in one go: a kind is listed once for ten policies that were applied together.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeAlias

from auditor.audit.follower import Follower
from auditor.cluster import Client
from auditor.cluster.access import key_of, split_key
from auditor.cluster.queue import WorkQueue
from auditor.cluster.workers import STOP_TIMEOUT, Workers
from auditor.errors import NotFoundError
from auditor.json import JsonObject

log = logging.getLogger(__name__)

SETTLE: Final = 0.05
"""Seconds that a pass waits for more that is asked for: what belongs together comes within some of these."""
FEW: Final = 20
"""Objects that are read one by one; for more of them the kind is listed, in pages of 500."""
NEVER: Final = 1 << 30
"""Failures before it gives up: somebody has to see to it in the end."""
LONGEST: Final = 60.0
"""Seconds between two attempts: a kind that cannot be listed is watched in vain, too, and coverage tells."""
WORKERS: Final = 4
"""Passes at a time. Judging is bound by one core; but of a kind whose conversion is broken each page takes as long as
its webhook may, and the others are not to wait for that."""
PATIENCE: Final = 5.0
"""Seconds that a pass waits for what its rules look up: without it they would err, and be right a moment later. When it
comes after that, who asked for it is judged again."""
LOOK: Final = 0.2
"""Seconds until the next look whether it has come."""

Sources: TypeAlias = frozenset[str] | None
"""Which policies; None: all, and the checks."""


@dataclass(slots=True)
class Wanted:
    """All that is asked for of a kind. What is wanted of more is wanted of each of them."""

    sources: set[str] = field(default_factory=set)
    """Of all objects."""
    all: bool = False
    """All of all objects."""
    namespaces: dict[str, set[str] | None] = field(default_factory=dict)
    keys: dict[str, set[str] | None] = field(default_factory=dict)
    reasons: set[str] = field(default_factory=set)

    def add(self, sources: Sources, namespaces: Iterable[str] | None, keys: Iterable[str] | None, reason: str) -> None:
        self.reasons.add(reason)
        if keys is not None:
            _add(self.keys, keys, sources)
        elif namespaces is not None:
            _add(self.namespaces, namespaces, sources)
        elif sources is None:
            self.all = True
        else:
            self.sources |= sources

    def join(self, other: "Wanted") -> None:
        self.sources |= other.sources
        self.all |= other.all
        self.reasons |= other.reasons
        for mine, theirs in ((self.namespaces, other.namespaces), (self.keys, other.keys)):
            for name, sources in theirs.items():
                _add(mine, [name], None if sources is None else frozenset(sources))

    @property
    def everywhere(self) -> bool:
        return self.all or bool(self.sources)

    def sources_of(self, namespace: str, key: str) -> Sources:
        """What is wanted of that object; empty: nothing."""
        if self.all:
            return None
        found = set(self.sources)
        for sources in (self.namespaces.get(namespace, set()), self.keys.get(key, set())):
            if sources is None:
                return None
            found |= sources
        return frozenset(found)


def _add(wanted: dict[str, set[str] | None], names: Iterable[str], sources: Sources) -> None:
    for name in names:
        known = wanted.setdefault(name, set())
        if known is None or sources is None:
            wanted[name] = None
        else:
            known |= sources


class Rejudger:
    """`ask` from any thread; two workers read and judge. A pass that fails is made again, for as long as it takes."""

    def __init__(
        self,
        client: Client,
        find: Callable[[str], Follower | None],
        *,
        ready: Callable[[Follower], bool] = lambda _: True,
        passed: Callable[[Follower], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ready`: whether all is known that its rules look up. `passed` hears of each pass over all of a kind."""
        self._client, self._find, self._ready, self._passed, self._clock = client, find, ready, passed, clock
        self._lock = threading.Lock()
        self._wanted: dict[str, Wanted] = {}
        self._since: dict[str, float] = {}
        """Since when passes over these kinds wait for what is looked up."""
        self._stopping = threading.Event()
        self._queue: WorkQueue[str] = WorkQueue(max_retries=NEVER, max_delay=LONGEST)
        self._workers = Workers("judge again", self._queue, self._work, count=WORKERS)
        self.troubles: dict[str, str] = {}
        """By kind: why the last pass failed."""

    def start(self) -> None:
        self._workers.start()

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        self._stopping.set()
        return self._workers.stop(timeout)

    def ask(
        self,
        kind: str,
        reason: str,
        sources: Sources = None,
        *,
        namespaces: Iterable[str] | None = None,
        keys: Iterable[str] | None = None,
        delay: float = SETTLE,
    ) -> None:
        with self._lock:
            self._wanted.setdefault(kind, Wanted()).add(sources, namespaces, keys, reason)
        self._queue.add(kind, delay=delay)

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def _work(self, kind: str) -> None:
        with self._lock:
            wanted = self._wanted.pop(kind, None)
        follower = self._find(kind)  # after that: what was asked for of this one is not dropped for want of one before
        if wanted is None or follower is None:
            self._since.pop(kind, None)
            if follower is None:
                self.troubles.pop(kind, None)
            return
        if not self._ready(follower) and self._clock() - self._since.setdefault(kind, self._clock()) < PATIENCE:
            self._put_back(kind, wanted)
            self._queue.add(kind, delay=LOOK)
            return
        self._since.pop(kind, None)
        try:
            self._pass(follower, wanted)
        except BaseException as error:
            self.troubles[kind] = str(error)
            self._put_back(kind, wanted)
            raise
        self.troubles.pop(kind, None)

    def _put_back(self, kind: str, wanted: Wanted) -> None:
        with self._lock:
            self._wanted.setdefault(kind, Wanted()).join(wanted)

    def _pass(self, follower: Follower, wanted: Wanted) -> None:
        begun, done = datetime.now(UTC), 0
        reason = min(wanted.reasons)
        for thing in self._read(follower, wanted):
            if self._stopping.is_set() or follower.closed:
                return
            key = key_of(thing)
            sources = wanted.sources_of(split_key(key)[0], key)
            if sources is None or sources:
                done += follower.judge_again(thing, reason, sources)
        log.debug("%s: %d objects judged again: %s", follower.name, done, ", ".join(sorted(wanted.reasons)))
        if wanted.all:
            follower.complete(begun)
        if wanted.everywhere:
            self._passed(follower)

    def _read(self, follower: Follower, wanted: Wanted) -> Iterator[JsonObject]:
        resource = follower.resource
        if wanted.everywhere or len(wanted.keys) > FEW:
            yield from self._client.list(resource)
            return
        for namespace in sorted(wanted.namespaces):
            yield from self._client.list(resource, namespace=namespace if resource.namespaced else "")
        for key in sorted(wanted.keys):
            namespace, name = split_key(key)
            if namespace not in wanted.namespaces:
                try:
                    yield self._client.get(resource, name, namespace=namespace)
                except NotFoundError:
                    continue  # the watch tells
