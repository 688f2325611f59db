"""Findings in pages, and one finding with what became of it. Paging, filters and order are the database's work."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, and_, false, func, or_, select
from sqlalchemy.sql.functions import coalesce

from auditor.dashboard.answers.asked import CLUSTER_SCOPED, Asked, Parameter
from auditor.dashboard.answers.cursor import (
    LONGEST,
    NOT_OURS,
    Key,
    read_cursor,
    read_moment,
    read_text,
    turn_to,
    write_cursor,
)
from auditor.dashboard.answers.desk import Desk, MissingError, Reading
from auditor.errors import UsageError
from auditor.json import Json
from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.compliance.standing import is_overdue
from auditor.report.history.findings import FINDINGS, TURNS
from auditor.report.history.model import Step

F, T = FINDINGS.c, TURNS.c
PAGE: Final = 50
"""Rows: what a reader scrolls through."""
MOST_PAGE: Final = 500
"""For programs: half a megabyte of JSON."""
MOST_TURNS: Final = 200
FEW: Final = 5_000
"""Findings that are found and then sorted, in 10 ms. Of more than that a page is full soon in the order of the index;
of few it would be full when all that is open has been looked at.
"""

_RESULTS: Final = {
    "violation": Result.FAIL,
    "warning": Result.WARN,
    "error": Result.ERROR,
    "excused": Result.SKIP,
}
_SORTS: Final[dict[str, tuple[tuple[Key, ...], bool]]] = {
    "severity": (((F.severity, Severity),), False),
    "object": (((F.namespace, read_text), (F.name, read_text)), False),
    "policy": (((F.policy, read_text), (F.rule, read_text), (F.result, Result)), False),
    "kind": (((F.api_group, read_text), (F.resource, read_text)), False),
    "newest": (((F.first_seen, read_moment),), True),
    "oldest": (((F.first_seen, read_moment),), False),
}

PARAMETERS: Final = (
    Parameter(name="q", what="A text in the name, message, path, policy, rule or writer."),
    Parameter(name="severity", what="Of this severity.", choices=tuple(map(str, Severity))),
    Parameter(name="result", what="Of this result.", choices=tuple(_RESULTS)),
    Parameter(name="policy", what="Of the policy or check of this name."),
    Parameter(name="rule", what="Of the rule of this name."),
    Parameter(name="kind", what="Of objects of this kind, as databases.db.example.com."),
    Parameter(name="namespace", what=f"Of objects in this namespace; {CLUSTER_SCOPED}: of those in none."),
    Parameter(name="state", what="Open, or resolved.", choices=("open", "resolved", "all"), default="open"),
    Parameter(name="overdue", what="Violations that are open for longer than allowed.", choices=("yes",)),
    Parameter(name="sort", what="The order.", choices=tuple(_SORTS), default="severity"),
    Parameter(name="limit", what=f"Findings in a page, at most {MOST_PAGE}.", default=str(PAGE), longest=4),
    Parameter(name="after", what="`next` of the page before.", longest=LONGEST),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    fingerprint: str
    result: Result
    severity: Severity
    policy_kind: str
    policy: str
    rule: str
    message: str
    path: str
    api_version: str
    kind: str
    resource: str
    namespace: str
    name: str
    first_seen: datetime
    opened_at: datetime
    """When it appeared last."""
    resolved_at: datetime | None
    overdue: bool
    writer: str
    excused_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsPage:
    total: int
    """Of all pages."""
    findings: tuple[FindingLine, ...]
    next: str
    """Of the next page; empty: this is the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLine:
    at: datetime
    turn: Step
    result: Result
    severity: Severity
    excused_by: str
    message_before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingStory:
    finding: FindingLine
    title: str
    """Of the policy."""
    remediation: str
    controls: tuple[str, ...]
    uid: str
    last_seen: datetime
    reopened_count: int
    due_at: datetime | None
    """When it becomes, or became, overdue."""
    turns: tuple[TurnLine, ...]
    """The latest first."""
    others: int
    """Open findings of the same object, besides this one."""


def ask_findings(desk: Desk, asked: Asked) -> FindingsPage:
    keys, down = _SORTS[asked["sort"]]
    columns = [column for column, _ in keys]
    after = read_cursor(asked["after"], [*(read for _, read in keys), read_text])
    limit = _read_limit(asked["limit"])
    where = [F.cluster_id == desk.cluster.id, *desk.scope.conditions(FINDINGS), *_choose(desk, asked)]
    with desk.reading() as reading:
        if asked["q"]:
            where.append(_contain(asked["q"], sqlite=desk.database.is_sqlite))
        total = reading.connection.execute(select(func.count()).select_from(FINDINGS).where(*where)).scalar_one()
        if after:
            after = (*after[:-1], _find_id(reading, after[-1]))
        order: list[ColumnElement[Json]] = [*columns, F.id]
        if total < FEW:
            order[0] = coalesce(order[0], order[0])  # as an expression, so that no index is walked along for it
        question = turn_to(select(FINDINGS).where(*where), order, after=after, down=down)
        rows = reading.connection.execute(question.limit(limit + 1)).mappings().all() if total else []
    more = len(rows) > limit
    return FindingsPage(
        total=total,
        findings=tuple(_tell(row, desk) for row in rows[:limit]),
        next=write_cursor([rows[limit - 1][each] for each in (*columns, F.fingerprint)]) if more else "",
    )


