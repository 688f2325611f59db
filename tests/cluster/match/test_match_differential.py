"""Matching against the real API server: generated policies that always warn, and which of them warn of a request."""

import contextlib
import os
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from auditor.engine.match import MatchProgram, compile_match, read_match
from auditor.json import Json, JsonObject
from auditor.model.match import Equivalent, Kinds
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request
from auditor.sandbox import Sandbox
from tests.cluster.oracle import Oracle

GROUP = "match.example.com"
POLICIES = 80
NAMESPACES = {"match-prod": {"env": "prod", "tier": "gold"}, "match-dev": {"env": "dev"}}
LABELS: list[dict[str, str]] = [{}, {"env": "prod"}, {"tier": "gold"}, {"env": "dev", "tier": "tin"}]
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
ANY_OBJECT = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def make_crd(plural: str, kind: str, scope: str) -> JsonObject:
    versions: list[JsonObject] = [
        {"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": ANY_OBJECT},
         "subresources": {"status": {}}}
        for name in ("v1", "v2")
    ]  # fmt: skip
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": scope, "names": names, "versions": versions},
    }


def generate_match(chance: random.Random) -> JsonObject:
    def some(words: list[str]) -> list[str]:
        return ["*"] if chance.random() < 0.4 else chance.sample(words, chance.randint(1, min(2, len(words))))

    def rule() -> JsonObject:
        resources = [["*"], ["*/*"], ["*/status"], ["locals"], ["locals/status"], ["locals/*"], ["globals"]]
        resources += [["namespaces"], ["locals", "globals"], ["locals", "namespaces"], ["namespaces", "globals/status"]]
        made: JsonObject = {
            "apiGroups": some([GROUP, ""]),
            "apiVersions": some(["v1", "v2"]),
            "operations": some(["CREATE", "UPDATE", "DELETE"]),
            "resources": chance.choice(resources),
        }
        if chance.random() < 0.3:
            made["scope"] = chance.choice(["Cluster", "Namespaced", "*"])
        if chance.random() < 0.2:
            made["resourceNames"] = chance.sample(["x0", "x1", "match-prod", "new"], 2)
        return made

    def selector() -> JsonObject:
        chosen = chance.random()
        key, value = chance.choice([("env", "prod"), ("env", "dev"), ("tier", "gold"), ("none", "x")])
        if chosen < 0.5:
            return {}
        if chosen < 0.65:
            return {"matchLabels": {key: value}}
        if chosen < 0.72:
            return {"matchLabels": {"kubernetes.io/metadata.name": "match-prod"}}
        operator = chance.choice(["In", "NotIn", "Exists", "DoesNotExist"])
        values = {"values": [value, "other"]} if operator in {"In", "NotIn"} else {}
        return {"matchExpressions": [{"key": key, "operator": operator, **values}]}

    match: JsonObject = {
        "resourceRules": [rule() for _ in range(chance.randint(1, 2))],
        "matchPolicy": chance.choice(["Exact", "Equivalent"]),
        "namespaceSelector": selector(),
        "objectSelector": selector(),
    }
    if chance.random() < 0.25:
        match["excludeResourceRules"] = [rule()]
    return match


@dataclass(frozen=True)
class Server:
    oracle: Oracle
    programs: dict[str, MatchProgram]

    def ask(self, method: str, path: str, body: Json) -> set[str]:
        answer = self.oracle.ask(method, f"{path}?dryRun=All", body)
        assert answer.accepted, answer.message
        return {name for text in answer.warnings for name in re.findall("ValidatingAdmissionPolicy '([^']+)'", text)}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Of its own: these policies warn of everything, and the server cuts its warnings short at 4 KB."""
    with (
        Sandbox.start(f"match-{os.getpid()}", controllers=False) as sandbox,
        contextlib.closing(Oracle(sandbox)) as oracle,
    ):
        yield start(oracle)


def start(oracle: Oracle) -> Server:
    oracle.install(make_crd("locals", "Local", "Namespaced"))
    oracle.install(make_crd("globals", "Global", "Cluster"))
    for name, labels in NAMESPACES.items():
        oracle.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    for number, labels in enumerate(LABELS):
        for plural, kind, namespace in places():
            oracle.ask("POST", make_path(plural, namespace, "v1"), make_object(f"x{number}", kind, labels))
    chance = random.Random(8)  # noqa: S311 - reproducible on purpose
    matches = {f"match-{number:02}": generate_match(chance) for number in range(POLICIES)}
    everything = {key: ["*"] for key in ("apiGroups", "apiVersions", "operations")} | {"resources": ["*/*"]}
    matches["match-last"] = {"resourceRules": [everything]}
    for name, match in matches.items():
        spec: JsonObject = {"matchConstraints": match, "validations": [{"expression": "false"}]}
        answer = oracle.ask(
            "POST", f"{ADMISSION}/validatingadmissionpolicies", {"metadata": {"name": name}, "spec": spec}
        )
        assert answer.accepted, (answer.message, match)
        spec = {"policyName": name, "validationActions": ["Warn"]}
        oracle.ask("POST", f"{ADMISSION}/validatingadmissionpolicybindings", {"metadata": {"name": name}, "spec": spec})
    server = Server(oracle, {name: compile_match(read_match(match)) for name, match in matches.items()})
    await_policies(server)
    return server


def await_policies(server: Server) -> None:
    """The server reads policies in the order of their creation: with the last, all are in force."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if "match-last" in server.ask("POST", make_path("globals", "", "v1"), make_object("new", "Global", {})):
            return
        time.sleep(0.1)
    raise AssertionError("the policies did not come into force")


