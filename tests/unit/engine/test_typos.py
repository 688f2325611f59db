"""Paths in expressions against the schema of the kind: a misspelt field is told with the nearest one."""

from typing import Any

import pytest

from auditor.engine.engine import Engine
from auditor.engine.mistakes import PolicyError
from auditor.engine.read import read_policy
from auditor.json import JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.model.resource import GroupVersionResource
from tests.unit.engine.making import policy

SCHEMA = StructuralSchema.compile(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "replicas": {"type": "integer"},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        },
    }
)
SCHEMAS = {GroupVersionResource("example.com", "v1", "things"): SCHEMA}


def mistakes(rule: JsonObject, **spec: Any) -> tuple[list[str], list[str]]:
    """Errors and warnings."""
    source = read_policy(policy(rules=[{"name": "r", **rule}], **spec))
    try:
        engine = Engine.compile([source], SCHEMAS)
    except PolicyError as error:
        return [m.message for m in error.mistakes], []
    return [], [m.message for m in engine.warnings]


def test_cel_with_a_misspelt_field_is_refused_with_its_place() -> None:
    source = read_policy(
        policy(rules=[{"name": "r", "cel": "object.spec.labels.a == 'b' &&\n  object.spec.replcas > 1"}])
    )
    with pytest.raises(PolicyError) as error:
        Engine.compile([source], SCHEMAS)
    [mistake] = error.value.mistakes
    assert mistake.message == "things.example.com has no field spec.replcas: did you mean replicas?"
    assert (mistake.rule, mistake.pointer, mistake.line) == ("r", "/spec/rules/0/cel", 2)


def test_old_object_and_conditions_and_variables_are_looked_at() -> None:
    assert mistakes({"cel": "oldObject.spec.x == 1"})[0]
    assert mistakes({"cel": "true"}, matchConditions=[{"name": "c", "expression": "object.spec.x == 1"}])[0]
    assert mistakes({"cel": "true"}, variables=[{"name": "v", "expression": "object.spec.x"}])[0]


def test_jq_is_only_warned_of_because_null_may_be_meant() -> None:
    errors, warnings = mistakes({"jq": ".spec.replcas == null"})
    assert errors == []
    assert warnings == ["things.example.com has no field spec.replcas: did you mean replicas?"]


@pytest.mark.parametrize(
    "rule",
    [
        {"cel": "object.spec.replicas > 1"},
        {"cel": "object.spec.labels.anything == 'x' && object.spec.free.a.b == 1"},
        {"cel": "object.metadata.labels.x == 'y' && object.kind == 'Thing'"},
        {"cel": "[1].exists(object, object == 1)"},
        {"jq": '.spec["free"].a == 1 and .metadata.name != ""'},
    ],
    ids=str,
)
def test_right_paths_are_left_alone(rule: JsonObject) -> None:
    assert mistakes(rule) == ([], [])


def test_policy_for_several_kinds_may_ask_what_only_some_have() -> None:
    other = StructuralSchema.compile(
        {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    )
    schemas = {**SCHEMAS, GroupVersionResource("example.com", "v1", "others"): other}
    source = policy(rules=[{"name": "r", "cel": "object.spec.size > 1"}])
    source["spec"]["match"]["resourceRules"][0]["resources"] = ["things", "others"]
    Engine.compile([read_policy(source)], schemas)
    source["spec"]["rules"][0]["cel"] = "object.spec.sizes > 1"
    with pytest.raises(PolicyError, match=r"has no field spec\.sizes"):
        Engine.compile([read_policy(source)], schemas)


def test_unknown_kinds_are_not_guessed_at() -> None:
    source = policy(rules=[{"name": "r", "cel": "object.spec.x > 1"}])
    source["spec"]["match"]["resourceRules"][0]["resources"] = ["things", "unknowns"]
    Engine.compile([read_policy(source)], SCHEMAS)
