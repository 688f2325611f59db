"""Into the database, beside findings: counts of intervals and doors, and decisions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects import postgresql, sqlite

from auditor.report.history.model import Table
from auditor.report.history.records import (
    Batch,
    BrokenGlass,
    DoorDecision,
    DoorTotals,
    Interval,
)
from auditor.report.history.types import MAX_NAME, clean

INTERVALS = Table.metadata.tables["intervals"]
DOOR_TOTALS = Table.metadata.tables["door_totals"]
DOORS = Table.metadata.tables["doors"]
DECISIONS = Table.metadata.tables["decisions"]
WRITERS = Table.metadata.tables["writers"]
GAUGES: Final = ("passes", "fails", "warns", "errors", "skips")

_TALLIED: Final = ("policy", "rule", "namespace")

Rows = Sequence[Mapping[str, object]]


def take_batch(connection: Connection, cluster: int, batch: Batch) -> bool:
    """Whether it is new. It counts as written when this transaction is."""
    if find_last_batch(connection, cluster, batch.instance) >= batch.number:
        return False
    row = {"cluster_id": cluster, "instance": batch.instance, "batch": batch.number, "at": batch.at}
    upsert(connection, WRITERS, [row], replace=("batch", "at"))
    return True


def find_last_batch(connection: Connection, cluster: int, instance: str) -> int:
    """0: none yet. They count from 1."""
    mine = (WRITERS.c.cluster_id == cluster, WRITERS.c.instance == instance)
    found = connection.execute(select(WRITERS.c.batch).where(*mine)).scalar_one_or_none()
    return 0 if found is None else int(found)


def count_intervals(connection: Connection, cluster: int, intervals: Iterable[Interval]) -> None:
    for interval in intervals:
        key = {
            "cluster_id": cluster,
            "length": int(interval.length.total_seconds()),
            "start": interval.start,
            "api_group": clean(interval.group, MAX_NAME),
            "resource": clean(interval.resource, MAX_NAME),
        }
        same = [INTERVALS.c[name] == value for name, value in key.items()]
        question = select(*(INTERVALS.c[name] for name in (*_TALLIED, *GAUGES))).where(*same)
        before = {tuple(row[:3]): tuple(row[3:]) for row in connection.execute(question)}
        # What was told of this interval before and is not told now has gone meanwhile; its judgements took place.
        after = dict.fromkeys(before, ((0,) * len(GAUGES), 0))
        for each in interval.tallies:
            names = tuple(clean(getattr(each, name), MAX_NAME) for name in _TALLIED)
            after[names] = (tuple(getattr(each, gauge) for gauge in GAUGES), each.evaluations)
        # Mostly it is told again as it was: only what differs is written.
        rows = [
            {**key, **dict(zip((*_TALLIED, *GAUGES), (*names, *gauges), strict=True)), "evaluations": evaluations}
            for names, (gauges, evaluations) in after.items()
            if before.get(names) != gauges or evaluations
        ]
        upsert(connection, INTERVALS, rows, replace=GAUGES, add=("evaluations",))


def count_doors(connection: Connection, cluster: int, told: Iterable[DoorTotals]) -> None:
    for each in told:
        mine = (DOOR_TOTALS.c.cluster_id == cluster, DOOR_TOTALS.c.instance == each.instance)
        question = select(DOOR_TOTALS).where(*mine)
        known = {(row.webhook, row.policy, row.outcome): row.total for row in connection.execute(question)}
        added, totals = [], []
        for key, total in each.totals.items():
            webhook, policy, outcome = (clean(word, MAX_NAME) for word in key)
            before = known.get((webhook, policy, outcome), 0)
            row = {"cluster_id": cluster, "webhook": webhook, "policy": policy, "outcome": outcome}
            if total > before:  # else it is an older answer that came later
                length = int(each.length.total_seconds())
                added.append({**row, "length": length, "start": each.start, "count": total - before})
            totals.append({**row, "instance": each.instance, "total": max(total, before), "at": each.at})
        upsert(connection, DOORS, added, add=("count",))
        upsert(connection, DOOR_TOTALS, totals, replace=("total", "at"))


def note_decisions(connection: Connection, cluster: int, decisions: Iterable[DoorDecision]) -> None:
    """Those with an id that is known already are left out: a door tells all that it still has."""
    rows = [
        {
            "cluster_id": cluster,
            "id": each.id,
            "at": each.at,
            "webhook": each.webhook,
            "operation": each.operation,
            "api_group": each.group,
            "api_version": each.version,
            "kind": each.kind,
            "namespace": each.namespace,
            "name": each.name,
            "subresource": each.subresource,
            "user": each.user,
            "outcome": each.outcome,
            "allowed": each.allowed,
            "dry_run": each.dry_run,
            "broke_glass": each.broke_glass,
            "late": each.late,
            "seconds": each.seconds,
            "policy": each.policy,
            "findings": each.findings,
        }
        for each in decisions
    ]
    upsert(connection, DECISIONS, rows)


def find_broken_glass(connection: Connection, cluster: int, most: int) -> list[BrokenGlass]:
    """The newest, for which the glass was broken and which were written."""
    c = DECISIONS.c
    chosen = select(c.id, c.at, c.api_group, c.kind, c.namespace, c.name).where(
        c.cluster_id == cluster, c.broke_glass.is_(True), c.dry_run.is_(False), c.name != ""
    )
    rows = connection.execute(chosen.order_by(c.at.desc()).limit(most))
    return [
        BrokenGlass(id=row.id, at=row.at, group=row.api_group, kind=row.kind, namespace=row.namespace, name=row.name)
        for row in rows
    ]


def upsert(
    connection: Connection, table: SqlTable, rows: Rows, *, replace: Iterable[str] = (), add: Iterable[str] = ()
) -> None:
    """Rows whose key is there already replace some columns, add to others, and leave the rest as it is."""
    if not rows:
        return
    statement = insert_or(connection, table)
    changed: dict[str, ColumnElement[object]] = {name: statement.excluded[name] for name in replace}
    changed |= {name: table.c[name] + statement.excluded[name] for name in add}
    keys = list(table.primary_key.columns)
    if changed:
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)
    else:
        connection.execute(statement.on_conflict_do_nothing(index_elements=keys), rows)


def insert_or(connection: Connection, table: SqlTable) -> sqlite.Insert | postgresql.Insert:
    """Both databases say ON CONFLICT; SQLAlchemy has it apart for each."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
