"""What the doors decided about single objects, the latest first, in pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, or_, select

from auditor.dashboard.answers.asked import Asked, Parameter
from auditor.dashboard.answers.cursor import LONGEST, Key, read_cursor, read_moment, read_text, turn_to, write_cursor
from auditor.dashboard.answers.desk import Desk
from auditor.report.history.counts import DECISIONS

D = DECISIONS.c
PAGE: Final = 50
_KEYS: Final[tuple[Key, ...]] = ((D.at, read_moment), (D.id, read_text))
_WHAT: Final = ("denied", "errored", "bypassed", "all")

PARAMETERS: Final = (
    Parameter(
        name="what", what="Denied and bypassed by default; all: those that warned or mutated, too.", choices=_WHAT
    ),
    Parameter(name="policy", what="For which this policy was the reason."),
    Parameter(name="namespace", what="About objects in this namespace."),
    Parameter(name="user", what="Asked for by this user."),
    Parameter(name="after", what="`next` of the page before.", longest=LONGEST),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    policy: str
    rule: str
    result: str
    path: str
    blocks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    id: str
    at: datetime
    what: str
    """denied, errored, bypassed, or what the door did: allowed, mutated ..."""
    operation: str
    api_version: str
    kind: str
    namespace: str
    name: str
    subresource: str
    user: str
    dry_run: bool
    late: bool
    policy: str
    findings: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    decisions: tuple[Decision, ...]
    next: str


def ask_denials(desk: Desk, asked: Asked) -> Decisions:
    where = [D.cluster_id == desk.cluster.id, *desk.scope.conditions(DECISIONS), *_choose(asked)]
    columns = [column for column, _ in _KEYS]
    after = read_cursor(asked["after"], [read for _, read in _KEYS])
    question = turn_to(select(DECISIONS).where(*where), columns, after=after, down=True)
    with desk.reading() as reading:
        rows = reading.connection.execute(question.limit(PAGE + 1)).mappings().all()
    more = len(rows) > PAGE
    return Decisions(
        decisions=tuple(map(_tell, rows[:PAGE])),
        next=write_cursor([rows[PAGE - 1][column] for column in columns]) if more else "",
    )


def _choose(asked: Asked) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    match asked["what"]:
        case "":
            found.append(or_(D.allowed.is_(False), D.broke_glass.is_(True)))
        case "denied":
            found += [D.allowed.is_(False), D.outcome != "errored"]
        case "errored":
            found += [D.allowed.is_(False), D.outcome == "errored"]
        case "bypassed":
            found += [D.allowed.is_(True), D.broke_glass.is_(True)]
    return [*found, *(D[name] == asked[name] for name in ("policy", "namespace", "user") if asked[name])]


def _tell(row: RowMapping) -> Decision:
    plain = ("id", "at", "operation", "kind", "namespace", "name", "subresource", "user", "dry_run", "late", "policy")
    return Decision(
        **{name: row[name] for name in plain},
        api_version=f"{row['api_group']}/{row['api_version']}" if row["api_group"] else row["api_version"],
        what=_name(row),
        findings=tuple(
            Told(
                policy=str(each.get("policy", "")),
                rule=str(each.get("rule", "")),
                result=str(each.get("result", "")),
                path=str(each.get("path", "")),
                blocks=each.get("blocks") is True,
            )
            for each in row["findings"]
        ),
    )


def _name(row: RowMapping) -> str:
    """As in a compliance report."""
    if row["allowed"]:
        return "bypassed" if row["broke_glass"] else str(row["outcome"])
    return "errored" if row["outcome"] == "errored" else "denied"
