"""Whether something has changed, for pages that are open: asked every few seconds, so it costs next to nothing."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import func, select

from auditor.dashboard.answers.asked import Asked
from auditor.dashboard.answers.desk import Desk, Reading
from auditor.report.history.counts import DECISIONS, WRITERS
from auditor.report.history.findings import FINDINGS
from auditor.report.history.notes import COVERAGE, EXCEPTION_CHANGES, POLICY_CHANGES

AGAIN: Final = timedelta(minutes=5)
"""Some things change by the clock alone, and counts of all once an hour: pages look again that often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    version: str
    """Another one than before: something may have changed."""


def ask_version(desk: Desk, _: Asked) -> Version:
    with desk.reading() as reading:
        found = _read_written(reading)
        if desk.scope.namespaces is not None:
            # What others do is nothing that they are to hear of. While nobody does anything, nothing is read.
            found = desk.versions.get((desk.scope, found), lambda: _read_own(reading))
    return Version(version=_hash(found, desk.now.timestamp() // AGAIN.total_seconds()))


def _read_written(reading: Reading) -> str:
    """Each transaction of a watcher leaves its number, but for those that repair what was lost; all by an index."""
    c = WRITERS.c
    question = select(c.instance, c.batch).where(c.cluster_id == reading.cluster).order_by(c.instance)
    newest = (
        select(func.max(at)).where(table.c.cluster_id == reading.cluster)
        for table, at in ((FINDINGS, FINDINGS.c.turned_at), (COVERAGE, COVERAGE.c.at))
    )
    return _hash(
        *map(tuple, reading.connection.execute(question)),
        *(reading.connection.execute(each).scalar_one() for each in newest),
    )


def _read_own(reading: Reading) -> str:
    parts = (
        (FINDINGS, FINDINGS.c.turned_at),
        (DECISIONS, DECISIONS.c.at),
        (EXCEPTION_CHANGES, EXCEPTION_CHANGES.c.at),
    )
    told = [
        reading.connection.execute(
            select(func.count(), func.max(at)).where(
                table.c.cluster_id == reading.cluster, *reading.desk.scope.conditions(table)
            )
        ).one()
        for table, at in parts
    ]
    policies = select(func.count()).where(POLICY_CHANGES.c.cluster_id == reading.cluster)
    return _hash(*map(tuple, told), reading.connection.execute(policies).scalar_one())


def _hash(*parts: object) -> str:
    return sha256(repr(parts).encode()).hexdigest()[:32]
