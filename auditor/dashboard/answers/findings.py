"""Findings in pages. Paging, filters and order are the database's work."""

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import ColumnElement, and_, false, or_, select

from auditor.dashboard.answers.asked import CLUSTER_SCOPED, Asked, Parameter
from auditor.dashboard.answers.cursor import (
    LONGEST,
    NOT_OURS,
    Key,
    read_cursor,
    read_moment,
    read_text,
    write_cursor,
)
from auditor.dashboard.answers.desk import Desk, Reading
from auditor.dashboard.answers.leafing import Leaf, read_leaf
from auditor.dashboard.answers.line import FindingLine, tell_line
from auditor.errors import UsageError
from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.history.findings import FINDINGS

F = FINDINGS.c
PAGE: Final = 50
"""Rows: what a reader scrolls through."""
MOST_PAGE: Final = 500
"""For programs: half a megabyte of JSON."""

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
class FindingsPage:
    total: int
    """Of all pages."""
    findings: tuple[FindingLine, ...]
    next: str
    """Of the next page; empty: this is the last."""


def ask_findings(desk: Desk, asked: Asked) -> FindingsPage:
    keys, down = _SORTS[asked["sort"]]
    columns = [column for column, _ in keys]
    after = read_cursor(asked["after"], [*(read for _, read in keys), read_text])
    limit = _read_limit(asked["limit"])
    where = [F.cluster_id == desk.cluster.id, *desk.scope.conditions(FINDINGS), *_choose(desk, asked)]
    with desk.reading() as reading:
        if after:
            after = (*after[:-1], _find_id(reading, after[-1]))
        leaf = Leaf(
            where=where,
            text=asked["q"],
            columns=columns,
            after=after,
            down=down,
            limit=limit + 1,
            walk=asked["state"] == "all",
        )
        total, rows = read_leaf(reading.connection, leaf, sqlite=desk.database.is_sqlite)
    more = len(rows) > limit
    return FindingsPage(
        total=total,
        findings=tuple(tell_line(row, desk.now, desk.allowed) for row in rows[:limit]),
        next=write_cursor([rows[limit - 1][each] for each in (*columns, F.fingerprint)]) if more else "",
    )


def _find_id(reading: Reading, fingerprint: object) -> int:
    """Rows are told apart by their numbers, which an index has. These count the findings of everybody, so that they
    are never shown.
    """
    mine = (F.cluster_id == reading.cluster, *reading.desk.scope.conditions(FINDINGS), F.fingerprint == fingerprint)
    found: int | None = reading.connection.execute(select(F.id).where(*mine)).scalar_one_or_none()
    if found is None:
        raise UsageError(NOT_OURS)
    return found


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
