"""How much may be in hand at once. More would only make all of it late, or eat the memory."""

import threading
from typing import Final

from auditor.webhooks.decode import MAX_BODY

LIMIT: Final = 64
"""Requests. They share one interpreter: with 0.26 ms each the last of 64 waits for 17 ms, far from any timeout, and the
API server's own bursts pass."""
MAX_BYTES: Final = 2 * MAX_BODY
"""Of all their bodies. JSON of the worst sort (`[{},{},...`) takes 24 times its length when it is read, so these are
400 MB; of usual objects 64 have together not one. Two of the largest can come at once."""
SMALL: Final = 1 << 16
"""Bytes. Bodies up to this are admitted whatever large ones are in hand: all 64 of them have 4 MB. Else two clients who
announce large bodies and send nothing would keep everybody out."""
RETRY_AFTER: Final = 1
"""Seconds. The API server calls again then, up to ten times, until the timeout of the webhook ends; then failurePolicy
decides. A review that refuses at once would not leave it that choice."""


class Gate:
    def __init__(self, limit: int = LIMIT, max_bytes: int = MAX_BYTES) -> None:
        self._limit = limit
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._inside = self._bytes = 0

    @property
    def inside(self) -> int:
        return self._inside

    def enter(self, size: int) -> bool:
        """Whether one more of this size may come in; then it has to leave again. One that is alone always may."""
        with self._lock:
            full = size > SMALL and self._bytes + size > self._max_bytes
            if self._inside and (self._inside >= self._limit or full):
                return False
            self._inside += 1
            self._bytes += size
            return True

    def leave(self, size: int) -> None:
        with self._lock:
            self._inside -= 1
            self._bytes -= size
