"""Which objects were written with broken glass of late: they got in with leave, and did not get past the door."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from auditor.cluster.access import dig, dig_text
from auditor.json import JsonObject

KEPT: Final = timedelta(hours=1)
"""Long enough for the watcher to hear of the object and of the decision, in whatever order, and to judge it."""
MOST: Final = 10_000
"""Of writes: who breaks the glass more often in an hour has left the door open. 3 MB."""

Key = tuple[str, str, str]
"""Group, kind, and `namespace/name` or the name alone. No version: the door and the store may see an object at two."""


class Pardons:
    """Safe to use from many threads."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[Key, str], datetime] = OrderedDict()
        """By object and decision, in the order in which they came: each of several webhooks decides for itself."""
        self._by_key: dict[Key, list[datetime]] = {}

    def note(self, decisions: Iterable[JsonObject]) -> list[Key]:
        """The objects of which something new is known by these: they were judged without that, perhaps."""
        found: dict[Key, None] = {}
        with self._lock:
            for each in decisions:
                if dig(each, "breakGlass") is True and dig(each, "dryRun") is not True:
                    self._add(each, found)
            self._drop()
        return list(found)

    def times(self, group: str, kind: str, key: str) -> tuple[datetime, ...]:
        """When that object was written so, by the clock of the door; the oldest first."""
        with self._lock:
            self._drop()
            return tuple(sorted(self._by_key.get((group, kind, key), ())))

    def __len__(self) -> int:
        return len(self._known)

    def _add(self, decision: JsonObject, found: dict[Key, None]) -> None:
        at, name = _read_time(dig_text(decision, "time")), dig_text(decision, "name")
        if at is None or not name or self._now() - at > KEPT:
            return
        namespace, group = dig_text(decision, "namespace"), dig_text(decision, "apiVersion").rpartition("/")[0]
        key = (group, dig_text(decision, "kind"), f"{namespace}/{name}" if namespace else name)
        mark = (key, dig_text(decision, "id"))
        if mark not in self._known:
            self._known[mark] = at
            self._by_key.setdefault(key, []).append(at)
            found[key] = None

    def _drop(self) -> None:
        oldest = self._now() - KEPT
        while self._known:
            mark, at = next(iter(self._known.items()))
            if at >= oldest and len(self._known) <= MOST:
                return
            del self._known[mark]
            times = self._by_key[mark[0]]
            times.remove(at)
            if not times:
                del self._by_key[mark[0]]


def _read_time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
