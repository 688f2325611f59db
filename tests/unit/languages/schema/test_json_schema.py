"""Rules in JSON Schema: what authors are told, and what values get."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import CompileError
from auditor.json import Json
from auditor.languages.schema import json_schema
from auditor.languages.schema.json_schema import MAX_VIOLATIONS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)
AHEAD = "it looks ahead or behind"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def problems(schema: Json) -> list[str]:
    with pytest.raises(CompileError) as caught:
        json_schema.compile(schema)
    return [p.message for p in caught.value.problems]


def violations(schema: Json, value: Json) -> list[tuple[str, str, Json]]:
    outcome = json_schema.compile(schema).run(value)
    assert outcome.error is None
    return [(v.path, v.message, v.value) for v in outcome.value]


def test_every_problem_is_told_with_its_path_and_the_nearest_name() -> None:
    schema = {
        "requierd": ["a"],
        "properties": {"a/b": {"type": "strin", "pattern": "(?!x)y", "format": "dat"}, "c": {"minLength": -1}},
    }
    assert problems(schema) == [
        "/requierd: 'requierd' is no keyword of JSON Schema, did you mean 'required'?",
        "/properties/a~1b/type: 'strin' is no type, did you mean 'string'?",
        "/properties/a~1b/format: 'dat' is no format, did you mean 'date'?",
        "/properties/a~1b/pattern: '(?!x)y' is no regular expression that can run in linear time: " + AHEAD,
        "/properties/c/minLength: -1 is less than the minimum of 0",
    ]


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (3, "a JSON Schema is an object"),
        ({1: True}, "/1: 1 is no text"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "/\\$schema: .* is not supported"),
        ({"$ref": "https://example.com/other.json"}, "nothing is fetched"),
        ({"$ref": "#/$defs/gone"}, "/\\$defs/gone"),
        ({"pattern": "(a)\\1"}, "it refers back to a group"),
        ({"pattern": "("}, "linear time"),
        ({"patternProperties": {"(?=a)": True}}, "linear time"),
        ({"items": [{"type": "string"}]}, "prefixItems"),
        ({"$schema": DRAFT_7, "prefixItems": [{}]}, "'prefixItems' is no keyword"),
        ({"$schema": DRAFT_7, "items": [{"tpye": "string"}]}, "/items/0/tpye: .* did you mean 'type'"),
        ({"$schema": DRAFT_7, "dependencies": {"a": ["b"], "c": {"typ": 1}}}, "/dependencies/c/typ"),
        ({"$schema": DRAFT_7, "format": "uuid"}, "'uuid' is no format"),
        ({"properties": {"a": 3}}, "/properties/a: 3 is not of type"),
        ({"x-kubernetes-validations": []}, "is no keyword"),
        ({"properties": {"name": {}}, "required": ["naem"], "additionalProperties": False}, "did you mean 'name'"),
        ({"properties": {"a": {"$schema": DRAFT_7}}}, "only the whole schema names its draft"),
    ],
)
def test_what_does_not_compile(schema: Json, told: str) -> None:
    found = problems(schema)
    assert len(found) == 1
    assert re.search(told, found[0])


def test_a_schema_that_is_nested_without_end_is_refused() -> None:
    schema: Json = {}
    for _ in range(100_000):
        schema = {"not": schema}
    assert "nested too deeply" in problems(schema)[0]


def test_all_violations_in_order() -> None:
    schema = {
        "required": ["a", "b"],
        "properties": {"c": {"type": "string"}, "d": {"items": {"maximum": 3}}, "e": {"format": "date"}},
    }
    value = {"c": 1, "d": [1, 9], "e": "today"}
    assert violations(schema, value) == [
        ("", '"a" is a required property', value),
        ("", '"b" is a required property', value),
        ("/c", '1 is not of type "string"', 1),
        ("/d/1", "9 is greater than the maximum of 3", 9),
        ("/e", '"today" is not a "date"', "today"),
    ]


def test_what_passes_has_no_violations() -> None:
    assert violations({"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": True}}, {}) == []


@pytest.mark.parametrize(("schema", "passes"), [(True, True), (False, False)])
def test_a_schema_may_be_a_boolean(schema: Json, passes: bool) -> None:
    assert (violations(schema, {"a": 1}) == []) is passes


def test_drafts_differ() -> None:
    seven = {"$schema": DRAFT_7, "items": [{"type": "string"}], "additionalItems": False}
    assert violations(seven, ["a"]) == []
    assert len(violations(seven, ["a", "b"])) == 1
    assert len(violations({"prefixItems": [{"type": "string"}], "items": False}, [1, 2])) == 2


def test_true_is_not_one() -> None:
    assert violations({"const": 1}, True) != []
    assert violations({"enum": [True]}, 1) != []


def test_of_sensitive_rules_messages_do_not_show_values() -> None:
    outcome = json_schema.compile({"maxLength": 3}, sensitive=True).run("hunter2")
    assert "hunter2" not in outcome.value[0].message


def test_violations_are_bounded() -> None:
    assert len(violations({"items": {"type": "string"}}, [1] * (MAX_VIOLATIONS + 5))) == MAX_VIOLATIONS


@pytest.mark.parametrize("value", [{1: 2}, {"a": b"x"}, "\ud800"])
def test_what_is_no_json_is_an_error_and_no_pass(value: Json) -> None:
    outcome = json_schema.compile({"type": ["object", "string"], "additionalProperties": {"type": "string"}}).run(value)
    assert outcome.error is not None
    assert outcome.value is None


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(.*a){20}"])
def test_patterns_run_in_linear_time(pattern: str) -> None:
    json_schema.compile({"pattern": pattern}).run("a" * 20_000 + "!")  # for hours, where an engine backtracks


@given(JSON, JSON)
def test_nothing_makes_it_crash(schema: Json, value: Json) -> None:
    try:
        program = json_schema.compile(schema)
    except CompileError:
        return
    outcome = program.run(value)
    assert (outcome.error is None) == isinstance(outcome.value, list)


@given(JSON)
def test_a_type_is_told_from_all_others(value: Json) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        return
    kinds = ["array", "boolean", "null", "number", "object", "string"]
    assert sum(violations({"type": kind}, value) == [] for kind in kinds if not _has_surrogate(value)) in (0, 1)


def _has_surrogate(value: Json) -> bool:
    try:
        repr(value).encode()
    except UnicodeEncodeError:
        return True
    return False


def test_many_violations_of_a_large_value_are_cut() -> None:
    """The library copies what each is about: a thousand of a megabyte would hold the door for a minute."""
    names = [f"n{number}" for number in range(MAX_VIOLATIONS)]
    program = json_schema.compile({"required": names})
    small, large = {"a": "x"}, {"a": "x" * 1_000_000, "token": "t0p-s3cret"}
    assert len(program.run(small).value) == MAX_VIOLATIONS
    found = program.run(large).value
    assert len(found) == 4
    assert all("t0p" not in each.message for each in found)
