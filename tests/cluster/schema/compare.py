"""Our verdict beside the server's: the same objects accepted, the same causes, the same object stored."""

import json
from dataclasses import dataclass

from auditor.json import Json, JsonObject
from auditor.languages.schema.structural import StructuralSchema
from auditor.languages.schema.values import as_float
from tests.cluster.oracle import Answer, Resource


@dataclass(frozen=True, slots=True)
class Comparison:
    """`difference` is empty where both say the same."""

    answer: Answer
    difference: str


def compare_create(resource: Resource, schema: StructuralSchema, obj: JsonObject, version: str = "v1") -> Comparison:
    body = json.dumps(obj).encode()
    obj = json.loads(body)
    answer = resource.create(body, version)
    received = schema.receive(obj)
    found = {(v.field, v.cause, v.message) for v in schema.validate(received.object)}
    if answer.accepted:
        stored = {k: v for k, v in answer.object.items() if k not in ("metadata", "status")}
        expected = {k: v for k, v in received.object.items() if k not in ("metadata", "status")}
        if not found and plain(stored) != plain(expected):
            return Comparison(answer, f"stored by the server: {stored}\nours: {expected}")
    if answer.code == 422 or answer.accepted:
        return Comparison(answer, _causes(answer, found))
    return Comparison(answer, "" if found else f"refused with {answer.code}: {answer.message}; ours accepts")


def compare_strict(resource: Resource, schema: StructuralSchema, obj: JsonObject, version: str = "v1") -> str:
    """Unknown fields, as strict validation names them."""
    unknown = schema.receive(obj).unknown
    answer = resource.create(obj, version, strict=True)
    theirs = answer.unknown if answer.code == 400 else []
    return "" if theirs == unknown else f"unknown to the server: {theirs}, to us: {unknown}; {answer.message}"


def compare_update(
    resource: Resource, schema: StructuralSchema, obj: JsonObject, old: JsonObject, version: str = "v1"
) -> Comparison:
    answer = resource.update(obj, version)
    new, before = schema.receive(obj).object, schema.receive(old).object
    found = {(v.field, v.cause, v.message) for v in schema.validate(new, before)}
    return Comparison(answer, _causes(answer, found))


def _causes(answer: Answer, found: set[tuple[str, str, str]]) -> str:
    theirs = {(c.field, c.type, c.message) for c in answer.causes}
    if theirs == found and answer.accepted == (not found):
        return ""
    return f"code {answer.code} {answer.message[:300]}\nonly the server: {theirs - found}\nonly ours: {found - theirs}"


def plain(value: Json) -> Json:
    """Something that compares as the server stores it: 2.0 is written as 2, but true is not 1."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    return ("number", as_float(value))
