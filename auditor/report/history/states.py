"""What becomes of the row of a finding when something is told of it. Pure: no database here."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity
from auditor.model.subject import Subject
from auditor.model.turn import Turn
from auditor.report.history.model import Step
from auditor.report.history.types import MAX_NAME, clean


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a finding says, as the columns of its row."""

    fingerprint: str
    policy: str
    rule: str
    policy_kind: str
    result: Result
    severity: Severity
    message: str
    path: str
    remediation: str
    controls: list[str]
    api_group: str
    api_version: str
    kind: str
    resource: str
    namespace: str
    name: str
    uid: str
    excused_by: str


@dataclass(slots=True, kw_only=True)
class State:
    """A row, as far as it changes."""

    id: int | None
    """None: it is not in the database yet."""
    said: Description
    first_seen: datetime
    opened_at: datetime
    last_seen: datetime
    turned_at: datetime
    resolved_at: datetime | None = None
    reopened_count: int = 0


DESCRIBING: Final = tuple(field.name for field in fields(Description))
TIMING: Final = tuple(field.name for field in fields(State) if field.name not in ("id", "said"))


def describe(subject: Subject, finding: Finding) -> Description:
    """Cleaned as it will be stored, so that it compares with what was read."""
    group, _, version = subject.api_version.rpartition("/")
    return Description(
        fingerprint=clean(finding.fingerprint, MAX_NAME),
        policy=clean(finding.policy, MAX_NAME),
        rule=clean(finding.rule, MAX_NAME),
        policy_kind=str(finding.kind),
        result=finding.result,
        severity=finding.severity,
        message=clean(finding.message),
        path=clean(finding.path),
        remediation=clean(finding.remediation),
        controls=[clean(control) for control in finding.controls],
        api_group=clean(group, MAX_NAME),
        api_version=clean(version, MAX_NAME),
        kind=clean(subject.kind, MAX_NAME),
        resource=clean(subject.resource, MAX_NAME),
        namespace=clean(subject.namespace, MAX_NAME),
        name=clean(subject.name, MAX_NAME),
        uid=clean(subject.uid, MAX_NAME),
        excused_by=clean(finding.exception),
    )


def begin(said: Description, at: datetime, turn: Turn) -> tuple[State, Step]:
    """Of one that nothing is known of: also one that is resolved, if that it was opened has been lost."""
    resolved = turn is Turn.RESOLVED
    state = State(id=None, said=said, first_seen=at, opened_at=at, last_seen=at, turned_at=at)
    state.resolved_at = at if resolved else None
    return state, Step.RESOLVED if resolved else Step.OPENED


def move(state: State, said: Description, at: datetime, turn: Turn) -> Step | None:
    """Nothing has become of it if it is as it was. Whether the turn is called opened or changed does not matter here:
    what was told before may have been lost.
    """
    if turn is Turn.RESOLVED:
        if state.resolved_at is not None:
            return None
        return resolve(state, at)
    # Two watchers, one after the other, have two clocks: nothing becomes of a finding before what became of it last.
    at = max(at, state.turned_at)
    before, state.said = state.said, said
    state.last_seen = max(state.last_seen, at)
    if state.resolved_at is not None:
        state.resolved_at, state.opened_at, state.reopened_count = None, at, state.reopened_count + 1
        step = Step.REOPENED
    elif _word(before) == _word(said):
        return None
    else:
        step = Step.EXCUSED if said.excused_by and said.excused_by != before.excused_by else Step.CHANGED
    state.turned_at = at
    return step


def resolve(state: State, at: datetime) -> Step:
    state.resolved_at = state.turned_at = max(at, state.turned_at)
    return Step.RESOLVED


def _word(said: Description) -> tuple[str, str, str, str]:
    """What counts as a change. A new uid, another version of the API, a better remediation are none."""
    return (said.result, said.severity, said.message, said.excused_by)
