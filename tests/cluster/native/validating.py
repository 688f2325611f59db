"""Validating policies, by hand: every feature, alone and with others."""

from dataclasses import dataclass, field
from typing import Final

from auditor.json import JsonObject
from tests.cluster.native.asker import GROUP, LABEL, NAMESPACE

_PARAMS: Final = {"apiVersion": "v1", "kind": "ConfigMap"}
_CLUSTER_PARAMS: Final = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
_CUSTOM_PARAMS: Final = {"apiVersion": f"{GROUP}/v1", "kind": "Thing"}
_FALSE: Final = ({"expression": "false"},)


@dataclass(frozen=True)
class Case:
    """One policy with its bindings."""

    name: str
    spec: JsonObject
    bindings: tuple[JsonObject, ...] = field(default=({},))


def _case(name: str, *validations: JsonObject, bindings: tuple[JsonObject, ...] = ({},), **spec: object) -> Case:
    made = {"validations": list(validations)} if validations else {}
    return Case(name, {**made, **spec}, bindings)


def _conditions(*expressions: str) -> list[JsonObject]:
    return [{"name": f"c{i}", "expression": e} for i, e in enumerate(expressions)]


def _variables(**expressions: str) -> list[JsonObject]:
    return [{"name": name, "expression": e} for name, e in expressions.items()]


def _ref(action: str = "Deny", **ref: object) -> JsonObject:
    return {"paramRef": {**ref, "parameterNotFoundAction": action}}


_SMALL: Final = {"expression": "object.spec.n < 10"}
_ERRS: Final = {"expression": "object.spec.nope.deep == 1"}
_LIMIT: Final = {
    "expression": "object.spec.?n.orValue(0) <= int(params.data.limit)",
    "messageExpression": "'at most ' + params.data.limit",
}

