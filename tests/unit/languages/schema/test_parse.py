"""What makes a schema not structural, told in one go."""

import pytest

from auditor.errors import CompileError
from auditor.json import Json, JsonObject
from auditor.languages.schema.structural import StructuralSchema


def problems(schema: Json) -> list[str]:
    with pytest.raises(CompileError) as caught:
        StructuralSchema.compile(schema)
    return [p.message for p in caught.value.problems]


def spec(schema: JsonObject) -> JsonObject:
    return {"type": "object", "properties": {"spec": schema}}


def test_keys_that_are_no_texts() -> None:
    assert problems(spec({"type": "object", "properties": {1: {"type": "string"}}})) == [
        "properties[spec].properties: 1 is no text: keys of JSON are texts"
    ]


BAD: list[tuple[Json, str]] = [
    ([], "the schema: must be an object"),
    ({}, "type: must not be empty at the root"),
    ({"type": "string"}, "type: must be object at the root"),
    (spec({}), "properties[spec].type: must not be empty for specified object fields"),
    (spec({"type": "intger"}), "properties[spec].type: 'intger' is no type, did you mean 'integer'?"),
    (spec({"type": "array"}), "properties[spec].items: must be specified"),
    (
        spec({"type": "array", "items": {}}),
        "properties[spec].items.type: must not be empty for specified array items",
    ),
    (spec({"type": "array", "items": [{"type": "string"}]}), "must be a schema object and not an array"),
    (spec({"type": "string", "pattern": "(?=a)"}), "properties[spec].pattern: must be a valid regular expression"),
    (spec({"type": "string", "maxLength": "3"}), "properties[spec].maxLength: must be an integer"),
    (spec({"type": "string", "nullable": 1}), "properties[spec].nullable: must be a boolean"),
    (spec({"type": "array", "items": {"type": "string"}, "uniqueItems": True}), "cannot be set to true"),
    (
        spec({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}),
        "additionalProperties and properties are mutual exclusive",
    ),
    (spec({"type": "object", "$ref": "#/x"}), "properties[spec].$ref: $ref is not supported"),
    (spec({"type": "object", "anyOf": [{"type": "object"}]}), "anyOf[0].type: must not be set inside"),
    (
        {"type": "object", "not": {"properties": {"a": {}}}},
        "properties[a]: must be described",
    ),
    ({"type": "object", "additionalProperties": {"type": "string"}}, "must not be used at the root"),
    (
        spec({"type": "object", "x-kubernetes-embedded-resource": True}),
        "properties[spec].properties: must not be empty",
    ),
    (spec({"type": "string", "x-kubernetes-list-type": "set"}), "must be array if"),
    (spec({"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "bag"}), "'bag' is none of"),
]


@pytest.mark.parametrize(("schema", "told"), BAD)
def test_one_problem(schema: Json, told: str) -> None:
    found = problems(schema)
    assert len(found) == 1
    assert told in found[0]


def test_list_map_keys_must_be_there() -> None:
    items = {"type": "object", "properties": {"a": {"type": "object"}, "b": {"type": "string"}}}
    found = problems(
        spec(
            {
                "type": "array",
                "items": items,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": list("abc"),
            }
        )
    )
    assert [p.split(": ", 1)[0].removeprefix("properties[spec].") for p in found] == [
        "items.properties[a].type",
        "items.properties[a].default",
        "items.properties[b].default",
        "x-kubernetes-list-map-keys",
    ]


def test_all_problems_at_once() -> None:
    assert len(problems({"properties": {"a": {}, "b": {"type": "x"}, "c": {"type": "array"}}})) == 4


def test_int_or_string_may_say_so_with_any_of() -> None:
    either = [{"type": "integer"}, {"type": "string"}]
    for schema in ({"anyOf": either}, {"allOf": [{"anyOf": either}, {"maxLength": 3}]}):
        compiled = StructuralSchema.compile(spec({"x-kubernetes-int-or-string": True, **schema}))
        assert compiled.validate({"spec": 5}) == []
        assert compiled.validate({"spec": "5%"}) == []
        assert compiled.validate({"spec": True}) != []


def test_a_schema_without_end_is_refused() -> None:
    schema: JsonObject = {"type": "string"}
    for _ in range(100_000):
        schema = {"type": "object", "properties": {"a": schema}}
    assert problems(schema) == ["the schema is nested too deeply"]


def test_rules_that_do_not_compile_are_told_with_their_place() -> None:
    schema = spec({"type": "object", "properties": {"a": {"type": "integer"}}})
    schema["properties"]["spec"]["x-kubernetes-validations"] = [
        {"rule": "self.b > 0"},
        {"rule": "self.a > 0", "fieldPath": ".c"},
        {"rule": "self.a > 0", "messageExpression": "self.a"},
        {"rule": "self.a > 0", "optionalOldSelf": True},
    ]
    found = problems(schema)
    assert [p.split(": ")[0].removeprefix("properties[spec].x-kubernetes-validations") for p in found] == [
        "[0].rule",
        "[1].fieldPath",
        "[2].messageExpression",
        "[3].optionalOldSelf",
    ]


def test_of_an_accepted_crd_such_a_rule_is_an_error_of_each_object() -> None:
    schema = spec({"type": "integer", "x-kubernetes-validations": [{"rule": "self.later() > 0"}]})
    compiled = StructuralSchema.compile(schema, accepted=True)
    assert len(compiled.problems()) == 1
    assert [(v.cause, v.field) for v in compiled.validate({"spec": 1})] == [("InternalError", "spec")]
    assert compiled.validate({}) == []
