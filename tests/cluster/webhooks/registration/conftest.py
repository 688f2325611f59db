"""A control plane of its own: CRDs and webhook configurations belong to the whole cluster."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from auditor import crds
from auditor.cluster import Client, Settings, connect
from auditor.cluster.discovery import Kinds
from auditor.cluster.resource import CRDS
from auditor.engine.convert import Conversion
from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.errors import NotFoundError
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from auditor.webhooks.registration import Installation, Owner, Registrar, Wanted
from auditor.webhooks.registration.writing import CONFIGURATIONS
from tests.cluster.webhooks.registration.recording import Recorder

PATIENCE = 20.0
"""Seconds: the machine may be busy."""


def until(fits: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """For what only shows when it is asked for."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not fits():
        assert time.monotonic() < deadline, "it did not come to that"
        pause.wait(0.05)


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox.start(f"registration-{secrets.token_hex(3)}") as sandbox:
        yield sandbox


@pytest.fixture(scope="package")
def client(sandbox: Sandbox) -> Iterator[Client]:
    client = connect(Settings(kubeconfig=str(sandbox.kubeconfig), qps=1000, burst=1000))
    with client.transport:
        yield client


@pytest.fixture(scope="package")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with Recorder(tmp_path_factory.mktemp("recorder")) as recorder:
        yield recorder


@pytest.fixture(scope="package")
def kinds(client: Client) -> Iterator[Kinds]:
    """With our own CRDs in the cluster."""
    for name in crds.names():
        client.create(CRDS, yaml.safe_load(crds.read(name)))
    with Kinds(client) as kinds:
        assert kinds.wait_until(
            lambda found: "conversions.auditor.dev" in found and found["conversions.auditor.dev"].established, PATIENCE
        )
        yield kinds


@pytest.fixture
def installation(recorder: Recorder) -> Installation:
    return Installation(
        address=recorder.address, name=f"auditor-{secrets.token_hex(3)}", excluded_namespaces=("kube-system",)
    )


@pytest.fixture
def group() -> str:
    return f"g{secrets.token_hex(3)}.example.com"


class Door:
    """A registrar, and what a test says is wanted."""

    def __init__(self, client: Client, kinds: Kinds, installation: Installation) -> None:
        self.client, self.kinds, self.installation = client, kinds, installation
        self.policies: list[JsonObject] = []
        self.conversions: list[JsonObject] = []
        self.broken: list[str] = []
        self.registrar: Registrar
        self._end: Callable[[], None] | None = None

    def wanted(self) -> Wanted:
        compiled = Engine.compile(read_policy(each) for each in self.policies).policies
        conversions = [Conversion.compile(each) for each in self.conversions]
        return Wanted.of(compiled, conversions, self.kinds.kinds(), self.installation, broken=self.broken)

    def start(self, owner: Owner | None = None, **parts: Any) -> Registrar:
        if owner is not None:
            self.installation = replace(self.installation, owner=owner.reference())
        parts = {"source": self.wanted, **parts}
        self.registrar = Registrar(client=self.client, name=self.installation.name, owner=owner, **parts)
        self._end = self.kinds.subscribe(self.registrar.hear)
        self.registrar.start()
        return self.registrar

    def live(self, kind: str = "ValidatingWebhookConfiguration") -> JsonObject:
        return self.client.get(CONFIGURATIONS[kind], self.installation.name)

    def close(self) -> None:
        if self._end is not None:
            self._end()
            assert self.registrar.stop()
        for resource in CONFIGURATIONS.values():
            try:
                self.client.delete(resource, self.installation.name)
            except NotFoundError:
                continue


@pytest.fixture
def door(client: Client, kinds: Kinds, installation: Installation) -> Iterator[Door]:
    door = Door(client, kinds, installation)
    yield door
    door.close()


def make_crd(name: str, *versions: str, storage: str = "", **spec: object) -> JsonObject:
    """`things.example.com`."""
    plural, _, group = name.partition(".")
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    subresources = {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": plural[:-1], "kind": plural[:-1].capitalize()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == (storage or versions[0]),
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": subresources,
                }
                for version in versions
            ],
            **spec,
        },
    }


def make_policy(name: str, group: str, *, resources: tuple[str, ...] = ("things",), **spec: object) -> JsonObject:
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["*"], "resources": [*resources]}
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": {
            "enforcement": "Deny",
            "rules": [{"name": "r", "cel": "true"}],
            "match": {"resourceRules": [rule]},
            **spec,
        },
    }


def make_conversion(name: str, *versions: str) -> JsonObject:
    plural, _, group = name.partition(".")
    steps = [{"from": a, "to": b, "jq": "."} for a in versions for b in versions if a != b]
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Conversion",
        "metadata": {"name": name},
        "spec": {"resource": {"group": group, "resource": plural}, "steps": steps},
    }
