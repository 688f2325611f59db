"""What schemas cost: JSON Schema rules, and custom resources against the structural schema of their CRD."""

from collections.abc import Callable

from auditor.json import JsonObject
from auditor.languages import schema

Benchmark = tuple[str, Callable[[], object]]
STRINGS, NUMBERS = 20, 10  # 30 fields


def benchmarks() -> list[Benchmark]:
    rule = schema.compile(json_schema())
    structural = schema.StructuralSchema.compile(structural_schema())
    ruled = schema.StructuralSchema.compile(structural_schema(rules=5))
    good = make_object()
    bad = {**good, "spec": {**good["spec"], "f0": "UPPER", "n0": 99, "extra": 1}}
    partial = {**good, "spec": {k: v for k, v in good["spec"].items() if not k.startswith("n")}}
    return [
        ("JSON Schema of 30 fields, valid", lambda: rule.run(good)),
        ("JSON Schema of 30 fields, 3 violations", lambda: rule.run(bad)),
        ("JSON Schema of 30 fields, compile", lambda: schema.compile(json_schema())),
        ("structural schema of 30 fields, valid", lambda: structural.validate(good)),
        ("structural schema of 30 fields, 2 violations", lambda: structural.validate(bad)),
        ("structural schema of 30 fields and 5 rules, valid", lambda: ruled.validate(good)),
        ("structural schema of 30 fields and 5 rules, update", lambda: ruled.validate(good, partial)),
        ("prune and default, nothing to do", lambda: structural.receive(good)),
        ("prune and default, one unknown field, 10 defaults", lambda: structural.receive({**partial, "x": 1})),
        ("structural schema of 30 fields, compile", lambda: schema.StructuralSchema.compile(structural_schema())),
    ]


def json_schema() -> JsonObject:
    spec = structural_schema()["properties"]["spec"]
    fields = {
        name: {k: v for k, v in field.items() if not k.startswith("x-")} for name, field in spec["properties"].items()
    }
    return {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
        },
    }


def structural_schema(rules: int = 0) -> JsonObject:
    fields: JsonObject = {f"f{i}": {"type": "string", "pattern": "^[a-z-]+$", "maxLength": 40} for i in range(STRINGS)}
    fields |= {f"n{i}": {"type": "integer", "minimum": 1, "maximum": 20, "default": 5} for i in range(NUMBERS)}
    member = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    fields["members"] = {
        "type": "array",
        "items": member,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }
    spec: JsonObject = {"type": "object", "properties": fields}
    if rules:
        spec["x-kubernetes-validations"] = [{"rule": f"self.n{i} <= self.n{i + 1} + 10"} for i in range(rules)]
    return {"type": "object", "properties": {"spec": spec}}


def make_object() -> JsonObject:
    """1.5 KB of JSON."""
    return {
        "apiVersion": "bench.example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "thing", "namespace": "default", "labels": {f"label-{i}": "value" for i in range(10)}},
        "spec": {
            **{f"f{i}": "some-text-of-a-usual-length" for i in range(STRINGS)},
            **{f"n{i}": 7 for i in range(NUMBERS)},
            "members": [{"name": f"member-{i}"} for i in range(5)],
        },
    }