CASES: Final = (
    # Actions and failure policies, for violations and errors alike.
    *(
        _case(
            f"{'-'.join(actions)}-{policy}".lower(),
            _SMALL,
            {"expression": "object.spec.s != ''", "message": "s is empty"},
            bindings=({"validationActions": list(actions)},),
            failurePolicy=policy,
        )
        for actions in (("Deny",), ("Warn",), ("Audit",), ("Audit", "Deny"), ("Audit", "Warn"))
        for policy in ("Fail", "Ignore")
    ),
    # Messages.
    _case("message", {"expression": "object.spec.n < 10", "message": "  must be small  "}),
    _case("message-of-expression", {"expression": "  object.spec.n <\n 10  "}),
    _case("computed", {"expression": "false", "messageExpression": "'n is ' + string(object.spec.n)"}),
    _case("computed-falls-back", {"expression": "false", "message": "m", "messageExpression": "string(object.spec.s)"}),
    _case("computed-errs", {"expression": "false", "message": "m", "messageExpression": "object.spec.x + 'a'"}),
    _case("computed-errs-alone", {"expression": " false ", "messageExpression": "object.spec.x + 'a'"}),
    _case("computed-spaces", {"expression": "false", "messageExpression": "' \\t\\n '"}),
    _case("computed-padded", {"expression": "false", "messageExpression": "'  \\u00a0padded\\u00a0 '"}),
    _case("computed-tab", {"expression": "false", "messageExpression": "'a\\tb'"}),
    _case("computed-return", {"expression": "false", "messageExpression": "'a\\rb'"}),
    _case("computed-newline", {"expression": "false", "message": "m", "messageExpression": "'a\\nb'"}),
    _case("computed-trailing", {"expression": "false", "message": "m", "messageExpression": "'a\\n'"}),
    _case("computed-5120", {"expression": "false", "messageExpression": f"'{'x' * 5120}'"}),
    _case("computed-5121", {"expression": "false", "message": "m", "messageExpression": f"'{'x' * 5121}'"}),
    _case("computed-bytes", {"expression": "false", "message": "m", "messageExpression": f"'{'ü' * 2561}'"}),
    _case("computed-quotes", {"expression": "false", "messageExpression": "'say \"hi\" \\\\ {{x}} %s'"}),
    # Reasons.
    *(
        _case(f"reason-{reason}".lower(), {"expression": "object.spec.n < 10", "reason": reason, "message": "m"})
        for reason in ("Forbidden", "Invalid", "RequestEntityTooLarge")
    ),
    _case(
        "reason-of-error", {"expression": "object.spec.x", "reason": "Forbidden"} | {"expression": "object.spec.x == 1"}
    ),
    # Several validations: all are in warnings, the first is the denial.
    _case("several", _SMALL, _ERRS, {"expression": "has(object.spec.s)", "message": "no s"}),
    _case(
        "several-warn", _SMALL, _ERRS, {"expression": "has(object.spec.s)"}, bindings=({"validationActions": ["Warn"]},)
    ),
    _case("same-warning-twice", _SMALL, _SMALL, bindings=({"validationActions": ["Warn"]},)),
    # Conditions.
    _case("condition", *_FALSE, matchConditions=_conditions("has(object.spec.n)")),
    _case("condition-errs", *_FALSE, matchConditions=_conditions("object.spec.n > 3")),
    _case("condition-errs-ignored", *_FALSE, matchConditions=_conditions("object.spec.n > 3"), failurePolicy="Ignore"),
    _case(
        "condition-false-beats-error", *_FALSE, matchConditions=_conditions("object.spec.x > 3", "has(object.spec.s)")
    ),
    _case("condition-two-errors", *_FALSE, matchConditions=_conditions("object.spec.x > 3", "object.spec.y > 3")),
    _case("condition-same-errors", *_FALSE, matchConditions=_conditions("object.spec.x > 3", "object.spec.x > 3")),
    _case(
        "condition-error-warn",
        *_FALSE,
        matchConditions=_conditions("object.spec.n > 3"),
        bindings=({"validationActions": ["Warn"]},),
    ),
    _case("condition-namespace", *_FALSE, matchConditions=_conditions("namespaceObject.metadata.name == 'x'")),
    _case("condition-has-namespace", *_FALSE, matchConditions=_conditions("has(namespaceObject.metadata)")),
    _case("condition-null-namespace", *_FALSE, matchConditions=_conditions("namespaceObject == null")),
    _case(
        "condition-params",
        *_FALSE,
        matchConditions=_conditions("params.data.limit == '5'"),
        paramKind=_PARAMS,
        bindings=(_ref(selector={"matchLabels": {"many": "yes"}}),),
    ),
    _case(
        "condition-request",
        *_FALSE,
        matchConditions=_conditions("request.operation == 'CREATE'", "request.userInfo.username != ''"),
    ),
    # Variables.
    _case(
        "variables",
        {"expression": "variables.small", "messageExpression": "string(variables.n) + ' is too much'"},
        variables=_variables(n="object.spec.?n.orValue(0)", small="variables.n < 10"),
    ),
    _case(
        "variable-errs",
        {"expression": "variables.b == 1"},
        variables=_variables(a="object.spec.x", b="variables.a + 1"),
    ),
    _case("variable-errs-unused", {"expression": "object.spec.n < 10"}, variables=_variables(a="object.spec.x")),
    _case(
        "variable-in-both",
        {"expression": "variables.a > 0", "messageExpression": "string(variables.a)"},
        variables=_variables(a="object.spec.n"),
    ),
    _case("variable-list", {"expression": "variables.l.all(i, i < 3)"}, variables=_variables(l="object.spec.l")),
    # Annotations.
    _case("annotation", auditAnnotations=[{"key": "k", "valueExpression": "'n ' + string(object.spec.n)"}]),
    _case(
        "annotation-warn",
        auditAnnotations=[{"key": "k", "valueExpression": "'n ' + string(object.spec.n)"}],
        bindings=({"validationActions": ["Warn"]},),
    ),
    _case(
        "annotation-ignore",
        auditAnnotations=[{"key": "k", "valueExpression": "'n ' + string(object.spec.n)"}],
        failurePolicy="Ignore",
    ),
    _case(
        "annotation-after-denial", _SMALL, auditAnnotations=[{"key": "k", "valueExpression": "string(object.spec.s)"}]
    ),
    _case(
        "annotation-null",
        _SMALL,
        auditAnnotations=[{"key": "k", "valueExpression": "null"}, {"key": "l", "valueExpression": "variables.v"}],
        variables=_variables(v="'a'"),
    ),
    # Params.
    _case("params", _LIMIT, paramKind=_PARAMS, bindings=(_ref(name="five"),)),
    _case("params-elsewhere", _LIMIT, paramKind=_PARAMS, bindings=(_ref(name="seven", namespace="default"),)),
    _case("params-missing", _LIMIT, paramKind=_PARAMS, bindings=(_ref(name="none"),)),
    _case(
        "params-missing-warn",
        _LIMIT,
        paramKind=_PARAMS,
        bindings=({**_ref(name="none"), "validationActions": ["Warn"]},),
    ),
    _case("params-missing-ignore", _LIMIT, paramKind=_PARAMS, bindings=(_ref(name="none"),), failurePolicy="Ignore"),
    _case("params-missing-allow", _LIMIT, paramKind=_PARAMS, bindings=(_ref("Allow", name="none"),)),
    _case("params-many", _LIMIT, paramKind=_PARAMS, bindings=(_ref(selector={"matchLabels": {"many": "yes"}}),)),
    _case(
        "params-many-warn",
        _LIMIT,
        paramKind=_PARAMS,
        bindings=({**_ref(selector={"matchLabels": {"many": "yes"}}), "validationActions": ["Warn"]},),
    ),
    _case(
        "params-none-selected", _LIMIT, paramKind=_PARAMS, bindings=(_ref(selector={"matchLabels": {"many": "no"}}),)
    ),
    _case(
        "params-none-selected-allow",
        _LIMIT,
        paramKind=_PARAMS,
        bindings=(_ref("Allow", selector={"matchLabels": {"many": "no"}}),),
    ),
    _case(
        "params-without-ref",
        {"expression": "params == null", "messageExpression": "'not null'"},
        {"expression": "has(params.data)"},
        paramKind=_PARAMS,
    ),
    _case("params-ref-without-kind", _SMALL, bindings=(_ref(name="none"),)),
    _case(
        "params-two-bindings",
        _LIMIT,
        paramKind=_PARAMS,
        bindings=(_ref(name="five"), {**_ref(name="five"), "validationActions": ["Audit"]}),
    ),
    _case(
        "params-cluster",
        {"expression": "object.spec.?n.orValue(0) < size(params.rules)"},
        paramKind=_CLUSTER_PARAMS,
        bindings=(_ref(name="native-role"),),
    ),
    _case(
        "params-cluster-namespace",
        _SMALL,
        paramKind=_CLUSTER_PARAMS,
        bindings=(_ref(name="native-role", namespace="default"),),
    ),
    _case(
        "params-custom",
        {"expression": "object.spec.n <= params.spec.max"},
        paramKind=_CUSTOM_PARAMS,
        bindings=(_ref(name="settings"),),
    ),
    _case("params-error", {"expression": "params.data.nope == 'x'"}, paramKind=_PARAMS, bindings=(_ref(name="five"),)),
    _case(
        "params-kind",
        {"expression": "params.kind == 'ConfigMap' && params.apiVersion == 'v1'"},
        {"expression": "params.metadata.name != 'five'", "messageExpression": "string(params.metadata.namespace)"},
        paramKind=_PARAMS,
        bindings=(_ref(name="five"),),
    ),
    # The request and the namespace.
    _case(
        "request",
        {
            "expression": "request.kind.kind == 'X'",
            "messageExpression": "[request.kind.group, request.kind.kind, request.resource.resource, request.name, "
            "request.namespace, request.operation, request.userInfo.username, string(request.dryRun), "
            "string(has(request.subResource)), string(has(request.userInfo.uid))].join(',')",
        },
    ),
    _case("request-missing", {"expression": "request.subResource == ''"}),
    _case(
        "request-requested",
        {"expression": "request.requestKind != request.kind || request.requestResource != request.resource"},
    ),
    _case(
        "namespace",
        {
            "expression": "namespaceObject.metadata.labels.env == 'dev'",
            "messageExpression": "namespaceObject.metadata.name",
        },
        {"expression": "!has(namespaceObject.metadata.annotations)"},
        {"expression": "namespaceObject.metadata.labels.nope == 'x'"},
        bindings=({"validationActions": ["Warn"]},),
    ),
    _case(
        "old-object",
        {"expression": "oldObject == null || object.spec.n >= oldObject.spec.n", "message": "n must not shrink"},
    ),
    _case("old-object-has", {"expression": "!has(oldObject.spec)", "message": "there is an old one"}),
    _case("old-object-optional", {"expression": "object.?spec.n == oldObject.?spec.n", "message": "n changed"}),
    _case(
        "on-update",
        {"expression": "object.spec.s == oldObject.spec.s", "message": "s must not change"},
        matchConditions=_conditions("request.operation == 'UPDATE'"),
    ),
    _case(
        "on-delete",
        {"expression": "object != null", "message": "object is null"},
        {"expression": "has(object.spec)", "message": "has no spec"},
        {"expression": "request.operation != 'DELETE'", "messageExpression": "request.name"},
        {"expression": "oldObject.spec.n < 10"},
        {"expression": "object.spec.n < 10"},
        bindings=({"validationActions": ["Warn"]},),
    ),
    # Collections and errors in them.
    _case(
        "items",
        {"expression": "object.spec.items.all(i, i.cpu <= 8)"},
        {"expression": "!object.spec.items.exists(i, i.name == 'c')"},
        bindings=({"validationActions": ["Warn"]},),
    ),
    _case(
        "null-fields",
        {"expression": "has(object.spec.n) && object.spec.n == null"},
        {"expression": "object.spec.n.x == 1"},
        bindings=({"validationActions": ["Warn"]},),
    ),
    _case(
        "index",
        {"expression": "object.spec.l[0] == 1"},
        {"expression": "object.spec.m['a'] == 1"},
        bindings=({"validationActions": ["Warn"]},),
    ),
    _case(
        "overloads",
        {"expression": "object.spec.n + 1 > 3"},
        {"expression": "object.spec.s.startsWith('registry')"},
        {"expression": "int(object.spec.s) > 3"},
        bindings=({"validationActions": ["Warn"]},),
    ),
    _case(
        "logic",
        {"expression": "object.spec.n > 3 || object.spec.s == 'prod'"},
        {"expression": "object.spec.flag && object.spec.n == 3"},
        bindings=({"validationActions": ["Warn"]},),
    ),
    _case("ternary", {"expression": "object.spec.flag ? object.spec.n > 3 : object.spec.n < 3"}),
    _case(
        "types",
        {"expression": "type(object.spec.n) == int"},
        {"expression": "object.spec.n == 2.5"},
        {"expression": "object.spec.l == [1, 2]"},
        bindings=({"validationActions": ["Warn"]},),
    ),
    _case(
        "division",
        {"expression": "10 / object.spec.n > 1"},
        {"expression": "10 % object.spec.n > 1"},
        {"expression": "object.spec.n + 9223372036854775807 > 0"},
        bindings=({"validationActions": ["Warn"]},),
    ),
    _case(
        "regex",
        {"expression": "object.spec.s.matches('^[a-z]+$')"},
        {"expression": "object.spec.s.find('[0-9]+') == ''"},
        bindings=({"validationActions": ["Warn"]},),
    ),
    # Bindings that narrow down.
    _case("two-bindings", _SMALL, bindings=({"validationActions": ["Warn"]}, {"validationActions": ["Deny"]})),
    _case(
        "binding-elsewhere",
        *_FALSE,
        bindings=({"matchResources": {"namespaceSelector": {"matchLabels": {"env": "dev"}}}},),
    ),
    _case(
        "binding-here", *_FALSE, bindings=({"matchResources": {"namespaceSelector": {"matchLabels": {"env": "prod"}}}},)
    ),
    _case("no-binding", *_FALSE, bindings=()),
)


