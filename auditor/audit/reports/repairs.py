"""How soon a report that somebody has changed is put right: at once the first time, then more slowly each time.

A fight of two controllers costs etcd more than it is worth.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

FIRST: Final = 0.2
"""Seconds; doubled each time."""
LONGEST: Final = 60.0
QUIET: Final = 300.0
"""Seconds of peace after which all is forgotten."""


@dataclass(slots=True)
class Repairs:
    """`clock` is monotonic. Safe to use from many threads: what two of them do at a time may count as one."""

    clock: Callable[[], float]
    _known: dict[str, tuple[int, float]] = field(default_factory=dict)
    """How many there were, and when the last one was."""

    def delay(self, key: str) -> float:
        """Seconds until the next one, which counts from now on."""
        now = self.clock()
        count, last = self._known.get(key, (0, now))
        if now - last > QUIET:
            count = 0
        self._known[key] = (count + 1, now)
        return min(FIRST * 2.0 ** min(count, 20), LONGEST)

    def forgive(self, key: str) -> None:
        """There is something new to write anyway: what is seen meanwhile may be our own."""
        self._known.pop(key, None)

    def sweep(self) -> None:
        now = self.clock()
        for key in [key for key, (_, last) in list(self._known.items()) if now - last > QUIET]:
            self._known.pop(key, None)

    def __len__(self) -> int:
        return len(self._known)
