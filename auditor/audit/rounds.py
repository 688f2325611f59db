"""Every object is judged again once in a while though nothing has changed: for what we have overlooked."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

RESYNC: Final = timedelta(hours=6)
"""Within which all are, by default."""


class Rounds:
    """Kind by kind, spread over the interval, each as a whole. For one thread."""

    def __init__(
        self, interval: timedelta, ask: Callable[[str, str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval, self._ask, self._clock = interval.total_seconds(), ask, clock
        self._begun: dict[str, float] = {}
        """By kind, when all of it was judged last."""
        self._last = clock()

    def note(self, kind: str) -> None:
        """All of it is judged just now."""
        self._begun[kind] = self._clock()

    def forget(self, kind: str) -> None:
        self._begun.pop(kind, None)

    def ask_due(self) -> None:
        """One kind at a time."""
        if not self._begun:
            return
        now, pause = self._clock(), self._interval / len(self._begun)
        if now - self._last < pause:
            return
        kind = min(self._begun, key=lambda kind: self._begun[kind])
        if now - self._begun[kind] >= pause:
            self._last = self._begun[kind] = now
            self._ask(kind, "resync")
