"""Hours become days. Of what was counted at the end of each hour the differences stay; see `DifferenceRow`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, delete, func, insert, literal, select, update

from auditor.report.history.counts import DOORS, GAUGES, INTERVALS, insert_or, upsert
from auditor.report.history.model import CountedHoursRow
from auditor.report.history.types import Moment

DAY: Final = timedelta(days=1)
DAY_SECONDS: Final = 86_400
HOUR: Final = timedelta(hours=1)
HOUR_SECONDS: Final = 3_600
COUNTED_HOURS: Final = CountedHoursRow.metadata.tables["counted_hours"]
DIFFERENCES: Final = CountedHoursRow.metadata.tables["differences"]

Kind: TypeAlias = tuple[str, str]
"""Group and resource."""
Name: TypeAlias = tuple[str, str, str]
"""Policy, rule and namespace."""
State: TypeAlias = Mapping[Name, Sequence[int]]
"""What was counted of a kind; what is not in it is 0."""
NOTHING: Final = (0,) * len(GAUGES)


def begin_of_day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def read_hours(day: datetime, bits: int) -> Iterator[datetime]:
    """The beginnings of the hours that were counted, the last first."""
    return (day + hour * HOUR for hour in reversed(range(24)) if bits >> hour & 1)


# -- results -----------------------------------------------------------------------------------------------------------


def find_first(connection: Connection, cluster: int, before: datetime) -> tuple[datetime, Kind] | None:
    """A day, and a kind that has intervals in it that are shorter: of those that began before that time."""
    c = INTERVALS.c
    question = select(c.start, c.api_group, c.resource).where(*_shorter(INTERVALS, cluster), c.start < before)
    found = connection.execute(question.order_by(c.start, c.api_group, c.resource).limit(1)).first()
    return None if found is None else (begin_of_day(found.start), (found.api_group, found.resource))


def roll_up(connection: Connection, cluster: int, day: datetime, kind: Kind) -> None:
    """A day ends as the last interval of the kind ended: what had gone by then counts 0. All judgements count."""
    told = [*_within(INTERVALS, cluster, day), *_of(INTERVALS, kind)]
    states, hours, evaluations = _read_told(connection, told)
    for start, state in _read_rolled_up(connection, cluster, day, kind).items():
        hours.add(start)
        states.setdefault(start, state)  # what was told later, of an hour that was known, stands
    end = states[max(states)]
    key = {"cluster_id": cluster, "api_group": kind[0], "resource": kind[1]}
    names = {name: None for state in states.values() for name in state}
    rows = [
        {**key, "length": DAY_SECONDS, "start": day, **_name(name), **_gauge(end.get(name, NOTHING))}
        | {"evaluations": evaluations.get(name, 0)}
        for name in names
    ]
    # A day that became one before hours were kept has rows of what is in none of these.
    mine = (INTERVALS.c.cluster_id == cluster, INTERVALS.c.length == DAY_SECONDS, INTERVALS.c.start == day)
    connection.execute(update(INTERVALS).where(*mine, *_of(INTERVALS, kind)).values(dict.fromkeys(GAUGES, 0)))
    upsert(connection, INTERVALS, rows, replace=GAUGES, add=("evaluations",))
    connection.execute(delete(DIFFERENCES).where(*_day(DIFFERENCES, cluster, day), *_of(DIFFERENCES, kind)))
    different = [
        {**key, "start": start, **_name(name), **_gauge(gauges)}
        for start, name, gauges in _compare({start: states[start] for start in hours}, end)
    ]
    if different:
        connection.execute(insert(DIFFERENCES), different)
    bits = sum(1 << (start - day) // HOUR for start in hours)
    if bits:
        upsert(connection, COUNTED_HOURS, [{**key, "start": day, "hours": bits}], replace=("hours",))
    connection.execute(delete(INTERVALS).where(*told))


def _read_told(
    connection: Connection, told: Sequence[ColumnElement[bool]]
) -> tuple[dict[datetime, State], set[datetime], Mapping[Name, int]]:
    """By their beginnings: what intervals ended with, which of them are hours, and the judgements of all."""
    states: dict[datetime, dict[Name, Sequence[int]]] = {}
    hours: set[datetime] = set()
    evaluations: dict[Name, int] = {}
    lengths: dict[datetime, int] = {}
    # As plain rows: there are 100,000 of them where a kind is large. Of two that begin together the longer ended later.
    columns = ("length", "start", "policy", "rule", "namespace", "evaluations", *GAUGES)
    question = select(*(INTERVALS.c[name] for name in columns)).where(*told).order_by(INTERVALS.c.length)
    for length, start, policy, rule, namespace, judged, *gauges in connection.execute(question).all():
        if lengths.get(start) != length:
            states[start], lengths[start] = {}, length
        if length == HOUR_SECONDS and start == start.replace(minute=0, second=0, microsecond=0):
            hours.add(start)
        name = (policy, rule, namespace)
        states[start][name] = tuple(gauges)
        evaluations[name] = evaluations.get(name, 0) + judged
    return dict(states), hours, evaluations


def _read_rolled_up(connection: Connection, cluster: int, day: datetime, kind: Kind) -> Mapping[datetime, State]:
    """Hours of that day that are no intervals any more: what is rolled up now had waited somewhere."""
    c = COUNTED_HOURS.c
    known = select(c.hours).where(c.cluster_id == cluster, c.start == day, *_of(COUNTED_HOURS, kind))
    bits = connection.execute(known).scalar_one_or_none()
    if bits is None:
        return {}
    mine = (INTERVALS.c.cluster_id == cluster, INTERVALS.c.length == DAY_SECONDS, INTERVALS.c.start == day)
    rows = connection.execute(select(INTERVALS).where(*mine, *_of(INTERVALS, kind))).mappings()
    state = {_read_name(row): _read_gauges(row) for row in rows}
    different: dict[datetime, dict[Name, Sequence[int]]] = {}
    rows = connection.execute(
        select(DIFFERENCES).where(*_day(DIFFERENCES, cluster, day), *_of(DIFFERENCES, kind))
    ).mappings()
    for row in rows:
        different.setdefault(row["start"], {})[_read_name(row)] = _read_gauges(row)
    found = {}
    for start in read_hours(day, bits):
        state = {**state, **{n: _add(state.get(n, NOTHING), more) for n, more in different.get(start, {}).items()}}
        found[start] = state
    return found


def _compare(hours: Mapping[datetime, State], end: State) -> Iterator[tuple[datetime, Name, Sequence[int]]]:
    after = end
    for start in sorted(hours, reverse=True):
        state = hours[start]
        for name in state.keys() | after.keys():
            here, there = state.get(name, NOTHING), after.get(name, NOTHING)
            if here != there:
                yield start, name, [one - other for one, other in zip(here, there, strict=True)]
        after = state


def _add(one: Sequence[int], other: Sequence[int]) -> Sequence[int]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _read_name(row: RowMapping) -> Name:
    return row["policy"], row["rule"], row["namespace"]


def _read_gauges(row: RowMapping) -> Sequence[int]:
    return tuple(row[name] for name in GAUGES)


def _name(name: Name) -> Mapping[str, str]:
    return dict(zip(("policy", "rule", "namespace"), name, strict=True))


def _gauge(gauges: Sequence[int]) -> Mapping[str, int]:
    return dict(zip(GAUGES, gauges, strict=True))


# -- doors -------------------------------------------------------------------------------------------------------------


def find_first_door(connection: Connection, cluster: int, before: datetime) -> datetime | None:
    """The day of the first interval that is shorter."""
    first = select(func.min(DOORS.c.start)).where(*_shorter(DOORS, cluster), DOORS.c.start < before)
    found = connection.execute(first).scalar_one()
    return None if found is None else begin_of_day(found)


def roll_up_doors(connection: Connection, cluster: int, day: datetime) -> None:
    within = _within(DOORS, cluster, day)
    fixed: Sequence[ColumnElement[object]] = (literal(cluster), literal(DAY_SECONDS), literal(day, Moment))
    names = ("cluster_id", "length", "start")
    keys = [column for column in DOORS.primary_key.columns if column.name not in names]
    rows = select(*fixed, *keys, func.sum(DOORS.c.count)).where(*within).group_by(*keys)
    statement = insert_or(connection, DOORS).from_select([*names, *(key.name for key in keys), "count"], rows)
    changed = {"count": DOORS.c.count + statement.excluded.count}
    index = list(DOORS.primary_key.columns)
    connection.execute(statement.on_conflict_do_update(index_elements=index, set_=changed))
    connection.execute(delete(DOORS).where(*within))


def _shorter(table: Table, cluster: int) -> tuple[ColumnElement[bool], ...]:
    return (table.c.cluster_id == cluster, table.c.length < DAY_SECONDS)


def _day(table: Table, cluster: int, day: datetime) -> tuple[ColumnElement[bool], ...]:
    return (table.c.cluster_id == cluster, table.c.start >= day, table.c.start < day + DAY)


def _within(table: Table, cluster: int, day: datetime) -> tuple[ColumnElement[bool], ...]:
    return (*_shorter(table, cluster), *_day(table, cluster, day)[1:])


def _of(table: Table, kind: Kind) -> tuple[ColumnElement[bool], ...]:
    return (table.c.api_group == kind[0], table.c.resource == kind[1])
