"""Pins our differences from the real server. When one of these fails, a difference is gone or has grown."""

import pytest

from auditor.json import Json, JsonObject
from auditor.languages.schema.structural import StructuralSchema
from tests.cluster.oracle import Answer, Oracle
from tests.unit.languages.schema.crds import make_crd, make_object, probe_of, schema_of
from tests.unit.languages.schema.rule_samples import rule
from tests.unit.languages.schema.test_parse import BAD

SET = {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 9}, "x-kubernetes-list-type": "set"}
FIELDS: JsonObject = {
    "moment": {
        "type": "string",
        "format": "date-time",
        "x-kubernetes-validations": [rule("self.getFullYear('UTC') > 0")],
    },
    "holder": {
        "type": "object",
        "properties": {"moment": {"type": "string", "format": "date-time"}, "other": {"type": "string"}},
        "x-kubernetes-validations": [rule("!has(self.other)")],
    },
    "wait": {"type": "string", "x-kubernetes-validations": [rule("duration(self) > duration('0s')")]},
    "set": {**SET, "x-kubernetes-validations": [rule("self == ['b', 'a']")]},
    "data": {"type": "string", "format": "byte", "x-kubernetes-validations": [rule("size(self) == 3")]},
    "day": {"type": "string", "format": "date", "x-kubernetes-validations": [rule("self.getDate('UTC') == 2")]},
    "inner": {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    },
    "whole": {"type": "integer", "x-kubernetes-validations": [rule("self > 0")]},
    "mail": {"type": "string", "format": "email"},
}
NAME = "difference"
CRD = make_crd(NAME, {"type": "object", "properties": FIELDS})


@pytest.fixture(scope="module")
def both(oracle: Oracle) -> "Both":
    return Both(oracle)


class Both:
    def __init__(self, oracle: Oracle) -> None:
        self.resource = oracle.install(CRD)
        self.resource.wait("v1", *probe_of(CRD))
        self.schema = StructuralSchema.compile(schema_of(CRD))

    def ask(self, spec: Json, **more: Json) -> tuple[Answer, list[tuple[str, str, str]]]:
        obj = make_object(NAME, spec, **more)
        ours = self.schema.validate(self.schema.receive(obj).object)
        return self.resource.create(obj), [(v.field, v.cause, v.message) for v in ours]


def test_rule_error_texts(both: Both) -> None:
    answer, ours = both.ask({"wait": "soon"})
    assert [(c.field, c.type) for c in answer.causes] == [(f, c) for f, c, _ in ours]
    assert answer.causes[0].message != ours[0][2]


def test_sets_in_rules(both: Both) -> None:
    answer, ours = both.ask({"set": ["a", "b"]})
    assert answer.accepted
    assert [c for _, c, _ in ours] == ["FieldValueInvalid"]


@pytest.mark.parametrize("spec", [{"data": "++++"}, {"moment": "2020-01-01t00:00:00z"}])
def test_unreadable_values(both: Both, spec: JsonObject) -> None:
    answer, ours = both.ask(spec)
    assert not answer.accepted
    assert [(f, c) for f, c, _ in ours] == [(f"spec.{next(iter(spec))}", "InternalError")]
    assert [c.field for c in answer.causes] == [f for f, _, _ in ours]


@pytest.mark.parametrize("spec", [{"day": "0000-01-02"}, {"holder": {"moment": "2020-01-01t00:00:00z"}}])
def test_unreadable_values_that_the_server_does_not_mind(both: Both, spec: JsonObject) -> None:
    answer, ours = both.ask(spec)
    assert answer.accepted
    assert [c for _, c, _ in ours] == ["InternalError"]


def test_whole_floats(both: Both) -> None:
    answer, ours = both.ask({"whole": 1.0})
    assert not answer.accepted
    assert ours == []


@pytest.mark.parametrize("metadata", [{"labels": {"a": 1}}, {"name": 5}, {"finalizers": "x"}])
def test_malformed_metadata(both: Both, metadata: JsonObject) -> None:
    answer, ours = both.ask({"inner": {"apiVersion": "v1", "kind": "A", "metadata": metadata}})
    assert not answer.accepted
    assert answer.code != 422
    assert ours == []


@pytest.mark.parametrize("metadata", [{"name": "Bad_Name"}, {"name": "a", "labels": {"a b": "c"}}])
def test_own_metadata(both: Both, metadata: JsonObject) -> None:
    answer, ours = both.ask({}, metadata={"namespace": "default", **metadata})
    assert answer.code == 422
    assert ours == []


@pytest.mark.parametrize("text", ["a@b (c (d))", "=?utf-8?q?x?= <a@b>(c)(d)"])
def test_email(both: Both, text: str) -> None:
    answer, ours = both.ask({"mail": text})
    assert answer.accepted
    assert ours[0][:2] == ("spec.mail", "FieldValueTypeInvalid")


def test_cost(oracle: Oracle) -> None:
    endless = {"type": "array", "items": {"type": "string"}}
    spec = {**endless, "x-kubernetes-validations": [rule("self.all(a, self.all(b, self.all(c, a + b + c != '')))")]}
    crd = make_crd("costly", spec)
    with pytest.raises(AssertionError, match="exceeds budget"):
        oracle.install(crd)
    found = StructuralSchema.compile(schema_of(crd)).validate({"spec": ["x"] * 50})
    assert [v.cause for v in found] == ["InternalError"]


def test_crd_checks(oracle: Oracle) -> None:
    crd = make_crd("defaulted", {"type": "integer", "maximum": 1, "default": 5})
    with pytest.raises(AssertionError, match="default"):
        oracle.install(crd)
    assert StructuralSchema.compile(schema_of(crd)).default({}) == {"spec": 5}


@pytest.mark.parametrize(("schema", "told"), BAD)
def test_what_is_not_structural_to_us_is_not_to_the_server(oracle: Oracle, schema: Json, told: str) -> None:
    crd = make_crd("bad", {"type": "object"})
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema
    answer = oracle.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All", crd)
    assert answer.code in (400, 422)
