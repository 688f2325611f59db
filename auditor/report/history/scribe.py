"""Records into the database, each exactly once, whatever becomes of the connection. For one thread; it never waits."""

import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from auditor.model.finding import Finding
from auditor.model.subject import Subject
from auditor.report.history.faults import Fault, HistoryError
from auditor.report.history.history import History
from auditor.report.history.records import Batch, Record, Retention

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Part:
    records: Sequence[Record]
    number: int = 0
    """From the first attempt on: if its answer is lost, the database knows at the second whether it has it."""


class Scribe:
    def __init__(self, open_history: Callable[[], History], now: Callable[[], datetime]) -> None:
        self._open = open_history
        self._now = now
        self._instance = secrets.token_hex(8)
        self._history: History | None = None
        self._parts: deque[_Part] = deque()
        self._number = 0
        self._acknowledged = 0
        self.rejected = 0
        self.forgot = False
        """The database does not know what it had acknowledged: it is another, or was set back. The reader resets it."""

    def take(self, records: Sequence[Record]) -> None:
        """Only when what was taken before is written."""
        self._parts.append(_Part(records))

    def write(self) -> None:
        """What was taken. After an error it is called again, until there is none."""
        while self._parts:
            self._write_first()

    def _write_first(self) -> None:
        part = self._parts[0]
        history = self._reopen()
        try:
            self._send(history, part)
        except HistoryError as error:
            if error.fault is not Fault.BROKEN:
                self.close()
                raise
            self._split(history, part, error)
        else:
            self._parts.popleft()

    def _send(self, history: History, part: _Part) -> None:
        if not part.number:
            self._number += 1
            part.number = self._number
        batch = Batch(instance=self._instance, number=part.number, at=self._now())
        try:
            history.write(part.records, batch=batch)
        except HistoryError:
            raise
        except Exception as error:  # a record that is none: not to stand in the way of the others either
            log.exception("history: a record cannot be written")
            raise HistoryError(Fault.BROKEN, history.where, type(error).__name__) from error
        self._acknowledged = part.number

    def _split(self, history: History, part: _Part, error: HistoryError) -> None:
        """It was refused, not lost. One record that the database never takes must not hold up the others for ever."""
        if len(part.records) > 1:
            middle = len(part.records) // 2
            self._parts[0] = _Part(part.records[middle:])
            self._parts.appendleft(_Part(part.records[:middle]))
            return
        try:
            self._send(history, _Part(()))  # or does it take nothing at all?
        except HistoryError:
            self.close()
            raise
        self._parts.popleft()
        self.rejected += 1
        log.error("history: one %s is left out: %s", type(part.records[0]).__name__, error)

    def reconcile(self, group: str, resource: str, held: Iterable[tuple[Subject, Finding]]) -> None:
        self._attempt(lambda history: history.reconcile(group, resource, held, self._now()))

    def prune(self, retention: Retention) -> None:
        self._attempt(lambda history: history.prune(self._now(), retention))

    def _attempt(self, work: Callable[[History], object]) -> None:
        try:
            work(self._reopen())
        except HistoryError as error:
            if error.fault is not Fault.BROKEN:
                self.close()
            raise

    @property
    def is_open(self) -> bool:
        return self._history is not None

    def open(self) -> None:
        self._reopen()

    def _reopen(self) -> History:
        if self._history is None:
            opened = self._open()
            try:
                known = opened.last_batch(self._instance)
            except BaseException:
                opened.close()
                raise
            if known < self._acknowledged:
                self.forgot, self._acknowledged = True, known
            self._history = opened
        return self._history

    def close(self) -> None:
        history, self._history = self._history, None
        if history is not None:
            history.close()
