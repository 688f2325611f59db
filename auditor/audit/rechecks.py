"""Objects that are to be judged again at some time though nothing changes: an exception ends, a controller is late."""

import threading
from collections.abc import Collection
from datetime import datetime
from typing import Protocol


class Ask(Protocol):
    def __call__(self, kind: str, reason: str, *, keys: Collection[str]) -> None: ...


class Rechecks:
    """Safe to use from many threads. Nothing is kept of objects that never want it, which most do not."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._times: dict[str, dict[str, datetime]] = {}

    def __len__(self) -> int:
        with self._lock:
            return sum(len(each) for each in self._times.values())

    def note(self, kind: str, key: str, at: datetime | None) -> None:
        """The last word counts; None: not any more."""
        with self._lock:
            times = self._times.get(kind)
            if at is None:
                if times is not None:
                    times.pop(key, None)
                return
            if times is None:
                times = self._times[kind] = {}
            times[key] = at

    def forget(self, kind: str) -> None:
        with self._lock:
            self._times.pop(kind, None)

    def ask_due(self, now: datetime) -> None:
        with self._lock:
            due: dict[str, list[str]] = {}
            for kind, times in self._times.items():
                keys = [key for key, at in times.items() if at <= now]
                for key in keys:
                    del times[key]
                if keys:
                    due[kind] = keys
        for kind, keys in due.items():
            self._ask(kind, "time", keys=keys)
