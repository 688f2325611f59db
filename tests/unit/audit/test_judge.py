"""One object, and all that is said of it."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auditor.audit import judge as module
from auditor.audit.judge import JUDGING, judge
from auditor.audit.ledger import source_of
from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.model.settings import DEFAULT_CHECKS, Check, CheckSettings, KindSettings
from tests.unit.audit.making import policy, setting, thing, without_checks

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_object_that_is_right() -> None:
    answer = judge(setting(policy("p"), kind=without_checks()), thing(n=1), NOW)
    assert answer.judged.lines == (("p", "r", Result.PASS),)
    assert answer.judged.findings == ()
    assert (answer.recheck_at, answer.evaluations) == (None, 1)


def test_objects_of_which_the_same_comes_out_have_the_same() -> None:
    made = setting(policy("p"))
    assert judge(made, thing("a", n=1), NOW).judged is judge(made, thing("b", n=3), NOW).judged


def test_a_violation_is_found_and_checks_that_found_nothing_passed() -> None:
    answer = judge(setting(policy("p")), thing(n=2), NOW)
    (finding,) = answer.judged.findings
    assert (finding.policy, finding.result, finding.message) == ("p", Result.FAIL, "is even")
    assert ("Check/reconcile", "", Result.PASS) in answer.judged.lines


def test_objects_of_excluded_namespaces_are_left_alone() -> None:
    answer = judge(setting(policy("p"), excluded_namespaces=frozenset({"default"})), thing(n=2), NOW)
    assert (answer.judged.lines, answer.judged.findings, answer.evaluations) == ((), (), 0)


def test_without_the_check_policy_nothing_is_told_of_rules() -> None:
    off = {**DEFAULT_CHECKS, Check.POLICY: CheckSettings(enabled=False)}
    answer = judge(setting(policy("p"), kind=KindSettings(checks=off)), thing(n=2), NOW)
    assert answer.judged.findings == ()
    assert not any(source == "p" for source, _, _ in answer.judged.lines)


def test_a_defect_of_ours_is_an_error_of_the_object(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(module, "judge_stored", fail)
    with caplog.at_level(logging.ERROR):
        answer = judge(setting(policy("p")), thing(n=1), NOW)
    (finding,) = answer.judged.findings
    assert finding.result is Result.ERROR
    assert "nobody thought of this" in finding.message
    assert source_of(finding) == JUDGING
    assert caplog.records


def test_an_owner_that_may_still_be_collected_is_asked_for_again() -> None:
    owned = thing(n=1)
    owned["metadata"]["ownerReferences"] = [{"apiVersion": "example.com/v1", "kind": "Thing", "name": "x", "uid": "u"}]
    certain = NOW + timedelta(minutes=1)

    def owners(owner: JsonObject, namespace: str) -> bool | datetime:
        assert (owner["uid"], namespace) == ("u", "default")
        return certain

    waiting = judge(setting(owners=owners), owned, NOW)
    assert (waiting.recheck_at, waiting.judged.findings) == (certain, ())
    gone = judge(setting(owners=lambda *_: False), owned, NOW)
    assert [each.rule for each in gone.judged.findings] == ["owner-gone"]


def test_what_is_wrong_with_a_kind_stands_with_its_crd() -> None:
    made = setting(policy("p"), kind=without_checks())
    (finding,) = judge(made, thing(n=2), NOW).judged.findings
    debt = replace(finding, policy="versions", rule="stored-versions", fingerprint="f" * 32)
    answer = judge(replace(made, debts=lambda _: (debt,)), thing(n=1), NOW)
    assert answer.judged.findings == (debt,)
