"""Which Events findings become."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from auditor.audit.events import FindingEvents
from auditor.cluster.recorder.event import Reference
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.policy import Kind, Severity
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn, Turn

NOW = datetime(2026, 5, 4, tzinfo=UTC)
ONE = Subject("db.example.com/v1", "Database", "databases", "shop", "one", "u1")
TWO = replace(ONE, name="two", uid="u2")


class Recorder:
    """Notes what it is given."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str, str]] = []

    def note(self, type_: str, regarding: JsonObject, reason: str, note: str) -> None:
        self.told.append((type_, Reference.of(regarding).name, reason, note))

    def warning(self, regarding: JsonObject, *, reason: str, action: str, note: str = "") -> None:
        self.note("Warning", regarding, reason, note)

    def normal(self, regarding: JsonObject, *, reason: str, action: str, note: str = "") -> None:
        self.note("Normal", regarding, reason, note)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def events(recorder: Recorder) -> FindingEvents:
    return FindingEvents(recorder)  # type: ignore[arg-type]


def finding(rule: str = "replicas", result: Result = Result.FAIL, severity: Severity = Severity.HIGH) -> Finding:
    return Finding(
        policy="production", rule=rule, result=result, severity=severity, message="too few.", fingerprint=rule
    )


def turn(what: Finding, turn: Turn = Turn.OPENED, subject: Subject = ONE) -> FindingTurn:
    return FindingTurn(NOW, turn, subject, what)


def test_one_that_appears(events: FindingEvents, recorder: Recorder) -> None:
    events.tell([turn(replace(finding(), path="/spec/replicas", remediation="Set it to 3.", value="hunter2"))])
    note = "high fail of production/replicas at /spec/replicas: too few. Set it to 3."
    assert recorder.told == [("Warning", "one", "PolicyViolation", note)]


def test_one_event_an_object_by_its_worst(events: FindingEvents, recorder: Recorder) -> None:
    turns = [turn(finding("a", severity=Severity.LOW)), turn(finding("b", severity=Severity.CRITICAL))]
    events.tell(
        [*turns, turn(finding("c", Result.ERROR)), turn(finding("d"), Turn.RESOLVED), turn(finding(), subject=TWO)]
    )
    assert [(name, note) for _, name, _, note in recorder.told] == [
        ("one", "critical fail of production/b: too few. 2 more in its report. Resolved at the same time: 1."),
        ("two", "high fail of production/replicas: too few."),
    ]


def test_one_that_is_resolved(events: FindingEvents, recorder: Recorder) -> None:
    events.tell([turn(finding(), Turn.RESOLVED), turn(finding("b", severity=Severity.LOW), Turn.RESOLVED)])
    note = "production/replicas and 1 more: does not stand any more."
    assert recorder.told == [("Normal", "one", "FindingResolved", note)]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (finding(), "PolicyViolation"),
        (finding(result=Result.WARN), "PolicyViolation"),
        (finding(result=Result.ERROR), "PolicyError"),
        (replace(finding(), kind=Kind.CHECK), "DriftFound"),
        (replace(finding(result=Result.ERROR), kind=Kind.CHECK), "PolicyError"),
        (replace(finding(), kind=Kind.VALIDATING), "PolicyViolation"),
    ],
)
def test_reasons(events: FindingEvents, recorder: Recorder, what: Finding, reason: str) -> None:
    events.tell([turn(what)])
    assert [each[2] for each in recorder.told] == [reason]


@pytest.mark.parametrize(
    "each",
    [
        turn(finding(), Turn.CHANGED),
        turn(finding(result=Result.SKIP)),
        turn(finding(result=Result.PASS), Turn.RESOLVED),
    ],
)
def test_what_is_not_told(events: FindingEvents, recorder: Recorder, each: FindingTurn) -> None:
    events.tell([each])
    assert recorder.told == []


def test_neither_at_the_start_nor_of_what_is_gone(events: FindingEvents, recorder: Recorder) -> None:
    events.tell([turn(finding())], initial=True)
    events.tell([turn(finding(), Turn.RESOLVED)], gone=True)
    assert recorder.told == []
