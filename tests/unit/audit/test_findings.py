"""Who hears of a finding: all of them, whatever becomes of one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.audit.findings import Findings
from auditor.audit.judge import judge
from auditor.audit.ledger import Diff
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn
from tests.unit.audit.making import policy, setting, thing, without_checks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SUBJECT = Subject("example.com/v1", "Thing", "things", "default", "t", "u")
FOLLOWER: Any = SimpleNamespace(name="things.example.com", subject=lambda _key, _uid: SUBJECT)


class Sink:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.fails = False

    def _hear(self, what: str) -> None:
        if self.fails:
            raise RuntimeError("nobody thought of this")
        self.heard.append(what)

    def mark(self, kind_name: str, key: str, uid: str) -> None:
        self._hear(f"mark {uid}")

    def sweep(self) -> None:
        self._hear("sweep")

    def forget(self, kind_name: str) -> None:
        self._hear("forget")

    def put(self, turn: FindingTurn) -> None:
        self._hear(f"put {turn.turn} {turn.finding.policy}")

    def reconcile(self, _: object) -> None:
        self._hear("reconcile")

    def end(self, _: object) -> None:
        self._hear("end")

    def tell(self, turns: Sequence[FindingTurn], *, initial: bool, gone: bool) -> None:
        self._hear(f"tell {len(turns)} {initial} {gone}")


def diff() -> Diff:
    findings = judge(setting(policy("p"), kind=without_checks()), thing(n=2), NOW).judged.findings
    return Diff("default/t", "new", opened=findings, former="old")


@pytest.fixture
def sinks() -> tuple[Findings, Sink, Sink, Sink]:
    findings, reports, history, events = Findings(clock=lambda: NOW), Sink(), Sink(), Sink()
    findings.reports, findings.history, findings.events = reports, history, events
    return findings, reports, history, events


def test_all_hear_of_it(sinks: tuple[Findings, Sink, Sink, Sink]) -> None:
    findings, reports, history, events = sinks
    findings.tell(FOLLOWER, diff(), initial=True)
    assert reports.heard == ["mark new", "mark old"]
    assert history.heard == ["put opened p"]
    assert events.heard == ["tell 1 True False"]


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_one_who_fails_keeps_no_other_from_hearing(
    sinks: tuple[Findings, Sink, Sink, Sink], failing: int, caplog: pytest.LogCaptureFixture
) -> None:
    findings, *others = sinks
    others[failing - 1].fails = True
    moved: list[bool] = []
    findings.moved = lambda: moved.append(True)
    findings.tell(FOLLOWER, diff(), initial=False)
    assert [bool(each.heard) for each in others] == [each is not others[failing - 1] for each in others]
    assert moved
    assert caplog.records


def test_a_kind_that_is_gone_ends_and_one_that_is_lost_does_not(sinks: tuple[Findings, Sink, Sink, Sink]) -> None:
    findings, reports, history, _ = sinks
    findings.gone(FOLLOWER)
    assert (history.heard, reports.heard) == (["end"], ["sweep"])
    findings.lost(FOLLOWER)
    assert (history.heard, reports.heard) == (["end"], ["sweep", "forget"])
