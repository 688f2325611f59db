"""Our CRDs as data, and ways to walk over their schemas."""

from collections.abc import Iterator
from functools import cache

import yaml

from auditor import crds
from auditor.json import Json, JsonObject

KINDS = {
    "auditconfig": "AuditConfig",
    "conversion": "Conversion",
    "notification": "Notification",
    "policy": "Policy",
    "policyexception": "PolicyException",
    "reportschedule": "ReportSchedule",
}
Place = tuple[str, JsonObject]


@cache
def read_crd(name: str) -> JsonObject:
    # In C: the other takes eight times as long, and much of this is read before the first test runs.
    crd: JsonObject = yaml.load(crds.read(name), yaml.CSafeLoader)
    return crd


def schema_of(name: str) -> JsonObject:
    schema: JsonObject = read_crd(name)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def walk(schema: JsonObject, path: str = "") -> Iterator[Place]:
    """Every schema below this one with its path, this one too; the items of a list are `[]`, those of a map `{}`."""
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from walk(below, f"{path}.{name}")
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from walk(schema["additionalProperties"], path + "{}")


def places(name: str, **having: Json) -> list[Place]:
    return [(path, at) for path, at in walk(schema_of(name)) if all(at.get(k) == v for k, v in having.items())]
