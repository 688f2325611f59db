"""Hours become days."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, and_, case, delete, func, literal, select

from auditor.report.history.counts import DOORS, GAUGES, INTERVALS, insert_or
from auditor.report.history.types import Moment

DAY: Final = timedelta(days=1)
DAY_SECONDS: Final = 86_400


def find_first_day(connection: Connection, cluster: int, before: datetime) -> datetime | None:
    """With intervals that are shorter than a day, of those that began before that time."""
    starts = [
        connection.execute(select(func.min(t.c.start)).where(*_shorter(t, cluster), t.c.start < before)).scalar_one()
        for t in (INTERVALS, DOORS)
    ]
    first = min((start for start in starts if start is not None), default=None)
    return None if first is None else begin_of_day(first)


def begin_of_day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def roll_up(connection: Connection, cluster: int, day: datetime) -> None:
    _roll_up_intervals(connection, cluster, day)
    _roll_up_doors(connection, cluster, day)


def _roll_up_intervals(connection: Connection, cluster: int, day: datetime) -> None:
    """A day ends as the last interval of the kind ended: what had gone by then counts 0. All judgements count."""
    table = INTERVALS
    within = _within(table, cluster, day)
    kind = (table.c.api_group, table.c.resource)
    last = select(*kind, func.max(table.c.start).label("ended")).where(*within).group_by(*kind).subquery()
    same = and_(last.c.api_group == table.c.api_group, last.c.resource == table.c.resource)
    ends = table.c.start == last.c.ended
    keys = _keys(table)
    gauges = [func.sum(case((ends, table.c[name]), else_=0)) for name in GAUGES]
    rows = select(*_fixed(cluster, day), *keys, *gauges, func.sum(table.c.evaluations)).join(last, same).where(*within)
    statement = insert_or(connection, table).from_select(
        [*_FIXED, *(key.name for key in keys), *GAUGES, "evaluations"], rows.group_by(*keys)
    )
    # The day may have been rolled up before: this is what had waited in the spool.
    changed: dict[str, ColumnElement[object]] = {name: statement.excluded[name] for name in GAUGES}
    changed["evaluations"] = table.c.evaluations + statement.excluded.evaluations
    key = list(table.primary_key.columns)
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))
    connection.execute(delete(table).where(*within))


def _roll_up_doors(connection: Connection, cluster: int, day: datetime) -> None:
    table = DOORS
    within = _within(table, cluster, day)
    keys = _keys(table)
    rows = select(*_fixed(cluster, day), *keys, func.sum(table.c.count)).where(*within).group_by(*keys)
    statement = insert_or(connection, table).from_select([*_FIXED, *(key.name for key in keys), "count"], rows)
    changed = {"count": table.c.count + statement.excluded.count}
    key = list(table.primary_key.columns)
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))
    connection.execute(delete(table).where(*within))


_FIXED: Final = ("cluster_id", "length", "start")


def _fixed(cluster: int, day: datetime) -> Sequence[ColumnElement[object]]:
    return (literal(cluster), literal(DAY_SECONDS), literal(day, Moment))


def _keys(table: Table) -> Sequence[ColumnElement[object]]:
    return [column for column in table.primary_key.columns if column.name not in _FIXED]


def _shorter(table: Table, cluster: int) -> tuple[ColumnElement[bool], ...]:
    return (table.c.cluster_id == cluster, table.c.length < DAY_SECONDS)


def _within(table: Table, cluster: int, day: datetime) -> tuple[ColumnElement[bool], ...]:
    return (*_shorter(table, cluster), table.c.start >= day, table.c.start < day + DAY)
