"""When to correct an object that somebody else keeps changing. Pure, but for the clock that it is given.

Two programs that are each sure of themselves would write for ever, thousands of times an hour. So corrections get
slower, and what goes on is told to people, who alone can end it.
"""

from collections.abc import Callable
from dataclasses import dataclass

FREE = 3
"""Corrections at once: a person who tries something, or a deployment that writes an object in steps."""
MAX_DELAY = 300.0
"""Seconds. What is wrong for so long at most is seen by the watcher, and both sides write 12 times an hour."""
QUIET = 2 * MAX_DELAY
"""Seconds without a correction, after which it is over. Longer than a delay, or a fight would always begin anew."""


@dataclass(slots=True)
class Rivalry:
    """Of one object. `clock` is monotonic."""

    clock: Callable[[], float]
    corrections: int = 0
    """Since it was quiet last."""
    _last: float = 0.0

    @property
    def contested(self) -> bool:
        return self._quieted() > FREE

    def delay(self) -> float:
        """Seconds from now until it may be corrected."""
        done = self._quieted()
        if done < FREE:
            return 0.0
        pause = min(2.0 ** (done - FREE + 1), MAX_DELAY)
        return max(0.0, self._last + pause - self.clock())

    def correct(self) -> None:
        """It has been corrected now."""
        self.corrections = self._quieted() + 1
        self._last = self.clock()

    def _quieted(self) -> int:
        if self.corrections and self.clock() - self._last >= QUIET:
            self.corrections = 0
        return self.corrections
