"""Pruning and defaulting: what the server makes of an object before it looks at it."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.json import Json, JsonObject
from auditor.languages.schema.structural import StructuralSchema
from tests.unit.languages.schema.crds import generated, make_object
from tests.unit.languages.schema.test_json_schema import JSON

STRING = {"type": "string"}
ON = {"type": "boolean", "default": True}


def compiled(spec: JsonObject) -> StructuralSchema:
    return StructuralSchema.compile({"type": "object", "properties": {"spec": spec}})


@pytest.mark.parametrize(
    ("spec", "value", "kept", "unknown"),
    [
        ({"type": "object", "properties": {"a": STRING}}, {"a": "x", "b": 1}, {"a": "x"}, ["spec.b"]),
        ({"type": "array", "items": {"type": "object"}}, [{"a": 1}], [{}], ["spec[0].a"]),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"a": {"b": 1}}, {"a": {"b": 1}}, []),
        (
            {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": True,
                "properties": {"a": {"type": "object", "properties": {"b": STRING}}},
            },
            {"a": {"b": "x", "c": 1}, "d": 2},
            {"a": {"b": "x"}, "d": 2},
            ["spec.a.c"],
        ),
        ({"type": "object", "additionalProperties": True}, {"a": 1, "b": {"c": 1}}, {"a": 1, "b": {}}, ["spec.b.c"]),
        (
            {
                "type": "object",
                "x-kubernetes-embedded-resource": True,
                "properties": {"spec": {"type": "object"}},
            },
            {"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "labels": {}, "nmae": "b"}, "spec": {}, "x": 1},
            {"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "spec": {}},
            ["spec.metadata.nmae", "spec.x"],
        ),
        ({"type": "object"}, {"apiVersion": "v1", "metadata": 1}, {}, ["spec.apiVersion", "spec.metadata"]),
    ],
)
def test_pruning(spec: JsonObject, value: Json, kept: Json, unknown: list[str]) -> None:
    assert compiled(spec).prune({"spec": value}) == ({"spec": kept}, unknown)


def test_the_metadata_of_the_object_itself_stays_but_for_unknown_fields() -> None:
    obj = {"kind": "A", "metadata": {"name": "a", "labels": {}, "lables": {}}, "stauts": {}}
    kept = {"kind": "A", "metadata": {"name": "a", "labels": {}}}
    assert compiled({"type": "object"}).prune(obj) == (kept, ["metadata.lables", "stauts"])


@pytest.mark.parametrize(
    ("spec", "value", "filled"),
    [
        ({"type": "object", "properties": {"a": {"type": "integer", "default": 1}}}, {}, {"a": 1}),
        ({"type": "object", "properties": {"a": {"type": "integer", "default": 1}}}, {"a": None}, {"a": 1}),
        (
            {"type": "object", "properties": {"a": {"type": "integer", "default": 1, "nullable": True}}},
            {"a": None},
            {"a": None},
        ),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, {"a": None}, {}),
        ({"type": "object", "properties": {"a": {"type": "integer", "nullable": True}}}, {"a": None}, {"a": None}),
        ({"type": "object", "properties": {"a": {"type": "integer", "default": None}}}, {}, {}),
        (
            {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer", "default": 1}}}},
            [{}, {"a": 2}],
            [{"a": 1}, {"a": 2}],
        ),
        ({"type": "array", "items": {"type": "integer", "default": 3}}, [None], [3]),
        ({"type": "array", "items": {"type": "integer"}}, [None], [None]),
        ({"type": "object", "additionalProperties": {"type": "integer", "default": 3}}, {"x": None}, {"x": 3}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"x": None}, {}),
        (
            {"type": "object", "properties": {"a": {"type": "object", "default": {}, "properties": {"b": ON}}}},
            {},
            {"a": {"b": True}},
        ),
    ],
)
def test_defaulting(spec: JsonObject, value: Json, filled: Json) -> None:
    assert compiled(spec).default({"spec": value}) == {"spec": filled}


def test_defaults_are_copies() -> None:
    schema = compiled(
        {"type": "object", "default": {}, "properties": {"a": {"type": "array", "items": STRING, "default": []}}}
    )
    schema.default({})["spec"]["a"].append("x")
    assert schema.default({}) == {"spec": {"a": []}}


def test_what_did_not_change_is_shared() -> None:
    schema = compiled(
        {"type": "object", "properties": {"a": {"type": "object"}, "b": {"type": "integer", "default": 1}}}
    )
    complete = {"spec": {"a": {}, "b": 2}}
    assert schema.receive(complete).object is complete
    partial = {"spec": {"a": {}, "c": 1}}
    assert schema.receive(partial).object["spec"]["a"] is partial["spec"]["a"]


@settings(max_examples=100)
@given(st.integers(0, 20), JSON)
def test_nothing_is_changed_in_place_and_twice_is_once(seed: int, value: Json) -> None:
    schema = generated(seed)
    if schema is None:
        return
    obj = make_object("x", value)
    before = copy.deepcopy(obj)
    pruned, _ = schema.prune(obj)
    filled = schema.default(pruned)
    assert repr(obj) == repr(before)
    assert schema.prune(pruned) == (pruned, [])
    assert schema.default(filled) is filled
