"""Results as the watcher counted them: how many objects passed and failed each rule at a moment.

They are told at the end of each hour; after a while as the ends of days, and what was different at the ends of hours.
What holds at a moment is the last interval that was over by then, of each kind; at present it is the one that runs.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, func, or_, select, union_all

from auditor.json import Json
from auditor.report.compliance.book import Book
from auditor.report.compliance.period import Period
from auditor.report.compliance.scope import RuleKey, Scope, policy_of
from auditor.report.compliance.tree import Results
from auditor.report.history.counts import GAUGES, INTERVALS
from auditor.report.history.rollup import (
    COUNTED_HOURS,
    DAY,
    DAY_SECONDS,
    DIFFERENCES,
    HOUR,
    HOUR_SECONDS,
    begin_of_day,
    read_hours,
)

C = INTERVALS.c
Kind = tuple[str, str]
"""Group and resource."""
LOOK_BACK: Final = timedelta(days=1)
"""A kind that was not counted for longer than that counts no more: a watcher that judges tells of each every hour."""

STALE: Final = timedelta(days=2)
"""What was counted last so long before says nothing of a moment: nobody watched. One day, as hours become days, and
another one for a watcher that is being repaired."""


@dataclass(frozen=True, slots=True)
class End:
    """An interval whose end stands for these kinds."""

    length: int
    start: datetime
    kinds: frozenset[Kind]
    at: datetime
    former: bool = False
    """An hour that is told by the end of its day and the differences."""

    @property
    def is_day(self) -> bool:
        return self.length == DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Counted:
    """Results of one rule on the objects of a kind in a namespace."""

    kind: Kind
    rule: RuleKey
    namespace: str
    results: Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """At which results are asked for."""

    at: datetime
    running: bool
    """It is the present: the interval that is not over holds, too."""
    expected: frozenset[Kind] = frozenset()
    """Kinds that should be counted: they are looked for further back."""
    lengths: tuple[int, ...]
    """Of the intervals that there are: see `find_lengths`."""
    over: frozenset[Kind] = frozenset()
    """Kinds that were not there, not followed or not known any more: what was counted of them last is over."""
    empty: Mapping[Kind, datetime] = field(default_factory=dict)
    """Since when there has been no object of a kind: what was counted before is over."""


def find_ends(connection: Connection, cluster: int, moment: Moment) -> list[End]:
    """The latest first. Mostly one: in it are all kinds."""
    seen: set[Kind] = set(moment.over)
    found: list[End] = []
    latest: datetime | None = None
    former = _read_former(connection, cluster, moment)
    candidates = heapq.merge(
        _walk(connection, cluster, moment, former), _walk_former(former, moment), key=lambda each: each.at, reverse=True
    )
    for end in candidates:
        latest = latest or end.at
        if end.at <= max(latest - LOOK_BACK, moment.at - STALE):
            break
        kinds = {kind for kind in end.kinds if kind not in moment.empty or moment.empty[kind] < end.at} - seen
        if kinds:
            found.append(End(end.length, end.start, frozenset(kinds), min(end.at, moment.at), end.former))
            seen |= kinds
        if moment.expected <= seen:
            break
    return found


Former = Mapping[datetime, Mapping[Kind, int]]
"""By day and kind: the hours that were counted, as bits."""


def _read_former(connection: Connection, cluster: int, moment: Moment) -> Former:
    c = COUNTED_HOURS.c
    near = (c.cluster_id == cluster, c.start > moment.at - STALE - DAY, c.start < moment.at)
    found: dict[datetime, dict[Kind, int]] = defaultdict(dict)
    for row in connection.execute(select(COUNTED_HOURS).where(*near)):
        found[row.start][row.api_group, row.resource] = row.hours
    return found


def _walk_former(former: Former, moment: Moment) -> Iterator[End]:
    """Those that were over, the one that ended last first."""
    for day in sorted(former, reverse=True):
        kinds: dict[datetime, set[Kind]] = defaultdict(set)
        for kind, bits in former[day].items():
            for start in read_hours(day, bits):
                kinds[start].add(kind)
        for start in sorted(kinds, reverse=True):
            if start + HOUR <= moment.at:
                yield End(HOUR_SECONDS, start, frozenset(kinds[start]), start + HOUR, former=True)


def _walk(connection: Connection, cluster: int, moment: Moment, former: Former) -> Iterator[End]:
    """Intervals, the one that ended last first; of days without those kinds of which more is known. Each is one look
    into the index."""
    running = moment.running
    bounds = {each: moment.at - (timedelta() if running else timedelta(seconds=each)) for each in moment.lengths}
    first = {length: _find_start(connection, cluster, length, C.start <= bound) for length, bound in bounds.items()}
    waiting = {length: start for length, start in first.items() if start is not None}
    while waiting:
        length = max(waiting, key=lambda each: (waiting[each] + timedelta(seconds=each), -each))
        start = waiting[length]
        question = select(C.api_group, C.resource).where(C.cluster_id == cluster, C.length == length, C.start == start)
        kinds = {(row.api_group, row.resource) for row in connection.execute(question.distinct())}
        if length == DAY_SECONDS:
            kinds -= former.get(start, {}).keys()
        if kinds:
            yield End(length, start, frozenset(kinds), start + timedelta(seconds=length))
        earlier = _find_start(connection, cluster, length, C.start < start)
        if earlier is None:
            del waiting[length]
        else:
            waiting[length] = earlier


def find_lengths(connection: Connection, cluster: int) -> tuple[int, ...]:
    """Hours and days, mostly. One by one: DISTINCT would read the whole index."""
    found: list[int] = []
    while True:
        longer = (C.length > found[-1],) if found else ()
        length = connection.execute(select(func.min(C.length)).where(C.cluster_id == cluster, *longer)).scalar_one()
        if length is None:
            return tuple(found)
        found.append(int(length))


def _find_start(connection: Connection, cluster: int, length: int, condition: ColumnElement[bool]) -> datetime | None:
    question = select(func.max(C.start)).where(C.cluster_id == cluster, C.length == length, condition)
    start: datetime | None = connection.execute(question).scalar_one()
    return start


def find_blind_days(connection: Connection, cluster: int, period: Period) -> list[str]:
    """Runs of whole days of UTC within a period in which nothing was counted. Hours that became days tell the same."""
    lengths = find_lengths(connection, cluster)
    first = begin_of_day(period.start.astimezone(UTC) + timedelta(days=1) - timedelta(microseconds=1))
    after = begin_of_day(period.end.astimezone(UTC))
    found: list[str] = []
    while first < after:
        starts = [_find_start(connection, cluster, each, and_(C.start >= first, C.start < after)) for each in lengths]
        last = max((start for start in starts if start is not None), default=None)
        seen = first if last is None else begin_of_day(last) + timedelta(days=1)
        if seen < after:
            found.append(_name_days(seen, after - timedelta(days=1)))
        after = first if last is None else begin_of_day(last)
    return found[::-1]


def _name_days(first: datetime, last: datetime) -> str:
    return f"{first:%Y-%m-%d}" if first == last else f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def read_counts(
    connection: Connection, cluster: int, ends: Iterable[End], scope: Scope, book: Book
) -> Sequence[Counted]:
    found = []
    for end in ends:
        rows = _rows(cluster, end, scope)
        by = tuple(rows.c[name] for name in (*_KIND, "policy", "rule", "namespace"))
        question: Select[*tuple[Json, ...]] = _sum(rows, by) if end.former else select(*by, *_gauges(rows))
        for row in connection.execute(question).all():
            group, resource, source, rule, namespace, *gauges = row
            key = (*policy_of(source), rule)
            if any(gauges) and (group, resource) in end.kinds and book.admits(scope, key):
                found.append(Counted((group, resource), key, namespace, _make(list(map(int, gauges)))))
    return found


def sum_counts(connection: Connection, cluster: int, ends: Sequence[End], scope: Scope, book: Book) -> Results | None:
    """All in one. None: nothing was counted."""
    total: Counter[str] = Counter()
    for end in ends:
        rows = _rows(cluster, end, scope)
        question = _sum(rows, tuple(rows.c[name] for name in (*_KIND, "policy", "rule")))
        for group, resource, source, rule, *gauges in connection.execute(question).all():
            if (group, resource) in end.kinds and book.admits(scope, (*policy_of(source), rule)):
                total.update(dict(zip(GAUGES, map(int, gauges), strict=True)))
    return _make([total[name] for name in GAUGES]) if ends else None


_KIND: Final = ("api_group", "resource")


def _rows(cluster: int, end: End, scope: Scope) -> FromClause:
    """All that is to be added up."""
    names = (*_KIND, "policy", "rule", "namespace", *GAUGES)
    length, start = (DAY_SECONDS, begin_of_day(end.start)) if end.former else (end.length, end.start)
    mine = [C.cluster_id == cluster, C.length == length, C.start == start, *_narrow(INTERVALS, end, scope)]
    rows = select(*(C[name] for name in names)).where(*mine)
    if not end.former:
        return rows.subquery("counted")
    d = DIFFERENCES.c
    later = [d.cluster_id == cluster, d.start >= end.start, d.start < start + DAY, *_narrow(DIFFERENCES, end, scope)]
    return union_all(rows, select(*(d[name] for name in names)).where(*later)).subquery("counted")


def _narrow(table: FromClause, end: End, scope: Scope) -> list[ColumnElement[bool]]:
    c = table.c
    kinds = [and_(c.api_group == group, c.resource == resource) for group, resource in sorted(end.kinds)]
    return [*([or_(*kinds)] if len(kinds) == 1 else []), *scope.conditions(table)]


def _gauges(rows: FromClause) -> list[ColumnElement[int]]:
    return [rows.c[name] for name in GAUGES]


def _sum(rows: FromClause, by: Sequence[ColumnElement[str]]) -> Select[*tuple[Json, ...]]:
    return select(*by, *(func.sum(each) for each in _gauges(rows))).group_by(*by)


def _make(gauges: Sequence[int]) -> Results:
    passes, fails, warns, errors, skips = gauges
    return Results(passes=passes, fails=fails, warns=warns, errors=errors, excused=skips)
