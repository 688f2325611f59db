"""What the door decides, and what it writes into its books."""

import logging
from dataclasses import replace
from typing import Any

import orjson
import pytest

from auditor.engine.engine import Engine
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.match import Kinds
from auditor.model.policy import Kind, Severity
from auditor.model.request import Request
from auditor.model.world import Given, World
from auditor.webhooks.asked import Hook
from auditor.webhooks.door import Door, NotReadyError
from auditor.webhooks.judge import Judgement
from auditor.webhooks.snapshot import Settings, Snapshot
from tests.unit.webhooks.making import (
    SMALL,
    ask,
    compiled,
    conversion_review,
    door_of,
    open_door,
    policy,
    read,
    review,
    rules,
    thing,
)

BIG = review(thing({"size": 9}))
FIRE = Settings(break_glass_group="firefighters")
JOE = {"username": "joe", "groups": ["firefighters"]}


def decisions(door: Door) -> list[JsonObject]:
    found: list[JsonObject] = door.ring.since(0)["decisions"]
    return found


def metric(door: Door, name: str, **labels: str) -> float:
    return door.meters.registry.get_sample_value(name, labels) or 0.0


def break_engine(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Engine, "judge", fail)
    monkeypatch.setattr(Engine, "mutate", fail)


def test_groups_judge_by_their_own_policies_only() -> None:
    engine = compiled(rules(SMALL, name="a"), rules({"cel": "object.spec.size != 9"}, name="b"))
    groups = {"validate/x": {"a"}, "validate/y": {"b"}, "mutate/x": {"b"}}
    door = door_of(Snapshot.of(engine, groups=groups))

    def deniers(name: str) -> str:
        annotations = ask(door, BIG, name=name).get("auditAnnotations", {})
        return str(annotations.get("denied-by", ""))

    assert deniers("x") == "a/r0"
    assert deniers("y") == "b/r0"
    assert deniers("gone") == "a/r0, b/r0", "what is not known is judged by all"
    assert deniers("") == "a/r0, b/r0"
    assert {each["webhook"] for each in decisions(door)} == {"validate/x", "validate/y", "validate"}


def test_native_policies_are_the_business_of_the_api_server() -> None:
    engine = compiled(rules(SMALL))
    native = [replace(each, policy=replace(each.policy, kind=Kind.VALIDATING)) for each in engine.policies]
    snapshot = Snapshot.of(Engine.of(native))
    assert not snapshot.everything.engine.policies
    assert ask(door_of(snapshot), BIG)["allowed"] is True


