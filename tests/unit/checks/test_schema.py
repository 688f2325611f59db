"""schema: a stored object against the schema of today, and nothing forgiven."""

import pytest

from auditor.json import Json
from auditor.languages.schema import StructuralSchema
from auditor.model.policy import Severity
from auditor.model.settings import Check
from tests.unit.checks.making import ask, found, only, schema_of, single, thing

SIZE = {"type": "integer", "maximum": 7}
SCHEMA = schema_of(
    size=SIZE,
    name={"type": "string"},
    password={"type": "string", "pattern": "^x"},
    pin={"type": "object", "properties": {"token": {"type": "string"}}, "maxProperties": 0},
    kind={"type": "string", "enum": ["a", "b"]},
    ports={
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "port": {"type": "integer", "minimum": 1}},
        },
    },
    free={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"size": 7, "name": "x", "kind": "a", "free": {"any": 1}}, []),
        ({}, []),
        ({"size": 9}, [("invalid", "/spec/size")]),
        ({"size": "9"}, [("typeinvalid", "/spec/size")]),
        ({"kind": "c"}, [("notsupported", "/spec/kind")]),
        ({"size": 9, "kind": "c"}, [("invalid", "/spec/size"), ("notsupported", "/spec/kind")]),
        ({"ports": [{"port": 1}]}, [("required", "/spec/ports/0/name")]),
        ({"ports": [{"name": "a"}, {"name": "a"}]}, [("duplicate", "/spec/ports/1")]),
    ],
    ids=str,
)
def test_table(spec: Json, expected: list[tuple[str, str]]) -> None:
    outcome = ask(thing(spec), Check.SCHEMA, schema=SCHEMA)
    assert sorted((rule, path) for rule, _, path in found(outcome)) == sorted(expected)
    assert all(each.severity is Severity.MEDIUM and each.remediation and each.path for each in outcome.findings)
    assert outcome.asked == ("schema",)


def test_message_says_what_and_where() -> None:
    finding = single(ask(thing({"size": 9}), Check.SCHEMA, schema=SCHEMA))
    assert finding.message.startswith(
        "/spec/size: Invalid value: 9: spec.size in body should be less than or equal to 7"
    )
    assert finding.value == 9


@pytest.mark.parametrize("spec", [{"password": "hunter2"}, {"password": 12345}, {"pin": {"token": "hunter2"}}], ids=str)
def test_no_secret_is_told(spec: Json) -> None:
    finding = single(ask(thing(spec), Check.SCHEMA, schema=SCHEMA))
    assert finding.value is None
    assert finding.message.startswith(finding.path)
    assert "hunter2" not in finding.message
    assert "12345" not in finding.message
    assert finding.path.startswith("/spec/p")


def test_rule_that_tells_a_secret() -> None:
    rules = [
        {"rule": "self.size < 7", "message": "the size is too large"},
        {"rule": "self.size < 8", "messageExpression": "'the size does not go with ' + self.password"},
    ]
    spec = {"size": {"type": "integer"}, "password": {"type": "string"}}
    node = {"type": "object", "properties": spec, "x-kubernetes-validations": rules}
    schema = StructuralSchema.compile({"type": "object", "properties": {"spec": node}})
    finding = single(ask(thing({"size": 9, "password": "hunter2"}), Check.SCHEMA, schema=schema))
    assert "the size is too large" in finding.message
    assert "does not go with" not in finding.message
    assert "hunter2" not in finding.message


def test_rules_of_the_crd() -> None:
    schema = StructuralSchema.compile(
        {
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "properties": {"low": {"type": "integer"}, "high": {"type": "integer"}},
                    "x-kubernetes-validations": [
                        {"rule": "self.low <= self.high", "message": "low is above high"},
                        {"rule": "self.low >= oldSelf.low", "message": "a transition rule: nothing was before"},
                    ],
                }
            },
        }
    )
    finding = single(ask(thing({"low": 3, "high": 2}), Check.SCHEMA, schema=schema))
    assert (finding.path, finding.rule) == ("/spec", "invalid")
    assert "low is above high" in finding.message
    assert not ask(thing({"low": 2, "high": 2}), Check.SCHEMA, schema=schema).findings
    blocked = ask(thing({"low": "3", "high": 2}), Check.SCHEMA, schema=schema)
    assert found(blocked) == [("typeinvalid", "fail", "/spec/low")]
    assert [check for check, _ in blocked.not_applicable] == ["schema"]  # the rules were not asked


def test_rule_that_cannot_be_asked_is_an_error() -> None:
    schema = StructuralSchema.compile(
        {
            "type": "object",
            "properties": {"spec": {"type": "object", "x-kubernetes-validations": [{"rule": "self.x"}]}},
        },
        accepted=True,
    )
    assert [each.result for each in ask(thing(), Check.SCHEMA, schema=schema).findings] == ["error"]


def test_fingerprint_stays_when_items_move() -> None:
    bad, good = {"name": "a", "port": 0}, {"name": "b", "port": 1}
    one = single(ask(thing({"ports": [bad, good]}), Check.SCHEMA, schema=SCHEMA))
    other = single(ask(thing({"ports": [good, bad]}), Check.SCHEMA, schema=SCHEMA))
    assert one.fingerprint == other.fingerprint
    assert (one.path, other.path) == ("/spec/ports/0/port", "/spec/ports/1/port")


def test_many_are_counted() -> None:
    spec: Json = {"ports": [{"name": f"p{i}", "port": 0} for i in range(130)]}
    findings = ask(thing(spec), Check.SCHEMA, schema=SCHEMA).findings
    assert len(findings) == 101
    assert findings[-1].message.startswith("30 more findings")


def test_severity_is_a_setting() -> None:
    settings = only(Check.SCHEMA, severity=Severity.CRITICAL)
    assert single(ask(thing({"size": 9}), schema=SCHEMA, settings=settings)).severity is Severity.CRITICAL


def test_built_in_kinds_and_broken_schemas_are_told_apart() -> None:
    built_in = ask(thing(), Check.SCHEMA, facts=None)
    broken = ask(thing(), Check.SCHEMA)
    assert built_in.asked == broken.asked == ()
    assert built_in.not_applicable != broken.not_applicable
    assert built_in.findings == broken.findings == ()