def ask_finding(desk: Desk, asked: Asked) -> FindingStory:
    mine = (F.cluster_id == desk.cluster.id, *desk.scope.conditions(FINDINGS))
    with desk.reading() as reading:
        connection = reading.connection
        row = (
            connection.execute(select(FINDINGS).where(*mine, F.fingerprint == asked["fingerprint"])).mappings().first()
        )
        if row is None:
            raise MissingError
        turns = connection.execute(
            select(TURNS).where(T.finding_id == row["id"]).order_by(T.at.desc(), T.id.desc()).limit(MOST_TURNS)
        ).mappings()
        same = and_(*(F[name] == row[name] for name in ("api_group", "resource", "namespace", "name")))
        others = select(func.count()).where(*mine, same, F.resolved_at.is_(None), F.id != row["id"])
        time = desk.allowed.get(row["severity"]) if row["result"] is Result.FAIL else None
        return FindingStory(
            finding=_tell(row, desk),
            title=reading.book.title_of(row["policy_kind"], row["policy"]),
            remediation=row["remediation"],
            controls=tuple(row["controls"]),
            uid=row["uid"],
            last_seen=row["last_seen"],
            reopened_count=row["reopened_count"],
            due_at=None if time is None or row["resolved_at"] is not None else row["opened_at"] + time,
            turns=tuple(
                TurnLine(
                    **{
                        name: each[name]
                        for name in ("at", "turn", "result", "severity", "excused_by", "message_before")
                    }
                )
                for each in turns
            ),
            others=connection.execute(others).scalar_one(),
        )


def _contain(text: str, *, sqlite: bool) -> ColumnElement[bool]:
    columns = (F.name, F.message, F.path, F.policy, F.rule, F.writer, F.namespace)
    # SQLite's LIKE takes a for A anyway; asked to lower both it takes three times as long.
    return or_(*((each.contains if sqlite else each.icontains)(text, autoescape=True) for each in columns))


def _find_id(reading: Reading, fingerprint: object) -> int:
    """Rows are told apart by their numbers, which an index has. These count the findings of everybody, so that they
    are never shown.
    """
    mine = (F.cluster_id == reading.cluster, *reading.desk.scope.conditions(FINDINGS), F.fingerprint == fingerprint)
    found: int | None = reading.connection.execute(select(F.id).where(*mine)).scalar_one_or_none()
    if found is None:
        raise UsageError(NOT_OURS)
    return found


def _tell(row: RowMapping, desk: Desk) -> FindingLine:
    told = {name: row[name] for name in FindingLine.__slots__ if name not in ("api_version", "overdue")}
    is_open = row["result"] is Result.FAIL and row["resolved_at"] is None
    return FindingLine(
        **told,
        api_version=f"{row['api_group']}/{row['api_version']}" if row["api_group"] else row["api_version"],
        overdue=is_open and is_overdue(row["severity"], row["opened_at"], desk.now, desk.allowed),
    )


def _read_limit(text: str) -> int:
    return min(max(int(text), 1), MOST_PAGE) if text.isdecimal() else PAGE


def _choose(desk: Desk, asked: Asked) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked["state"] != "all":
        found.append(F.resolved_at.is_(None) if asked["state"] == "open" else F.resolved_at.is_not(None))
    if asked["severity"]:
        found.append(F.severity == Severity(asked["severity"]))
    if asked["result"]:
        found.append(F.result == _RESULTS[asked["result"]])
    found += [F[name] == asked[name] for name in ("policy", "rule") if asked[name]]
    if asked["kind"]:
        found += replace(desk.scope, namespaces=None, kinds=frozenset((asked["kind"],))).conditions(FINDINGS)
    if asked["namespace"]:
        found.append(F.namespace == ("" if asked["namespace"] == CLUSTER_SCOPED else asked["namespace"]))
    if asked["overdue"]:
        late = [and_(F.severity == severity, F.opened_at < desk.now - time) for severity, time in desk.allowed.items()]
        found += [F.resolved_at.is_(None), F.result == Result.FAIL, or_(false(), *late)]
    return found
