"""A finding as a line of a table."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping

from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.compliance.standing import Allowed, is_overdue


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


def tell_line(row: RowMapping, now: datetime, allowed: Allowed) -> FindingLine:
    told = {name: row[name] for name in FindingLine.__slots__ if name not in ("api_version", "overdue")}
    is_open = row["result"] is Result.FAIL and row["resolved_at"] is None
    return FindingLine(
        **told,
        api_version=f"{row['api_group']}/{row['api_version']}" if row["api_group"] else row["api_version"],
        overdue=is_open and is_overdue(row["severity"], row["opened_at"], now, allowed),
    )
