"""One finding: what became of it, and what its object is now."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import and_, func, select

from auditor.dashboard.answers.asked import Asked
from auditor.dashboard.answers.desk import Desk, MissingError
from auditor.dashboard.answers.line import FindingLine, tell_line
from auditor.dashboard.answers.now import ObjectNow
from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.history.findings import FINDINGS, TURNS
from auditor.report.history.model import Step

F, T = FINDINGS.c, TURNS.c
MOST_TURNS: Final = 200
NOTHING: Final = ObjectNow(said="")


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
    now: ObjectNow


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
        line = tell_line(row, desk.now, desk.allowed)
        story = FindingStory(
            finding=line,
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
            now=NOTHING,
        )
    # The database waits for nobody.
    return replace(story, now=desk.look(line, row["uid"]))
