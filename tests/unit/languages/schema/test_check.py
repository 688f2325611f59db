"""Violations with the server's fields, causes and texts. tests/cluster/schema asks the server itself for many more."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import CompileError
from auditor.json import Json, JsonObject
from auditor.languages.schema.check import check
from auditor.languages.schema.structural import StructuralSchema
from tests.unit.languages.schema.crds import generated, make_crd, make_object, schema_of
from tests.unit.languages.schema.generate import Generator
from tests.unit.languages.schema.test_json_schema import JSON


def compiled(spec: JsonObject) -> StructuralSchema:
    return StructuralSchema.compile({"type": "object", "properties": {"spec": spec}})


def found(spec: JsonObject, value: Json) -> list[tuple[str, str, str]]:
    return [(v.field, v.cause.removeprefix("FieldValue"), v.message) for v in compiled(spec).validate({"spec": value})]


@pytest.mark.parametrize(
    ("schema", "value", "cause", "shown", "told"),
    [
        ({"type": "string"}, 1, "TypeInvalid", '"integer"', 'must be of type string: "integer"'),
        ({"type": "integer"}, True, "TypeInvalid", '"boolean"', 'must be of type integer: "boolean"'),
        ({"type": "string"}, None, "TypeInvalid", '"null"', 'must be of type string: "null"'),
        ({"type": "string", "minLength": 2}, "a", "Invalid", '"a"', "should be at least 2 chars long"),
        ({"type": "string", "pattern": "^a$"}, 'b"', "Invalid", r'"b\""', "should match '^a$'"),
        ({"type": "string", "format": "date"}, "x", "TypeInvalid", '"x"', 'must be of type date: "x"'),
        ({"type": "integer", "maximum": 3}, 5, "Invalid", "5", "should be less than or equal to 3"),
        ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, 1, "Invalid", "1", "should be greater than 1"),
        ({"type": "number", "maximum": 2.7, "exclusiveMaximum": True}, 2, "Invalid", "2", "should be less than 2"),
        ({"type": "integer", "multipleOf": 2}, 3, "Invalid", "3", "should be a multiple of 2"),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            [],
            "Invalid",
            "0",
            "should have at least 1 items",
        ),
        ({"type": "object", "minProperties": 1}, {}, "Invalid", "0", "should have at least 1 properties"),
    ],
)
def test_one_violation(schema: JsonObject, value: Json, cause: str, shown: str, told: str) -> None:
    assert found(schema, value) == [("spec", cause, f"Invalid value: {shown}: spec in body {told}")]


@pytest.mark.parametrize(
    ("schema", "value", "cause", "message"),
    [
        ({"type": "string", "maxLength": 1}, "ab", "TooLong", "Too long: may not be more than 1 byte"),
        (
            {"type": "string", "enum": ["a", "b"]},
            "c",
            "NotSupported",
            'Unsupported value: "c": supported values: "a", "b"',
        ),
        (
            {"type": "string", "nullable": True, "enum": ["a", None]},  # null is never a member
            None,
            "NotSupported",
            'Unsupported value: null: supported values: "a", "null"',
        ),
        (
            {"x-kubernetes-preserve-unknown-fields": True, "enum": [{"a": 1}]},
            {"a": 1.0},
            "NotSupported",
            'Unsupported value: {"a":1}: supported values: "{\\"a\\":1}"',
        ),
        (
            {"type": "array", "items": {"type": "string"}, "maxItems": 1},
            ["a", "b"],
            "TooMany",
            "Too many: 2: must have at most 1 item",
        ),
    ],
)
def test_violations_with_words_of_their_own(schema: JsonObject, value: Json, cause: str, message: str) -> None:
    assert found(schema, value) == [("spec", cause, message)]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 1.0),
        ({"type": "number"}, 1),
        ({"type": "string", "nullable": True, "maxLength": 0}, None),
        ({"type": "string", "format": "date"}, []),  # the server leaves arrays to the format, which looks at texts only
        ({"type": "number", "enum": [1]}, 1.5),  # and converts a number to the type of the enum's
        ({"type": "integer", "format": "date"}, 5),
        ({"type": "string", "format": "made-up"}, "x"),
        ({"x-kubernetes-preserve-unknown-fields": True}, None),
    ],
)
def test_what_the_server_takes(schema: JsonObject, value: Json) -> None:
    assert found(schema, value) == []


@pytest.mark.parametrize(
    ("schema", "value", "told"),
    [
        (
            {"type": "integer", "format": "int32"},
            2**31,
            "Checked value must be of type integer with format int32 in spec",
        ),
        ({"type": "number", "format": "float"}, 1e39, "Checked value must be of type number with format float in spec"),
        (
            {"type": "integer", "maximum": 2.5},
            1,
            "Maximum boundary value must be of type integer (default format) in spec",
        ),
        # Of integers the limit's fraction is cut off: 0 is at least 0.5.
        ({"type": "number", "not": {"minimum": 0.5}}, 0, '"spec" must not validate the schema (not)'),
        (
            {"type": "number", "oneOf": [{"minimum": 0}, {"minimum": 0.5}]},
            0,
            '"spec" must validate one and only one schema (oneOf). Found 2 valid alternatives',
        ),
    ],
)
def test_what_the_server_reports_without_a_field(schema: JsonObject, value: Json, told: str) -> None:
    assert found(schema, value) == [("<nil>", "Invalid", f'Invalid value: "": {told}')]


def test_paths_of_nested_values() -> None:
    items = {"type": "object", "required": ["a/b"], "properties": {"cpu": {"type": "integer"}}}
    schema = compiled({"type": "object", "additionalProperties": {"type": "array", "items": items}})
    violations = schema.validate({"spec": {"x.y": [{"cpu": "4", "a/b": 1}, {}]}})
    assert [(v.path, v.field, v.value) for v in violations] == [
        ("/spec/x.y/0/cpu", "spec.x.y[0].cpu", "4"),
        ("/spec/x.y/1/a~1b", "spec.x.y[1].a/b", None),
    ]


def test_the_alternative_that_fits_best_is_told() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
        "oneOf": [{"required": ["c"]}, {"properties": {"a": {"minLength": 3}, "b": {"minimum": 5}}}],
    }
    assert found(schema, {"a": "x", "b": 6}) == [
        (
            "<nil>",
            "Invalid",
            'Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid',
        ),
        ("spec.a", "Invalid", 'Invalid value: "x": spec.a in body should be at least 3 chars long'),
    ]


def test_both_alternatives_fit() -> None:
    schema = {"type": "integer", "oneOf": [{"minimum": 1}, {"maximum": 9}]}
    assert "Found 2 valid alternatives" in found(schema, 5)[0][2]
    assert found(schema, 10) == []


@pytest.mark.parametrize("value", ["\ud800", {"a": b""}, {1: 2}, object()])
def test_what_is_no_json_does_not_pass(value: Json) -> None:
    schema = compiled({"type": "object", "additionalProperties": {"type": "string", "maxLength": 0}})
    try:
        assert schema.validate({"spec": value}) != []
    except TypeError as error:
        assert "JSON" in str(error)  # noqa: PT017 - either is right: a violation, or no JSON at all


def test_an_object_that_is_nested_too_deeply_is_an_error_and_no_pass() -> None:
    deep: Json = []
    for _ in range(5000):
        deep = [deep]
    schema = compiled({"x-kubernetes-preserve-unknown-fields": True, "enum": [1]})
    found = schema.validate({"spec": deep}, {"spec": [deep]})
    assert found
    assert schema.receive({"spec": deep, "x": None}).object == {"spec": deep}


@pytest.mark.parametrize("seed", range(30))
def test_the_fast_check_accepts_nothing_that_the_exact_one_refuses(seed: int) -> None:
    generator = Generator(seed)
    spec = generator.object_schema()
    try:
        schema = StructuralSchema.compile(schema_of(make_crd("x", spec)))
    except CompileError:
        pytest.skip("the generated schema is not structural")
    fast = 0
    for i in range(60):
        obj = schema.receive(make_object("x", generator.value(spec, (0, 0.05, 0.2)[i % 3]))).object
        if schema.is_surely_valid(obj):
            fast += 1
            assert check(schema.root, obj) == []


@settings(max_examples=100)
@given(st.integers(0, 20), JSON, JSON)
def test_no_object_makes_it_crash(seed: int, new: Json, old: Json) -> None:
    schema = generated(seed)
    if schema is None:
        return
    received = schema.receive(make_object("x", new)).object
    for violation in schema.validate(received, schema.receive(make_object("x", old)).object):
        assert violation.message
        assert violation.cause
    assert schema.receive(received).object == received
