"""What status says: in force or not, why, and since when each rule denies."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auditor.engine.compiled import CompiledPolicy
from auditor.intake.live.reading import read_live_conversion, read_live_exception, read_live_policy
from auditor.intake.live.shelf import Shelf, State
from auditor.json import JsonObject
from auditor.model.settings import AuditSettings
from auditor.webhooks.serving.status import (
    Marks,
    mark,
    render,
    wish_for_conversion,
    wish_for_exception,
    wish_for_policy,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SIZE = {"name": "size", "cel": "object.spec.size < 10"}
MATCH = {
    "resourceRules": [
        {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["things"], "operations": ["*"]}
    ]
}


def policy(*rules: JsonObject, generation: int = 1, **spec: Any) -> JsonObject:
    body = {"match": MATCH, "rules": [*rules], "enforcement": "Deny"} | spec
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Policy",
        "metadata": {"name": "sizes", "generation": generation, "uid": "1"},
        "spec": body,
    }


def states(*things: JsonObject) -> list[State[CompiledPolicy]]:
    """What the one policy is after each of its generations."""
    shelf: Shelf[CompiledPolicy] = Shelf(lambda thing: read_live_policy(thing, {}), keep=True)
    found = []
    for each in things:
        shelf.put("sizes", each)
        found.append(shelf.states["sizes"])
    return found


def write(
    state: State[CompiledPolicy],
    status: JsonObject,
    seen: dict[int, Marks],
    now: datetime = NOW,
    *,
    called: bool = True,
) -> JsonObject | None:
    return render(wish_for_policy(state, status, seen, now, called=called), status, now)


def since(status: JsonObject | None) -> dict[str, str]:
    assert status is not None
    return {each["rule"]: each["time"] for each in status["enforcedSince"]}


def ready(status: JsonObject | None) -> tuple[str, str, str]:
    assert status is not None
    (condition,) = status["conditions"]
    return condition["status"], condition["reason"], condition["message"]


def test_a_policy_that_is_right_is_in_force_and_written_once() -> None:
    (state,) = states(policy(SIZE))
    status = write(state, {}, {})
    assert ready(status) == ("True", "InForce", "in force")
    assert since(status) == {"size": "2026-11-21T12:00:00Z"}
    assert status is not None
    assert status["observedGeneration"] == 1
    assert write(state, status, {1: mark(state.good)}, LATER) is None


def test_a_policy_that_became_wrong_says_what_goes_on() -> None:
    right, wrong = states(policy(SIZE), policy({"name": "size", "cel": "object.spec.size <"}, generation=2))
    first = write(right, {}, {})
    assert first is not None
    status = write(wrong, first, {1: mark(right.good), 2: mark(wrong.good)}, LATER)
    state, reason, message = ready(status)
    assert (state, reason) == ("False", "DoesNotCompile")
    assert "generation 2 does not compile, generation 1 goes on in force: Policy sizes, rule size: " in message
    assert "at 1:19" in message
    assert since(status) == since(first)  # it denies without a break


def test_a_policy_that_never_was_right_denies_nothing() -> None:
    (wrong,) = states(policy({"name": "size", "cel": "object.spec.size <"}))
    status = write(wrong, {"enforcedSince": [{"rule": "size", "time": "2020-01-01T00:00:00Z"}]}, {})
    assert since(status) == {}
    assert "what it matches is an error, under its failurePolicy" in ready(status)[2]


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({"title": "in other words"}, True),
        ({"severity": "low"}, True),
        ({"rules": [{**SIZE, "message": "it is too large"}]}, True),
        ({"rules": [{"name": "first", "jq": "true"}, SIZE]}, True),
        ({"rules": [{**SIZE, "cel": "object.spec.size < 9"}]}, False),
        ({"match": {"resourceRules": [{**MATCH["resourceRules"][0], "resources": ["others"]}]}}, False),
        ({"params": {"limit": True}}, False),
        ({"matchConditions": [{"name": "c", "expression": "object.spec.size > 1"}]}, False),
        ({"enforcementOverrides": [{"namespaceSelector": {}, "enforcement": "Warn"}]}, False),
    ],
)
def test_a_rule_denies_since_it_denies_the_same(changed: JsonObject, kept: bool) -> None:
    before, after = states(
        policy(SIZE, params={"limit": 1}), policy(SIZE, generation=2, **{"params": {"limit": 1}, **changed})
    )
    first = write(before, {}, {})
    assert first is not None
    second = write(after, first, {1: mark(before.good), 2: mark(after.good)}, LATER)
    assert since(second)["size"] == ("2026-11-21T12:00:00Z" if kept else "2026-11-21T13:00:00Z")


def test_a_rule_that_denies_in_some_namespaces_counts() -> None:
    override = {"namespaceSelector": {"matchLabels": {"env": "prod"}}, "enforcement": "Deny"}
    audited = {"name": "audited", "jq": "true", "enforcement": "Audit"}
    (state,) = states(policy(SIZE, audited, enforcement="Warn", enforcementOverrides=[override]))
    assert set(since(write(state, {}, {}))) == {"size", "audited"}, "it takes the place of a rule's own"
    (state,) = states(policy(SIZE, audited, enforcement="Warn"))
    assert set(since(write(state, {}, {}))) == set()


def test_a_break_begins_anew() -> None:
    denies, warns, again = states(
        policy(SIZE), policy(SIZE, generation=2, enforcement="Warn"), policy(SIZE, generation=3)
    )
    seen = {1: mark(denies.good), 2: mark(warns.good), 3: mark(again.good)}
    first = write(denies, {}, seen)
    assert first is not None
    second = write(warns, first, seen)
    assert since(second) == {}
    assert second is not None
    assert since(write(again, second, seen, LATER)) == {"size": "2026-11-21T13:00:00Z"}
    # Also where no status was written in between.
    assert since(write(again, first, seen, LATER)) == {"size": "2026-11-21T13:00:00Z"}


def test_a_leader_that_knows_nothing_of_before_believes_what_the_last_one_wrote_of_this_generation_only() -> None:
    first, second = states(policy(SIZE), policy(SIZE, generation=2))
    status = write(first, {}, {})
    assert status is not None
    assert write(first, status, {1: mark(first.good)}, LATER) is None
    assert since(write(second, status, {2: mark(second.good)}, LATER)) == {"size": "2026-11-21T13:00:00Z"}


def test_a_policy_that_nobody_calls_for_is_not_ready_and_does_not_deny_yet() -> None:
    (state,) = states(policy(SIZE))
    status = write(state, {}, {}, called=False)
    assert ready(status)[:2] == ("False", "NotRegistered")
    assert since(status) == {}
    assert status is not None
    assert since(write(state, status, {1: mark(state.good)}, LATER)) == {"size": "2026-11-21T13:00:00Z"}


def test_what_others_wrote_into_status_is_corrected_and_their_conditions_stay_theirs() -> None:
    (state,) = states(policy(SIZE))
    status = write(state, {}, {})
    assert status is not None
    theirs = {"type": "Evaluated", "status": "True", "reason": "All", "message": "", "lastTransitionTime": "x"}
    with_theirs = status | {"conditions": [theirs, *status["conditions"]]}
    assert write(state, with_theirs, {1: mark(state.good)}, LATER) is None
    lied = status | {"enforcedSince": []}
    assert write(state, lied, {1: mark(state.good)}, LATER) is not None


def test_an_exception_is_active_until_it_ends() -> None:
    spec = {"policies": ["sizes"], "owner": "jane", "reason": "it is being moved", "expires": "2026-11-21T12:30:00Z"}
    thing: JsonObject = {
        "apiVersion": "auditor.dev/v1",
        "kind": "PolicyException",
        "metadata": {"name": "one", "namespace": "shop", "generation": 1},
        "spec": spec,
    }
    shelf = Shelf(read_live_exception)
    shelf.put("shop/one", thing)
    state = shelf.states["shop/one"]
    status = render(wish_for_exception(state, AuditSettings(), NOW), {}, NOW)
    assert ready(status) == ("True", "Excuses", "it excuses until 2026-11-21T12:30:00Z")
    assert status is not None
    assert render(wish_for_exception(state, AuditSettings(), NOW), status, NOW) is None
    assert ready(render(wish_for_exception(state, AuditSettings(), LATER), status, LATER))[:2] == ("False", "Expired")
    shelf.put("shop/one", thing | {"metadata": thing["metadata"] | {"generation": 2}, "spec": {**spec, "polices": []}})
    wish = wish_for_exception(shelf.states["shop/one"], AuditSettings(), NOW)
    assert ready(render(wish, status, NOW))[:2] == ("False", "DoesNotCompile")


def test_an_exception_that_reaches_too_far_ahead_excuses_nobody() -> None:
    spec = {"policies": ["sizes"], "owner": "jane", "reason": "it is being moved", "expires": "2026-12-02T12:00:00Z"}
    thing: JsonObject = {
        "apiVersion": "auditor.dev/v1",
        "kind": "PolicyException",
        "metadata": {"name": "one", "namespace": "shop", "generation": 1},
        "spec": spec,
    }
    shelf = Shelf(read_live_exception)
    shelf.put("shop/one", thing)
    state = shelf.states["shop/one"]
    status = render(wish_for_exception(state, AuditSettings(exception_days=10), NOW), {}, NOW)
    assert ready(status)[:2] == ("False", "TooLong")
    assert "more than 10 days ahead" in ready(status)[2]
    assert ready(render(wish_for_exception(state, AuditSettings(), NOW), {}, NOW))[:2] == ("True", "Excuses")


def test_a_conversion_says_what_is_wrong_with_it() -> None:
    steps = [{"from": "v1", "to": "v2", "jq": ".a |"}]
    shelf = Shelf(read_live_conversion)
    metadata = {"name": "things.example.com", "generation": 1}
    spec = {"resource": {"group": "example.com", "resource": "things"}, "steps": steps}
    shelf.put("one", {"apiVersion": "auditor.dev/v1", "kind": "Conversion", "metadata": metadata, "spec": spec})
    state, reason, message = ready(render(wish_for_conversion(shelf.states["one"]), {}, NOW))
    assert (state, reason) == ("False", "DoesNotCompile")
    assert "/spec/steps/0/jq" in message
    assert "no way leads from v2 to v1" in message
