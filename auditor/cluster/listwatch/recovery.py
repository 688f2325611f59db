"""After a failure: how long to wait, and whether going on from the same version could lose something."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from auditor.cluster.listwatch.backoff import CAP, Backoff
from auditor.cluster.listwatch.status import Counts, Failure
from auditor.errors import (
    ApiError,
    ClusterError,
    ExpiredError,
    MalformedError,
    TooManyRequestsError,
    UnreachableError,
)

log = logging.getLogger(__name__)

HEALTHY_AFTER = CAP
"""Seconds: what worked for longer than the longest wait is not punished for what failed before it."""
SAME_REFUSALS = 3
"""In a row, and nothing else between, after which asking for the same version has no sense."""
ENDURED = frozenset({401, 403, 429, 500, 502, 503, 504})
"""Answers that say nothing against going on later from the same version: rights may come back, servers recover."""
TOO_LARGE = "ResourceVersionTooLarge"
NEARLY = 0.9
"""Of the time after which a connection counts as stalled: ours begins a little later than that of the socket."""


@dataclass(frozen=True, slots=True)
class Remedy:
    delay: float
    """Seconds."""
    list_anew: bool
    stalled: bool


class Recovery:
    def __init__(
        self,
        name: str,
        *,
        counts: Counts,
        stall_after: float,
        clock: Callable[[], float],
        now: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        self._name, self._counts, self._stall_after, self._clock, self._now = name, counts, stall_after, clock, now
        self._backoff = Backoff(draw)
        self._refusals = 0
        self._begun = clock()
        self._heard: float | None = None
        self.last_heard: float | None = None
        """By the wall clock."""
        self.failure: Failure | None = None

    def begin(self) -> None:
        """An attempt."""
        self._settle()
        self._begun, self._heard = self._clock(), None

    def hear(self) -> None:
        """Something came, whatever it is."""
        self._heard, self.last_heard = self._clock(), self._now()

    def succeed(self) -> None:
        """It was of use."""
        self._refusals = 0
        self.connect()

    def connect(self) -> None:
        """The server has accepted a watch. What it says will show whether that was of use."""
        if self.failure is not None:
            log.info("%s: works again, after failures in a row: %d", self._name, self.failure.count)
            self.failure = None

    def refuse(self) -> None:
        """An ERROR event came."""
        self._refusals += 1

    def judge(self, error: Exception) -> Remedy:
        begun, heard = self._begun, self._heard
        self._settle()
        if isinstance(error, ApiError) and heard is None and any(c.reason == TOO_LARGE for c in error.causes):
            self._refusals += 1
        silence = self._clock() - (begun if heard is None else heard)
        self._heard = None  # this attempt has been judged
        stalled = isinstance(error, UnreachableError) and silence >= self._stall_after * NEARLY
        anew = self._loses(error)
        first = self._backoff.failures == 0
        delay = self._backoff.next(error.retry_after if isinstance(error, ApiError) else None)
        if first and isinstance(error, ExpiredError):
            delay = 0.0  # nothing is broken: it was away for too long
        if anew:
            self._refusals = 0
        self._counts.stalls += stalled
        self._counts.malformed += isinstance(error, MalformedError)
        self._note(error, delay)
        return Remedy(delay, anew, stalled)

    def _settle(self) -> None:
        if self._heard is not None and self._heard - self._begun >= HEALTHY_AFTER:
            self._backoff.reset()

    def _loses(self, error: Exception) -> bool:
        if isinstance(error, ApiError) and error.code in ENDURED:
            return self._refusals >= SAME_REFUSALS
        # Other errors of a cluster are those of the connection. What is none is a defect, of a store perhaps: what it
        # has kept is not certain.
        return isinstance(error, ApiError | MalformedError) or not isinstance(error, ClusterError)

    def _note(self, error: Exception, delay: float) -> None:
        self._counts.failures += 1
        message, last = str(error) or type(error).__name__, self.failure
        if not isinstance(error, ClusterError):
            log.error("%s: a defect; again in %.1f s", self._name, delay, exc_info=error)
        else:
            again = last is not None and last.message == message
            # A version that has expired, and a server that asks for a moment, are no trouble unless they go on.
            usual = isinstance(error, ExpiredError | TooManyRequestsError)
            warned = again and not (usual and last is not None and last.count == 1)
            level = logging.DEBUG if warned else logging.INFO if usual and last is None else logging.WARNING
            log.log(level, "%s; again in %.1f s", message, delay)
        self.failure = Failure(
            message,
            code=error.code if isinstance(error, ApiError) else 0,
            since=last.since if last else self._now(),
            count=last.count + 1 if last else 1,
        )
