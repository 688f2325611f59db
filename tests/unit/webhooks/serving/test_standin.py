"""A policy that does not compile, and of which nothing else is known: what it matches is an error."""

import re
from typing import Any

import pytest

from auditor.cluster.discovery.crd import read_crd
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.engine import Engine
from auditor.intake.live.reading import read_live_policy
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import Shelf, State
from auditor.intake.live.view import View
from auditor.intake.review import read_review
from auditor.json import Json, JsonObject
from auditor.model.finding import Result
from auditor.model.request import Request
from auditor.model.world import World
from auditor.webhooks.failure import effective_failure_policy
from auditor.webhooks.registration import Address, Installation
from auditor.webhooks.serving.assembly import want
from auditor.webhooks.serving.standin import find_erring, find_working, list_compiled
from auditor.webhooks.serving.status import wish_for_policy
from tests.unit.webhooks.making import NOW, policy, review

WRONG = {"name": "size", "cel": "object.spec.size <"}
RIGHT = {"name": "right", "jq": "true"}


def state_of(*things: JsonObject) -> State[CompiledPolicy]:
    shelf: Shelf[CompiledPolicy] = Shelf(lambda thing: read_live_policy(thing, {}), keep=True)
    for generation, each in enumerate(things, 1):
        shelf.put("p", each | {"metadata": {**each["metadata"], "generation": generation}})
    return shelf.states["p"]


def broken(*rules: Json, **spec: Any) -> CompiledPolicy:
    found = find_erring(state_of(policy(rules=[*(rules or (WRONG,))], **spec)))
    assert found is not None
    return found


def asked(old: Json = None, **changes: Json) -> Request:
    return read_review(review(old=old, **changes), World(), time=NOW).request


def test_each_of_its_rules_is_an_error_that_says_why() -> None:
    verdict = Engine.of([broken(WRONG, RIGHT)]).judge(asked())
    assert not verdict.allowed
    assert [(each.rule, each.result) for each in verdict.findings] == [("size", Result.ERROR), ("right", Result.ERROR)]
    assert re.search(r"does not compile.*1:19: Syntax error", verdict.findings[0].message)


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({}, False),
        ({"failurePolicy": "Ignore"}, True),
        ({"enforcement": "Warn"}, True),
        ({"rules": [{**WRONG, "enforcement": "Audit"}]}, True),
    ],
)
def test_its_own_failure_policy_and_enforcement_decide(spec: JsonObject, allowed: bool) -> None:
    whole: JsonObject = {"rules": [WRONG], **spec}
    found = find_erring(state_of(policy(**whole)))
    assert found is not None
    verdict = Engine.of([found]).judge(asked())
    assert verdict.allowed is allowed
    assert {each.result for each in verdict.findings} == {Result.ERROR}
    assert (effective_failure_policy(found, group="example.com", mutating=False) == "Ignore") is allowed


def test_only_what_it_matches() -> None:
    others = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["others"], "operations": ["*"]}
    assert Engine.of([broken(match={"resourceRules": [others]})]).judge(asked()).allowed
    narrow = [{"name": "c", "expression": "object.spec.size > 5"}]
    assert Engine.of([broken(matchConditions=narrow)]).judge(asked()).allowed
    wrong = [{"name": "c", "expression": "object.spec.size >"}]
    assert not Engine.of([broken(RIGHT, matchConditions=wrong)]).judge(asked()).allowed


def test_mutations_are_errors_too() -> None:
    mutate = [{"name": "m", "jq": ".spec |"}]
    found = find_erring(state_of(policy(mutate=mutate, enforcement="Audit")))
    assert found is not None
    mutated = Engine.of([found]).mutate(asked())
    assert not mutated.allowed
    assert "mutation m: " in mutated.findings[0].message
    assert "does not compile" in mutated.findings[0].message


def test_exceptions_still_excuse() -> None:
    found = broken(exceptions={"namespaceSelector": {}})
    assert found.policy.exceptions is not None
    assert [rule.rule.name for rule in found.rules] == ["size"]


