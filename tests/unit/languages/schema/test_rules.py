"""x-kubernetes-validations. tests/cluster/schema asks the server the same, with many more objects."""

import pytest

from auditor.json import Json, JsonObject
from auditor.languages.schema.structural import StructuralSchema
from tests.unit.languages.schema.rule_samples import GOOD, rule, spec_schema

STRING = {"type": "string"}
INTEGER = {"type": "integer"}


def compiled(spec: JsonObject) -> StructuralSchema:
    return StructuralSchema.compile({"type": "object", "properties": {"spec": spec}})


def with_rules(schema: JsonObject, *rules: JsonObject) -> JsonObject:
    return {**schema, "x-kubernetes-validations": list(rules)}


def found(schema: StructuralSchema, new: Json, old: Json = None) -> list[tuple[str, str]]:
    before = None if old is None else {"spec": old}
    return [(v.field, v.message) for v in schema.validate({"spec": new}, before)]


@pytest.fixture(scope="module")
def samples() -> StructuralSchema:
    return compiled(spec_schema())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"name": "beta"}, [("spec.name", 'Invalid value: "beta": must start with a')]),
        ({"count": 0}, [("spec.count", 'Invalid value: "integer": division by zero evaluating rule: 10 / self > 1')]),
        ({"share": 4}, [("spec.share", "Invalid value: 4: failed rule: self / 2.0 <= 1.0")]),
        ({"lag": "2 hours"}, [("spec.lag", "Invalid value: \"2 hours\": failed rule: self < duration('1h')")]),
        ({"data": "YWJjZA=="}, [("spec.data", 'Invalid value: "YWJjZA==": failed rule: size(self) <= 3')]),
        ({"maybe": None}, []),
        ({"low": 5}, [("spec.low", "Invalid value: low is above 2")]),
        ({"a-b": 0}, [("spec", "Invalid value: failed rule: !has(self.a__dash__b) || self.a__dash__b > 0")]),
        ({"plain": [{"a": 7}]}, [("spec", "Duplicate value")]),
        ({"members": [{"id": "m", "cpu": 17}]}, [("spec.members[0]", "Invalid value: m asks for much")]),
        (
            {"labels": {}},
            [
                ("spec.labels.[app]", "Required value: app is needed"),
                (
                    "spec.labels",
                    "Invalid value: \"object\": no such key: app evaluating rule: self['app'] == 'x'",
                ),
            ],
        ),
    ],
)
def test_creations(samples: StructuralSchema, change: JsonObject, expected: list[tuple[str, str]]) -> None:
    assert found(samples, {**GOOD, **change}) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"kinds": ["y", "x"]}, []),  # the order of a set does not matter
        ({"zones": [{"id": "b", "v": 2}, {"id": "a", "v": 1}]}, []),  # nor that of a list map
        ({"zones": [{"id": "b", "v": 2}, {"id": "a", "v": 3}]}, [("spec.zones", "Invalid value: zones are fixed")]),
        ({"kinds": ["x"]}, [("spec.kinds", "Invalid value: kinds are fixed")]),
        ({"count": 2}, [("spec.count", "Invalid value: 2: may only grow")]),
        ({"once": "second"}, [("spec.once", 'Invalid value: "second": was set')]),
        (
            {"members": [{"id": "m2", "zone": "z"}, {"id": "m1", "zone": "b"}]},
            [
                (
                    "spec.members[1].zone",
                    "Forbidden: failed rule: !has(oldSelf.zone) || self.zone == oldSelf.zone",
                )
            ],
        ),
    ],
)
def test_updates(samples: StructuralSchema, change: JsonObject, expected: list[tuple[str, str]]) -> None:
    assert found(samples, {**GOOD, **change}, GOOD) == expected


def test_rules_wait_until_the_object_is_otherwise_valid(samples: StructuralSchema) -> None:
    causes = found(samples, {**GOOD, "name": 5})
    assert [field for field, _ in causes] == ["spec.name", "<nil>"]
    assert "some validation rules were not checked" in causes[1][1]


