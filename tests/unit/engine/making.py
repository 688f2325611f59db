"""Policies, objects and requests for tests, each with only what a test says of it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.json import Json, JsonObject
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request, User

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def policy(name: str = "sizes", **spec: Any) -> JsonObject:
    match = {
        "resourceRules": [
            {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["things"], "operations": ["*"]}
        ]
    }
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": {"match": match, "enforcement": "Deny", **spec},
    }


def compiled(*policies: JsonObject) -> Engine:
    return Engine.compile([read_policy(each) for each in policies])


def rules(*rules: JsonObject, **spec: Any) -> Engine:
    return compiled(policy(rules=[{"name": f"r{i}", **rule} for i, rule in enumerate(rules)], **spec))


def thing(spec: Json = None, **metadata: Json) -> JsonObject:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "one", "namespace": "here", **metadata},
        "spec": spec or {},
    }


def request(new: JsonObject | None, old: JsonObject | None = None, **changes: Any) -> Request:
    operation = Operation.DELETE if new is None else Operation.UPDATE if old else Operation.CREATE
    made = Request(
        operation=operation,
        kind=GroupVersionKind("example.com", "v1", "Thing"),
        resource=GroupVersionResource("example.com", "v1", "things"),
        object=new,
        old_object=old,
        name="one",
        namespace="here",
        user=User("jane", groups=("devs",)),
        namespace_object={"metadata": {"name": "here", "labels": {"env": "dev"}}},
        time=NOW,
    )
    return replace(made, **changes)