@pytest.mark.parametrize("hook", [Hook.VALIDATE, Hook.MUTATE])
@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({}, False),
        ({"failurePolicy": "Ignore"}, True),
        ({"enforcement": "Audit"}, True),
        ({"enforcement": "Warn"}, True),
    ],
)
@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError(), KeyError("secret-of-the-object")])
def test_a_fault_of_the_engine_is_answered_by_the_failure_policy(
    hook: Hook,
    spec: dict[str, Any],
    allowed: bool,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    door = open_door(rules(SMALL, mutate=[{"name": "m", "mergePatch": {"spec": {"a": 1}}}], **spec))
    break_engine(monkeypatch, error)
    if hook is Hook.MUTATE and "enforcement" in spec:
        allowed = False  # a mutation that fails refuses whatever the rules only warn of
    response = ask(door, hook=hook)
    assert response["allowed"] is allowed
    said = response["warnings"][0] if allowed else response["status"]["message"]
    assert "test-1" in said
    assert "secret" not in said
    if not allowed:
        assert (response["status"]["code"], response["status"]["reason"]) == (500, "InternalError")
    assert "test-1: the engine failed" in caplog.text
    assert decisions(door)[0]["outcome"] == "errored"
    assert decisions(door)[0]["allowed"] is allowed
    assert metric(door, "auditor_webhook_errors_total", webhook=hook, reason="internal") == 1


def test_a_fault_concerns_only_policies_for_such_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = policy("elsewhere", rules=[{"name": "r", **SMALL}])
    elsewhere["spec"]["match"]["resourceRules"][0]["resources"] = ["others"]
    door = open_door(rules(SMALL, failurePolicy="Ignore"), elsewhere)
    break_engine(monkeypatch, ValueError("no"))
    assert ask(door)["allowed"] is True
    assert ask(door, review(userInfo=1))["allowed"] is False, "of what cannot be read nobody knows whom it concerns"
    only_mutates = policy("m", mutate=[{"name": "m", "mergePatch": {}}])
    assert ask(open_door(only_mutates))["allowed"] is True
    assert ask(open_door(only_mutates), hook=Hook.MUTATE)["allowed"] is False


def test_an_override_that_denies_somewhere_fails_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    override = {"namespaceSelector": {"matchLabels": {"env": "prod"}}, "enforcement": "Deny"}
    door = open_door(rules(SMALL, enforcement="Warn", enforcementOverrides=[override]))
    break_engine(monkeypatch, ValueError("no"))
    assert ask(door)["allowed"] is False


def nested(depth: int) -> Any:
    deep: Any = []
    for _ in range(depth):
        deep = [deep]
    return deep


@pytest.mark.parametrize("value", [nested(5000), float("inf"), {"a": [float("nan")]}])
def test_a_patch_that_is_no_json_is_a_fault_too(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Engine.mutate

    def mutate(engine: Engine, request: Request) -> Any:
        return replace(real(engine, request), patch=({"op": "add", "path": "/spec/a", "value": value},))

    monkeypatch.setattr(Engine, "mutate", mutate)
    response = ask(open_door(policy(mutate=[{"name": "m", "mergePatch": {"spec": {"a": 1}}}])), hook=Hook.MUTATE)
    assert response["allowed"] is False
    assert response["status"]["code"] == 500
    assert "patch" not in response


def test_books_that_cannot_be_kept_do_not_change_the_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    door = open_door(rules(SMALL))
    monkeypatch.setattr(door.ring, "add", lambda _: 1 / 0)
    assert ask(door, BIG)["allowed"] is False
    assert "could not be recorded" in caplog.text


def test_members_of_the_group_break_the_glass(caplog: pytest.LogCaptureFixture) -> None:
    door = open_door(rules(SMALL), settings=FIRE)
    assert ask(door, BIG)["allowed"] is False
    assert ask(door, review(thing({"size": 9}), userInfo=JOE))["allowed"] is True
    plain = ask(door, review(userInfo=JOE))
    assert plain.keys() == {"uid", "allowed"}, "nothing is broken where nothing stood in the way"
    denied, broken = decisions(door)
    assert (denied["breakGlass"], denied["outcome"]) == (False, "denied")
    assert (broken["breakGlass"], broken["outcome"], broken["allowed"]) == (True, "allowed", True)
    assert broken["findings"][0]["policy"] == "sizes"
    assert metric(door, "auditor_webhook_break_glass_total", webhook="validate") == 1
    assert [each.levelname for each in caplog.records if "break-glass" in each.message] == ["WARNING"]


def test_without_such_a_group_nobody_breaks_it() -> None:
    assert ask(open_door(rules(SMALL)), review(thing({"size": 9}), userInfo={"groups": [""]}))["allowed"] is False


def test_the_glass_is_broken_also_where_nothing_can_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    door = open_door(rules(SMALL), settings=FIRE)
    break_engine(monkeypatch, ValueError("no"))
    response = ask(door, review(userInfo=JOE))
    assert response["allowed"] is True
    assert "break-glass" in response["auditAnnotations"]
    assert "internal error" in response["warnings"][1]


def test_a_decision_says_who_and_what_and_no_value() -> None:
    door = open_door(
        rules({"cel": "object.spec.password == ''", "messageExpression": "'it is ' + object.spec.password"})
    )
    response = ask(door, review(thing({"password": "hunter2"})))
    assert "hunter2" in response["status"]["message"], "so the author of the rule wants it"
    decision = decisions(door)[0]
    assert "hunter2" not in orjson.dumps(decision).decode()
    fingerprint = decision["findings"][0].pop("fingerprint")
    assert len(fingerprint) == 32
    assert decision == {
        "number": 1,
        "id": "test-1",
        "time": "2026-06-01T00:00:00+00:00",
        "webhook": "validate",
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "operation": "CREATE",
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "namespace": "here",
        "name": "one",
        "objectUid": "",
        "subresource": "",
        "user": "jane",
        "outcome": "denied",
        "allowed": False,
        "dryRun": False,
        "breakGlass": False,
        "late": False,
        "seconds": 0.001,
        "findings": [{"policy": "sizes", "rule": "r0", "result": "fail", "blocks": True, "path": "/spec/password"}],
        "moreFindings": 0,
    }


def test_a_plain_admission_is_counted_and_not_kept() -> None:
    door = open_door(rules(SMALL))
    ask(door)
    found = door.ring.since(0)
    assert found["decisions"] == []
    assert found["counters"]["decisions"] == [{"webhook": "validate", "outcome": "allowed", "count": 1}]
    assert metric(door, "auditor_webhook_requests_total", webhook="validate", outcome="allowed", dry_run="false") == 1
    assert metric(door, "auditor_webhook_seconds_count", webhook="validate") == 1


def test_a_dry_run_is_answered_alike_and_counts_nothing() -> None:
    door = open_door(rules(SMALL))
    real, dry = ask(door, BIG), ask(door, review(thing({"size": 9}), dryRun=True))
    real.pop("auditAnnotations"), dry.pop("auditAnnotations")
    assert real == dry
    assert [each["dryRun"] for each in decisions(door)] == [False, True]
    assert door.ring.since(0)["counters"] == {
        "decisions": [{"webhook": "validate", "outcome": "denied", "count": 1}],
        "findings": [{"policy": "sizes", "result": "fail", "blocks": True, "count": 1}],
    }
    assert metric(door, "auditor_webhook_findings_total", policy="sizes", result="fail") == 1
    assert metric(door, "auditor_webhook_requests_total", webhook="validate", outcome="denied", dry_run="true") == 1


def test_an_answer_that_nobody_waits_for_is_marked() -> None:
    door = open_door(rules(SMALL))
    ask(door, timeout=0.0001)
    assert decisions(door)[0]["late"] is True
    assert metric(door, "auditor_webhook_late_total", webhook="validate") == 1


def test_a_verdict_that_rests_on_lookups_says_their_age() -> None:
    lookup = {"name": "peers", "resource": {"group": "example.com", "resource": "things"}, "namespace": "same"}
    looking = rules({"jq": "$lookups.peers | length == 0"}, lookups=[lookup])
    there = {("example.com", "things"): [thing(name="other")]}
    world = World(objects=Given(by_resource=there), kinds=Kinds())
    door = open_door(looking, world=world, made=-5.0)
    response = ask(door)
    assert response["allowed"] is False
    assert response["auditAnnotations"]["lookups-age-seconds"] == "5.0"
    door = open_door(looking, world=world, made=-5.0, synced=lambda: -60.0)
    assert ask(door)["auditAnnotations"]["lookups-age-seconds"] == "60.0"
    other = review(
        kind={"group": "a", "version": "v1", "kind": "B"}, resource={"group": "a", "version": "v1", "resource": "bs"}
    )
    assert "auditAnnotations" not in ask(door, other), "nobody asked for them"


def test_before_the_first_snapshot_nothing_is_judged() -> None:
    door = door_of(None)
    with pytest.raises(NotReadyError):
        door.review(Hook.VALIDATE, orjson.dumps(review()))
    with pytest.raises(NotReadyError):
        door.convert(orjson.dumps(conversion_review()))


def test_something_else_than_policies_may_judge() -> None:
    wrong = Finding(
        policy="own",
        rule="compiles",
        result=Result.FAIL,
        severity=Severity.HIGH,
        message="spec.rules[0].cel: undeclared reference",
        fingerprint="",
        blocks=True,
    )

    def judge_own(request: Request) -> Judgement:
        size = (request.object or {})["spec"]["size"]
        return Judgement(allowed=size < 5, findings=(wrong,) if size >= 5 else ())

    door = door_of(Snapshot.of(compiled(rules(SMALL))), specials={"validate/own": judge_own})
    assert ask(door, review(thing({"size": 4})), name="own")["allowed"] is True
    assert "undeclared" in ask(door, BIG, name="own")["status"]["message"]
    assert ask(door, review(thing({"size": 4})))["allowed"] is False
    assert decisions(door)[0]["webhook"] == "validate/own"
    assert ask(door, review(thing({})), name="own")["allowed"] is True, "its failurePolicy is Ignore"


def test_log_lines_are_for_what_tells_something(caplog: pytest.LogCaptureFixture) -> None:
    door = open_door(rules(SMALL))
    with caplog.at_level(logging.INFO, "auditor.webhooks"):
        ask(door)
        ask(door, BIG)
    assert [each.message for each in caplog.records] == ["test-2: CREATE Thing here/one denied"]
    assert caplog.records[0].__dict__["decision"]["id"] == "test-2"
    with caplog.at_level(logging.DEBUG, "auditor.webhooks"):
        ask(door)
    assert caplog.records[-1].message == "test-3: CREATE Thing here/one allowed"


def test_the_answer_to_a_review_reads_back() -> None:
    answer = open_door(rules(SMALL)).review(Hook.VALIDATE, orjson.dumps(review(uid="é\n")))
    assert read(answer, "é\n")["allowed"] is True
