"""Objects that are to be judged again at some time though nothing changes: an exception ends, a controller is late."""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Ask(Protocol):
    def __call__(self, kind: str, reason: str, *, keys: Collection[str]) -> None: ...


@dataclass(slots=True)
class _Times:
    of: dict[str, datetime] = field(default_factory=dict)
    first: datetime = _NEVER
    """None of them is before this: most looks, and there are five a second, need not go through all."""


class Rechecks:
    """Safe to use from many threads. Nothing is kept of objects that never want it, which most do not."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._kinds: dict[str, _Times] = {}

    def __len__(self) -> int:
        with self._lock:
            return sum(len(each.of) for each in self._kinds.values())

    def note(self, kind: str, key: str, at: datetime | None, *, part: bool = False) -> None:
        """The last word counts; None: not any more. `part`: not all were asked, and what the others said stands."""
        with self._lock:
            times = self._kinds.get(kind)
            if at is None:
                if times is not None and not part:
                    times.of.pop(key, None)
                return
            if times is None:
                times = self._kinds[kind] = _Times()
            times.of[key] = min(at, times.of.get(key, at)) if part else at
            times.first = min(times.first, at)

    def forget(self, kind: str) -> None:
        with self._lock:
            self._kinds.pop(kind, None)

    def ask_due(self, now: datetime) -> None:
        due: dict[str, list[str]] = {}
        with self._lock:
            for kind, times in list(self._kinds.items()):
                if times.first > now:
                    continue
                keys = [key for key, at in times.of.items() if at <= now]
                for key in keys:
                    del times.of[key]
                times.first = min(times.of.values(), default=_NEVER)
                if not times.of:
                    del self._kinds[kind]
                if keys:
                    due[kind] = keys
        for kind, keys in due.items():
            self._ask(kind, "time", keys=keys)
