"""Native policies judge as the API server does: that it says the same is shown in tests/cluster/native."""

from dataclasses import replace
from typing import Any

import pytest

from auditor.engine.engine import Engine
from auditor.engine.native import Denial, say_denials
from auditor.json import JsonObject
from auditor.model.finding import Result, Verdict
from auditor.model.match import Equivalent, Kinds
from auditor.model.request import GroupVersionKind, GroupVersionResource
from auditor.model.world import Given, World
from tests.unit.engine.making import compiled, policy, request, thing
from tests.unit.engine.native.making import binding, bound, load, validating

DENIED = "ValidatingAdmissionPolicy 'checks' with binding 'everywhere' denied request: "
WARNED = "Validation failed for ValidatingAdmissionPolicy 'checks' with binding 'everywhere': "


def judge(engine: Engine, spec: JsonObject | None = None, **changes: Any) -> Verdict:
    return engine.judge(request(thing(spec or {"n": 5}), **changes))


def denials(verdict: Verdict) -> list[str]:
    return [each.message for each in say_denials(verdict.findings)]


def test_a_denial_in_the_words_of_the_server() -> None:
    verdict = judge(bound(validating("object.spec.n < 3")))
    assert say_denials(verdict.findings) == [Denial(f"{DENIED}failed expression: object.spec.n < 3", "Invalid", 422)]


@pytest.mark.parametrize(("reason", "code"), [("Forbidden", 403), ("Invalid", 422), ("RequestEntityTooLarge", 413)])
def test_reasons_are_codes_and_errors_have_none(reason: str, code: int) -> None:
    engine = bound(validating(validations=[{"expression": "object.spec.n < 3", "reason": reason}]))
    assert [(each.reason, each.code) for each in say_denials(judge(engine).findings)] == [(reason, code)]
    of_error = say_denials(judge(engine, {"x": 1}).findings)
    assert [(each.reason, each.code) for each in of_error] == [("Invalid", 422)]


def test_warnings_in_the_words_of_the_server() -> None:
    verdict = judge(bound(validating("object.spec.n < 3", "object.spec.x == 1"), validationActions=["Warn"]))
    assert verdict.allowed
    assert verdict.warnings == (
        f"{WARNED}failed expression: object.spec.n < 3",
        f"{WARNED}expression 'object.spec.x == 1' resulted in error: no such key: x",
    )


def test_an_ignored_error_is_told_in_the_findings_only() -> None:
    verdict = judge(bound(validating("object.spec.x == 1", failurePolicy="Ignore"), validationActions=["Warn"]))
    assert (verdict.allowed, verdict.warnings) == (True, ())
    assert [each.result for each in verdict.findings] == [Result.ERROR]


def test_conditions_are_asked_for_each_object_of_params() -> None:
    engine = bound(
        validating(
            "false",
            matchConditions=[{"name": "c", "expression": "params.data.on == 'yes'"}],
            paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        ),
        paramRef={"selector": {}, "parameterNotFoundAction": "Deny"},
    )
    maps = [
        {"metadata": {"name": name, "namespace": "here"}, "data": {"on": on}}
        for name, on in (("a", "yes"), ("b", "no"))
    ]
    world = World(objects=Given({("v1", "ConfigMap"): maps}))
    assert len(denials(judge(engine, world=world))) == 1


def test_conditions_have_no_namespace() -> None:
    engine = bound(validating("false", matchConditions=[{"name": "c", "expression": "namespaceObject == null"}]))
    assert denials(judge(engine))
    ours = compiled(policy(rules=[{"name": "r", "cel": "false"}],
                           matchConditions=[{"name": "c", "expression": "namespaceObject == null"}]))  # fmt: skip
    assert judge(ours).allowed


def params(**ref: Any) -> Engine:
    return bound(
        validating("params.data.x == 'x'", paramKind={"apiVersion": "v1", "kind": "ConfigMap"}),
        paramRef={"parameterNotFoundAction": "Deny", **ref},
        validationActions=["Warn"],
    )


def test_params_that_are_missing_deny_even_where_violations_only_warn() -> None:
    said = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
    assert denials(judge(params(name="none"))) == [DENIED + said]
    assert judge(params(name="none", parameterNotFoundAction="Allow")).allowed


def test_params_of_a_namespaced_kind_need_a_namespace() -> None:
    verdict = judge(params(name="none"), namespace="", name="x")
    assert "cannot use namespaced paramRef" in denials(verdict)[0]


def test_params_of_a_cluster_scoped_kind_must_have_none() -> None:
    engine = bound(
        validating("true", paramKind={"apiVersion": "example.com/v1", "kind": "Limits"}),
        paramRef={"name": "a", "namespace": "here", "parameterNotFoundAction": "Deny"},
    )
    given = Given({("example.com/v1", "Limits"): [{"metadata": {"name": "a"}}]})
    world = World(objects=given, kinds=Kinds(scopes={("example.com", "Limits"): False}))
    assert "must not be provided for a cluster-scoped" in denials(judge(engine, world=world))[0]


