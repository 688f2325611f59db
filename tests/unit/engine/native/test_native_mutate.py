"""Mutating policies: what they make of an object, in what order, and what they may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.engine import Engine
from auditor.engine.mutate import Mutated
from auditor.engine.native import say_denials
from auditor.json import Json, JsonObject
from tests.unit.engine.making import compiled, policy, request, thing
from tests.unit.engine.native.making import apply, bound, mutating, patch

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "n": {"type": "integer"},
                "s": {"type": "string"},
                "size": {"type": "string", "default": "small"},
                "words": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "plain": {"type": "array", "items": {"type": "string"}},
            },
        }
    },
}


def run(engine: Engine, spec: Json = None) -> Mutated:
    return engine.mutate(request(thing(spec)))


def say(mutated: Mutated) -> list[str]:
    return [each.message.partition(" denied request: ")[2] for each in say_denials(mutated.findings)]


def counting(**spec: Json) -> Engine:
    expression = "Object{spec: Object.spec{s: object.spec.?s.orValue('') + '+'}}"
    return bound(mutating(apply(expression), **spec))


def test_each_mutation_sees_what_the_last_one_made() -> None:
    engine = bound(mutating(patch(), apply("Object{spec: Object.spec{t: object.spec.s + '!'}}")))
    mutated = run(engine)
    assert mutated.object["spec"] == {"s": "x", "t": "x!"}
    assert list(mutated.patch) == [
        {"op": "add", "path": "/spec/s", "value": "x"},
        {"op": "add", "path": "/spec/t", "value": "x!"},
    ]


def test_a_policy_that_wants_it_is_invoked_again_and_no_more() -> None:
    assert run(counting(reinvocationPolicy="Never")).object["spec"]["s"] == "+"
    mutated = run(counting(reinvocationPolicy="IfNeeded"))
    assert mutated.object["spec"]["s"] == "++"
    assert mutated.allowed


def test_ours_come_after_native_ones_which_then_come_again() -> None:
    native = counting(reinvocationPolicy="IfNeeded")
    ours = compiled(policy(mutate=[{"name": "m", "jq": "if .spec.seen then . else .spec.seen = .spec.s end"}]))
    mutated = run(Engine.of([*ours.policies, *native.policies]))
    assert mutated.object["spec"] == {"s": "++", "seen": "+"}


def test_a_failing_mutation_refuses_or_is_skipped() -> None:
    mutations = (
        patch(),
        patch("[JSONPatch{op: 'remove', path: '/spec/nope'}]"),
        apply("Object{spec: Object.spec{n: 1}}"),
    )
    refused = run(bound(mutating(*mutations)))
    assert not refused.allowed
    assert say(refused)[0].startswith("JSON Patch: ")
    ignored = run(bound(mutating(*mutations, failurePolicy="Ignore")))
    assert ignored.allowed
    assert ignored.object["spec"] == {"s": "x", "n": 1}
    assert len(ignored.findings) == 1


def test_a_test_that_fails_skips_its_mutation_without_a_word() -> None:
    expression = "[JSONPatch{op: 'test', path: '/spec/n', value: 1}, JSONPatch{op: 'add', path: '/spec/s', value: 'x'}]"
    mutated = run(bound(mutating(patch(expression))))
    assert (mutated.object["spec"], mutated.findings) == ({}, ())


def test_lists_merge_by_the_schema_of_the_kind() -> None:
    engine = bound(mutating(apply("Object{spec: Object.spec{words: ['b', 'c']}}")), schema=SCHEMA)
    assert run(engine, {"words": ["a", "b"]}).object["spec"]["words"] == ["a", "b", "c"]
    free = bound(mutating(apply("Object{spec: Object.spec{words: ['b', 'c']}}")))
    assert run(free, {"words": ["a", "b"]}).object["spec"]["words"] == ["b", "c"]


def test_atomic_lists_may_not_be_set() -> None:
    engine = bound(mutating(apply("Object{spec: Object.spec{plain: ['b']}}")), schema=SCHEMA)
    expected = "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.plain"
    assert say(run(engine)) == [f"error applying patch: {expected}"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("nope: 1", ".spec.nope: field not declared in schema"),
        ("n: 'text'", ".spec.n: expected numeric (int or float), got string"),
        ("n: true", ".spec.n: expected numeric (int or float), got bool"),
        ("s: 1", ".spec.s: expected string, got &value.valueUnstructured{Value:1}"),
        ("s: null", ".spec.s: expected string, got &value.valueUnstructured{Value:0}"),
        ("words: {'a': 1}", ".spec.words: expected list, got &{map[a:1]}"),
        ("words: ['a', 'a']", '.spec.words: duplicate entries for key [="a"]'),
    ],
)
def test_types_are_checked_by_the_schema(fields: str, said: str) -> None:
    mutated = run(bound(mutating(apply(f"Object{{spec: Object.spec{{{fields}}}}}")), schema=SCHEMA))
    assert say(mutated) == [f"error applying patch: failed to convert patch object to typed object: {said}"]


def test_metadata_has_types_without_a_schema_too() -> None:
    engine = bound(mutating(apply("Object{metadata: Object.metadata{labels: {'a': 1}, finalizers: ['b']}}")))
    assert "metadata.labels.a: expected string" in say(run(engine))[0]
    merging = bound(mutating(apply("Object{metadata: Object.metadata{finalizers: ['b']}}")))
    mutated = merging.mutate(request(thing(finalizers=["a"])))
    assert mutated.object["metadata"]["finalizers"] == ["a", "b"]


def test_defaults_come_after_each_mutation_and_unknown_fields_go_in_the_end() -> None:
    expression = "[JSONPatch{op: 'add', path: '/spec', value: Object.spec{nope: 1, n: 2}}]"
    engine = bound(mutating(patch(expression), apply("Object{spec: Object.spec{s: object.spec.size}}")), schema=SCHEMA)
    refused = run(engine)  # the second finds the unknown field that the first left
    assert "original object" in say(refused)[0]
    alone = run(bound(mutating(patch(expression)), schema=SCHEMA))
    assert alone.object["spec"] == {"n": 2, "size": "small"}


@pytest.mark.parametrize(
    "operation",
    [
        "op: 'replace', path: '/kind', value: 'Other'",
        "op: 'replace', path: '/apiVersion', value: 'example.com/v2'",
        "op: 'replace', path: '/metadata/namespace', value: 'there'",
        "op: 'remove', path: '/metadata'",
        "op: 'replace', path: '', value: [1]",
    ],
)
def test_an_object_may_not_become_another_whatever_the_failure_policy(operation: str) -> None:
    engine = bound(mutating(patch(f"[JSONPatch{{{operation}}}]"), failurePolicy="Ignore"))
    mutated = run(engine)
    assert not mutated.allowed
    assert mutated.patch == ()


def test_native_policies_may_rename_and_ours_may_not() -> None:
    operation = {"op": "replace", "path": "/metadata/name", "value": "other"}
    native = bound(mutating(patch("[JSONPatch{op: 'replace', path: '/metadata/name', value: 'other'}]")))
    assert run(native).object["metadata"]["name"] == "other"
    assert not run(compiled(policy(mutate=[{"name": "m", "jsonPatch": [operation]}]))).allowed


def test_large_integers_become_texts_in_json_patches() -> None:
    expression = "[JSONPatch{op: 'add', path: '/spec/s', value: [9007199254740993, 9007199254740991]}]"
    assert run(bound(mutating(patch(expression)))).object["spec"]["s"] == ["9007199254740993", 9007199254740991]


def test_misconfiguration_is_forbidden_not_invalid() -> None:
    engine = bound(
        mutating(patch(), paramKind={"apiVersion": "v1", "kind": "ConfigMap"}),
        paramRef={"name": "none", "parameterNotFoundAction": "Deny"},
    )
    (denial,) = say_denials(run(engine).findings)
    assert (denial.code, denial.reason) == (403, "Forbidden")
    assert denial.message.startswith("policy 'changes' with binding 'everywhere' denied request: failed to configure")


_SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2)
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab"), inner))
TYPED = bound(mutating(apply("Object{spec: Object.spec{s: 'x', words: ['z']}}")), schema=SCHEMA)


@given(st.dictionaries(st.sampled_from(["n", "s", "size", "words", "plain", "nope"]), _VALUES))
def test_whatever_the_object_is_it_comes_out_right_or_not_at_all(spec: JsonObject) -> None:
    mutated = run(TYPED, spec)
    if mutated.allowed:
        assert mutated.object["spec"]["s"] == "x"
        assert "z" in mutated.object["spec"]["words"]
        assert run(TYPED, mutated.object["spec"]).patch == ()
    else:
        assert mutated.patch == ()