def make_things(cases: tuple[Case, ...] = CASES) -> list[JsonObject]:
    """The policies and bindings. Each has its objects, told apart by a label."""
    things: list[JsonObject] = []
    for case in cases:
        name = f"native-{case.name}"
        match = {
            "resourceRules": [
                {"apiGroups": [GROUP], "apiVersions": ["*"], "operations": ["*"], "resources": ["things"]}
            ],
            "objectSelector": {"matchLabels": {LABEL: case.name}},
        }
        things.append(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": name},
                "spec": {"matchConstraints": match, **case.spec},
            }
        )
        things += [
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": {"name": f"{name}-{i}"},
                "spec": {"policyName": name, "validationActions": ["Deny"], **binding},
            }
            for i, binding in enumerate(case.bindings)
        ]
    return things


PARAMS: Final[tuple[JsonObject, ...]] = (
    *(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace, "labels": {"many": many}},
            "data": {"limit": limit},
        }
        for name, namespace, many, limit in (
            ("five", NAMESPACE, "yes", "5"),
            ("eight", NAMESPACE, "yes", "8"),
            ("seven", "default", "yes", "7"),
        )
    ),
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "native-role"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}] * 4,
    },
    {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Thing",
        "metadata": {"name": "settings", "namespace": NAMESPACE},
        "spec": {"max": 4},
    },
)
