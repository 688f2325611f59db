"""Whether the owners that objects name are there: one that has gone without what it owned was deleted in a hurry."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from auditor.audit.follower import Follower
from auditor.json import JsonObject

COLLECTED: Final = timedelta(minutes=1)
"""Within which the garbage collector deletes what belonged to an object that has gone; it takes some seconds."""
READ: Final = timedelta(seconds=30)
"""Until when the objects of a kind that is being read for the first time are known."""
MISSING: Final = 10_000
"""Owners that are remembered: a cluster without garbage collection has many."""


def _now() -> datetime:
    return datetime.now(UTC)


class Owners:
    """Safe to use from many threads."""

    def __init__(self, find: Callable[[str, str], Follower | None], *, clock: Callable[[], datetime] = _now) -> None:
        """`find`: who follows the kind of that group and name."""
        self._find, self._clock = find, clock
        self._lock = threading.Lock()
        self._missing: dict[str, datetime] = {}
        """By the uid of an owner that is not there, when that is certain."""

    def exists(self, owner: JsonObject, namespace: str) -> bool | datetime | None:
        """None: its kind is not followed, or cannot be read. A time: ask again then."""
        group = str(owner.get("apiVersion") or "").rpartition("/")[0]
        uid, now = str(owner.get("uid")), self._clock()
        follower = self._find(group, str(owner.get("kind")))
        if follower is None:
            return None
        found = follower.exists(str(owner.get("name")), namespace, uid)
        if found is None:
            return None if follower.trouble else now + READ
        with self._lock:
            if found:
                self._missing.pop(uid, None)
                return True
            certain = self._missing.setdefault(uid, now + COLLECTED)
            while len(self._missing) > MISSING:
                self._missing.pop(next(iter(self._missing)))
        return certain if now < certain else False
