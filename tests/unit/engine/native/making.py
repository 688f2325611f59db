"""Native policies with one binding each, with only what a test says of them."""

from typing import Any

from auditor.engine.engine import Engine
from auditor.engine.mistakes import Mistake
from auditor.engine.native import NativeObjects
from auditor.json import JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.model.request import GroupVersionResource

_API = "admissionregistration.k8s.io/v1"
_RULE = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["things"]}
PATCH = "[JSONPatch{op: 'add', path: '/spec/s', value: 'x'}]"


def validating(*expressions: str, name: str = "checks", **spec: Any) -> JsonObject:
    validations = {"validations": [{"expression": each} for each in expressions]} if expressions else {}
    made = {"matchConstraints": {"resourceRules": [_RULE]}, **validations, **spec}
    return {"apiVersion": _API, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": made}


def mutating(*mutations: JsonObject, name: str = "changes", **spec: Any) -> JsonObject:
    made = {
        "matchConstraints": {"resourceRules": [_RULE]},
        "reinvocationPolicy": "Never",
        "mutations": list(mutations),
        **spec,
    }
    return {"apiVersion": _API, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name}, "spec": made}


def patch(expression: str = PATCH) -> JsonObject:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def apply(expression: str) -> JsonObject:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def binding(policy: JsonObject, name: str = "everywhere", **spec: Any) -> JsonObject:
    actions = {"validationActions": ["Deny"]} if policy["kind"].startswith("Validating") else {}
    made = {"policyName": policy["metadata"]["name"], **actions, **spec}
    return {"apiVersion": _API, "kind": f"{policy['kind']}Binding", "metadata": {"name": name}, "spec": made}


def load(*things: JsonObject) -> tuple[Engine, list[Mistake]]:
    native = NativeObjects()
    for each in things:
        assert native.take(each)
    policies, mistakes = native.policies()
    return Engine.compile(policies), mistakes


def bound(policy: JsonObject, *, schema: JsonObject | None = None, **spec: Any) -> Engine:
    engine, mistakes = load(policy, binding(policy, **spec))
    assert not mistakes, mistakes
    if schema is None:
        return engine
    resource = GroupVersionResource("example.com", "v1", "things")
    policies = [each.policy for each in engine.policies]
    return Engine.compile(policies, {resource: StructuralSchema.compile(schema)})
