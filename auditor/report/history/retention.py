"""What becomes of the old: hours become days and differences, and what is older than anybody asks for goes. What is
true now stays."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, Table, delete, select, tuple_

from auditor.report.history.counts import DECISIONS, DOOR_TOTALS, DOORS, INTERVALS, WRITERS, upsert
from auditor.report.history.findings import FINDINGS, TURNS
from auditor.report.history.model import HorizonRow
from auditor.report.history.notes import COVERAGE, EXCEPTION_CHANGES, KIND_POLICIES, POLICY_CHANGES
from auditor.report.history.records import Retention
from auditor.report.history.rollup import (
    COUNTED_HOURS,
    DIFFERENCES,
    begin_of_day,
    find_first,
    find_first_door,
    roll_up,
    roll_up_doors,
)

# Rows that one transaction deletes: 0.1 s in which nobody else writes.
PAGE: Final = 5_000
# Of a process that has ended: no batch of it comes again after that.
FORGET_WRITERS: Final = timedelta(days=7)
# Of a door that has told nothing for so long: it is gone, or would be counted again from its beginning.
FORGET_DOORS: Final = timedelta(days=90)

Writing: TypeAlias = Callable[[], AbstractContextManager[Connection]]


HORIZONS: Final = HorizonRow.metadata.tables["horizons"]


def prune(writing: Writing, cluster: int, *, now: datetime, retention: Retention) -> int:
    """In many small transactions, so that others write in between. How many rows went."""
    _roll_up(writing, cluster, begin_of_day((now - retention.intervals).astimezone(UTC)))
    # Doors are counted by what happened, so that their hours are few.
    hours = begin_of_day((now - retention.hours).astimezone(UTC))
    if _roll_up_doors(writing, cluster, hours):
        _note_horizon(writing, cluster, "hours", hours)
    oldest, resolved = now - retention.days, now - retention.resolved
    first_decision = _begin_decisions(writing, cluster, now=now, retention=retention)
    old = (
        # In this order: a kind and day whose hours are not known to be counted is taken as a day.
        (COUNTED_HOURS, COUNTED_HOURS.c.start < hours, hours),
        (DIFFERENCES, DIFFERENCES.c.start < hours, hours),
        (INTERVALS, INTERVALS.c.start < oldest, oldest),
        (DOORS, DOORS.c.start < oldest, oldest),
        # Turns go along with their findings.
        (FINDINGS, FINDINGS.c.resolved_at < resolved, resolved),
        (TURNS, _is_followed(TURNS, oldest, "finding_id"), oldest),
        (DECISIONS, DECISIONS.c.at < first_decision, first_decision),
        (POLICY_CHANGES, _is_followed(POLICY_CHANGES, oldest, "policy_kind", "policy"), oldest),
        (EXCEPTION_CHANGES, _is_followed(EXCEPTION_CHANGES, oldest, "namespace", "name"), oldest),
        (COVERAGE, _is_followed(COVERAGE, oldest, "api_group", "resource"), oldest),
        (KIND_POLICIES, _is_followed(KIND_POLICIES, oldest, "api_group", "resource"), oldest),
        (DOOR_TOTALS, DOOR_TOTALS.c.at < now - FORGET_DOORS, None),
        (WRITERS, WRITERS.c.at < now - FORGET_WRITERS, None),
    )
    total = 0
    for table, condition, before in old:
        gone = _delete(writing, table, table.c.cluster_id == cluster, condition)
        if gone and before is not None:
            _note_horizon(writing, cluster, _HORIZONS.get(table.name, table.name), before)
        total += gone
    return total


_HORIZONS: Final = {COUNTED_HOURS.name: "hours", DIFFERENCES.name: "hours"}


def _note_horizon(writing: Writing, cluster: int, what: str, before: datetime) -> None:
    """It only moves ahead: a retention that is longer from now on brings nothing back."""
    with writing() as connection:
        known = select(HORIZONS.c.before).where(HORIZONS.c.cluster_id == cluster, HORIZONS.c.what == what)
        found = connection.execute(known).scalar_one_or_none()
        if found is None or found < before:
            row = {"cluster_id": cluster, "what": what, "before": before}
            upsert(connection, HORIZONS, [row], replace=("before",))


def _roll_up(writing: Writing, cluster: int, before: datetime) -> None:
    while True:
        with writing() as connection:
            found = find_first(connection, cluster, before)
            if found is None:
                return
            roll_up(connection, cluster, *found)


def _roll_up_doors(writing: Writing, cluster: int, before: datetime) -> bool:
    """Whether there were any."""
    found = False
    while True:
        with writing() as connection:
            day = find_first_door(connection, cluster, before)
            if day is None:
                return found
            roll_up_doors(connection, cluster, day)
            found = True


def _is_followed(table: Table, oldest: datetime, *by: str) -> ColumnElement[bool]:
    """By another row of the same that is older than that, too: the last before then says how it was since."""
    later = table.alias()
    same = [later.c[name] == table.c[name] for name in ("cluster_id", *by)]
    follows = select(later.c.id).where(*same, later.c.at < oldest, later.c.id > table.c.id).exists()
    return (table.c.at < oldest) & follows


def _begin_decisions(writing: Writing, cluster: int, *, now: datetime, retention: Retention) -> datetime:
    """The time of the first that is kept: none is too old, and they are not too many."""
    begin = now - retention.decisions
    newest = select(DECISIONS.c.at).where(DECISIONS.c.cluster_id == cluster).order_by(DECISIONS.c.at.desc())
    with writing() as connection:
        surplus = connection.execute(newest.offset(retention.max_decisions).limit(1)).scalar_one_or_none()
    return begin if surplus is None else max(begin, surplus + timedelta(microseconds=1))


def _delete(writing: Writing, table: Table, *conditions: ColumnElement[bool]) -> int:
    key = tuple_(*table.primary_key.columns)
    chosen = select(*table.primary_key.columns).where(*conditions).limit(PAGE)
    total = 0
    while True:
        with writing() as connection:
            gone = connection.execute(delete(table).where(key.in_(chosen))).rowcount
        total += gone
        if gone < PAGE:
            return total
