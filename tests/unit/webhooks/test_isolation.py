"""Judgements in a child: the same as here, bounded in time, and nothing is left of it."""

import os
import threading
import time
from typing import Any

import psutil
import pytest

from auditor.engine.engine import Engine
from auditor.json import JsonObject
from auditor.languages import jq
from auditor.webhooks.asked import Hook
from auditor.webhooks.isolation import MAX_ANSWER, ChildError, Isolation, OverrunError, has_loops
from auditor.webhooks.snapshot import Snapshot
from tests.unit.webhooks.making import SMALL, ask, compiled, door_of, policy, review, rules, thing

TOO_LONG = "object.spec.members.all(m, object.spec.members.all(n, !object.spec.text.contains('aab')))"


def runaway(**spec: Any) -> JsonObject:
    """10,000 times through a text of 1 MB: 3 minutes."""
    return rules({"cel": TOO_LONG}, name="runaway", **spec)


LONG = review(thing({"members": list(range(99)), "text": "a" * 1_000_000, "size": 1}))


def children() -> set[int]:
    """With those that have ended, and that nobody has waited for."""
    return {each.pid for each in psutil.Process().children()}


def test_what_it_returns_is_what_the_work_returned() -> None:
    assert Isolation().run(lambda: {"a": [1, "b" * 10**6]}, timeout=30) == {"a": [1, "b" * 10**6]}


def test_it_runs_in_another_process_that_ends() -> None:
    before = threading.active_count()
    pid = Isolation().run(os.getpid, timeout=30)
    assert pid != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert threading.active_count() == before


def test_it_has_no_files_of_ours() -> None:
    def count() -> int:
        return sum(_is_open(descriptor) for descriptor in range(3, 256))

    assert Isolation().run(count, timeout=30) == 1, "the pipe of the answer"


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_an_exception_comes_back_with_its_traceback() -> None:
    with pytest.raises(ChildError, match="ZeroDivisionError"):
        Isolation().run(lambda: 1 / 0, timeout=30)


def test_an_answer_that_is_too_large_is_none() -> None:
    with pytest.raises(ChildError, match="more than"):
        Isolation().run(lambda: "x" * (MAX_ANSWER + 1), timeout=60)


def test_a_death_is_told() -> None:
    with pytest.raises(ChildError, match="status 7"):
        Isolation().run(lambda: os._exit(7), timeout=30)


def test_a_child_that_takes_too_long_is_killed() -> None:
    begun = time.monotonic()
    with pytest.raises(OverrunError, match=r"not judged within 0\.15 s"):
        Isolation().run(lambda: threading.Event().wait(60), timeout=0.2)
    assert time.monotonic() - begun < 10


def test_there_are_not_more_children_than_allowed() -> None:
    isolation = Isolation(children=1)
    with isolation._free, pytest.raises(OverrunError, match="no other process became free"):
        isolation.run(os.getpid, timeout=0.1)
    assert isolation.run(os.getpid, timeout=30) != os.getpid()


@pytest.mark.parametrize(("failure", "allowed"), [("Fail", False), ("Ignore", True)])
def test_a_rule_that_runs_away_is_stopped_and_its_failure_policy_decides(failure: str, allowed: bool) -> None:
    door = door_of(Snapshot.of(compiled(runaway(failurePolicy=failure))))
    before = children()
    response = ask(door, LONG, timeout=0.4)
    assert response["allowed"] is allowed
    said = response["warnings"][0] if allowed else response["status"]["message"]
    assert "not judged within 0.3 s: a rule takes too long for so large an object (decision test-1)" in said
    assert door.ring.since(0)["decisions"][0]["outcome"] == "errored"
    assert children() <= before


def test_others_are_answered_meanwhile() -> None:
    door = door_of(Snapshot.of(compiled(runaway())))
    answered: list[bool] = []
    slow = threading.Thread(target=lambda: answered.append(ask(door, LONG, timeout=2)["allowed"]))
    slow.start()
    for _ in range(20):
        assert ask(door, review(thing({"members": [1], "text": "", "size": 1})))["allowed"] is True
    assert slow.is_alive()
    slow.join(20)
    assert answered == [False]


@pytest.mark.parametrize("hook", [Hook.VALIDATE, Hook.MUTATE])
@pytest.mark.parametrize("size", [1, 9])
def test_the_answer_is_the_same_as_without_a_child(hook: Hook, size: int) -> None:
    many = rules(
        SMALL,
        {"cel": "object.spec.members.all(m, m < 90)"},
        {"jq": ".spec.members | length < 90"},
        {"jq": "$lookups.others | length == 0"},
        lookups=[{"name": "others", "resource": {"group": "example.com", "resource": "others"}}],
        mutate=[{"name": "class", "mergePatch": {"spec": {"class": "standard"}}}],
    )
    asked = review(thing({"members": list(range(99)), "text": "x" * 40_000, "size": size}))
    snapshot = Snapshot.of(compiled(many))
    apart = ask(door_of(snapshot), asked, hook=hook)
    here = ask(door_of(snapshot, isolation=Isolation(large=10**9)), asked, hook=hook)
    assert apart == here
    assert "lookups-age-seconds" in apart["auditAnnotations"], "the child has read them, and says so"


def test_processes_of_jq_do_not_outlive_the_child() -> None:
    def start() -> list[int]:
        assert jq.run([(jq.compile(".a"), {})], input={"a": 1}, bindings={})[0].value == [1]
        return jq.shared_pool().pids

    pids = Isolation().run(start, timeout=30)
    assert pids
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)


def test_a_fault_in_the_child_is_a_fault(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("secret")

    door = door_of(Snapshot.of(compiled(runaway())))
    monkeypatch.setattr(Engine, "judge", fail)
    said = ask(door, LONG)["status"]["message"]
    assert "internal error" in said
    assert "secret" not in said
    assert "KeyError: 'secret'" in caplog.text


@pytest.mark.parametrize(
    ("spec", "loops"),
    [
        ({"rules": [{"name": "r", "cel": "object.spec.size > 3"}]}, False),
        ({"rules": [{"name": "r", "jq": "[.spec.members[] | . > 3] | all"}]}, False),
        ({"rules": [{"name": "r", "cel": "object.spec.members.exists(m, m > 3)"}]}, True),
        ({"rules": [{"name": "r", "cel": "true", "messageExpression": "string(object.spec.m.map(m, m)[0])"}]}, True),
        (
            {
                "rules": [{"name": "r", "cel": "true"}],
                "matchConditions": [{"name": "c", "expression": "[1].all(x, x > 0)"}],
            },
            True,
        ),
        ({"mutate": [{"name": "m", "cel": "object.spec.m.map(m, JSONPatch{op: 'remove', path: '/a'})"}]}, True),
        (
            {
                "rules": [{"name": "r", "cel": "variables.v"}],
                "variables": [{"name": "v", "expression": "object.spec.members.all(m, m > 3)"}],
            },
            True,
        ),
    ],
)
def test_only_what_may_take_long_is_judged_apart(spec: dict[str, Any], loops: bool) -> None:
    assert has_loops(compiled(policy(**spec)).policies) is loops