def places() -> list[tuple[str, str, str]]:
    return [("globals", "Global", ""), *(("locals", "Local", namespace) for namespace in NAMESPACES)]


def make_path(plural: str, namespace: str, version: str) -> str:
    return f"/apis/{GROUP}/{version}/{f'namespaces/{namespace}/' if namespace else ''}{plural}"


def make_object(name: str, kind: str, labels: dict[str, str], version: str = "v1") -> JsonObject:
    return {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": name, "labels": labels}}


def make_namespace(name: str) -> JsonObject:
    labels = {**NAMESPACES[name], "kubernetes.io/metadata.name": name}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def compare(server: Server, request: Request, asked: set[str]) -> None:
    versions = [
        Equivalent(
            GroupVersionResource(GROUP, version, request.resource.resource), GroupVersionKind(GROUP, version, "X")
        )
        for version in ("v1", "v2")
    ]
    kinds = Kinds(equivalents={item.resource: versions for item in versions})
    ours = {name: program(request, kinds) for name, program in server.programs.items()}
    assert not any(result.error for result in ours.values())
    mine = {name for name, result in ours.items() if result.matched}
    assert mine == asked, [(name, ours[name].reason, server.programs[name].match) for name in mine ^ asked]


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("place", places(), ids=str)
def test_custom_resources(server: Server, place: tuple[str, str, str], version: str) -> None:
    plural, kind, namespace = place
    resource = GroupVersionResource(GROUP, version, plural)
    outer = make_namespace(namespace) if namespace else None
    for number, labels in enumerate(LABELS):
        for operation, subresource in (
            (Operation.CREATE, ""), (Operation.UPDATE, ""), (Operation.UPDATE, "status"), (Operation.DELETE, ""),
        ):  # fmt: skip
            name = "new" if operation is Operation.CREATE else f"x{number}"
            path = make_path(plural, namespace, version)
            stored = make_object(name, kind, labels, version)
            new = make_object(name, kind, LABELS[number - 1] if operation is Operation.UPDATE else labels, version)
            if operation is Operation.CREATE:
                asked = server.ask("POST", path, new)
            elif operation is Operation.UPDATE:
                path = f"{path}/{name}"
                current = server.oracle.ask("GET", path).object["metadata"]
                body = {**new, "metadata": {**current, **new["metadata"]}}
                if subresource:
                    body["status"] = {"ready": True}
                    new = stored  # labels do not change through the status
                asked = server.ask("PUT", f"{path}/{subresource}" if subresource else path, body)
            else:
                asked = server.ask("DELETE", f"{path}/{name}", None)
            request = Request(
                operation=operation,
                kind=GroupVersionKind(GROUP, version, kind),
                resource=resource,
                subresource=subresource,
                object=None if operation is Operation.DELETE else new,
                old_object=None if operation is Operation.CREATE else stored,
                name=name,
                namespace=namespace,
                namespaced=bool(namespace),
                namespace_object=outer,
            )
            compare(server, request, asked)


@pytest.mark.parametrize("name", list(NAMESPACES))
def test_namespaces(server: Server, name: str) -> None:
    old = make_namespace(name)
    for operation in (Operation.UPDATE, Operation.DELETE):
        new = make_namespace(name)
        new["metadata"]["labels"]["env"] = "other"
        path = f"/api/v1/namespaces/{name}"
        asked = server.ask("PUT", path, new) if operation is Operation.UPDATE else server.ask("DELETE", path, None)
        request = Request(
            operation=operation,
            kind=GroupVersionKind("", "v1", "Namespace"),
            resource=GroupVersionResource("", "v1", "namespaces"),
            object=new if operation is Operation.UPDATE else None,
            old_object=old,
            name=name,
            namespace=name,
            namespaced=False,
        )
        compare(server, request, asked)
    fresh = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new", "labels": {"env": "prod"}}}
    asked = server.ask("POST", "/api/v1/namespaces", fresh)
    kind, resource = GroupVersionKind("", "v1", "Namespace"), GroupVersionResource("", "v1", "namespaces")
    created = Request(operation=Operation.CREATE, kind=kind, resource=resource, object=fresh, name="new")
    compare(server, created, asked)
