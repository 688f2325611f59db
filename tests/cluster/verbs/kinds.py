"""Kinds made for these tests: two versions, status and scale, namespaced and not."""

import time

import orjson

from auditor.cluster import Client, Resource
from auditor.cluster.access import dig_list
from auditor.cluster.resource import CRDS
from auditor.errors import ApiError
from auditor.json import JsonObject
from auditor.sandbox import Sandbox

GROUP = "verbs.auditor.test"
WIDGETS = Resource(GROUP, "v1", "widgets", "Widget", namespaced=True)
OLD_WIDGETS = Resource(GROUP, "v1beta1", "widgets", "Widget", namespaced=True)
PLANETS = Resource(GROUP, "v1", "planets", "Planet", namespaced=False)

SPEC = {
    "type": "object",
    "properties": {
        "replicas": {"type": "integer", "minimum": 0},
        "color": {"type": "string", "enum": ["red", "green", "blue"]},
        "size": {"type": "integer", "maximum": 100},
        "on": {"type": "boolean"},
    },
}


def conditions_schema(*, keyed: bool) -> JsonObject:
    fields = ("type", "status", "reason", "message", "lastTransitionTime", "severity")
    item = {
        "type": "object",
        "required": ["type", "status"],
        "properties": {**{f: {"type": "string"} for f in fields}, "observedGeneration": {"type": "integer"}},
    }
    by_type = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]} if keyed else {}
    return {"type": "array", "items": item, **by_type}


def make_crd(
    resource: Resource, *, versions: tuple[str, ...] = ("v1",), keyed: bool = True, status: bool = True
) -> JsonObject:
    state = {
        "type": "object",
        "properties": {"replicas": {"type": "integer"}, "conditions": conditions_schema(keyed=keyed)},
    }
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    return {
        "apiVersion": CRDS.api_version,
        "kind": CRDS.kind,
        "metadata": {"name": resource.name},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "names": {"plural": resource.plural, "kind": resource.kind, "singular": resource.kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[-1],
                    "schema": {
                        "openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC, "status": state}},
                    },
                    "subresources": {"status": {}, "scale": scale} if status else {},
                }
                for version in versions
            ],
        },
    }


def install(control_plane: Sandbox, client: Client, crd: JsonObject, resource: Resource) -> None:
    """Ready to be used when it returns. Other workers of this run may be doing the same."""
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=orjson.dumps(crd).decode())
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = client.get(CRDS, resource.name)
        states = {c["type"]: c["status"] for c in dig_list(found, "status", "conditions")}
        try:
            if states.get("Established") == "True" and list(client.list(resource)) is not None:
                return
        except ApiError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{resource.name} was not established")
