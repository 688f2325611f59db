"""What became of findings within a period."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, exists, func, not_, select

from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.compliance.book import Book
from auditor.report.compliance.period import Period
from auditor.report.compliance.scope import Scope
from auditor.report.compliance.standing import OPENINGS
from auditor.report.compliance.tree import Movement, Resolved
from auditor.report.history.findings import FINDINGS, TURNS
from auditor.report.history.model import Step
from auditor.report.history.types import Moment

F, T = FINDINGS.c, TURNS.c
MICROSECOND: Final = timedelta(microseconds=1)
Key = tuple[Severity, str, str]
"""Severity, kind of the policy, policy."""
_FIELDS: Final = {
    Step.OPENED: "opened",
    Step.REOPENED: "reopened",
    Step.RESOLVED: "resolved",
    Step.CHANGED: "changed",
    Step.EXCUSED: "excused",
}


def read_movement(
    connection: Connection, cluster: int, period: Period, scope: Scope, book: Book, *, repairs: bool = True
) -> Mapping[Key, Movement]:
    by = (T.severity, F.policy_kind, F.policy)
    within = _within(cluster, period, scope, book)
    question = select(T.turn, *by, func.count()).select_from(TURNS.join(FINDINGS, F.id == T.finding_id)).where(*within)
    counts: dict[Key, dict[str, int]] = defaultdict(dict)
    for turn, severity, kind, policy, count in connection.execute(question.group_by(T.turn, *by)):
        counts[severity, kind, policy][_FIELDS[turn]] = count
    times = _read_repairs(connection, by, within) if repairs else {}
    found = {}
    for key, fields in counts.items():
        repaired, total = times.get(key, (0, 0))
        found[key] = Movement(**fields, repaired=repaired, repair_total=total * MICROSECOND)
    return found


def sum_movement(movements: Iterable[Movement]) -> Movement:
    return sum(movements, Movement())


def _read_repairs(
    connection: Connection, by: tuple[ColumnElement[object], ...], within: list[ColumnElement[bool]]
) -> Mapping[Key, tuple[int, int]]:
    """Of violations alone: how many, and how many microseconds they were open together."""
    question = (
        select(*by, T.at, _opened().label("opened"))
        .select_from(TURNS.join(FINDINGS, F.id == T.finding_id))
        .where(*within, T.turn == Step.RESOLVED, T.result == Result.FAIL)
    ).subquery()
    c = question.c
    took = c.at - c.opened
    columns = (c.severity, c.policy_kind, c.policy)
    # As plain numbers: a difference of moments is none.
    rows = connection.execute(
        select(*columns, func.count(), func.sum(took.cast(BigInteger))).where(c.opened.is_not(None)).group_by(*columns)
    )
    return {(severity, kind, policy): (count, int(total)) for severity, kind, policy, count, total in rows}


def list_resolved(
    connection: Connection, cluster: int, period: Period, scope: Scope, book: Book, *, most: int
) -> list[Resolved]:
    """The latest first."""
    names = ("fingerprint", "policy", "rule", "kind", "namespace", "name")
    question = (
        select(T.at, T.severity, _opened().label("opened"), *(F[name] for name in names))
        .select_from(TURNS.join(FINDINGS, F.id == T.finding_id))
        .where(*_within(cluster, period, scope, book), T.turn == Step.RESOLVED)
    )
    rows = connection.execute(question.order_by(T.at.desc(), F.fingerprint, T.id.desc()).limit(most)).mappings()
    return [
        Resolved(
            **{name: row[name] for name in names},
            severity=row["severity"],
            at=row["at"],
            after=None if row["opened"] is None else row["at"] - row["opened"],
        )
        for row in rows
    ]


def _opened() -> ColumnElement[object]:
    """When the finding of a turn was opened last, before the turn."""
    opening = TURNS.alias()
    before = and_(opening.c.finding_id == T.finding_id, opening.c.at <= T.at, opening.c.id < T.id)
    question = select(func.max(opening.c.at, type_=Moment())).where(before, opening.c.turn.in_(OPENINGS))
    return question.correlate(TURNS).scalar_subquery()


def _within(cluster: int, period: Period, scope: Scope, book: Book) -> list[ColumnElement[bool]]:
    rules = book.rules_of(scope.framework) if scope.framework else None
    found = [T.cluster_id == cluster, T.at >= period.start, T.at < period.end]
    found += replace(scope, severity=None).conditions(FINDINGS, rules)
    if scope.severity is not None:
        found.append(T.severity <= scope.severity)
    # Of one that was resolved before anybody had told that it is there, it is not said that it was resolved.
    other = TURNS.alias()
    unopened = and_(
        T.turn == Step.RESOLVED,
        T.at == F.first_seen,
        not_(exists().where(other.c.finding_id == T.finding_id, other.c.turn == Step.OPENED)),
    )
    return [*found, not_(unopened)]
