"""Policies as they change: what is in force, what is wrong, and what is read again."""

from copy import deepcopy
from typing import Any

from auditor.engine.compiled import CompiledPolicy
from auditor.intake.live.reading import read_live_conversion, read_live_exception, read_live_policy
from auditor.intake.live.shelf import Shelf
from auditor.json import JsonObject

MATCH = {
    "resourceRules": [
        {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["things"], "operations": ["*"]}
    ]
}


def policy(cel: str = "true", *, generation: int = 1, **more: Any) -> JsonObject:
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Policy",
        "metadata": {"name": "sizes", "generation": generation, "uid": "1", "resourceVersion": "7"},
        "spec": {"match": MATCH, "rules": [{"name": "r", "cel": cel}], **more},
    }


def shelf() -> Shelf[CompiledPolicy]:
    return Shelf(lambda thing: read_live_policy(thing, {}), keep=True)


def test_a_right_policy_is_in_force() -> None:
    policies = shelf()
    assert policies.put("sizes", policy())
    (compiled,) = policies.good()
    assert compiled.policy.name == "sizes"
    assert policies.states["sizes"].right


def test_a_policy_that_is_wrong_from_the_start_is_not_in_force() -> None:
    policies = shelf()
    assert policies.put("sizes", policy("object.spec."))
    assert list(policies.good()) == []
    state = policies.states["sizes"]
    assert (state.right, state.in_force) == (False, 0)
    assert [(each.kind, each.rule, each.pointer) for each in state.errors] == [("Policy", "r", "/spec/rules/0/cel")]


def test_a_policy_that_becomes_wrong_goes_on_as_it_was() -> None:
    policies = shelf()
    policies.put("sizes", policy("true"))
    before = list(policies.good())
    assert policies.put("sizes", policy("object.spec.", generation=2))
    assert list(policies.good()) == before
    state = policies.states["sizes"]
    assert (state.right, state.generation, state.in_force) == (False, 2, 1)
    assert policies.put("sizes", policy("false", generation=3))
    assert policies.states["sizes"].right
    assert list(policies.good()) != before


def test_a_status_that_was_written_changes_nothing() -> None:
    policies = shelf()
    policies.put("sizes", policy())
    written = policy()
    written["status"] = {"observedGeneration": 1}
    written["metadata"]["resourceVersion"] = "8"
    assert not policies.put("sizes", written)


def test_deleted_and_made_anew_with_the_same_generation() -> None:
    policies = shelf()
    policies.put("sizes", policy("true"))
    assert policies.put("sizes", policy("false"))


def test_removed() -> None:
    policies = shelf()
    policies.put("sizes", policy())
    assert policies.remove("sizes")
    assert not policies.remove("sizes")
    assert list(policies.good()) == []


def test_reading_again_says_whether_anything_is_different() -> None:
    """A CRD may come that shows an expression to be wrong."""
    wrong = False
    compiled, mistakes = read_live_policy(policy("object.spec."), {})
    good, none = read_live_policy(policy(), {})
    policies = Shelf(lambda _: (compiled, mistakes) if wrong else (good, none), keep=True)
    policies.put("sizes", policy())
    assert not policies.read_again("sizes")
    wrong = True
    assert policies.read_again("sizes")
    assert list(policies.good()) == [good]
    assert policies.states["sizes"].errors


EXCEPTION: JsonObject = {
    "apiVersion": "auditor.dev/v1",
    "kind": "PolicyException",
    "metadata": {"name": "e", "namespace": "here"},
    "spec": {
        "policies": ["sizes"],
        "owner": "me",
        "reason": "kept until the migration",
        "expires": "2027-01-31T00:00:00Z",
    },
}


def test_an_exception_that_becomes_wrong_excuses_nothing() -> None:
    exceptions = Shelf(read_live_exception)
    exceptions.put("here/e", EXCEPTION)
    assert [each.full_name for each in exceptions.good()] == ["here/e"]
    wrong = deepcopy(EXCEPTION)
    wrong["spec"]["expires"] = "some day"
    exceptions.put("here/e", wrong)
    assert list(exceptions.good()) == []
    assert [each.pointer for each in exceptions.states["here/e"].errors] == ["/spec/expires"]


def test_a_conversion_is_read_with_all_its_mistakes() -> None:
    conversion: JsonObject = {
        "apiVersion": "auditor.dev/v1",
        "kind": "Conversion",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "resource": {"group": "example.com", "resource": "things"},
            "steps": [{"from": "v1", "to": "v2", "jq": "."}, {"from": "v2", "to": "v1", "jq": ".["}],
        },
    }
    made, mistakes = read_live_conversion(conversion)
    assert made is None
    assert [(each.kind, each.pointer) for each in mistakes] == [("Conversion", "/spec/steps/1/jq")]
    conversion["spec"]["steps"][1]["jq"] = "."
    made, mistakes = read_live_conversion(conversion)
    assert made is not None
    assert made.name == "things.example.com"
    assert mistakes == []
