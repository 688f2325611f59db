"""All checks together: what is asked, what is not, and that a defect is never a pass."""

from dataclasses import replace
from typing import Any

import pytest

from auditor.checks import Outcome, Stored, run_checks
from auditor.checks import run as module
from auditor.checks.notes import Notes
from auditor.errors import AuditorError
from auditor.model.policy import Kind
from auditor.model.settings import DEFAULT_CHECKS, Check, KindSettings
from tests.unit.checks.making import ask, at, found, only, schema_of, single, store, thing, wrote
from tests.unit.engine.making import compiled, policy

BUILT_IN = [check for check in Check if check is not Check.POLICY]
RIGHT = thing({"size": 3}, wrote("x", 1, "spec.size"))
SCHEMA = schema_of(size={"type": "integer"})


def judge(made: Any = RIGHT, **more: Any) -> Outcome:
    engine = compiled(policy(rules=[{"name": "odd", "jq": ".spec.size % 2 == 1"}]))
    return ask(made, None, engine, **{"schema": SCHEMA, "enforced_since": {("sizes", "odd"): at(0)}, **more})


def test_object_that_is_right() -> None:
    outcome = judge(settings=KindSettings(managers=frozenset({"x"})))
    assert outcome == Outcome(asked=tuple(str(check) for check, _ in module.CHECKS))


def test_every_check_but_that_of_the_engine_is_there() -> None:
    assert {check for check, _ in module.CHECKS} == set(BUILT_IN)


@pytest.mark.parametrize("check", BUILT_IN)
def test_what_is_disabled_is_not_asked(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Check] = []
    spies = tuple((each, lambda _, notes: asked.append(notes.check)) for each, _ in module.CHECKS)
    monkeypatch.setattr(module, "CHECKS", spies)
    checks = {each: replace(known, enabled=each is not check) for each, known in DEFAULT_CHECKS.items()}
    outcome = judge(settings=KindSettings(checks=checks))
    assert check not in asked
    assert set(asked) == set(BUILT_IN) - {check} == set(outcome.asked)


def test_checks_that_settings_do_not_name_are_off() -> None:
    assert judge(settings=KindSettings(checks={})) == Outcome()


def test_defect_is_an_error_of_that_check_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Stored, __: Notes) -> None:
        raise ValueError("hunter2")

    checks = tuple((check, broken if check is Check.VERSIONS else find) for check, find in module.CHECKS)
    monkeypatch.setattr(module, "CHECKS", checks)
    outcome = judge(thing({"size": "x"}))
    assert [(each.policy, each.result) for each in outcome.findings] == [("schema", "fail"), ("versions", "error")]
    message = outcome.findings[-1].message
    assert "ValueError in test_run.py" in message
    assert "hunter2" not in message


def test_what_cannot_be_asked_is_an_error_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Stored, __: Notes) -> None:
        raise AuditorError("jq is not installed")

    monkeypatch.setattr(module, "CHECKS", ((Check.CONVERSION, refuse),))
    assert single(judge()).message == "the check could not be asked: jq is not installed"


def test_what_was_found_before_a_defect_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(_: Stored, notes: Notes) -> None:
        notes.fail("x", "found", remediation="repair")
        raise ValueError

    monkeypatch.setattr(module, "CHECKS", ((Check.SCHEMA, half),))
    assert [result for _, result, _ in found(judge())] == ["fail", "error"]


def test_findings_are_those_of_checks() -> None:
    finding = single(judge(thing({"size": "x"}), settings=only(Check.SCHEMA)))
    assert (finding.kind, finding.policy, finding.enforcements, finding.blocks) == (Kind.CHECK, "schema", (), False)
    elsewhere = store(thing({"size": "x"}), Check.SCHEMA, schema=SCHEMA)
    elsewhere = replace(elsewhere, request=replace(elsewhere.request, namespace="there"))
    assert single(run_checks(elsewhere)).fingerprint != finding.fingerprint


@pytest.mark.parametrize(
    "metadata",
    [
        {"managedFields": None},
        {"managedFields": [{}]},
        {"managedFields": [{"fieldsV1": {"f:spec": {}}, "manager": "x", "time": 1}]},
        {"creationTimestamp": None, "generation": None, "ownerReferences": None, "finalizers": None},
        {"annotations": None, "labels": None, "deletionTimestamp": ""},
    ],
    ids=str,
)
def test_metadata_that_is_not_there_is_no_defect(metadata: Any) -> None:
    """Some stored objects were written by tools that leave half of it out, or around the API server."""
    made = thing({"size": 4}, **metadata)
    outcome = judge(made, settings=KindSettings(managers=frozenset({"x"})))
    assert [each for each in outcome.findings if each.result == "error"] == []


def test_the_earliest_time_to_ask_again_counts() -> None:
    made = thing({"size": 3}, deletionTimestamp="2026-06-01T11:59:00Z", finalizers=["a/b"])
    assert judge(made).recheck_at == at(239)
