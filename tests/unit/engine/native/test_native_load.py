"""Native policies are refused at load where the API server refuses to create them, and everything is told at once."""

import pytest

from auditor.engine.engine import Engine
from auditor.engine.mistakes import PolicyError
from auditor.engine.native import DIFFERENCES, NativeObjects
from auditor.engine.native.differences import WORDINGS
from auditor.json import JsonObject
from tests.unit.engine.native.making import apply, binding, load, mutating, patch, validating


def mistakes_of(*things: JsonObject) -> list[tuple[str, str]]:
    native = NativeObjects()
    for each in things:
        native.take(each)
    policies, mistakes = native.policies()
    found = [each for each in mistakes if not each.warning]
    try:
        Engine.compile(policies)
    except PolicyError as error:
        found += error.mistakes
    return [(each.pointer, each.message) for each in found]


@pytest.mark.parametrize(
    ("policy", "pointer", "said"),
    [
        (validating(), "/spec/validations", "at least one item"),
        (validating("  "), "/spec/validations/0/expression", "required"),
        (validating("true", unknown=1), "/spec/unknown", "unknown field"),
        (validating("true", name="A"), "/metadata/name", "RFC 1123"),
        (validating("true", failurePolicy="Maybe"), "/spec/failurePolicy", "'Maybe' is none of Fail, Ignore"),
        (validating("true", matchConstraints=None), "/spec/matchConstraints", "resourceRules"),
        (
            validating(validations=[{"expression": "true", "reason": "Unauthorized"}]),
            "/spec/validations/0/reason",
            "'Unauthorized' is none of Forbidden",
        ),
        (
            validating(validations=[{"expression": "true", "message": "a\nb"}]),
            "/spec/validations/0/message",
            "line breaks",
        ),
        (validating(validations=[{"expression": 1}]), "/spec/validations/0/expression", "string"),
        (validating("true", variables=[{"name": "in", "expression": "1"}]), "/spec/variables/0/name", "own words"),
        (
            validating("true", matchConditions=[{"name": "a", "expression": "true"}] * 2),
            "/spec/matchConditions/1/name",
            "named 'a' already",
        ),
        (
            validating("true", paramKind={"apiVersion": "g/", "kind": "X"}),
            "/spec/paramKind/apiVersion",
            "GROUP/VERSION",
        ),
        (
            validating(auditAnnotations=[{"key": "a b", "valueExpression": "'x'"}]),
            "/spec/auditAnnotations/0/key",
            "together with the policy's name",
        ),
        (validating("object.spec.nope ="), "/spec/validations/0/expression", "Syntax error"),
        (mutating(), "/spec/mutations", "at least one"),
        (mutating(patch(), reinvocationPolicy=None), "/spec/reinvocationPolicy", "Never or IfNeeded"),
        (mutating({"patchType": "JSONPatch"}), "/spec/mutations/0/jsonPatch", "required when"),
        (
            mutating({**patch(), **apply("Object{}"), "patchType": "JSONPatch"}),
            "/spec/mutations/0/applyConfiguration",
            "must not be there",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("/") else "",
)
def test_policies_are_refused(policy: JsonObject, pointer: str, said: str) -> None:
    for things in ([policy], [policy, binding(policy, policyName="checks")]):
        found = mistakes_of(*things)
        assert [each[0] for each in found] == [pointer], found
        assert said in found[0][1]


@pytest.mark.parametrize(
    ("spec", "pointer", "said"),
    [
        ({"policyName": None}, "/spec/policyName", "required"),
        ({"validationActions": []}, "/spec/validationActions", "at least one of"),
        ({"validationActions": ["Deny", "Warn"]}, "/spec/validationActions", "both Deny and Warn"),
        ({"validationActions": ["Deny", "Deny"]}, "/spec/validationActions/1", "stands twice"),
        ({"paramRef": {"name": "x"}}, "/spec/paramRef/parameterNotFoundAction", "Deny or Allow"),
        ({"paramRef": {"parameterNotFoundAction": "Deny"}}, "/spec/paramRef", "one of name or selector"),
        ({"matchResources": {"resourceRules": [{}]}}, "/spec/matchResources", "required"),
    ],
    ids=str,
)
def test_bindings_are_refused(spec: JsonObject, pointer: str, said: str) -> None:
    policy = validating("true")
    found = mistakes_of(policy, binding(policy, **spec))
    assert found
    assert found[0][0] == pointer
    assert said in found[0][1]


def test_everything_is_told_at_once_and_once() -> None:
    policy = validating("object.spec.a ==", "", failurePolicy="Maybe")
    found = mistakes_of(policy, binding(policy, "one"), binding(policy, "two"))
    pointers = [each[0] for each in found]
    assert sorted(pointers) == [
        "/spec/failurePolicy",
        "/spec/validations/0/expression",
        "/spec/validations/1/expression",
    ]


def test_a_mistake_in_an_expression_is_told_once_for_two_bindings() -> None:
    policy = validating("object.spec.a ==")
    assert len(mistakes_of(policy, binding(policy, "one"), binding(policy, "two"))) == 1


def test_half_a_policy_is_a_warning() -> None:
    policy = validating("true")
    for things, said in (([policy], "no ValidatingAdmissionPolicyBinding names it"), ([binding(policy)], "not there")):
        engine, mistakes = load(*things)
        assert not engine.policies
        assert [each.warning for each in mistakes] == [True]
        assert said in mistakes[0].message


def test_names_are_unique_for_each_kind() -> None:
    policy = validating("true")
    assert mistakes_of(policy, policy, binding(policy)) == [
        ("/metadata/name", "another ValidatingAdmissionPolicy is named 'checks' already")
    ]
    same = mutating(patch(), name="checks")
    assert not mistakes_of(policy, binding(policy), same, binding(same))


def test_each_binding_is_a_policy_of_its_own() -> None:
    policy = validating("true")
    engine, _ = load(policy, binding(policy, "one"), binding(policy, "two", validationActions=["Warn"]))
    assert [each.policy.binding for each in engine.policies] == ["one", "two"]


def test_differences_say_what_and_why() -> None:
    assert all(each.what and each.server and each.ours and each.why for each in DIFFERENCES)
    assert all(each.why for each in WORDINGS)


def test_a_variable_that_is_declared_twice_is_refused() -> None:
    policy = validating("true", variables=[{"name": "a", "expression": "1"}, {"name": "a", "expression": "2"}])
    assert [each[1] for each in mistakes_of(policy, binding(policy))] == ["another variable is named 'a' already"]
