"""Answers that hold for some seconds: bounded, and each key asked for by one thread at a time."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    def __init__(self, *, seconds: float, most: int, clock: Callable[[], float]) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._known: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._asking: dict[K, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: K, ask: Callable[[], V]) -> V:
        """What `ask` raises is raised, and not remembered."""
        with self._lock:
            turn = self._asking.setdefault(key, threading.Lock())
        try:
            with turn:
                with self._lock:
                    found = self._known.get(key)
                    if found is not None and self._clock() < found[0]:
                        return found[1]
                # From when it was asked for: a slow answer is not younger for that.
                until = self._clock() + self._seconds
                answer = ask()
                with self._lock:
                    self._known.pop(key, None)
                    self._known[key] = (until, answer)
                    while len(self._known) > self._most:
                        self._known.popitem(last=False)
                return answer
        finally:
            with self._lock:
                if not turn.locked():
                    self._asking.pop(key, None)
