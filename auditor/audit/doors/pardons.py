"""Which objects were written with broken glass: they got in with leave, and did not get past the door."""

import heapq
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from auditor.cluster.access import dig, dig_text
from auditor.json import JsonObject

KEPT: Final = timedelta(hours=1)
"""Long enough for the watcher to hear of the object and of the decision, in whatever order, and to judge it. What is
judged again later, by a watcher that keeps no history, looks like a bypass."""
MOST: Final = 10_000
"""Of writes: who breaks the glass more often has left the door open. 5 MB."""

Key = tuple[str, str, str]
"""Group, kind, and `namespace/name` or the name alone. No version: the door and the store may see an object at two."""


@dataclass(frozen=True, slots=True, order=True)
class Pardon:
    at: datetime
    """By the clock of the door."""
    key: Key
    decision: str
    """Its id: each of several webhooks decides for itself."""


class Pardons:
    """Safe to use from many threads."""

    def __init__(self, *, now: Callable[[], datetime], kept: timedelta = KEPT) -> None:
        self._now, self._kept = now, kept
        self._lock = threading.Lock()
        self._known: set[Pardon] = set()
        self._oldest: list[Pardon] = []
        """The same as a heap: those of the history come later than what the doors tell, and are older."""
        self._by_key: dict[Key, list[datetime]] = {}

    def note(self, decisions: Iterable[JsonObject]) -> list[Key]:
        """The objects of which something new is known by these: they were judged without that, perhaps."""
        return self.remember(pardon for each in decisions if (pardon := _read(each)) is not None)

    def remember(self, pardons: Iterable[Pardon]) -> list[Key]:
        """The same, of those that are known from elsewhere."""
        found: dict[Key, None] = {}
        with self._lock:
            oldest = self._now() - self._kept
            for each in pardons:
                if each.at >= oldest and each not in self._known:
                    self._add(each)
                    found[each.key] = None
            self._drop()
            return [key for key in found if key in self._by_key]

    def times(self, group: str, kind: str, key: str) -> tuple[datetime, ...]:
        """When that object was written so, by the clock of the door; the oldest first."""
        with self._lock:
            self._drop()
            return tuple(sorted(self._by_key.get((group, kind, key), ())))

    def __len__(self) -> int:
        return len(self._known)

    def _add(self, pardon: Pardon) -> None:
        self._known.add(pardon)
        heapq.heappush(self._oldest, pardon)
        self._by_key.setdefault(pardon.key, []).append(pardon.at)

    def _drop(self) -> None:
        oldest = self._now() - self._kept
        while self._oldest and (self._oldest[0].at < oldest or len(self._known) > MOST):
            pardon = heapq.heappop(self._oldest)
            self._known.remove(pardon)
            times = self._by_key[pardon.key]
            times.remove(pardon.at)
            if not times:
                del self._by_key[pardon.key]


def _read(decision: JsonObject) -> Pardon | None:
    if dig(decision, "breakGlass") is not True or dig(decision, "dryRun") is True:
        return None
    at, name = _read_time(dig_text(decision, "time")), dig_text(decision, "name")
    if at is None or not name:
        return None
    group = dig_text(decision, "apiVersion").rpartition("/")[0]
    key = make_key(group, dig_text(decision, "kind"), dig_text(decision, "namespace"), name)
    return Pardon(at, key, dig_text(decision, "id"))


def make_key(group: str, kind: str, namespace: str, name: str) -> Key:
    return (group, kind, f"{namespace}/{name}" if namespace else name)


def _read_time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
