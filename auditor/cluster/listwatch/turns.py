"""The lists of a process run one after the other: together they would only keep each other from coming on."""

import threading
import time
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 2.0
"""Seconds in which a list is alone. Most take some milliseconds; one of a server that hangs, or of very many objects,
goes on beside the next one."""


class Turns:
    """Python runs one thread at a time. Of 200 that all have objects to judge each would wait a second for its next
    turn, and so would whoever else has something to do, as the answer to a probe; and to change from thread to thread
    costs a quarter of the time."""

    def __init__(self, *, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = patience, clock
        self._changed = threading.Condition()
        self._holder: object = None
        self._since = 0.0

    def take(self, stopped: Callable[[], bool]) -> object:
        """Waits for the turn, which is to be given back. None: it is not needed any more."""
        with self._changed:
            while self._holder is not None and not stopped():
                left = self._since + self._patience - self._clock()
                if left <= 0:
                    break
                self._changed.wait(left)
            if stopped():
                self._changed.notify()  # the wake may have been meant for another
                return None
            self._holder, self._since = object(), self._clock()
            return self._holder

    def give_back(self, turn: object) -> None:
        """Does nothing if it has passed to another meanwhile."""
        with self._changed:
            if turn is not None and turn is self._holder:
                self._holder = None
                self._changed.notify()

    def wake(self) -> None:
        """Whoever waits looks whether it is stopped."""
        with self._changed:
            self._changed.notify_all()