def test_nobody_is_kept_from_mending_it() -> None:
    """Our own kinds, also where it names them."""
    both = {
        "apiGroups": ["auditor.dev", "example.com"],
        "apiVersions": ["v1"],
        "resources": ["policies", "things"],
        "operations": ["*"],
    }
    engine = Engine.of([broken(match={"resourceRules": [both]})])
    own = {"group": "auditor.dev", "version": "v1"}
    kind, resource = {**own, "kind": "Policy"}, {**own, "resource": "policies"}
    mine = asked(kind=kind, resource=resource, requestKind=kind, requestResource=resource, namespace="")
    assert engine.judge(mine).allowed
    assert not engine.judge(asked()).allowed


@pytest.mark.parametrize(
    "spec", [{"match": {}}, {"match": 1}, {"match": {"resourceRules": [{"apiGroups": 1}]}}, {"enforcement": "Perhaps"}]
)
def test_one_that_cannot_be_read_is_out_of_force_and_says_so(spec: JsonObject) -> None:
    thing = policy(rules=[WRONG])
    state = state_of(thing | {"spec": thing["spec"] | spec})
    assert find_erring(state) is None
    assert "nothing of it is in force" in wish_for_policy(state, {}, {}, NOW).condition.message


@pytest.mark.parametrize("rules", [1, [1], [{}], [{"name": 1}], [{"name": "x", "enforcement": 7, "jq": "true"}]])
def test_rules_of_any_shape(rules: Json) -> None:
    """The API server lets none of these in; what an older or a newer CRD lets in nobody knows."""
    found = find_erring(state_of(policy(rules=rules)))
    assert found is None or not Engine.of([found]).judge(asked()).allowed


def test_status_says_what_holds() -> None:
    wish = wish_for_policy(state_of(policy(rules=[WRONG])), {}, {}, NOW)
    assert (wish.condition.status, wish.condition.reason) == ("False", "DoesNotCompile")
    assert "does not compile, what it matches is an error, under its failurePolicy: " in wish.condition.message
    assert "1:19" in wish.condition.message
    assert wish.enforced_since == {}


def test_a_form_that_compiled_goes_before() -> None:
    state = state_of(policy(rules=[RIGHT]), policy(rules=[WRONG]))
    view = View(policies={"p": state}, schemas=LiveSchemas({}))
    assert list_compiled(view) == [state.good]


def test_a_schema_that_has_changed_below_it_stops_nothing() -> None:
    """It would be in force if nothing had been restarted."""
    thing = policy(rules=[{"name": "size", "cel": "object.spec.size < 10"}])
    crd = read_crd(
        {
            "metadata": {"name": "things.example.com"},
            "spec": {
                "group": "example.com",
                "names": {"plural": "things", "kind": "Thing"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {
                            "openAPIV3Schema": {
                                "type": "object",
                                "properties": {
                                    "spec": {"type": "object", "properties": {"width": {"type": "integer"}}}
                                },
                            }
                        },
                    }
                ],
            },
            "status": {
                "acceptedNames": {"plural": "things", "kind": "Thing"},
                "conditions": [{"type": "Established", "status": "True"}],
            },
        }
    )
    schemas = LiveSchemas({"things.example.com": crd})
    shelf: Shelf[CompiledPolicy] = Shelf(lambda each: read_live_policy(each, schemas), keep=True)
    shelf.put("p", thing)
    state = shelf.states["p"]
    assert state.good is None
    (found,) = list_compiled(View(policies={"p": state}, schemas=schemas))
    assert found is find_working(state)
    large = review(new={"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {}, "spec": {"size": 10}})
    verdict = Engine.of([found]).judge(read_review(large, World(), time=NOW).request)
    assert [each.result for each in verdict.findings] == [Result.FAIL]
    assert Engine.of([found]).judge(asked()).allowed
    wish = wish_for_policy(state, {}, {}, NOW)
    assert "goes on as if the schemas of the kinds that it reads were not known" in wish.condition.message
    assert list(wish.enforced_since or {}) == ["size"]


def test_it_is_registered_as_it_fails() -> None:
    view = View(policies={"p": state_of(policy(rules=[WRONG], timeoutSeconds=3))}, schemas=LiveSchemas({}))
    (entry,) = want(view, Installation(address=Address(authorities=b""))).entries
    assert (entry.name, entry.policies) == ("fail-3s", frozenset({"sizes"}))
