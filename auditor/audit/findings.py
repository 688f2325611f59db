"""What becomes of a finding: its report, its line in the history, an Event on the object, the counts."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from auditor.audit.follower import Follower
from auditor.audit.ledger import Diff
from auditor.cluster import Resource
from auditor.cluster.callback import FAULTS
from auditor.intake.live.view import View
from auditor.model.finding import Result
from auditor.model.turn import FindingTurn, Turn

log = logging.getLogger(__name__)


class Reports(Protocol):
    def mark(self, kind_name: str, key: str, uid: str) -> None: ...

    def sweep(self) -> None: ...

    def forget(self, kind_name: str) -> None: ...


class History(Protocol):
    def put(self, turn: FindingTurn) -> None: ...

    def reconcile(self, follower: Follower) -> None:
        """What it holds is all that is wrong with its kind."""

    def end(self, follower: Follower) -> None:
        """There is no such kind any more, and nothing is wrong with it."""


class Events(Protocol):
    def tell(self, turns: list[FindingTurn], *, initial: bool, gone: bool) -> None: ...


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _whatever_happens(told: str) -> Iterator[None]:
    try:
        yield
    except FAULTS:
        log.exception("%s could not be told of a finding: a defect of auditor", told)


class Findings:
    """The outlet of the watcher: hands on what it hears, in the thread that tells it. Who is told is said before the
    watcher begins."""

    def __init__(self, *, clock: Callable[[], datetime] = _now) -> None:
        self.reports: Reports | None = None
        self.history: History | None = None
        self.events: Events | None = None
        self.moved: Callable[[], None] = lambda: None
        """Told that coverage or counts may be others."""
        self.noted: Callable[[Resource, str], None] = lambda _resource, _key: None
        """Told that an object of ours has changed, perhaps only its status."""
        self.arranged: Callable[[View], None] = lambda _: None
        """Told of each view that is in force from now on."""
        self._clock = clock

    def tell(self, follower: Follower, diff: Diff, *, initial: bool) -> None:
        """One who fails does not keep the others from being told: it would never be told again."""
        turns = [turn for turn in self._turns(follower, diff) if turn.finding.result is not Result.PASS]
        if self.reports is not None:
            with _whatever_happens("the reports"):
                self.reports.mark(follower.name, diff.key, diff.uid)
                if diff.former:
                    self.reports.mark(follower.name, diff.key, diff.former)
        if not turns:
            return
        if self.history is not None:
            with _whatever_happens("the history"):
                for turn in turns:
                    self.history.put(turn)
        if self.events is not None:
            with _whatever_happens("the events"):
                self.events.tell(turns, initial=initial, gone=diff.gone)
        self.moved()

    def _turns(self, follower: Follower, diff: Diff) -> Iterator[FindingTurn]:
        subject, at = follower.subject(diff.key, diff.uid), self._clock()
        for turn, findings in (
            (Turn.OPENED, diff.opened),
            (Turn.CHANGED, diff.changed),
            (Turn.RESOLVED, diff.resolved),
        ):
            for finding in findings:
                yield FindingTurn(at, turn, subject, finding)

    def passed(self, follower: Follower) -> None:
        if self.history is not None:
            self.history.reconcile(follower)
        self._sweep()

    def gone(self, follower: Follower) -> None:
        if self.history is not None:
            self.history.end(follower)
        self._sweep()

    def lost(self, follower: Follower) -> None:
        if self.reports is not None:
            self.reports.forget(follower.name)
        self.moved()

    def _sweep(self) -> None:
        if self.reports is not None:
            self.reports.sweep()
        self.moved()
