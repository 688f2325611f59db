"""Real doors, found by the EndpointSlices of a Service: what they decide comes in, whoever is away."""

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import psutil
import pytest

from auditor import crds
from auditor.audit.doors import Collected, Doors, DoorService
from auditor.audit.doors.pardons import Key
from auditor.cluster import Client, Settings, connect
from auditor.cluster.informer import Informers
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.webhooks.serving.conftest import free_lease, free_port, policy, put, thing, thing_crd
from tests.cluster.webhooks.serving.running import Program, wait

NAMESPACE = "auditor-system"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Sandbox]:
    """Webhooks reach the whole of a cluster, so it is one of its own."""
    with Sandbox.start(f"doors-{os.getpid()}", owner=os.getpid()) as sandbox:
        for name in crds.names():
            sandbox.kubectl("apply", "--server-side", "-f", "-", stdin=crds.read(name))
        put(sandbox, thing_crd())
        for name in (NAMESPACE, "shop"):
            sandbox.kubectl("create", "namespace", name)
        put(sandbox, free_lease())
        sandbox.kubectl("wait", "--for=condition=Established", "crd", "--all")
        yield sandbox


@pytest.fixture
def client(cluster: Sandbox) -> Iterator[Client]:
    found = connect(Settings(kubeconfig=str(cluster.kubeconfig)))
    yield found
    found.transport.close()


@dataclass(slots=True)
class Taken:
    names: list[str] = field(default_factory=list)
    denied: int = 0
    pardoned: list[Key] = field(default_factory=list)

    def take(self, collected: Collected) -> None:
        self.names += [each["name"] for each in collected.decisions]
        self.denied += sum(count for (_, outcome), count in collected.counts.decisions.items() if outcome == "denied")


@pytest.fixture
def address() -> str:
    """Of this computer, and not the loopback, which no EndpointSlice may name."""
    for found in psutil.net_if_addrs().values():
        for each in found:
            if each.family is socket.AF_INET and not each.address.startswith("127."):
                return each.address
    pytest.skip("this computer has no address but the loopback")


def slices(*addresses: str, port: int) -> JsonObject:
    listed: list[Any] = [{"addresses": [address], "conditions": {"ready": True}} for address in addresses]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "auditor-webhook-x",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": "auditor-webhook"},
        },
        "addressType": "IPv4",
        "endpoints": listed,
        "ports": [{"name": "operations", "port": port, "protocol": "TCP"}],
    }


@pytest.mark.timeout(120)
def test_doors_of_a_service_are_found_and_read(cluster: Sandbox, client: Client, address: str) -> None:
    glass = ("--break-glass-group", "system:masters-of-glass")
    options = ("--operations", "0.0.0.0:0", "--drain", "0.2", *glass)
    program = Program(cluster.kubeconfig, *options, port=free_port())
    taken = Taken()
    informers = Informers(client)
    doors = Doors(taken.take, pardoned=taken.pardoned.extend, interval=0.1)
    doors.start()
    try:
        program.wait_ready()
        doors.discover(informers, DoorService("auditor-webhook", program.operations), namespace=NAMESPACE)
        wait(lambda: doors.status.discovery == "")
        assert doors.status.doors == ()
        put(cluster, policy("quorum", {"name": "odd", "jq": ".spec.replicas % 2 == 1", "message": "must be odd"}))
        refused = thing("even", replicas=2)
        wait(lambda: "must be odd" in create(cluster, refused, "--dry-run=server"))
        put(cluster, slices(address, port=program.operations))
        assert "must be odd" in create(cluster, refused)
        wait(lambda: "even" in taken.names, why=lambda: str(doors.status))
        wait(lambda: taken.denied >= 1)
        assert taken.pardoned == []

        masters = ("--as", "jane", "--as-group", "system:masters", "--as-group", "system:masters-of-glass")
        assert "admitted by break-glass" in create(cluster, refused, *masters)
        wait(lambda: taken.pardoned == [("example.com", "Thing", "shop/even")], why=lambda: str(taken))
        assert len(doors.pardons.times("example.com", "Thing", "shop/even")) == 1

        before = taken.denied
        put(cluster, slices(address, "192.0.2.7", port=program.operations))  # nobody is at the second
        wait(lambda: len(doors.status.doors) == 2)
        assert "must be odd" in create(cluster, thing("odder", replicas=4))
        wait(lambda: "odder" in taken.names)
        assert taken.denied == before + 1

        put(cluster, slices(port=program.operations))
        wait(lambda: doors.status.doors == ())
    finally:
        doors.stop()
        informers.stop()
        program.stop()


def test_a_service_that_may_not_be_read_is_told(cluster: Sandbox) -> None:
    nobody = connect(Settings(kubeconfig=str(cluster.user_kubeconfig("nobody", []))))
    informers = Informers(nobody)
    doors = Doors(lambda _: None)
    doors.start()
    try:
        doors.discover(informers, DoorService("auditor-webhook"), namespace=NAMESPACE)
        wait(lambda: "forbidden" in doors.status.discovery, why=lambda: str(doors.status))
    finally:
        doors.stop()
        informers.stop()
        nobody.transport.close()


def create(cluster: Sandbox, thing: JsonObject, *options: str) -> str:
    """What was said against it."""
    return cluster.kubectl("create", "-f", "-", *options, stdin=orjson.dumps(thing).decode(), check=False).stderr


def test_threads_end(cluster: Sandbox) -> None:
    doors = Doors(lambda _: None, urls=["http://127.0.0.1:1"], interval=0.1)
    doors.start()
    wait(lambda: doors.status.doors[0].error != "")
    doors.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("door ")]
