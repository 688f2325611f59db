"""CRDs that are gone when the test is over, and kinds that are followed."""

import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from auditor.cluster import Client, Settings, connect
from auditor.cluster.discovery import KindChange, Kinds
from auditor.cluster.resource import CRDS
from auditor.errors import NotFoundError
from auditor.json import JsonObject
from auditor.sandbox import Sandbox

PATIENCE = 20.0
"""Seconds: the machine may be busy."""


def until(fits: Callable[[], bool]) -> None:
    """For what only shows when it is asked for."""
    deadline, pause = time.monotonic() + PATIENCE, threading.Event()
    while not fits():
        assert time.monotonic() < deadline, "it did not come to that"
        pause.wait(0.05)


@pytest.fixture(scope="session")
def client(control_plane: Sandbox) -> Iterator[Client]:
    client = connect(Settings(kubeconfig=str(control_plane.kubeconfig)))
    yield client
    client.transport.close()


@pytest.fixture
def group() -> str:
    """CRDs belong to the whole control plane, which is that of other tests, too."""
    return f"g{secrets.token_hex(4)}.discovery.test"


def make_crd(group: str, kind: str, *versions: str, storage: str = "", **names: object) -> JsonObject:
    plural = names.pop("plural", f"{kind.lower()}s")
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), **names},
            "versions": [make_version(version, storage=version == (storage or versions[0])) for version in versions],
        },
    }


def make_version(name: str, *, storage: bool = False, field: str = "a") -> JsonObject:
    properties = {"spec": {"type": "object", "properties": {field: {"type": "string"}}}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": properties}}
    return {"name": name, "served": True, "storage": storage, "schema": schema}


@dataclass(slots=True)
class Crds:
    client: Client
    created: list[str] = field(default_factory=list)

    def create(self, crd: JsonObject) -> None:
        self.client.create(CRDS, crd)
        self.created.append(crd["metadata"]["name"])

    def edit(self, name: str, change: Callable[[JsonObject], None]) -> None:
        def changed(crd: JsonObject) -> JsonObject:
            change(crd)
            return crd

        self.client.edit(CRDS, name, changed)

    def delete(self, name: str) -> None:
        self.client.delete(CRDS, name)


@pytest.fixture
def crds(client: Client) -> Iterator[Crds]:
    crds = Crds(client)
    yield crds
    for name in crds.created:
        try:
            crds.delete(name)
        except NotFoundError:
            continue


@dataclass(slots=True)
class Followed:
    """What is told of the kinds of one group."""

    kinds: Kinds
    group: str
    told: queue.Queue[KindChange] = field(default_factory=queue.Queue)
    log: list[KindChange] = field(default_factory=list)

    def hear(self, change: KindChange) -> None:
        if change.kind.group == self.group:
            self.told.put(change)

    def wait_for(self, fits: Callable[[KindChange], bool]) -> KindChange:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                change = self.told.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                pytest.fail(f"not told; told was: {', '.join(map(str, self.log)) or 'nothing'}")
            self.log.append(change)
            if fits(change):
                return change


@pytest.fixture
def followed(client: Client, group: str) -> Iterator[Followed]:
    with Kinds(client) as kinds:
        followed = Followed(kinds, group)
        kinds.subscribe(followed.hear)
        assert kinds.wait_synced(PATIENCE)
        yield followed
