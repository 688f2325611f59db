"""Results as the watcher counted them: how many objects passed and failed each rule at a moment.

They are told at the end of each hour, and of days after a while. What holds at a moment is the last interval that was
over by then, of each kind; at present it is the one that runs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from auditor.report.compliance.book import Book
from auditor.report.compliance.period import Period
from auditor.report.compliance.scope import RuleKey, Scope, policy_of
from auditor.report.compliance.tree import Results
from auditor.report.history.counts import GAUGES, INTERVALS
from auditor.report.history.rollup import DAY_SECONDS, begin_of_day

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
    gone: frozenset[Kind] = frozenset()
    """Kinds that were not there any more: what was counted of them last is over."""


def find_ends(connection: Connection, cluster: int, moment: Moment) -> list[End]:
    """The latest first. Mostly one: in it are all kinds."""
    seen: set[Kind] = set(moment.gone)
    found: list[End] = []
    latest: datetime | None = None
    for length, start in _walk(connection, cluster, moment):
        end = start + timedelta(seconds=length)
        latest = latest or end
        if end <= max(latest - LOOK_BACK, moment.at - STALE):
            break
        question = select(C.api_group, C.resource).where(C.cluster_id == cluster, C.length == length, C.start == start)
        kinds = {(row.api_group, row.resource) for row in connection.execute(question.distinct())} - seen
        if kinds:
            found.append(End(length, start, frozenset(kinds), min(end, moment.at)))
            seen |= kinds
        if moment.expected <= seen:
            break
    return found


def _walk(connection: Connection, cluster: int, moment: Moment) -> Iterator[tuple[int, datetime]]:
    """Lengths and starts of intervals, the one that ended last first. Each is one look into the index."""
    running = moment.running
    bounds = {each: moment.at - (timedelta() if running else timedelta(seconds=each)) for each in moment.lengths}
    first = {length: _find_start(connection, cluster, length, C.start <= bound) for length, bound in bounds.items()}
    waiting = {length: start for length, start in first.items() if start is not None}
    while waiting:
        length = max(waiting, key=lambda each: (waiting[each] + timedelta(seconds=each), -each))
        start = waiting[length]
        yield length, start
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
        columns = (C.api_group, C.resource, C.policy, C.rule, C.namespace, *(C[name] for name in GAUGES))
        for row in connection.execute(select(*columns).where(*_within(cluster, end, scope))).all():
            group, resource, source, rule, namespace, *gauges = row
            key = (*policy_of(source), rule)
            if any(gauges) and (group, resource) in end.kinds and book.admits(scope, key):
                found.append(Counted((group, resource), key, namespace, _make(gauges)))
    return found


def sum_counts(connection: Connection, cluster: int, ends: Sequence[End], scope: Scope, book: Book) -> Results | None:
    """All in one. None: nothing was counted."""
    total: Counter[str] = Counter()
    sums = [func.sum(C[name]) for name in GAUGES]
    for end in ends:
        by = (C.api_group, C.resource, C.policy, C.rule)
        question = select(*by, *sums).where(*_within(cluster, end, scope)).group_by(*by)
        for group, resource, source, rule, *gauges in connection.execute(question).all():
            if (group, resource) in end.kinds and book.admits(scope, (*policy_of(source), rule)):
                total.update(dict(zip(GAUGES, map(int, gauges), strict=True)))
    return _make([total[name] for name in GAUGES]) if ends else None


def _within(cluster: int, end: End, scope: Scope) -> list[ColumnElement[bool]]:
    kinds = [and_(C.api_group == group, C.resource == resource) for group, resource in sorted(end.kinds)]
    few = [or_(*kinds)] if len(kinds) == 1 else []
    mine = [C.cluster_id == cluster, C.length == end.length, C.start == end.start]
    return [*mine, *few, *scope.conditions(INTERVALS)]


def _make(gauges: Sequence[int]) -> Results:
    passes, fails, warns, errors, skips = gauges
    return Results(passes=passes, fails=fails, warns=warns, errors=errors, excused=skips)
