"""What was stopped, and what follows: a rule that runs away must not make the others wait for it again and again.

A rule that was stopped once (time, memory, crash) is a suspect for a minute: it runs alone, in a process that serves
suspects only. If it is stopped twice on the very same input, which is what a client that tries again sends, it is not
tried on that input for a minute. Only time clears it: a rule that is fast on most objects must not lure its slow runs
back among the others. And only that rule on that input is refused: one object that makes a rule slow must not turn
the rule into an error for all objects.
"""

import threading
from collections.abc import Callable, Hashable

SECONDS = 60.0
"""Spares us a client that tries again at once; short for an author who waits after a mistake."""
MAX_STOPS = 2
"""Stops on one input before it is not tried again: one may have been the machine's fault."""
MAX_RECORDS = 1000
"""Of each kind; the oldest are forgotten first. Each takes some 100 bytes."""


class Penalties:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        self._lock = threading.Lock()
        self._suspects: dict[Hashable, float] = {}
        self._stops: dict[Hashable, tuple[int, float]] = {}

    def suspect(self, text: Hashable) -> bool:
        """Whether this rule, or this batch, has to run by itself."""
        return bool(self._suspects) and self._clock() < self._suspects.get(text, 0.0)

    def barred(self, text: Hashable, data: bytes) -> bool:
        count, until = self._stops.get((text, hash(data)), (0, 0.0))
        return count >= MAX_STOPS and self._clock() < until

    def mark(self, text: Hashable) -> None:
        """It was stopped, or ran too long together with others: keep it apart."""
        with self._lock:
            self._suspects.pop(text, None)
            self._suspects[text] = self._clock() + SECONDS
            if len(self._suspects) > MAX_RECORDS:
                del self._suspects[next(iter(self._suspects))]

    def stopped(self, text: Hashable, data: bytes) -> None:
        self.mark(text)
        with self._lock:
            key, now = (text, hash(data)), self._clock()
            count, until = self._stops.pop(key, (0, 0.0))
            self._stops[key] = (count + 1 if now < until else 1, now + SECONDS)
            if len(self._stops) > MAX_RECORDS:
                del self._stops[next(iter(self._stops))]