def test_rules_do_not_wait_for_limits() -> None:
    schema = compiled(with_rules(INTEGER | {"maximum": 3}, rule("self % 2 == 0")))
    assert [message for _, message in found(schema, 5)] == [
        "Invalid value: 5: spec in body should be less than or equal to 3",
        "Invalid value: 5: failed rule: self % 2 == 0",
    ]


def test_what_an_update_does_not_touch_is_forgiven_but_for_transitions() -> None:
    schema = compiled(
        {
            "type": "object",
            "properties": {
                "a": with_rules(INTEGER, rule("self > 5"), rule("self > oldSelf")),
                "b": with_rules(INTEGER, rule("self > 5")),
            },
        }
    )
    assert found(schema, {"a": 1, "b": 1}, {"a": 1, "b": 1}) == [
        ("spec.a", "Invalid value: 1: failed rule: self > oldSelf")
    ]
    assert [f for f, _ in found(schema, {"a": 2, "b": 2}, {"a": 1, "b": 1})] == ["spec.a", "spec.b"]


def test_null_has_no_rules() -> None:
    schema = compiled(with_rules(STRING | {"nullable": True}, rule("self == 'x'")))
    assert found(schema, None) == []
    assert len(found(schema, "y")) == 1


def test_items_of_ordinary_lists_have_no_old_self() -> None:
    items = with_rules(INTEGER, rule("self > oldSelf"))
    assert found(compiled({"type": "array", "items": items}), [1], [5]) == []


def test_a_missing_old_value_is_an_optional_without_value() -> None:
    schema = compiled(with_rules(STRING, rule("oldSelf.hasValue()", optionalOldSelf=True)))
    assert found(schema, "a", "b") == []
    assert found(schema, "a") == [("spec", 'Invalid value: "a": failed rule: oldSelf.hasValue()')]


@pytest.mark.parametrize("message", ["''", "'  '", "'a\\nb'", "self.a[0]", "'x'.substring(3)"])
def test_a_message_expression_that_gives_no_message(message: str) -> None:
    properties = {"a": {"type": "array", "items": STRING}}
    schema = compiled(
        with_rules(
            {"type": "object", "properties": properties}, rule("false", message="fallback", messageExpression=message)
        )
    )
    assert found(schema, {"a": []}) == [("spec", "Invalid value: fallback")]


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ({"type": "string", "format": "date"}, "2020-05-05", "self.getDate('UTC') == 5"),
        ({"type": "string", "format": "date-time"}, "2020-05-05T01:00:00+02:00", "self.getHours('UTC') == 23"),
        ({"type": "string", "format": "duration"}, "2 weeks", "self == duration('336h')"),
        ({"type": "string", "format": "byte"}, "aGk=", "self == b'hi'"),
        ({"type": "number"}, 3, "self / 2.0 == 1.5"),
        ({"x-kubernetes-int-or-string": True}, "5%", "type(self) == string && self == '5%'"),
        ({"x-kubernetes-int-or-string": True}, 5, "type(self) == int && self == 5"),
    ],
)
def test_typed_values_at_the_rule_and_below_it(field: JsonObject, value: Json, text: str) -> None:
    assert found(compiled(with_rules(field, rule(text))), value) == []
    outer = with_rules({"type": "object", "properties": {"x-y": field}}, rule(text.replace("self", "self.x__dash__y")))
    assert found(compiled(outer), {"x-y": value}) == []


def test_a_date_that_cel_cannot_read_is_a_violation() -> None:
    schema = compiled(with_rules({"type": "string", "format": "date-time"}, rule("self.getFullYear('UTC') > 0")))
    assert [f for f, _ in found(schema, "2020-01-01t00:00:00z")] == ["spec"]


def test_the_root_has_its_name_and_kind() -> None:
    schema = StructuralSchema.compile(
        {"type": "object", "x-kubernetes-validations": [rule("self.metadata.name == 'a' && self.kind == 'K'")]}
    )
    assert schema.validate({"kind": "K", "metadata": {"name": "a"}}) == []
    assert [(v.field, v.path) for v in schema.validate({"kind": "K", "metadata": {"name": "b"}})] == [("<nil>", "")]