def test_an_error_in_a_variable_names_the_variables_on_the_way() -> None:
    variables = [{"name": "a", "expression": "object.spec.x"}, {"name": "b", "expression": "variables.a + 1"}]
    verdict = judge(bound(validating("variables.b == 1", variables=variables)))
    trace = 'composited variable "b" fails to evaluate: composited variable "a" fails to evaluate: no such key: x'
    assert denials(verdict) == [f"{DENIED}expression 'variables.b == 1' resulted in error: {trace}"]


def test_an_annotation_that_errs_denies() -> None:
    annotations = [{"key": "k", "valueExpression": "'n ' + string(object.spec.x)"}]
    engine = bound(validating(auditAnnotations=annotations), validationActions=["Audit"])
    assert len(denials(judge(engine))) == 1
    assert judge(engine, {"x": 4}).audit_annotations == (("checks/k", "n 4"),)


def test_annotations_of_several_bindings_are_one() -> None:
    annotations = [{"key": "k", "valueExpression": "params == null ? 'none' : string(params.data.x)"}]
    native = validating(auditAnnotations=annotations, paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
    ref = {"selector": {}, "parameterNotFoundAction": "Deny"}
    engine, _ = load(native, binding(native, "one"), binding(native, "two", paramRef=ref), binding(native, "three"))
    maps = [{"metadata": {"name": name, "namespace": "here"}, "data": {"x": name}} for name in "ab"]
    verdict = judge(engine, world=World(objects=Given({("v1", "ConfigMap"): maps})))
    assert verdict.audit_annotations == (("checks/k", "none, a, b"),)


def test_difference_the_authorizer_is_not_asked() -> None:
    engine = bound(validating("authorizer.path('/x').check('get').allowed()"))
    (finding,) = judge(engine).findings
    assert (finding.result, finding.blocks) == (Result.ERROR, True)
    without = judge(engine, user=None)
    assert (without.findings, without.not_applicable) == ((), (("checks/validations[0]", "it asks for the user"),))


def test_difference_another_version_is_an_error_without_a_conversion() -> None:
    v2 = GroupVersionResource("example.com", "v2", "things")
    v1 = Equivalent(GroupVersionResource("example.com", "v1", "things"), GroupVersionKind("example.com", "v1", "Thing"))
    world = World(kinds=Kinds({v2: [v1]}))
    verdict = judge(
        bound(validating("true")), resource=v2, kind=GroupVersionKind("example.com", "v2", "Thing"), world=world
    )
    assert [(each.result, each.blocks) for each in verdict.findings] == [(Result.ERROR, True)]


def test_difference_all_denials_are_told() -> None:
    assert len(denials(judge(bound(validating("object.spec.n < 3", "object.spec.n < 4"))))) == 2


def test_difference_iterations_are_limited_not_costs() -> None:
    verdict = judge(bound(validating("object.spec.l.all(x, object.spec.l.all(y, x == y))")), {"l": [1] * 1000})
    assert [each.result for each in verdict.findings] == [Result.ERROR]


def test_native_policies_make_no_exceptions() -> None:
    """Neither for what is being deleted nor for violations that were there before."""
    old = thing({"n": 5}, deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["a"])
    new = thing({"n": 5}, deletionTimestamp="2026-01-01T00:00:00Z")
    assert bound(validating("object.spec.n < 3")).judge(request(new, old)).allowed is False
    ours = compiled(policy(rules=[{"name": "r", "cel": "object.spec.n < 3"}]))
    assert ours.judge(request(new, old)).allowed


def test_what_configures_admission_is_exempt() -> None:
    everything = {"resourceRules": [{key: ["*"] for key in ("apiGroups", "apiVersions", "operations", "resources")}]}
    engine = bound(validating("false", matchConstraints=everything))
    assert not judge(engine).allowed
    resource = GroupVersionResource("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies")
    kind = GroupVersionKind("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy")
    assert judge(engine, resource=resource, kind=kind).allowed


def test_at_the_door_native_policies_are_left_out() -> None:
    native = validating("false")
    engine, _ = load(native, binding(native))
    both = Engine.of([*engine.policies, *compiled(policy(rules=[{"name": "r", "cel": "true"}])).policies])
    assert not judge(both).allowed
    assert judge(both.own()).allowed
    assert len(judge(both.own()).findings) == 1


def test_parts_of_the_request_that_are_empty_are_not_there() -> None:
    said = "expression 'request.subResource == ''' resulted in error: no such key: subResource"
    assert denials(judge(bound(validating("request.subResource == ''")))) == [DENIED + said]
    assert judge(bound(validating("!has(request.subResource) && !has(request.userInfo.uid)"))).allowed


def test_a_binding_that_matches_another_version_changes_nothing() -> None:
    """The version is that of the policy; a binding only narrows down."""
    rule = {"apiGroups": ["example.com"], "apiVersions": ["*"], "operations": ["*"], "resources": ["things"]}
    engine = bound(validating("false"), matchResources={"resourceRules": [rule]})
    assert len(denials(judge(engine))) == 1
    elsewhere = bound(validating("false"), matchResources={"resourceRules": [{**rule, "resources": ["others"]}]})
    assert judge(elsewhere).allowed


def test_findings_name_policy_kind_and_binding() -> None:
    finding = judge(bound(validating("false"))).findings[0]
    assert (finding.policy, str(finding.kind), finding.binding) == ("checks", "ValidatingAdmissionPolicy", "everywhere")
    assert replace(finding, binding="").binding == ""
