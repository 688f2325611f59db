"""Findings as they stood at a moment: of each the last turn before then. Where nothing has become of it since, that is
its row as it is; so a report about now asks no turn at all."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    RowMapping,
    Subquery,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.sql.functions import coalesce

from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.compliance.book import Book
from auditor.report.compliance.scope import Scope
from auditor.report.compliance.tree import Ages, Open, Violation
from auditor.report.history.findings import FINDINGS, PAGE, TURNS, pages
from auditor.report.history.model import Step
from auditor.report.history.types import Moment

F, T = FINDINGS.c, TURNS.c
DAY: Final = timedelta(days=1)
OPENINGS: Final = (Step.OPENED, Step.REOPENED)
Allowed = Mapping[Severity, timedelta]
ALLOWED: Final[Allowed] = {
    # CISA's BOD 19-02 gives 15 days for the critical; FedRAMP 30, 90 and 180 for the others.
    Severity.CRITICAL: 15 * DAY,
    Severity.HIGH: 30 * DAY,
    Severity.MEDIUM: 90 * DAY,
    Severity.LOW: 180 * DAY,
}
# In the order of the index ix_findings_open_count: so they come grouped.
_IDENTITY: Final = ("policy_kind", "policy", "rule", "api_group", "resource", "namespace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Findings that have all of this in common."""

    policy_kind: str
    policy: str
    rule: str
    api_group: str
    resource: str
    namespace: str
    severity: Severity
    open: Open
    ages: Ages


@dataclass(frozen=True, slots=True)
class Standing:
    """What was open just before a moment."""

    still: Subquery
    """Of which nothing has become since: an index has all of it that is counted."""
    then: Subquery
    """Of which something has become since."""

    @property
    def all(self) -> Subquery:
        return union_all(select(self.still), select(self.then)).subquery("standing")


def stand(cluster: int, at: datetime, scope: Scope, book: Book) -> Standing:
    rules = book.rules_of(scope.framework) if scope.framework else None
    # The severity is that of then: it is asked for below.
    mine = [F.cluster_id == cluster, *replace(scope, severity=None).conditions(FINDINGS, rules)]
    known = [F.id, *(F[name] for name in _IDENTITY)]
    # As a sum, so that nobody takes the index by times, which nearly all rows are in.
    turned = type_coerce(type_coerce(F.turned_at, BigInteger) + 0, Moment())
    still = select(*known, F.result, F.severity, F.excused_by, F.opened_at).where(
        *mine, F.resolved_at.is_(None), turned < at
    )
    earlier = TURNS.alias()
    last = select(earlier.c.id).where(earlier.c.finding_id == F.id, earlier.c.at < at)
    last = last.order_by(earlier.c.at.desc(), earlier.c.id.desc()).limit(1).correlate(FINDINGS)
    opening = TURNS.alias()
    opened = (
        select(func.max(opening.c.at))
        .where(opening.c.finding_id == F.id, opening.c.at < at, opening.c.turn.in_(OPENINGS))
        .correlate(FINDINGS)
    )
    # A turn so old that it is gone: the finding was open before, and has been since it was first seen.
    since = coalesce(opened.scalar_subquery(), F.first_seen, type_=Moment())
    then = (
        select(*known, T.result, T.severity, T.excused_by, since.label("opened_at"))
        .select_from(FINDINGS.join(TURNS, T.id == last.scalar_subquery()))
        .where(*mine, F.turned_at >= at, F.first_seen < at, T.turn != Step.RESOLVED)
    )
    if scope.severity is not None:
        still, then = still.where(F.severity <= scope.severity), then.where(T.severity <= scope.severity)
    return Standing(still.subquery("still"), then.subquery("then"))


def count_standing(connection: Connection, standing: Standing, at: datetime, allowed: Allowed) -> list[Cell]:
    return [*_count_part(connection, standing.still, at, allowed), *_count_part(connection, standing.then, at, allowed)]


