"""Exceptions: who was excused at the end of a period, who will not be for long, and who is not any more."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, RowMapping, func, select

from auditor.model.finding import Result
from auditor.report.compliance.period import Period
from auditor.report.compliance.scope import Scope
from auditor.report.compliance.standing import Standing
from auditor.report.compliance.tree import ExceptionLine
from auditor.report.history.notes import EXCEPTION_CHANGES, REMOVED

SOON: Final = timedelta(days=14)
"""To renew an exception takes a review, and that somebody comes back from holidays."""
ALL: Final = "*"


def read_exceptions(
    connection: Connection, cluster: int, period: Period, scope: Scope, *, standing: Standing, soon: timedelta = SOON
) -> tuple[ExceptionLine, ...]:
    c = EXCEPTION_CHANGES.c
    mine = (c.cluster_id == cluster, c.at < period.end, *scope.conditions(EXCEPTION_CHANGES))
    last = select(func.max(c.id)).where(*mine).group_by(c.namespace, c.name)
    rows = connection.execute(select(EXCEPTION_CHANGES).where(c.id.in_(last.scalar_subquery()))).mappings()
    excused = _count_excused(connection, standing)
    lines = []
    for row in rows:
        state = _name_state(row, period, soon)
        count = excused.pop(f"{row['namespace']}/{row['name']}", 0)
        if (state or count) and _concerns(row, scope):
            lines.append(_make(row, state or "not in force", count))
    # What excuses and is not known was made before this was recorded.
    for name, count in excused.items():
        namespace, _, short = name.partition("/")
        lines.append(
            ExceptionLine(
                namespace=namespace,
                name=short,
                policies=(),
                rules=(),
                owner="",
                reason="",
                expires=None,
                state="unknown",
                excuses=count,
            )
        )
    return tuple(sorted(lines, key=lambda each: (_STATES.index(each.state), _last(each), each.namespace, each.name)))


_STATES: Final = ("about to expire", "in force", "unknown", "not in force", "expired", "removed")


def _last(line: ExceptionLine) -> float:
    return line.expires.timestamp() if line.expires is not None else 0.0


def _name_state(row: RowMapping, period: Period, soon: timedelta) -> str:
    """Empty: it was over before the period."""
    end, expires = period.end, row["expires"]
    if row["what"] == REMOVED:
        if not _is_over(expires, row["at"]):
            return "removed" if row["at"] >= period.start else ""
        # It was over before somebody swept it away.
        return "expired" if expires >= period.start else ""
    if _is_over(expires, end):
        return "expired" if expires >= period.start else ""
    if row["what"] != "changed" or expires is None:
        return "not in force"
    return "about to expire" if expires < end + soon else "in force"


def _is_over(expires: datetime | None, at: datetime) -> bool:
    return expires is not None and expires <= at


def _concerns(row: RowMapping, scope: Scope) -> bool:
    return not scope.policies or ALL in row["policies"] or any(scope.admits_policy(each) for each in row["policies"])


def _make(row: RowMapping, state: str, excuses: int) -> ExceptionLine:
    return ExceptionLine(
        namespace=row["namespace"],
        name=row["name"],
        policies=tuple(row["policies"]),
        rules=tuple(row["rules"]),
        owner=row["owner"],
        reason=row["reason"],
        expires=row["expires"],
        state=state,
        excuses=excuses,
    )


def _count_excused(connection: Connection, standing: Standing) -> dict[str, int]:
    c = standing.all.c
    question = select(c.excused_by, func.count()).where(c.result == Result.SKIP, c.excused_by != "")
    return {row.excused_by: row[1] for row in connection.execute(question.group_by(c.excused_by))}
