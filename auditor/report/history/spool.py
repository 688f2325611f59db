"""Between the ledger, which never waits, and the database, which may be away: a bounded buffer, a thread that writes.

What is put is written in batches, in its order, each exactly once. While the database is away it waits here; when there
is too much of it the oldest goes, and the kinds that it was about are named, to be reconciled: what is true now is then
right again, and only the moments in between are lost. How much, the status says.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from auditor.model.finding import Finding
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn
from auditor.report.history.faults import Fault, HistoryError
from auditor.report.history.history import History
from auditor.report.history.records import Interval, Record, Retention
from auditor.report.history.scribe import Scribe

log = logging.getLogger(__name__)

Kind: TypeAlias = tuple[str, str]
"""Group and resource."""
Held: TypeAlias = Callable[[], Iterable[tuple[Subject, Finding]] | None]
Job: TypeAlias = Callable[[], None]

# Half an hour at 50 changes a second, or the first pass over the worst cluster that we aim at. A turn shares most of
# what it says with the ledger: 20 MB, or 100 if the ledger has forgotten all of it. An interval counts by its tallies.
BOUND: Final = 100_000
# 0.1 s of work: as long as another watcher may have to wait for its turn.
BATCH: Final = 1_000
# Seconds that what is new may wait, so that a commit (and its fsync) has more than one turn to carry.
PAUSE: Final = 1.0
# Seconds until the next attempt; doubled each time, so that a server that comes up is not overrun, and yet found soon.
RETRY: Final = 0.5
MAX_RETRY: Final = 30.0
# Once a day would do; four times, so that those who restart every night do it, too.
PRUNE_SECONDS: Final = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    waiting: int
    dropped: int
    """For want of room, since the start."""
    rejected: int
    """Because the database, which was well, did not take them: a defect; the log has more."""
    error: str
    """What is wrong now, and what to do about it; empty: nothing."""
    fault: Fault | None
    failing_since: datetime | None
    last_written: datetime | None


class _Ended(Exception):  # noqa: N818  # no error: the program ends
    pass


class Spool:
    """`open_history` is called by the thread that writes, again after each fault.

    `lost` is called by that thread, too, when the database answers: with the kinds whose turns were dropped, or with
    None for all kinds if the database is not the one that it was. It should hand in a `reconcile` for each.
    """

    def __init__(
        self,
        open_history: Callable[[], History],
        *,
        lost: Callable[[frozenset[Kind] | None], None],
        retention: Retention | None = None,
        bound: int = BOUND,
        pause: float = PAUSE,
        retry: float = RETRY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._lost_callback = lost
        self._retention = retention
        self._bound, self._pause, self._retry = bound, pause, retry
        self._now = now
        self._scribe = Scribe(open_history, now)
        self._changed = threading.Condition()
        self._waiting: deque[Record] = deque()
        self._oldest = 0.0
        """When the first that waits was put."""
        self._weight = 0
        """Of what waits."""
        self._writing = 0
        """Records in the hands of the scribe."""
        self._chores: dict[Kind, Held] = {}
        self._at_chore = False
        self._lost: set[Kind] = set()
        self._hurry = 0
        self._end: float | None = None
        """Set: it is closed, and gives up at this time."""
        self._dropped = self._rejected = 0
        self._error: HistoryError | None = None
        self._failing_since: datetime | None = None
        self._last_written: datetime | None = None
        self._delay = self._failed_at = 0.0
        self._caught_up = False
        """Whatever waits now was put after the last batch had been taken, a moment ago."""
        self._prune_at = time.monotonic() + PRUNE_SECONDS
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, *records: Record) -> None:
        """Never waits for the database."""
        with self._changed:
            if not self._waiting:
                self._oldest = time.monotonic()
            self._waiting.extend(records)
            self._weight += sum(map(_weigh, records))
            while self._waiting and (self._weight > self._bound or self._end is not None):
                self._drop(self._waiting.popleft())
            self._changed.notify_all()

    def _drop(self, record: Record) -> None:
        if not self._dropped:
            log.error("history: the spool is full, the oldest is dropped: %s", self._error or "the database is slow")
        self._dropped += 1
        self._weight -= _weigh(record)
        if isinstance(record, FindingTurn):
            self._lost.add((record.subject.group, record.subject.resource))

    def reconcile(self, group: str, resource: str, held: Held) -> None:
        """When all that waits is written, `held` is asked for what the ledger holds of the kind by then. None: it
        cannot tell, and nothing is done."""
        with self._changed:
            self._chores[group, resource] = held
            self._changed.notify_all()

    def flush(self, timeout: float, *, chores: bool = False) -> bool:
        """Write at once. Whether all was written within that time; with `chores`, reconciled, too."""
        with self._changed:
            self._hurry += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self._is_idle(chores=chores), timeout)
            finally:
                self._hurry -= 1

    def close(self, timeout: float) -> bool:
        """Flush, and end. Whether all is written; what is not, the next start finds out by reconciling."""
        with self._changed:
            self._end = time.monotonic() + timeout
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout + 1)  # a question to a server that hangs cannot be taken back
        with self._changed:
            return self._is_idle(chores=False)

    def status(self) -> Status:
        with self._changed:
            return Status(
                waiting=len(self._waiting) + self._writing,
                dropped=self._dropped,
                rejected=self._rejected + self._scribe.rejected,
                error=str(self._error or ""),
                fault=self._error.fault if self._error else None,
                failing_since=self._failing_since,
                last_written=self._last_written,
            )

    def _is_idle(self, *, chores: bool) -> bool:
        if self._waiting or self._writing:
            return False
        return not chores or not (self._chores or self._at_chore or self._lost or self._scribe.forgot)

    # What follows is the thread's.

    def _run(self) -> None:
        while (job := self._wait_for_job()) is not None:
            try:
                job()
            except HistoryError as error:
                self._fail(error)
            except _Ended:
                pass
            except Exception:
                log.exception("history: the spool goes on")
                self._fail(None)
            else:
                self._succeed()
        self._scribe.close()

    def _wait_for_job(self) -> Job | None:
        with self._changed:
            while True:
                now = time.monotonic()
                if self._end is not None and (now >= self._end or self._is_idle(chores=False)):
                    return None
                hurry = self._hurry > 0 or self._end is not None
                retry_at = self._failed_at + (min(self._delay, self._retry) if hurry else self._delay)
                if self._delay and now < retry_at:
                    self._changed.wait(retry_at - now)
                    continue
                job, wait = self._choose(now, hurry=hurry)
                if job is not None:
                    return job
                self._changed.wait(wait)

    def _choose(self, now: float, *, hurry: bool) -> tuple[Job | None, float | None]:
        """The next job; if there is none yet, the seconds until there may be one."""
        chores = self._end is None and (self._chores or self._lost or self._scribe.forgot)
        if self._writing:
            return self._write, 0
        if not self._scribe.is_open and self._end is None:  # with nothing to write, too: the status tells how it is
            return self._scribe.open, 0
        if self._waiting and not (chores and self._caught_up):
            due = self._oldest + self._pause
            if hurry or chores or self._weight >= BATCH or now >= due:
                self._take(now)
                return self._write, 0
            return None, due - now
        self._caught_up = False
        if chores:
            self._at_chore = True
            return self._tell_lost if self._lost or self._scribe.forgot else self._reconcile_one, 0
        if self._retention is not None and now >= self._prune_at:
            self._prune_at = now + PRUNE_SECONDS
            return self._prune, 0
        return None, None if self._retention is None else self._prune_at - now

    def _take(self, now: float) -> None:
        batch: list[Record] = []
        weight = 0
        while self._waiting and weight < BATCH:
            batch.append(self._waiting.popleft())
            weight += _weigh(batch[-1])
        self._weight -= weight
        self._oldest = now
        self._writing = len(batch)
        self._caught_up = not self._waiting
        self._scribe.take(batch)

    def _write(self) -> None:
        self._scribe.write()
        with self._changed:
            self._writing = 0
            self._last_written = self._now()

    def _tell_lost(self) -> None:
        with self._changed:
            lost, self._lost = frozenset(self._lost), set()
            forgot, self._scribe.forgot = self._scribe.forgot, False
        self._lost_callback(None if forgot else lost)

    def _reconcile_one(self) -> None:
        with self._changed:
            kind = next(iter(self._chores))
            held = self._chores.pop(kind)
        if (found := held()) is None:
            return
        try:
            self._scribe.reconcile(*kind, self._until_end(found))
        except HistoryError as error:
            with self._changed:
                if error.fault is Fault.BROKEN:  # the next pass over the kind tries again
                    self._rejected += 1
                    log.error("history: %s.%s is not reconciled: %s", kind[1], kind[0], error)  # noqa: TRY400
                    return
                self._chores.setdefault(kind, held)
            raise

    def _until_end(self, held: Iterable[tuple[Subject, Finding]]) -> Iterator[tuple[Subject, Finding]]:
        for each in held:
            if self._end is not None:
                raise _Ended
            yield each

    def _prune(self) -> None:
        if self._retention is not None:
            self._scribe.prune(self._retention)

    def _succeed(self) -> None:
        with self._changed:
            if self._error is not None:
                log.info("history: it is written again; %d dropped since the start", self._dropped)
            self._error, self._failing_since, self._delay = None, None, 0.0
            self._at_chore = False
            self._changed.notify_all()

    def _fail(self, error: HistoryError | None) -> None:
        with self._changed:
            if error is not None:
                if self._error is None or self._error.fault is not error.fault:
                    log.warning("%s", error)
                self._error = error
            self._failing_since = self._failing_since or self._now()
            self._failed_at = time.monotonic()
            self._delay = min(max(2 * self._delay, self._retry), MAX_RETRY)
            self._caught_up = self._at_chore = False
            self._changed.notify_all()


def _weigh(record: Record) -> int:
    """About as many rows as it makes."""
    return len(record.tallies) + 1 if isinstance(record, Interval) else 1
