"""Policies and bindings with one thing in each that the API server may or may not refuse."""

from typing import Final

from auditor.json import Json, JsonObject
from auditor.model.policy import Kind
from tests.cluster.native.asker import GROUP

_RULE: Final = {"apiGroups": [GROUP], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["things"]}
_PATCH: Final = "[JSONPatch{op: 'add', path: '/spec', value: 1}]"
_MATCH: Final = {"resourceRules": [_RULE]}
_ABSENT: Final = object()


def _thing(kind: str, name: str, spec: JsonObject, changes: JsonObject) -> JsonObject:
    merged = {key: value for key, value in {**spec, **changes}.items() if value is not _ABSENT}
    metadata = {"name": name}
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": str(kind), "metadata": metadata, "spec": merged}


def validating(name: str = "p", **changes: Json) -> JsonObject:
    spec = {"matchConstraints": _MATCH, "validations": [{"expression": "true"}]}
    return _thing(Kind.VALIDATING, name, spec, changes)


def mutating(name: str = "p", **changes: Json) -> JsonObject:
    spec = {"matchConstraints": _MATCH, "reinvocationPolicy": "Never", "mutations": [patch(_PATCH)]}
    return _thing(Kind.MUTATING, name, spec, changes)


def validating_binding(name: str = "b", **changes: Json) -> JsonObject:
    spec = {"policyName": "p", "validationActions": ["Deny"]}
    return _thing("ValidatingAdmissionPolicyBinding", name, spec, changes)


def mutating_binding(name: str = "b", **changes: Json) -> JsonObject:
    return _thing("MutatingAdmissionPolicyBinding", name, {"policyName": "p"}, changes)


def patch(expression: str) -> JsonObject:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def apply(expression: str) -> JsonObject:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def _checks(**fields: Json) -> JsonObject:
    return validating(validations=[{"expression": "true", **fields}])


def _variables(*pairs: tuple[Json, Json]) -> JsonObject:
    listed = [{"name": name, "expression": expression} for name, expression in pairs]
    return validating(variables=[{k: v for k, v in each.items() if v is not _ABSENT} for each in listed])


def _conditions(*pairs: tuple[Json, Json], **changes: Json) -> JsonObject:
    listed = [{"name": name, "expression": expression} for name, expression in pairs]
    kept = [{k: v for k, v in each.items() if v is not _ABSENT} for each in listed]
    return validating(matchConditions=kept, **changes)


def _annotations(*pairs: tuple[Json, Json], name: str = "p") -> JsonObject:
    listed = [{"key": key, "valueExpression": expression} for key, expression in pairs]
    return validating(name, auditAnnotations=[{k: v for k, v in each.items() if v is not _ABSENT} for each in listed])


def _params(**kind: Json) -> JsonObject:
    return validating(paramKind=kind)


def _ref(**ref: Json) -> JsonObject:
    return validating_binding(paramRef=ref)


def _rules(**fields: Json) -> JsonObject:
    return {"resourceRules": [{**_RULE, **fields}]}


CONFIG_MAP: Final = {"apiVersion": "v1", "kind": "ConfigMap"}
DENY: Final = {"parameterNotFoundAction": "Deny"}

