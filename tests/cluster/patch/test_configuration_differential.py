"""Apply configurations against the real API server: one MutatingAdmissionPolicy for each case, one object it is for."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from dataclasses import field as attribute

import pytest

from auditor.engine.patch import PatchError, Shape, ShapeKind, apply_configuration
from auditor.json import Json, JsonObject
from tests.cluster.oracle import Oracle

GROUP = "apply.example.com"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
OBJECTS = f"/apis/{GROUP}/v1/namespaces/default/things"
INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
ITEM = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": TEXT,
        "port": {**INTEGER, "default": 80},
        "v": INTEGER,
        "w": INTEGER,
        "atom": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"x": INTEGER}},
    },
}
PROPERTIES: dict[str, JsonObject] = {
    "set": {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
    "list": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name", "port"],
        "items": ITEM,
    },
    "atomic": {"type": "array", "items": TEXT},
    "atom": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"x": INTEGER}},
    "deep": {"type": "object", "properties": {"a": INTEGER, "b": INTEGER}},
    "map": {"type": "object", "additionalProperties": INTEGER},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}


@dataclass(frozen=True)
class Node:
    kind: ShapeKind = ShapeKind.UNKNOWN
    fields: Mapping[str, "Node"] = attribute(default_factory=dict)
    items: "Node | None" = None
    keys: tuple[str, ...] = ()
    defaults: Mapping[str, Json] = field(default_factory=dict)

    def field(self, name: str) -> Shape | None:
        return self.fields.get(name)

    @property
    def element(self) -> Shape:
        return self.items or Node()


ATOMIC = Node(ShapeKind.ATOMIC)
LIST_ITEM = Node(ShapeKind.MAP, {"name": Node(), "port": Node(), "v": Node(), "w": Node(), "atom": ATOMIC})
SPEC = Node(
    ShapeKind.MAP,
    {
        "set": Node(ShapeKind.SET),
        "list": Node(ShapeKind.LIST_MAP, items=LIST_ITEM, keys=("name", "port"), defaults={"port": 80}),
        "atomic": ATOMIC,
        "atom": ATOMIC,
        "deep": Node(ShapeKind.MAP, {"a": Node(), "b": Node()}),
        "map": Node(ShapeKind.MAP),
        "free": Node(),
    },
)


def generate_cases() -> list[tuple[JsonObject, JsonObject]]:
    cases: list[tuple[JsonObject, JsonObject]] = [
        ({"deep": {"a": 1}}, {"deep": {"b": 2}}),
        ({"deep": {"a": 1}}, {"deep": {"a": 2}}),
        ({"map": {"a": 1}}, {"map": {"b": 2}}),
        ({"map": {"a": 1}}, {"map": {}}),
        ({"free": {"a": 1, "l": {"k": 1}}}, {"free": {"b": 1}}),
        ({"atomic": ["a"]}, {"atomic": ["b"]}),
        ({"atom": {"x": 1}}, {"atom": {"x": 2}}),
        ({"set": ["a"]}, {"set": []}),
        ({}, {"set": ["b", "a"]}),
        ({}, {"set": ["b", "b"]}),
        ({}, {"list": [{"v": 1}]}),
        ({"list": [{"name": "a", "v": 1}]}, {"list": [{"name": "a", "atom": {"x": 1}}]}),
        ({"list": [{"name": "a", "v": 1}]}, {"list": [{"name": "a", "port": 81, "v": 2}]}),
        ({"list": [{"name": "a", "port": 80, "v": 1}]}, {"list": [{"name": "a", "w": 2}]}),
        ({"list": [{"name": "a"}]}, {"list": [{"name": "b"}, {"name": "b"}]}),
    ]
    chance = random.Random(5)  # noqa: S311 - reproducible on purpose
    for _ in range(20):
        old, new = (chance.sample("abcdef", chance.randint(1, 5)) for _ in range(2))
        cases.append(({"set": old}, {"set": new}))
    for _ in range(10):
        old, new = (chance.sample("abcd", chance.randint(1, 4)) for _ in range(2))
        items = [{"name": name, "port": 80, "v": 1} for name in old]
        cases.append(({"list": items}, {"list": [{"name": name, "port": 80, "w": 2} for name in new]}))
    return cases


def write(value: Json, path: str) -> str:
    """As CEL: objects typed by their path, maps as literals."""
    if isinstance(value, dict):
        if path.endswith(".map"):
            return "{" + ", ".join(f"'{key}': {item}" for key, item in value.items()) + "}"
        return path + "{" + ", ".join(f"{key}: {write(item, f'{path}.{key}')}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(write(item, path) for item in value) + "]"
    return f"'{value}'" if isinstance(value, str) else str(value)


def make_policy(name: str, patch: JsonObject) -> JsonObject:
    rule = {"apiGroups": [GROUP], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["things"]}
    expression = write({"spec": patch}, "Object")
    return {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "matchConditions": [{"name": "own", "expression": f"object.metadata.name == '{name}'"}],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
        },
    }


@pytest.fixture(scope="module")
def server(oracle: Oracle) -> Oracle:
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": PROPERTIES}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    oracle.install(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"things.{GROUP}"},
            "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
        }
    )
    return oracle


def test_merges_as_the_server_does(server: Oracle) -> None:
    cases = {f"apply-{number:02}": case for number, case in enumerate(generate_cases())}
    cases["apply-last"] = ({}, {"map": {"last": 1}})
    try:
        for name, (_, patch) in cases.items():
            answer = server.ask("POST", f"{ADMISSION}/mutatingadmissionpolicies", make_policy(name, patch))
            assert answer.accepted, (answer.message, patch)
            binding = {"metadata": {"name": name}, "spec": {"policyName": name}}
            assert server.ask("POST", f"{ADMISSION}/mutatingadmissionpolicybindings", binding).accepted
        await_last(server)
        for name, (old, patch) in cases.items():
            answer = create(server, name, old)
            ours = merge(old, patch)
            assert answer.accepted is (ours is not None), (old, patch, answer.message)
            if ours is not None:
                assert default_ports(answer.object["spec"]) == default_ports(ours), (old, patch)
    finally:
        for name in cases:
            for kind in ("mutatingadmissionpolicybindings", "mutatingadmissionpolicies"):
                server.ask("DELETE", f"{ADMISSION}/{kind}/{name}")


def merge(old: JsonObject, patch: JsonObject) -> JsonObject | None:
    try:
        merged: JsonObject = apply_configuration({"spec": old}, {"spec": patch}, Node(ShapeKind.MAP, {"spec": SPEC}))
    except PatchError:
        return None
    spec: JsonObject = merged["spec"]
    return spec


def create(oracle: Oracle, name: str, spec: JsonObject) -> Json:
    body = {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec}
    return oracle.ask("POST", f"{OBJECTS}?dryRun=All", body)


def await_last(oracle: Oracle) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        answer = create(oracle, "apply-last", {})
        if answer.accepted and answer.object.get("spec", {}).get("map") == {"last": 1}:
            return
        time.sleep(0.1)
    raise AssertionError("the policies did not come into force")


def default_ports(spec: JsonObject) -> JsonObject:
    """The server sets defaults after it has merged."""
    if "list" not in spec:
        return spec
    return {**spec, "list": [{"port": 80, **item} for item in spec["list"]]}
