"""A control plane with our CRDs, a kind to judge, and the program beside it: webhooks reach the whole of a cluster."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Any

import orjson
import pytest

from auditor import crds
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.webhooks.serving.running import Program, wait

NAMESPACE = "auditor-system"


@pytest.fixture(scope="package")
def cluster() -> Iterator[Sandbox]:
    with Sandbox.start(f"serving-{os.getpid()}", owner=os.getpid()) as sandbox:
        for name in crds.names():
            sandbox.kubectl("apply", "--server-side", "-f", "-", stdin=crds.read(name))
        put(sandbox, thing_crd())
        sandbox.kubectl("create", "namespace", NAMESPACE)
        sandbox.kubectl("create", "namespace", "shop")
        put(sandbox, free_lease())
        sandbox.kubectl("wait", "--for=condition=Established", "crd", "--all")
        yield sandbox


@dataclass(frozen=True, slots=True)
class Stage:
    cluster: Sandbox
    program: Program

    def kubectl(self, *arguments: str, thing: JsonObject | None = None) -> CompletedProcess[str]:
        stdin = None if thing is None else orjson.dumps(thing).decode()
        return self.cluster.kubectl(*arguments, stdin=stdin, check=False)

    def put(self, *things: JsonObject) -> None:
        """Applied; in force a moment later."""
        for each in things:
            put(self.cluster, each)

    def status(self, kind: str, name: str, *options: str) -> JsonObject:
        found = self.cluster.kubectl("get", kind, name, "-o", "json", *options).stdout
        status: JsonObject = orjson.loads(found).get("status", {})
        return status

    def wait_condition(self, kind: str, name: str, wanted: tuple[str, str, str], *options: str) -> JsonObject:
        """Type, status, reason. What it says then."""

        def holds() -> bool:
            conditions = self.status(kind, name, *options).get("conditions", [])
            return any((c["type"], c["status"], c["reason"]) == wanted for c in conditions)

        wait(holds, why=lambda: f"{self.status(kind, name, *options)}\n{self.program.text[-3000:]}")
        return self.status(kind, name, *options)

    def wait_refused(self, thing: JsonObject, why: str) -> None:
        """Until the API server asks, which it does a moment after the registration: by dry runs."""
        wait(
            lambda: why in self.kubectl("create", "--dry-run=server", "-f", "-", thing=thing).stderr,
            why=lambda: self.program.text[-5000:],
        )


@pytest.fixture(scope="module")
def stage(cluster: Sandbox) -> Iterator[Stage]:
    """One replica, for the tests of a module."""
    program = Program(cluster.kubeconfig, "--drain", "0.2", port=free_port())
    try:
        program.wait_ready()
        yield Stage(cluster, program)
    finally:
        program.stop()


def put(cluster: Sandbox, thing: JsonObject) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=orjson.dumps(thing).decode())


def free_lease() -> JsonObject:
    """As the chart brings it, given back: whoever finds none has to wait for the time that one lasts."""
    metadata = {"name": "auditor-webhook", "namespace": NAMESPACE}
    spec = {"holderIdentity": "", "leaseDurationSeconds": 1}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def policy(name: str, *rules: JsonObject, resource: str = "things", operations: str = "*", **spec: Any) -> JsonObject:
    matched = {
        "apiGroups": ["example.com"],
        "apiVersions": ["*"],
        "resources": [resource],
        "operations": operations.split(","),
    }
    body = {"enforcement": "Deny", "match": {"resourceRules": [matched]}, **({"rules": [*rules]} if rules else {})}
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": body | spec}


def thing(
    name: str, *, namespace: str = "shop", version: str = "v1", labels: JsonObject | None = None, **spec: Any
) -> JsonObject:
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    return {"apiVersion": f"example.com/{version}", "kind": "Thing", "metadata": metadata, "spec": spec}


def thing_crd() -> JsonObject:
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    versions = [
        {
            "name": name,
            "served": True,
            "storage": name == "v1",
            "schema": {"openAPIV3Schema": schema},
            "subresources": {
                "status": {},
                "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
            },
        }
        for name in ("v1", "v2")
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": versions,
        },
    }


def elapsed(holds: Callable[[], bool]) -> float:
    begun = time.monotonic()
    wait(holds)
    return time.monotonic() - begun
