"""Reads from the history what has become of findings between two moments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, func, select

from auditor.report.history.findings import FINDINGS, PAGE, TURNS, pages
from auditor.report.history.model import Step
from auditor.report.news.changes import Change, Interest, Item, Turned, find_change

T, F = TURNS.c, FINDINGS.c
SHOVEL: Final = 1_000
"""Rows that are fetched together, so that never all of them are here as rows."""
BORN: Final = (Step.OPENED, Step.REOPENED)
"""First turns that say themselves how it was before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    upto: int
    """The moment until which it looks."""
    begun: datetime | None
    """The first turn of what is news in it."""
    ended: datetime | None
    """The last."""
    items: tuple[Item, ...]
    moved: bool
    """Something has become of a finding that counts, be it asked for or not: what comes after is to be told by how it
    is at the end of this window, and not at its beginning."""

    def within(self, namespaces: frozenset[str] | None) -> tuple[Item, ...]:
        """Those of an audience. None: of all."""
        return tuple(each for each in self.items if namespaces is None or each.namespace in namespaces)


@dataclass(slots=True)
class _Course:
    """Of one finding in the window."""

    first: Turned
    last: Turned
    begun: datetime
    ended: datetime
    namespace: str
    policy: str


def find_last(connection: Connection, cluster: int) -> int:
    """The moment that is now; 0: nothing has become of anything yet."""
    last = select(T.id).where(T.cluster_id == cluster).order_by(T.id.desc()).limit(1)
    return int(connection.execute(last).scalar_one_or_none() or 0)


def find_last_before(connection: Connection, cluster: int, at: datetime) -> int:
    last = select(T.id).where(T.cluster_id == cluster, T.at < at).order_by(T.at.desc(), T.id.desc()).limit(1)
    return int(connection.execute(last).scalar_one_or_none() or 0)


def read_window(
    connection: Connection, cluster: int, interest: Interest, *, after: int, upto: int, most: int | None = None
) -> Window:
    """What is after the one moment, up to the other one. With `most` no more turns are read, and the window is shorter
    then: what is behind it is another one."""
    courses: dict[int, _Course] = {}
    number, last = 0, after
    for row in _read_turns(connection, cluster, interest, after=after, upto=upto, most=most):
        number, last = number + 1, row["id"]
        if interest.scope.admits_controls(row["controls"]):
            _follow(courses, row)
    before = _read_before(connection, [known for known, each in courses.items() if each.first.step not in BORN], after)
    items: list[Item] = []
    moments: list[datetime] = []
    moved = False
    for finding, each in courses.items():
        was = before.get(finding)
        found = find_change(was, each.first, each.last, interest)
        moved = moved or found is not None
        if found is None or found[0] not in interest.changes:
            continue
        counts = was if was is not None and found[0] is Change.RESOLVED else each.last
        items.append(
            Item(
                id=finding,
                change=found[0],
                how=found[1],
                result=each.last.result,
                severity=counts.severity,
                namespace=each.namespace,
                policy=each.policy,
            )
        )
        moments += [each.begun, each.ended]
    return Window(
        upto=upto if most is None or number < most else last,
        begun=min(moments, default=None),
        ended=max(moments, default=None),
        items=tuple(items),
        moved=moved,
    )


def _read_turns(
    connection: Connection, cluster: int, interest: Interest, *, after: int, upto: int, most: int | None
) -> Iterable[RowMapping]:
    # The severity of then counts, which is that of the turn; controls are looked at row by row.
    narrowed = replace(interest.scope, severity=None, framework="")
    columns = (
        *(T.id, T.finding_id, T.at, T.turn, T.result, T.severity, T.excused_by),
        *(F.namespace, F.policy, F.controls),
    )
    question = (
        select(*columns)
        .join_from(TURNS, FINDINGS, T.finding_id == F.id)
        .where(T.cluster_id == cluster, T.id > after, T.id <= upto, *narrowed.conditions(FINDINGS))
        .order_by(T.id)
        .limit(most)
    )
    with connection.execution_options(yield_per=SHOVEL).execute(question) as rows:
        yield from rows.mappings()


def _follow(courses: dict[int, _Course], row: RowMapping) -> None:
    turned = _read(row)
    course = courses.get(row["finding_id"])
    if course is None:
        courses[row["finding_id"]] = _Course(turned, turned, row["at"], row["at"], row["namespace"], row["policy"])
    else:
        course.last, course.ended = turned, row["at"]


def _read_before(connection: Connection, findings: Iterable[int], after: int) -> Mapping[int, Turned]:
    """How they were at that moment, by their last turns until then."""
    found: dict[int, Turned] = {}
    for page in pages(findings, PAGE):
        last = select(func.max(T.id)).where(T.finding_id.in_(page), T.id <= after).group_by(T.finding_id)
        chosen = select(T.finding_id, T.turn, T.result, T.severity, T.excused_by).where(T.id.in_(last))
        found.update((row["finding_id"], _read(row)) for row in connection.execute(chosen).mappings())
    return found


def _read(row: RowMapping) -> Turned:
    return Turned(row["turn"], row["result"], row["severity"], bool(row["excused_by"]))