def _count_part(connection: Connection, part: Subquery, at: datetime, allowed: Allowed) -> Iterator[Cell]:
    c = part.c
    fails = c.result == Result.FAIL
    by = (*(c[name] for name in _IDENTITY), c.severity)
    counts = {
        "violations": _count(fails),
        "warnings": _count(c.result == Result.WARN),
        "errors": _count(c.result == Result.ERROR),
        "excused": _count(c.result == Result.SKIP),
        "overdue": _count(fails, _overdue(part, at, allowed)),
        "day": _count(fails, _younger(part, at, 1)),
        "week": _count(fails, _younger(part, at, 7)),
        "month": _count(fails, _younger(part, at, 30)),
        "quarter": _count(fails, _younger(part, at, 90)),
        "first": func.min(case((fails, c.opened_at)), type_=Moment()),
    }
    question = select(*by, *(count.label(name) for name, count in counts.items())).group_by(*by)
    for row in connection.execute(question).mappings():
        yield Cell(
            **{name: row[name] for name in (*_IDENTITY, "severity")},
            open=Open(**{name: row[name] for name in ("violations", "warnings", "errors", "excused", "overdue")}),
            ages=Ages(
                day=row["day"],
                week=row["week"] - row["day"],
                month=row["month"] - row["week"],
                quarter=row["quarter"] - row["month"],
                older=row["violations"] - row["quarter"],
                oldest=None if row["first"] is None else at - row["first"],
            ),
        )


def _count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((and_(*conditions), 1), else_=0))


def _younger(part: Subquery, at: datetime, days: int) -> ColumnElement[bool]:
    return part.c.opened_at > literal(at - days * DAY, Moment())


def _overdue(part: Subquery, at: datetime, allowed: Allowed) -> ColumnElement[bool]:
    c = part.c
    late = [
        and_(c.severity == severity, c.opened_at < literal(at - time, Moment())) for severity, time in allowed.items()
    ]
    return or_(*late) if late else c.severity < Severity.CRITICAL  # never


def is_overdue(severity: Severity, since: datetime, at: datetime, allowed: Allowed) -> bool:
    return severity in allowed and since < at - allowed[severity]


def sum_ages(cells: Iterable[Cell]) -> Ages:
    ages = [cell.ages for cell in cells]
    return Ages(
        day=sum(each.day for each in ages),
        week=sum(each.week for each in ages),
        month=sum(each.month for each in ages),
        quarter=sum(each.quarter for each in ages),
        older=sum(each.older for each in ages),
        oldest=max((each.oldest for each in ages if each.oldest is not None), default=None),
    )


_ORDER: Final = {Result.FAIL: 0, Result.ERROR: 1, Result.WARN: 2, Result.SKIP: 3}


def list_standing(
    connection: Connection,
    standing: Standing,
    book: Book,
    *,
    start: datetime,
    at: datetime,
    allowed: Allowed,
    most: int,
) -> list[Violation]:
    """The worst first, and of these those that have been there for longest."""
    them = standing.all
    c = them.c
    rank = case(_ORDER, value=c.result, else_=4)
    question = select(
        c.result, c.severity, c.excused_by, c.opened_at, *(F[name] for name in (*_TOLD, "id", "controls", "turned_at"))
    ).select_from(them.join(FINDINGS, F.id == c.id))
    rows = connection.execute(question.order_by(rank, c.severity, c.opened_at, F.fingerprint).limit(most))
    found = rows.mappings().all()
    messages = _messages_then(connection, [row["id"] for row in found if row["turned_at"] >= at], at)
    return [
        Violation(
            **{name: row[name] for name in _TOLD if name not in ("api_group", "api_version", "message")},
            api_version=f"{row['api_group']}/{row['api_version']}" if row["api_group"] else row["api_version"],
            message=messages.get(row["id"], row["message"]),
            result=row["result"],
            severity=row["severity"],
            controls=_controls_then(book, row),
            since=row["opened_at"],
            new=row["opened_at"] >= start,
            overdue=row["result"] is Result.FAIL and is_overdue(row["severity"], row["opened_at"], at, allowed),
            excused_by=row["excused_by"],
        )
        for row in found
    ]


_TOLD: Final = (
    *("fingerprint", "policy_kind", "policy", "rule", "message", "path", "remediation", "api_group", "api_version"),
    *("kind", "namespace", "name", "writer"),
)


def _controls_then(book: Book, row: RowMapping) -> tuple[str, ...]:
    """As the policies of then say: with a finding those are kept that hold now."""
    rule = book.find((row["policy_kind"], row["policy"], row["rule"]))
    return tuple(row["controls"]) if rule is None else rule.controls


def _messages_then(connection: Connection, findings: Iterable[int], at: datetime) -> Mapping[int, str]:
    """What they said then, where they have said something else since."""
    said: dict[int, str] = {}
    for page in pages(findings, PAGE):
        question = select(T.finding_id, T.message_before).where(
            T.finding_id.in_(page), T.at >= at, T.message_before.is_not(None)
        )
        # The first after that moment is read last, and stays.
        rows = connection.execute(question.order_by(T.at.desc(), T.id.desc()))
        said.update((row.finding_id, row.message_before) for row in rows)
    return said
