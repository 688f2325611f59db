"""Telling all objects again and again, slowly: so many a second that it takes the whole interval.

What a handler has missed by a fault of its own, or cannot see because it depends on the time, is done then at the
latest. All at once would be a burst of work every so often; spread, it is a trickle.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

TICK = 1.0
"""Seconds between portions: a thousand objects in an hour are one every few ticks."""
LATE = 10.0
"""Seconds: after a longer gap (a computer that slept) nothing is caught up in a burst."""


@dataclass(slots=True)
class Round:
    """Gives out the keys that are due. `clock` is monotonic; a test has its own."""

    interval: float
    keys: Callable[[], Collection[str]]
    clock: Callable[[], float]
    _order: list[str] = field(default_factory=list)
    _size: int = 0
    _done: float = 0.0
    """Seconds of this round that have passed."""
    _seen: float = field(init=False)

    def __post_init__(self) -> None:
        if self.interval <= 0:
            raise ValueError("a resync needs an interval of more than 0 seconds")
        self._seen = self.clock()
        self._begin()

    def due(self) -> Iterator[str]:
        """Those since the last call. In each round every key that was there at its begin, once."""
        now = self.clock()
        self._done += min(max(now - self._seen, 0.0), max(LATE, TICK))
        self._seen = now
        left = self._size - int(self._size * min(self._done / self.interval, 1.0))
        while len(self._order) > left:
            yield self._order.pop()
        if self._done >= self.interval:
            self._begin()

    def _begin(self) -> None:
        self._order = list(self.keys())
        self._size, self._done = len(self._order), 0.0
