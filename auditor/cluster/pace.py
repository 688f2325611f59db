"""How fast this process may ask an API server: so many calls a second, with a reserve for bursts.

One pace is shared by all that talk to the same server. Calls that people wait for go before those that nobody does, and
a server that asks for a pause (429 or 503 with Retry-After) gets it from all.
"""

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

QPS = 50.0
"""client-go has 5 by default and its controllers set 20 to 50: API Priority and Fairness guards the server today."""
BURST = 100
MAX_PAUSE = 60.0
"""Seconds: a longer wish is granted by asking again after these."""


class Urgency(IntEnum):
    """The smaller goes first."""

    WAITED_FOR = 0
    BACKGROUND = 1


@dataclass(slots=True)
class Pace:
    """A bucket of tokens that fills with time. `clock` is monotonic; a test has its own."""

    qps: float = QPS
    burst: int = BURST
    clock: Callable[[], float] = time.monotonic
    _tokens: float = field(init=False)
    _filled: float = field(init=False)
    _paused_until: float = field(default=0.0, init=False)
    _waiting: list[tuple[Urgency, int, threading.Condition]] = field(default_factory=list, init=False)
    """A heap. Each has a condition of its own: of hundreds that wait, only the first is woken when its turn comes."""
    _order: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _closed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.qps <= 0 or self.burst < 1:
            raise ValueError("a pace needs more than 0 calls a second, and a burst of 1 or more")
        self._tokens = float(self.burst)
        self._filled = self.clock()

    def take(
        self,
        urgency: Urgency = Urgency.BACKGROUND,
        *,
        timeout: float | None = None,
        given_up: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Returns when a call may be made; False if that would not be within the timeout, or all has been closed.

        Also if the call is `given_up` meanwhile, which is looked at when somebody calls `wake`.
        """
        deadline = None if timeout is None else self.clock() + timeout
        with self._lock:
            self._order += 1
            turn = threading.Condition(self._lock)
            mine = (urgency, self._order, turn)
            heapq.heappush(self._waiting, mine)
            try:
                while not self._closed and not given_up():
                    # Who is not first has nothing to wait for but to become it, and is woken then.
                    wait = self._seconds_until_ready() if self._waiting[0] is mine else None
                    if wait is not None and wait <= 0:
                        self._tokens -= 1
                        return True
                    left = None if deadline is None else deadline - self.clock()
                    if left is not None and (left <= 0 or (wait is not None and wait > left)):
                        return False
                    turn.wait(min((t for t in (wait, left) if t is not None), default=None))
                return False
            finally:
                self._waiting.remove(mine)
                heapq.heapify(self._waiting)
                if self._waiting:
                    self._waiting[0][2].notify()

    def pause(self, seconds: float) -> None:
        """The server has asked for it. Nobody calls until then; a shorter wish does not end a longer one."""
        with self._lock:
            until = self.clock() + min(max(seconds, 0.0), MAX_PAUSE)
            self._paused_until = max(self._paused_until, until)
            self._notify_all()

    def wake(self) -> None:
        with self._lock:
            self._notify_all()

    def close(self) -> None:
        """Whoever waits gets False, and so does whoever comes."""
        with self._lock:
            self._closed = True
            self._notify_all()

    def _notify_all(self) -> None:
        for _, _, turn in self._waiting:
            turn.notify()

    def _seconds_until_ready(self) -> float:
        now = self.clock()
        self._tokens = min(self._tokens + (now - self._filled) * self.qps, float(self.burst))
        self._filled = now
        missing = (1 - self._tokens) / self.qps if self._tokens < 1 else 0.0
        return max(missing, self._paused_until - now)