THINGS: Final[tuple[JsonObject, ...]] = (
    # What a validating policy consists of.
    validating(),
    validating("A"),
    validating("a.b-c"),
    validating("a" * 253),
    validating("a" * 254),
    validating(unknown=1),
    validating(validations=_ABSENT),
    validating(validations=[]),
    validating(validations=None),
    validating(validations=_ABSENT, auditAnnotations=[{"key": "k", "valueExpression": "'x'"}]),
    validating(matchConstraints=_ABSENT),
    validating(matchConstraints={}),
    validating(matchConstraints=_rules(operations=["CONNECT"])),
    validating(matchConstraints=_rules(operations=["PATCH"])),
    validating(matchConstraints=_rules(apiGroups=[])),
    validating(matchConstraints={**_MATCH, "namespaceSelector": {"matchLabels": {"a b": "c"}}}),
    validating(matchConstraints={**_MATCH, "matchPolicy": "Sometimes"}),
    validating(failurePolicy="Sometimes"),
    validating(failurePolicy=""),
    validating(failurePolicy="Ignore"),
    validating(failurePolicy=None),
    # Validations.
    _checks(expression=""),
    _checks(expression="  "),
    _checks(expression=1),
    _checks(expression=None),
    _checks(expression="true ||\n true"),
    _checks(message="  "),
    _checks(message=""),
    _checks(message="a\nb"),
    _checks(message="a\rb"),
    _checks(message="a\n"),
    _checks(messageExpression=" "),
    _checks(messageExpression=""),
    _checks(messageExpression="1"),
    _checks(messageExpression="object.spec.s"),
    _checks(messageExpression="authorizer.path('/x').check('get').reason()"),
    *(
        _checks(reason=reason)
        for reason in ("Sometimes", "", "NotFound", "Unauthorized", "Forbidden", "Invalid", "RequestEntityTooLarge")
    ),
    _checks(expression="variables.nope"),
    _checks(expression="params == null"),
    _checks(expression="object.spec.flag"),
    _checks(expression="1"),
    _checks(expression="int(true) == 1"),
    _checks(expression="int(object.spec.flag == true) == 1"),
    # Variables.
    _variables((_ABSENT, "1")),
    _variables(("", "1")),
    _variables((" ", "1")),
    _variables(("a-b", "1")),
    _variables(("namespace", "1")),
    _variables(("in", "1")),
    _variables(("true", "1")),
    _variables(("_", "1")),
    _variables(("a", _ABSENT)),
    _variables(("a", " ")),
    _variables(("a", "variables.b"), ("b", "1")),
    _variables(("a", "1"), ("b", "variables.a + 1")),
    # Conditions.
    _conditions((_ABSENT, "true")),
    _conditions(("a", "true"), ("a", "true")),
    _conditions(("a b", "true")),
    _conditions(("x.y/z", "true")),
    _conditions(("x/y/z", "true")),
    _conditions(("a" * 63, "true")),
    _conditions(("a" * 64, "true")),
    _conditions(("a", "")),
    _conditions(("a", " ")),
    _conditions(("a", "1")),
    _conditions(*((f"a{i}", "true") for i in range(64))),
    _conditions(*((f"a{i}", "true") for i in range(65))),
    _conditions(("a", "variables.a"), variables=[{"name": "a", "expression": "true"}]),
    _conditions(("a", "params == null")),
    _conditions(("a", "params == null"), paramKind=CONFIG_MAP),
    _conditions(("a", "namespaceObject.metadata.name == 'x'")),
    _conditions(("a", "authorizer.path('/x').check('get').allowed()")),
    # Annotations.
    _annotations(("k", "'x'"), ("k", "'x'")),
    _annotations((_ABSENT, "'x'")),
    _annotations(("a b", "'x'")),
    _annotations(("a/b", "'x'")),
    _annotations(("k" * 63, "'x'")),
    _annotations(("k" * 64, "'x'")),
    _annotations(("k", _ABSENT)),
    _annotations(("k", " ")),
    _annotations(("k", "1")),
    _annotations(("k", "object.x")),
    _annotations(("k", "null")),
    _annotations(("k", "true ? 'x' : null")),
    _annotations(("k", f"'{'x' * 5118}'")),
    _annotations(("k", f"'{'x' * 5119}'")),
    _annotations(*((f"k{i}", "'x'") for i in range(20))),
    _annotations(*((f"k{i}", "'x'") for i in range(21))),
    # Params.
    _params(),
    _params(apiVersion="v1"),
    _params(kind="ConfigMap"),
    _params(apiVersion="a/b/c", kind="X"),
    _params(apiVersion="g/V1", kind="X"),
    _params(apiVersion="g/", kind="X"),
    _params(apiVersion="/v1", kind="X"),
    _params(apiVersion="a_b/v1", kind="X"),
    _params(apiVersion="g/1v", kind="X"),
    _params(apiVersion="v1", kind="a b"),
    _params(apiVersion="v1", kind="foo"),
    _params(apiVersion="v1", kind="1x"),
    _params(apiVersion="v1", kind="X", name="y"),
    # What a mutating policy consists of.
    mutating(),
    mutating(reinvocationPolicy=_ABSENT),
    mutating(reinvocationPolicy=""),
    mutating(reinvocationPolicy="Sometimes"),
    mutating(reinvocationPolicy="IfNeeded"),
    mutating(mutations=_ABSENT),
    mutating(mutations=[]),
    mutating(mutations=[{"jsonPatch": {"expression": _PATCH}}]),
    mutating(mutations=[{"patchType": "Sometimes", "jsonPatch": {"expression": _PATCH}}]),
    mutating(mutations=[{"patchType": "JSONPatch"}]),
    mutating(mutations=[{"patchType": "ApplyConfiguration"}]),
    mutating(mutations=[{"patchType": "JSONPatch", "applyConfiguration": {"expression": "Object{}"}}]),
    mutating(mutations=[{**patch(_PATCH), "applyConfiguration": {"expression": "Object{}"}}]),
    mutating(mutations=[{**apply("Object{}"), "jsonPatch": {"expression": _PATCH}}]),
    *(mutating(mutations=[patch(text)]) for text in ("", " ", "[]", "Object{}", "object.spec.patches", "1")),
    *(mutating(mutations=[apply(text)]) for text in ("", " ", "Object{}", _PATCH, "object", "{}", "null")),
    mutating(mutations=[apply("Object{spec: Object.spec{a: 1}}")]),
    mutating(matchConstraints=_rules(operations=["DELETE"])),
    mutating(matchConstraints=_rules(operations=["CREATE", "DELETE"])),
    mutating(matchConstraints=_rules(operations=["CONNECT"])),
    mutating(matchConstraints=_rules(operations=["*"])),
    mutating(matchConstraints=_rules(resources=["things/status"])),
    mutating(matchConstraints=_ABSENT),
    mutating(failurePolicy="Sometimes"),
    mutating(validations=[{"expression": "true"}]),
    mutating(matchConditions=[{"name": "a", "expression": "1"}]),
    mutating(variables=[{"name": "a", "expression": "true"}], mutations=[patch("variables.a ? " + _PATCH + " : []")]),
    mutating(paramKind={"apiVersion": "v1"}),
    # Bindings.
    validating_binding(),
    validating_binding("A"),
    validating_binding(policyName=_ABSENT),
    validating_binding(policyName="A b"),
    validating_binding(matchResources={}),
    validating_binding(matchResources=_rules(operations=[])),
    validating_binding(matchResources=None),
    *(
        validating_binding(validationActions=actions)
        for actions in (
            _ABSENT,
            [],
            ["Deny", "Deny"],
            ["Deny", "Warn"],
            ["Warn", "Audit", "Deny"],
            ["Sometimes"],
            ["Audit", "Deny"],
            ["Audit", "Warn"],
            "Deny",
        )
    ),
    _ref(name="x"),
    _ref(name="x", **DENY),
    _ref(name="x", parameterNotFoundAction="Allow"),
    _ref(name="x", parameterNotFoundAction="Sometimes"),
    _ref(name="x", parameterNotFoundAction=""),
    _ref(selector={}, **DENY),
    _ref(name="x", selector={}, **DENY),
    _ref(**DENY),
    _ref(namespace="x", **DENY),
    _ref(name="A b", **DENY),
    _ref(name="x", namespace="A b", **DENY),
    _ref(selector={"matchLabels": {"a b": "c"}}, **DENY),
    _ref(selector={"matchExpressions": [{"key": "a", "operator": "In"}]}, **DENY),
    _ref(),
    mutating_binding(),
    mutating_binding(validationActions=["Deny"]),
    mutating_binding(policyName=_ABSENT),
    mutating_binding(policyName="A"),
    mutating_binding(paramRef={}),
    mutating_binding(paramRef={"name": "a"}),
    mutating_binding(paramRef={"name": "a", **DENY}),
    mutating_binding(matchResources=_rules(operations=["CONNECT"])),
)
