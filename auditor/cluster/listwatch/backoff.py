"""How long to wait after a failure: longer each time, never the same for all who failed together."""

from collections.abc import Callable
from dataclasses import dataclass

from auditor.cluster.pace import MAX_PAUSE

BASE = 0.5
"""Seconds. client-go begins with 0.8; a cut connection is worth one quick try."""
CAP = 30.0
"""Seconds, as in client-go: what comes back is noticed within half a minute."""


@dataclass(slots=True)
class Backoff:
    """Full jitter: anything from nothing to the doubled limit, which spreads best those whom one server left."""

    draw: Callable[[], float]
    """A random number from 0 to 1."""
    failures: int = 0

    def next(self, wish: float | None = None) -> float:
        """Seconds. `wish` is the server's own (Retry-After): at least that."""
        limit = min(CAP, BASE * 2.0 ** min(self.failures, 10))
        self.failures += 1
        return max(limit * self.draw(), min(wish or 0.0, MAX_PAUSE) * (1 + self.draw() / 10))

    def reset(self) -> None:
        self.failures = 0
