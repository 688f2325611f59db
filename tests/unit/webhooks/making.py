"""Reviews as the API server sends them, and doors for them, each with only what a test says of it."""

import copy
from datetime import UTC, datetime
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from auditor.engine.convert import Conversion
from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.json import Json, JsonObject
from auditor.webhooks.asked import Hook
from auditor.webhooks.decisions import Ring
from auditor.webhooks.door import Door
from auditor.webhooks.metrics import Meters
from auditor.webhooks.respond import Answer
from auditor.webhooks.snapshot import Holder, Snapshot

NOW = datetime(2026, 6, 1, tzinfo=UTC)
UID = "705ab4f5-6393-11e8-b7cc-42010a800002"
KIND = {"group": "example.com", "version": "v1", "kind": "Thing"}
RESOURCE = {"group": "example.com", "version": "v1", "resource": "things"}


def policy(name: str = "sizes", **spec: Any) -> JsonObject:
    rule = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["things"], "operations": ["*"]}
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": {"match": {"resourceRules": [rule]}, "enforcement": "Deny", **spec},
    }


def rules(*bodies: JsonObject, name: str = "sizes", **spec: Any) -> JsonObject:
    return policy(name, rules=[{"name": f"r{i}", **body} for i, body in enumerate(bodies)], **spec)


SMALL = {"cel": "object.spec.size <= 3", "message": "too big", "remediation": "Use 3 or less."}


def thing(spec: Json = None, **metadata: Json) -> JsonObject:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "one", "namespace": "here", **metadata},
        "spec": {"size": 1} if spec is None else spec,
    }


def review(new: Json = None, old: Json = None, **changes: Json) -> JsonObject:
    """Of a creation, unless something else is said."""
    request = {
        "uid": UID,
        "kind": KIND,
        "resource": RESOURCE,
        "requestKind": KIND,
        "requestResource": RESOURCE,
        "name": "one",
        "namespace": "here",
        "operation": "UPDATE" if old is not None and new is not None else "DELETE" if old is not None else "CREATE",
        "userInfo": {"username": "jane", "groups": ["devs"]},
        "object": thing() if new is None and old is None else new,
        "oldObject": old,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        **changes,
    }
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": copy.deepcopy(request)}


def compiled(*policies: JsonObject) -> Engine:
    return Engine.compile(read_policy(each) for each in policies)


def open_door(*policies: JsonObject, **snapshot: Any) -> Door:
    return door_of(Snapshot.of(compiled(*policies), **snapshot))


def door_of(snapshot: Snapshot | None, **more: Any) -> Door:
    ticks = iter(range(10**9))
    return Door(
        Holder(snapshot),
        ring=Ring(instance="test"),
        meters=Meters(CollectorRegistry()),
        clock=lambda: NOW,
        timer=lambda: next(ticks) / 1000,  # each call is a millisecond after the last
        **more,
    )


def ask(door: Door, asked: JsonObject | None = None, hook: Hook = Hook.VALIDATE, **more: Any) -> JsonObject:
    """The response; what every answer has to hold is checked."""
    asked = review() if asked is None else asked
    return read(door.review(hook, orjson.dumps(asked), **more), asked["request"]["uid"])


def read(answer: Answer, uid: str = UID) -> JsonObject:
    assert answer.status == 200
    written = orjson.loads(answer.body)
    assert written.keys() == {"apiVersion", "kind", "response"}
    assert (written["apiVersion"], written["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    response: JsonObject = written["response"]
    assert response["uid"] == uid
    assert type(response["allowed"]) is bool
    return response


def conversion(**more: Any) -> Conversion:
    steps = [
        {"from": "v1", "to": "v2", "jq": ".spec.count = .spec.size | del(.spec.size)"},
        {"from": "v2", "to": "v1", "jq": ".spec.size = .spec.count | del(.spec.count)"},
    ]
    spec = {"resource": {"group": "example.com", "resource": "things"}, "steps": steps, **more}
    return Conversion.compile({"metadata": {"name": "things"}, "spec": spec})


def conversion_review(*objects: Json, desired: Json = "example.com/v2", **changes: Json) -> JsonObject:
    request = {"uid": UID, "desiredAPIVersion": desired, "objects": list(objects), **changes}
    return {"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1", "request": request}
