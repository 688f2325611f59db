"""Writes Events in the background. Whoever records one neither waits nor hears of an error."""

import logging
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from auditor.cluster import metrics
from auditor.cluster.client import Client, WriteOptions
from auditor.cluster.pace import Pace, Urgency
from auditor.cluster.recorder.event import (
    FALLBACK_NAMESPACE,
    WORD_LENGTH,
    Occurrence,
    Reference,
    Reporter,
    check_word,
    cut_note,
    render_series,
)
from auditor.cluster.recorder.series import KEPT, WAITING, Book, Outcome, Series
from auditor.cluster.resource import EVENTS
from auditor.errors import (
    AlreadyExistsError,
    ClusterError,
    ForbiddenError,
    NotFoundError,
    ServerTroubleError,
    TooManyRequestsError,
    UnreachableError,
)
from auditor.json import JsonObject

log = logging.getLogger(__name__)

QPS, BURST = 10.0, 100
"""Events a second of this process, at most: a fifth of the calls that it may make."""
ATTEMPTS = 8
FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0
"""Seconds between the attempts, doubled each time: an API server has about 90 s to come up again."""
WRITE_TIMEOUT = 10.0
"""Seconds that one write may take. Nobody waits for it, but for those behind it."""
SWEEP = 10.0
"""Seconds between two looks at what is due by time: series are a matter of minutes."""
SORTS = 100
"""Of complaints that are told apart: a program has some dozens of reasons."""
QUALIFIED_NAME = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")


@dataclass(slots=True)
class Counts:
    """What a recorder has done so far, for metrics."""

    recorded: int = 0
    created: int = 0
    updated: int = 0
    invalid: int = 0
    """Recorded without what an Event needs."""
    too_many: int = 0
    """New Events of an object that has had its share."""
    full: int = 0
    """No room: they come faster than they can be written."""
    lost: int = 0
    """Could not be written: refused, or the server was away for too long."""

    @property
    def dropped(self) -> int:
        return self.invalid + self.too_many + self.full + self.lost


