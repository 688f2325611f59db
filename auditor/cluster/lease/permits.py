"""What is being written under a lease right now, so that a lease is not given away under a write."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from auditor.cluster.lease.contest import Token


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to write, for as long as it lasts."""

    remaining: Callable[[], float]
    token: Token | None = None
    """Of the term, where there is one: to be given along."""

    def left(self) -> float:
        """Seconds. To be called right before each request, repetitions too: they bound its timeout.

        Raises LeaseLostError where nothing more may be written.
        """
        return self.remaining()


@dataclass(slots=True)
class Permits:
    """Those that are in use, by what they are for. Safe to use from many threads."""

    returned: Callable[[], None] = lambda: None
    """Told when the last one of something was given back."""
    _in_use: Counter[str] = field(default_factory=Counter)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, key: str) -> None:
        with self._changed:
            self._in_use[key] += 1

    def give_back(self, key: str) -> None:
        with self._changed:
            self._in_use[key] -= 1
            if self._in_use[key]:
                return
            del self._in_use[key]
            self._changed.notify_all()
        self.returned()

    def in_use(self) -> list[str]:
        with self._changed:
            return list(self._in_use)

    def wait_until_none(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._in_use, timeout)
