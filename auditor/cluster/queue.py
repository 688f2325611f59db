"""A queue of work on things that change: each key once, failures again after a while, what people wait for first.

A key that is added while it waits is there already; one that is added while it is in work comes again when that work is
done, so no change is lost and no key is worked on twice at a time. Keys are hashable and small: what to do with a key
is found out when it is worked on, by its state of then.
"""

import heapq
import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)

BASE_DELAY = 0.1
"""Seconds before the first retry: most failures are conflicts, which are over by then. Each further one doubles it."""
MAX_DELAY = 300.0
"""A cluster that is down for an hour is asked every five minutes for each key, and is well again as soon."""
MOST_DOUBLINGS = 60
"""Longer than any delay; and beyond a thousand there is no such number, for who never gives up."""
MAX_RETRIES = 15
"""With the delays above about 50 minutes of trying; then only a change, or the resync, brings the key back."""


class Priority(IntEnum):
    """The smaller goes first. Within one, the older."""

    INTERACTIVE = 0
    CHANGE = 1
    RESYNC = 2


@dataclass(slots=True)
class Counts:
    """What a queue has done so far, for metrics."""

    added: int = 0
    done: int = 0
    retried: int = 0
    given_up: int = 0


@dataclass(slots=True)
class _Entry:
    priority: Priority
    due: float
    failures: int = 0
    waiting: bool = False
    working: bool = False
    again: tuple[Priority, float] | None = None
    """Added while it was in work: with what priority and when it is due."""
    forgotten: bool = False
    """While it was in work, and not added since: it does not come again if that fails."""


@dataclass(slots=True)
class WorkQueue(Generic[Key]):
    """Safe to use from many threads. `clock` is monotonic; a test has its own."""

    clock: Callable[[], float] = time.monotonic
    base_delay: float = BASE_DELAY
    max_delay: float = MAX_DELAY
    max_retries: int = MAX_RETRIES
    counts: Counts = field(default_factory=Counts)
    _entries: dict[Key, _Entry] = field(default_factory=dict)
    _heap: list[tuple[float, int, Key]] = field(default_factory=list)
    """By due time: what is due moves to the list of its priority."""
    _ready: tuple[dict[Key, None], ...] = field(default_factory=lambda: tuple({} for _ in Priority))
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _order: int = 0
    _closed: bool = False

    def add(self, key: Key, *, priority: Priority = Priority.CHANGE, delay: float = 0.0) -> None:
        """Worked on once for all additions until then, at the earliest of their times and by their best priority."""
        with self._changed:
            if self._closed:
                return
            self.counts.added += 1
            self._add(key, priority, self.clock() + delay)

    def _add(self, key: Key, priority: Priority, due: float) -> None:
        entry = self._entries.setdefault(key, _Entry(priority, due))
        if entry.working:
            old = entry.again or (priority, due)
            entry.again, entry.forgotten = (min(priority, old[0]), min(due, old[1])), False
            return
        if entry.waiting:
            priority, due = min(priority, entry.priority), min(due, entry.due)
            if (priority, due) == (entry.priority, entry.due):
                return
            self._ready[entry.priority].pop(key, None)
        entry.priority, entry.due, entry.waiting = priority, due, True
        if due <= self.clock():
            self._ready[priority][key] = None
        else:
            self._order += 1
            heapq.heappush(self._heap, (due, self._order, key))
        # All of them: one that is told alone of a later time may be busy by then, and the others would sleep on.
        self._changed.notify_all()

    def take(self, timeout: float | None = None) -> Key | None:
        """The next key that is due; None after the timeout, or when the queue is closed. Whoever takes must finish."""
        deadline = None if timeout is None else self.clock() + timeout
        with self._changed:
            while not self._closed:
                key = self._next()
                if key is not None:
                    return key
                now = self.clock()
                if deadline is not None and now >= deadline:
                    return None
                waits = [t - now for t in (deadline, self._heap[0][0] if self._heap else None) if t is not None]
                self._changed.wait(min(waits) if waits else None)
        return None

    def _next(self) -> Key | None:
        now = self.clock()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            # An earlier addition, or none at all, may have overtaken this one.
            if entry is not None and entry.waiting and entry.due == due:
                self._ready[entry.priority][key] = None
        for ready in self._ready:
            for key in ready:
                del ready[key]
                entry = self._entries[key]
                entry.waiting, entry.working = False, True
                return key
        return None

    def finish(self, key: Key) -> None:
        """It is done, and its failures are forgotten."""
        with self._changed:
            entry = self._entries[key]
            entry.failures = 0
            self.counts.done += 1
            self._end(key, entry)

    def fail(self, key: Key, reason: str, *, after: float | None = None) -> bool:
        """It comes again: after twice the delay of the last time, or `after` so many seconds, as a server has asked.

        False if it is given up, or was forgotten: only when it is added again somebody will work on it.
        """
        with self._changed:
            entry = self._entries[key]
            if entry.forgotten:
                log.info("%s: failed, and is not tried again, because it was forgotten: %s", key, reason)
                self._end(key, entry)
                return False
            entry.failures += 1
            if entry.failures > self.max_retries:
                log.error("%s: given up after %d failures, until it changes: %s", key, entry.failures, reason)
                self.counts.given_up += 1
                entry.failures = 0
                again = False
            else:
                again = True
                log.info("%s: failure %d: %s", key, entry.failures, reason)
                self.counts.retried += 1
                doubled = self.base_delay * 2.0 ** min(entry.failures - 1, MOST_DOUBLINGS)
                delay = min(doubled, self.max_delay) if after is None else after
                due = self.clock() + delay
                old = entry.again or (entry.priority, due)
                entry.again = (min(entry.priority, old[0]), min(due, old[1]))
            self._end(key, entry)
            return again

    def _end(self, key: Key, entry: _Entry) -> None:
        entry.working = entry.forgotten = False
        again, entry.again = entry.again, None
        if again is not None and not self._closed:
            self._add(key, *again)
        elif not entry.failures:
            del self._entries[key]
        self._changed.notify_all()

    def forget(self, key: Key) -> None:
        """It is gone: nothing of it is kept, and a retry is not made. If it is in work, that comes to its end, and if
        it fails then, that was the last time, unless the key was added again meanwhile."""
        with self._changed:
            entry = self._entries.get(key)
            if entry is None:
                return
            entry.again, entry.failures, entry.forgotten = None, 0, True
            if not entry.working:
                self._ready[entry.priority].pop(key, None)
                del self._entries[key]

    def __len__(self) -> int:
        """Those that wait, due or not."""
        with self._changed:
            return sum(entry.waiting for entry in self._entries.values())

    def close(self, timeout: float | None = None) -> bool:
        """No key is given out any more. Waits for those in work; False if they were not done by then."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not any(e.working for e in self._entries.values()), timeout)