class Recorder:
    """Safe to use from many threads. `component` is the controller's name, with a domain: "example.com/backup"."""

    def __init__(
        self,
        client: Client,
        *,
        component: str,
        instance: str = "",
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], int] = time.time_ns,
        waiting: int = WAITING,
        kept: int = KEPT,
    ) -> None:
        if len(component) > WORD_LENGTH or not QUALIFIED_NAME.fullmatch(component):
            raise ValueError(
                f"the component {component!r} of an Event is no qualified name, such as example.com/backup"
            )
        self._reporter = Reporter(component, (instance or socket.gethostname() or component)[:WORD_LENGTH])
        self._client = replace(client, urgency=Urgency.BACKGROUND)
        self._pace = pace or Pace(QPS, BURST)
        self._clock = clock
        self._book = Book(clock, wall_clock, waiting=waiting, kept=kept)
        self._changed = threading.Condition()
        self._closing = False
        self._deadline: float | None = None
        self._complained: set[str] = set()
        self.counts = Counts()
        self._thread = threading.Thread(target=self._run, name=f"events of {component}", daemon=True)
        self._thread.start()

    def normal(
        self, regarding: JsonObject, *, reason: str, action: str, note: str = "", related: JsonObject | None = None
    ) -> None:
        self._record("Normal", regarding, reason, action, note, related)

    def warning(
        self, regarding: JsonObject, *, reason: str, action: str, note: str = "", related: JsonObject | None = None
    ) -> None:
        """`reason` says why in one word for programs (BackupFailed), `action` what was done or tried (Backup)."""
        self._record("Warning", regarding, reason, action, note, related)

    def close(self, timeout: float = 5.0) -> bool:
        """Writes what is left, and ends. False if that was not done in time: what was left then is lost."""
        with self._changed:
            if self._deadline is None:
                self._deadline = time.monotonic() + timeout
                self._book.finish()
            self._closing = True
            self._changed.notify_all()
        self._pace.close()
        self._thread.join(timeout)
        return not self._thread.is_alive() and not len(self._book)

    def _record(
        self, type_: str, regarding: JsonObject, reason: str, action: str, note: str, related: JsonObject | None
    ) -> None:
        try:
            occurrence = Occurrence(
                Reference.of(regarding),
                None if related is None else Reference.of(related),
                type_,
                check_word("reason", reason),
                check_word("action", action),
                cut_note(note),
            )
        except (ValueError, TypeError, AttributeError) as error:  # a mistake in the program: told, not raised
            with self._changed:
                self._count("recorded")
                self._count("invalid")
                self._complain(f"an Event was dropped: {error}", sort=f"{reason} {action}")
            return
        with self._changed:
            self._count("recorded")
            outcome = Outcome.FULL if self._closing else self._book.record(occurrence)
            if outcome is Outcome.TOO_MANY:
                self._count("too_many")
            elif outcome is Outcome.FULL:
                self._count("full")
            self._changed.notify_all()

    def _run(self) -> None:
        while (series := self._next()) is not None:
            try:
                self._write(series)
            except Exception:  # the thread must live on, or no Event would be written ever again
                log.exception("an Event could not be written")
                self._lose(series)

    def _next(self) -> Series | None:
        """Waits for the next one; None when all is written that can be."""
        with self._changed:
            sweep_at = self._clock() + SWEEP
            while True:
                if self._late():
                    return None
                if not self._closing and self._clock() >= sweep_at:
                    self._book.sweep()
                    sweep_at = self._clock() + SWEEP
                series = self._book.take()
                if series is not None or self._closing:
                    return series
                self._changed.wait(SWEEP if self._book.open else None)

    def _write(self, series: Series) -> None:
        self._pace.take()  # when all ends it is closed, and lets through
        delay = FIRST_DELAY
        for attempt in range(1, ATTEMPTS + 1):
            with self._changed:
                if self._late():
                    break
                count, last = series.count, series.last
            try:
                self._send(series, count, last)
            except (UnreachableError, ServerTroubleError, TooManyRequestsError) as error:
                with self._changed:
                    if attempt == ATTEMPTS or self._closing:
                        self._complain(f"Events are lost: {error}", sort=type(error).__name__)
                        break
                    self._changed.wait_for(lambda: self._closing, getattr(error, "retry_after", None) or delay)
                delay = min(delay * 2, LONGEST_DELAY)
            except ClusterError as error:
                if not _gone(error):
                    with self._changed:
                        self._complain(f"Events are lost: {error}", sort=type(error).__name__)
                break
            else:
                with self._changed:
                    self._book.wrote(series, count)
                return
        self._lose(series)

    def _send(self, series: Series, count: int, last: int) -> None:
        namespace = series.occurrence.regarding.namespace or FALLBACK_NAMESPACE
        repeated = render_series(count, last) if count > 1 else None
        options = WriteOptions(timeout=self._time_left())
        if series.written and repeated is not None:
            try:
                self._client.patch_merge(
                    EVENTS, series.name, {"series": repeated}, namespace=namespace, options=options
                )
                self._count("updated")
                return
            except NotFoundError:
                pass  # Events live for an hour (--event-ttl): this one is over, and what it tells of goes on
        event = self._reporter.render(series.occurrence, name=series.name, begun=series.begun, series=repeated)
        try:
            self._client.create(EVENTS, event, options=options)
        except AlreadyExistsError:
            # An attempt before this one, of which we heard no answer, has created it. Repetitions come with the series.
            if repeated is None:
                return
            self._client.patch_merge(EVENTS, series.name, {"series": repeated}, namespace=namespace, options=options)
        self._count("created")

    def _count(self, what: str) -> None:
        """One of the names in `Counts`. The metric is that of all recorders of this process, one after the other."""
        setattr(self.counts, what, getattr(self.counts, what) + 1)
        metrics.EVENTS.labels(what).inc()

    def _late(self) -> bool:
        """By the real clock: whoever stops waits in real time."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _time_left(self) -> float:
        left = WRITE_TIMEOUT if self._deadline is None else self._deadline - time.monotonic()
        return max(min(WRITE_TIMEOUT, left), 0.1)

    def _lose(self, series: Series) -> None:
        with self._changed:
            self._count("lost")
            self._book.lost(series)

    def _complain(self, text: str, *, sort: str) -> None:
        """Once of each sort: a fault of all Events is not to fill the log, too."""
        if sort not in self._complained and len(self._complained) < SORTS:
            self._complained.add(sort)
            log.warning("%s. This is logged once, and counted each time", text.rstrip("."))


def _gone(error: ClusterError) -> bool:
    """The namespace is not there, or is being deleted: the objects of which we tell go, and nobody will read it."""
    if isinstance(error, NotFoundError):
        return True
    terminating = any(cause.reason == "NamespaceTerminating" for cause in getattr(error, "causes", ()))
    return isinstance(error, ForbiddenError) and (terminating or "being terminated" in error.message)
