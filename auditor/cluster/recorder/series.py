"""Which Events are written, and when. No threads and no network: whoever uses it brings lock and clocks.

What happens the first time becomes an Event. What happens again within six minutes is counted in its series: told at
once the first time, then at a slow beat, and for the last time when it has been quiet for so long. Each object has a
bucket of Events, so that one that goes wrong in ever new words does not fill etcd.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from auditor.cluster.recorder.event import Occurrence, Reference, name_event

FINISH = 360.0
"""Seconds without a repetition after which a series is over, as in client-go."""
BEAT = 300.0
"""Seconds between two writes of a series that goes on. client-go takes 30 minutes; who looks on wants to know sooner,
and each object may write one Event in that time anyway."""
OBJECT_BURST = 25
OBJECT_REFILL = 300.0
"""New Events of one object, and the seconds until it may have one more: the spam filter of client-go."""
KEPT = 4096
"""Series, and objects, of which we know at a time, as in client-go: at most about 8 MB with notes of 1 KB."""

WAITING = 1000
"""Events that may wait to be written: an outage costs no more than 2 MB, and is told of within minutes of its end."""


class Outcome(Enum):
    WRITE = "write"
    """New, or repeated for the first time: there is something to write now."""
    COUNTED = "counted"
    TOO_MANY = "too many of one object"
    FULL = "too many at a time"


@dataclass(slots=True, eq=False)
class Series:
    occurrence: Occurrence
    name: str
    begun: int
    last: int
    """Nanoseconds since 1970: for people."""
    seen: float
    """By the monotonic clock, as is all that decides."""
    count: int = 1
    written: int = 0
    written_at: float = 0.0
    queued: bool = False


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


@dataclass(slots=True)
class Book:
    clock: Callable[[], float]
    wall_clock: Callable[[], int]
    waiting: int = WAITING
    kept: int = KEPT
    _series: OrderedDict[Occurrence, Series] = field(default_factory=OrderedDict)
    """The one that happened last is last."""
    _buckets: OrderedDict[Reference, _Bucket] = field(default_factory=OrderedDict)
    _due: deque[Series] = field(default_factory=deque)
    _last_name: int = 0

    def record(self, occurrence: Occurrence) -> Outcome:
        now, wall = self.clock(), self.wall_clock()
        series = self._series.get(occurrence)
        if series is not None and now - series.seen < FINISH:
            series.count += 1
            series.seen, series.last = now, wall
            self._series.move_to_end(occurrence)
            if series.written == 1:
                return self._queue(series)
            return Outcome.COUNTED
        if series is not None:
            self._finish(series)
        if len(self._due) >= self.waiting or (len(self._series) >= self.kept and not self._evict()):
            return Outcome.FULL
        if not self._take_token(occurrence.regarding, now):
            return Outcome.TOO_MANY
        # Two in one tick of the clock, or a clock that was set back, must not give one name twice.
        self._last_name = max(wall, self._last_name + 1)
        name = name_event(occurrence.regarding.name, self._last_name)
        series = self._series[occurrence] = Series(occurrence, name, begun=wall, last=wall, seen=now)
        return self._queue(series)

    def take(self) -> Series | None:
        """The next to be written. Whoever takes one says afterwards how that went: `wrote` or `lost`."""
        if not self._due:
            return None
        series = self._due.popleft()
        series.queued = False
        return series

    def wrote(self, series: Series, count: int) -> None:
        series.written, series.written_at = count, self.clock()
        if count == 1 and series.count > 1:  # repeated while it was written
            self._queue(series)

    def lost(self, series: Series) -> None:
        """It could not be written: when it happens again, that is a new Event."""
        if self._series.get(series.occurrence) is series:
            del self._series[series.occurrence]

    def sweep(self) -> None:
        """To be called now and then: queues what is due by time, and forgets what is over."""
        now = self.clock()
        for series in list(self._series.values()):
            if now - series.seen >= FINISH:
                self._finish(series)
            elif series.written > 1 and series.count > series.written and now - series.written_at >= BEAT:
                self._queue(series)
        for reference, bucket in list(self._buckets.items()):
            if bucket.tokens + (now - bucket.filled) / OBJECT_REFILL >= OBJECT_BURST:
                del self._buckets[reference]

    def finish(self) -> None:
        """The end has come for all: what was counted and not yet told is queued."""
        for series in list(self._series.values()):
            self._finish(series)

    def __len__(self) -> int:
        """Those that wait to be written."""
        return len(self._due)

    @property
    def open(self) -> int:
        return len(self._series)

    def _queue(self, series: Series) -> Outcome:
        if not series.queued:
            series.queued = True
            self._due.append(series)
        return Outcome.WRITE

    def _finish(self, series: Series) -> None:
        del self._series[series.occurrence]
        if series.count > series.written > 0:
            self._queue(series)

    def _evict(self) -> bool:
        """Makes room, by the series that was quiet longest and is written. What waits for its turn is not touched."""
        for series in self._series.values():
            if not series.queued and series.written:
                self._finish(series)
                return True
        return False

    def _take_token(self, reference: Reference, now: float) -> bool:
        bucket = self._buckets.get(reference)
        if bucket is None:
            if len(self._buckets) >= self.kept:
                self._buckets.popitem(last=False)
            bucket = self._buckets[reference] = _Bucket(OBJECT_BURST, now)
        self._buckets.move_to_end(reference)
        bucket.tokens = min(bucket.tokens + (now - bucket.filled) / OBJECT_REFILL, float(OBJECT_BURST))
        bucket.filled = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
