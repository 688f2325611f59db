"""What was: the history of one cluster in a database, written by its watcher alone."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, insert, select, update

from auditor.model.finding import Finding
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn
from auditor.report.history import counts, findings, notes
from auditor.report.history.database import Database
from auditor.report.history.migrate import MIGRATION_LOCK, migrate
from auditor.report.history.model import Table
from auditor.report.history.records import (
    Batch,
    BrokenGlass,
    Census,
    DoorDecision,
    DoorTotals,
    ExceptionChange,
    Interval,
    KindCoverage,
    KindPolicies,
    PolicyChange,
    Record,
    Release,
    Retention,
    Writer,
)
from auditor.report.history.retention import prune
from auditor.report.history.types import MAX_NAME, clean

Told = TypeVar("Told", bound=Record)

CLUSTERS = Table.metadata.tables["clusters"]


class History:
    """Safe to use from several threads; one of them writes at a time. Every method raises HistoryError alone."""

    def __init__(self, database: Database, cluster: int) -> None:
        self._database = database
        self._cluster = cluster

    @classmethod
    def open(cls, url: str, *, cluster: str, name: str = "", now: datetime | None = None) -> "History":
        """`cluster` is the uid of its namespace kube-system. Tables are made, or brought up to this program."""
        database = Database(url)
        try:
            migrate(database)
            return cls(database, _enter(database, cluster, name, now or datetime.now(UTC)))
        except BaseException:
            database.close()
            raise

    @property
    def where(self) -> str:
        """For messages: the URL without the password."""
        return self._database.where

    def write(self, records: Sequence[Record], *, batch: Batch | None = None) -> None:
        """All or nothing. With a batch once, however often it is called with it. What is in the history already changes
        nothing. A resolved finding that is opened again is reopened."""
        with self._writing() as connection:
            mine = (connection, self._cluster)
            if batch is not None and not counts.take_batch(*mine, batch):
                return
            findings.record(*mine, _choose(records, FindingTurn))
            findings.name_writers(*mine, {each.fingerprint: each.writer for each in _choose(records, Writer)})
            counts.count_intervals(*mine, _choose(records, Interval))
            counts.count_doors(*mine, _choose(records, DoorTotals))
            counts.note_decisions(*mine, _choose(records, DoorDecision))
            notes.note_policy_changes(*mine, _choose(records, PolicyChange))
            notes.note_exceptions(*mine, _choose(records, ExceptionChange))
            notes.note_coverage(*mine, _choose(records, KindCoverage))
            notes.note_kind_policies(*mine, _choose(records, KindPolicies))
            notes.note_releases(*mine, _choose(records, Release))
            notes.take_census(*mine, _choose(records, Census))

    def reconcile(self, group: str, resource: str, held: Iterable[tuple[Subject, Finding]], at: datetime) -> None:
        """After a complete pass over a kind: what is held is open, and nothing else is.

        This repairs what was lost. It takes a page at a time, so memory does not grow with the number; ended in
        between, it is simply called again. `at` is when the pass was true: what was told of later times stands.
        """
        for page in findings.pages(held, findings.PAGE):
            with self._writing() as connection:
                findings.confirm(connection, self._cluster, page, at)
        while True:
            with self._writing() as connection:
                if not findings.resolve_unseen(connection, self._cluster, group=group, resource=resource, at=at):
                    return

    def open_kinds(self) -> set[tuple[str, str]]:
        """Group and resource of all open findings. Those of kinds that have gone are to be reconciled with nothing."""
        with self._database.reading() as connection:
            return findings.find_open_kinds(connection, self._cluster)

    def last_batch(self, instance: str) -> int:
        """Less than was sent: the database is not the one that it was, or it went back to an earlier state."""
        with self._database.reading() as connection:
            return counts.find_last_batch(connection, self._cluster, instance)

    def broken_glass(self, most: int) -> Sequence[BrokenGlass]:
        """The newest decisions that let an object in against the policies, because somebody asked for that."""
        with self._database.reading() as connection:
            return counts.find_broken_glass(connection, self._cluster, most)

    def prune(self, now: datetime, retention: Retention) -> int:
        return prune(self._writing, self._cluster, now=now, retention=retention)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._database.writing(self._cluster) as connection:
            yield connection


def _enter(database: Database, uid: str, name: str, now: datetime) -> int:
    uid, name = clean(uid, MAX_NAME), clean(name, MAX_NAME)
    mine = select(CLUSTERS.c.id, CLUSTERS.c.name).where(CLUSTERS.c.uid == uid)
    with database.reading() as connection:
        found = connection.execute(mine).one_or_none()
    if found is not None and found.name == (name or found.name):
        return int(found.id)
    with database.writing(MIGRATION_LOCK) as connection:
        found = connection.execute(mine).one_or_none()
        if found is None:
            connection.execute(insert(CLUSTERS), {"uid": uid, "name": name, "first_seen": now})
        elif name:
            connection.execute(update(CLUSTERS).where(CLUSTERS.c.uid == uid).values(name=name))
        return int(connection.execute(mine).one().id)


def _choose(records: Sequence[Record], sort: type[Told]) -> list[Told]:
    return [each for each in records if isinstance(each, sort)]
