"""Good and wrong objects: the real API server's verdict, and ours beside it."""

import contextlib
import uuid
from collections.abc import Iterator
from functools import cache

import pytest

from auditor.json import JsonObject
from auditor.languages.schema.structural import StructuralSchema
from auditor.sandbox import Sandbox
from tests.cluster.crds.configuration import the_only_configuration
from tests.cluster.oracle import Answer, Cause, Oracle, Resource
from tests.cluster.schema.compare import compare_create, compare_strict
from tests.unit.crds.cases import BASES, GOOD, UNKNOWN, WRONG, Case
from tests.unit.crds.schemas import schema_of

Resources = dict[str, Resource]
WRONG_STATUS = [case for case in WRONG if case.of_status]


@cache
def compiled(name: str) -> StructuralSchema:
    return StructuralSchema.compile(schema_of(name))


def without_status(case: Case) -> JsonObject:
    """What the server makes of a new object, before it looks at anything."""
    return {key: value for key, value in case.object.items() if key != "status"}


@pytest.mark.parametrize("case", GOOD, ids=str)
def test_good(resources: Resources, case: Case) -> None:
    """Accepted, stored with the same defaults as ours, and nothing is lost."""
    comparison = compare_create(resources[case.name], compiled(case.name), without_status(case))
    assert comparison.answer.accepted, comparison.answer.message
    assert comparison.difference == ""
    assert compare_strict(resources[case.name], compiled(case.name), case.object) == ""


@pytest.mark.parametrize("case", [case for case in WRONG if not case.of_status], ids=str)
def test_wrong(resources: Resources, case: Case) -> None:
    """Refused with the field and the mistake, and ours says the same in the same words."""
    comparison = compare_create(resources[case.name], compiled(case.name), without_status(case))
    assert not comparison.answer.accepted
    assert names_the_mistake(case, comparison.answer.causes), comparison.answer.message
    assert comparison.difference == ""


def test_a_policy_at_its_bounds(resources: Resources) -> None:
    """The CEL rules in the schema stay within what one request may cost the server."""
    words = range(64)
    resource_rule = {
        "apiGroups": [f"group{i}.example.com" for i in words],
        "apiVersions": [f"v{i}" for i in words],
        "resources": [f"resource{i}/sub{i}" for i in words],
        "operations": ["CREATE", "UPDATE"],
    }
    labels = [f"example.com/label-{i}" for i in range(32)]
    selector = {
        "matchLabels": dict.fromkeys(labels, "x"),
        "matchExpressions": [{"key": label, "operator": "In", "values": ["x"] * 64} for label in labels],
    }
    spec = {
        "match": {
            "resourceRules": [resource_rule] * 64,
            "excludeResourceRules": [resource_rule] * 64,
            "namespaceSelector": selector,
            "objectSelector": selector,
        },
        "variables": [{"name": f"v{i}", "expression": "1"} for i in words],
        "rules": [{"name": f"r{i}", "cel": "true"} for i in range(100)],
        "mutate": [{"name": f"m{i}", "jsonPatch": [{"op": "remove", "path": "/a"}] * 100} for i in words],
        "enforcementOverrides": [{"namespaceSelector": selector, "enforcement": "Warn"}] * 32,
    }
    comparison = compare_create(resources["policy"], compiled("policy"), {**BASES["policy"], "spec": spec})
    assert comparison.answer.accepted, comparison.answer.message
    assert comparison.difference == ""


@pytest.mark.parametrize("case", UNKNOWN, ids=str)
def test_unknown(resources: Resources, case: Case) -> None:
    answer = resources[case.name].create(case.object, strict=True)
    assert answer.unknown == [case.field]


@pytest.mark.parametrize("name", BASES)
def test_status(control_plane: Sandbox, oracle: Oracle, resources: Resources, name: str) -> None:
    with stored(control_plane, resources[name], name) as kept:
        answer = put_status(oracle, resources[name], {**kept, "status": BASES[name]["status"]})
    assert answer.accepted, answer.message
    assert answer.object["status"] == BASES[name]["status"]


@pytest.mark.parametrize("case", WRONG_STATUS, ids=str)
def test_wrong_status(control_plane: Sandbox, oracle: Oracle, resources: Resources, case: Case) -> None:
    with stored(control_plane, resources[case.name], case.name) as kept:
        answer = put_status(oracle, resources[case.name], {**kept, "status": case.object["status"]})
    assert not answer.accepted
    assert names_the_mistake(case, answer.causes), answer.message


def names_the_mistake(case: Case, causes: tuple[Cause, ...]) -> bool:
    return any(cause.field == case.field and case.says in cause.message for cause in causes)


@contextlib.contextmanager
def stored(control_plane: Sandbox, resource: Resource, name: str) -> Iterator[JsonObject]:
    """The good object, under a name of its own where the kind allows one."""
    obj: JsonObject = {**BASES[name], "metadata": dict(BASES[name]["metadata"])}
    if name in ("policy", "policyexception"):
        obj["metadata"]["name"] = f"crds-{uuid.uuid4().hex[:8]}"
    with the_only_configuration(control_plane) if name == "auditconfig" else contextlib.nullcontext():
        answer = resource.create(obj, store=True)
        assert answer.accepted, answer.message
        try:
            yield answer.object
        finally:
            resource.delete(obj["metadata"]["name"])


def put_status(oracle: Oracle, resource: Resource, obj: JsonObject) -> Answer:
    return oracle.ask("PUT", f"{resource.path('v1')}/{obj['metadata']['name']}/status", obj)
