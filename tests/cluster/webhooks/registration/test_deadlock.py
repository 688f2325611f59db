"""With all replicas dead and a policy for everything under Fail, a cluster can still be repaired, by every way."""

import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from auditor.cluster import Client, Resource
from auditor.cluster.discovery import Kinds
from auditor.cluster.resource import CRDS, NAMESPACES
from auditor.errors import ApiError, NotFoundError
from auditor.json import JsonObject
from auditor.webhooks.registration import State, uninstall
from auditor.webhooks.registration.writing import CONFIGURATIONS
from tests.cluster.webhooks.registration.conftest import PATIENCE, Door, make_crd, make_policy, until
from tests.cluster.webhooks.registration.recording import Recorder

POLICIES = Resource("auditor.dev", "v1", "policies", "Policy", namespaced=False)
VALIDATING = CONFIGURATIONS["ValidatingWebhookConfiguration"]
CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)


@pytest.fixture
def things(client: Client, kinds: Kinds, group: str) -> Iterator[Resource]:
    client.create(CRDS, make_crd(f"things.{group}", "v1"))
    assert kinds.wait_until(lambda found: f"things.{group}" in found and found[f"things.{group}"].established, PATIENCE)
    yield Resource(group, "v1", "things", "Thing", namespaced=True)
    client.delete(CRDS, f"things.{group}")


def is_refused(client: Client, resource: Resource, thing: JsonObject) -> str:
    try:
        client.create(resource, thing)
    except ApiError as error:
        return str(error)
    client.delete(resource, thing["metadata"]["name"], namespace=thing["metadata"].get("namespace", ""))
    return ""


def test_a_dead_door_can_be_repaired(door: Door, client: Client, things: Resource) -> None:
    with socket.socket() as closed:  # nobody listens there, and nobody else gets the port
        closed.bind(("127.0.0.1", 0))
        dead = replace(door.installation.address, url=f"https://127.0.0.1:{closed.getsockname()[1]}")
        namespaces = ("kube-system", "auditor-system")
        door.installation = replace(door.installation, address=dead, excluded_namespaces=namespaces)
        client.create(NAMESPACES, {"metadata": {"name": "auditor-system"}})
        everything = make_policy("everything", "*", resources=("*",))
        door.policies = [everything, make_policy("maps", "", resources=("configmaps",))]
        registrar = door.start()
        assert registrar.wait_in_force(PATIENCE)

        def thing(namespace: str) -> JsonObject:
            return {"metadata": {"name": "x", "namespace": namespace}} | {
                "apiVersion": things.api_version,
                "kind": "Thing",
            }

        until(lambda: "failed calling webhook" in is_refused(client, things, thing("default")))
        until(
            lambda: (
                "failed calling webhook"
                in is_refused(client, CONFIGMAPS, thing("default") | {"kind": "ConfigMap", "apiVersion": "v1"})
            )
        )
        # Where we and the cluster itself live, nothing waits for us.
        for namespace in namespaces:
            assert not is_refused(client, things, thing(namespace))
        # Our own policies can be made, changed and removed.
        made = client.create(POLICIES, everything)
        client.update(POLICIES, made | {"spec": made["spec"] | {"enforcement": "Audit"}})
        client.delete(POLICIES, "everything")
        # CRDs come and go.
        name = f"others.{things.group}"
        client.create(CRDS, make_crd(name, "v1"))
        client.delete(CRDS, name)
        # What is registered can be changed by us and by hand.
        client.delete(VALIDATING, door.installation.name)
        until(lambda: any(found["metadata"]["name"] == door.installation.name for found in client.list(VALIDATING)))
        door.policies = []
        registrar.refresh()
        until(lambda: not is_refused(client, things, thing("default")))
        door.policies = [everything]
        registrar.refresh()
        until(lambda: bool(is_refused(client, things, thing("default"))))
        # And after an uninstall nothing is blocked.
        assert registrar.stop()
        uninstall(client, door.installation)
        until(lambda: not is_refused(client, things, thing("default")))


def test_the_window_between_a_crd_and_its_registration_is_short(
    door: Door, client: Client, kinds: Kinds, recorder: Recorder, group: str
) -> None:
    door.policies = [make_policy("everything", "*", resources=("*",))]
    registrar = door.start()
    end = kinds.subscribe(lambda _: registrar.refresh())
    try:
        assert registrar.wait_in_force(PATIENCE)
        client.create(CRDS, make_crd(f"things.{group}", "v1"))
        resource = Resource(group, "v1", "things", "Thing", namespaced=True)
        thing = {"apiVersion": resource.api_version, "kind": "Thing"}
        begun, first = time.monotonic(), None
        while True:
            name = f"x-{secrets.token_hex(4)}"
            recorder.take()
            try:
                client.create(resource, thing | {"metadata": {"name": name, "namespace": "default"}})
            except NotFoundError:  # not served yet
                assert time.monotonic() - begun < PATIENCE
                continue
            first = first or time.monotonic()
            if any(call.name == name for call in recorder.take()):
                break
            assert time.monotonic() - begun < PATIENCE
        # None, on an idle machine: it is registered before it is served.
        assert time.monotonic() - first < 2.0
        assert registrar.status()[1].state is State.IN_FORCE
    finally:
        end()
        client.delete(CRDS, f"things.{group}")
