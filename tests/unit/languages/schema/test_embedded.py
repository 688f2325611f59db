"""Objects inside of objects."""

import pytest

from auditor.json import Json, JsonObject
from auditor.languages.schema.structural import StructuralSchema

EMBEDDED = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
SCHEMA = StructuralSchema.compile(
    {
        "type": "object",
        "properties": {"one": EMBEDDED, "map": {"type": "object", "additionalProperties": EMBEDDED}},
    }
)
GOOD: JsonObject = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "labels": {"x.y/z": "v"}}}


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"apiVersion": ""}, "one.apiVersion", 'Invalid value: "": must not be empty'),
        ({"apiVersion": "a/b/c"}, "one.apiVersion", 'Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'),
        ({"apiVersion": 1}, "one.apiVersion", "Invalid value: 1: must be a string"),
        ({"kind": "9"}, "one.kind", 'Invalid value: "9": may have mixed case, but should otherwise match: a DNS-1035'),
        ({"kind": "k" * 64}, "one.kind", "must be no more than 63 characters"),
        ({"metadata": {"name": "a/b"}}, "one.metadata.name", "may not contain '/'"),
        ({"metadata": {"name": ".."}}, "one.metadata.name", "may not be '..'"),
        ({"metadata": {"namespace": "A"}}, "one.metadata.namespace", "a lowercase RFC 1123 label must consist"),
        ({"metadata": {"generation": -1}}, "one.metadata.generation", "must be greater than or equal to 0"),
        ({"metadata": {"labels": {"a b": ""}}}, "one.metadata.labels", 'Invalid value: "a b": name part must consist'),
        ({"metadata": {"labels": {"A/b": ""}}}, "one.metadata.labels", "prefix part a lowercase RFC 1123 subdomain"),
        ({"metadata": {"labels": {"/b": ""}}}, "one.metadata.labels", "prefix part must be non-empty"),
        ({"metadata": {"labels": {"a": "-"}}}, "one.metadata.labels", 'Invalid value: "-": a valid label must be'),
        ({"metadata": {"annotations": {"a": "x" * 2**18}}}, "one.metadata.annotations", "may not be more than 262144"),
        ({"metadata": {"finalizers": ["a b"]}}, "one.metadata.finalizers", 'Invalid value: "a b": name part'),
        (
            {"metadata": {"finalizers": ["orphan", "foregroundDeletion"]}},
            "one.metadata.finalizers",
            "cannot be both set",
        ),
        (
            {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a"}]}},
            "one.metadata.ownerReferences.uid",
            'Invalid value: "": must not be empty',
        ),
    ],
)
def test_one_violation(change: JsonObject, field: str, told: str) -> None:
    (violation,) = SCHEMA.validate({"one": {**GOOD, **change}})
    assert violation.field == field
    assert told in violation.message


@pytest.mark.parametrize("name", ["apiVersion", "kind"])
def test_what_is_required(name: str) -> None:
    (violation,) = SCHEMA.validate({"map": {"x": {k: v for k, v in GOOD.items() if k != name}}})
    assert (violation.field, violation.message) == (f"map[x].{name}", "Required value")


@pytest.mark.parametrize("value", [GOOD, {**GOOD, "metadata": {}}, {k: v for k, v in GOOD.items() if k != "metadata"}])
def test_what_is_valid(value: Json) -> None:
    assert SCHEMA.validate({"one": value, "map": {"x": value}}) == []
