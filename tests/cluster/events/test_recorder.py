"""Events as the real API server takes them, and as `kubectl describe` shows them."""

import secrets
import time
from collections.abc import Iterator

import pytest

from auditor.cluster import Client, Settings, connect
from auditor.cluster.recorder import Recorder
from auditor.cluster.resource import EVENTS, NAMESPACES, Resource
from auditor.json import JsonObject
from auditor.sandbox import Sandbox

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)


@pytest.fixture(scope="session")
def client(control_plane: Sandbox) -> Iterator[Client]:
    with (client := connect(Settings(kubeconfig=str(control_plane.kubeconfig), qps=1000, burst=1000))).transport:
        yield client


@pytest.fixture
def made(client: Client, namespace: str) -> JsonObject:
    return client.create(
        CONFIG_MAPS,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": namespace}},
    )


def find(client: Client, obj: JsonObject, count: int) -> list[JsonObject]:
    """The Events of this object, as soon as there are so many."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = [e for e in client.list(EVENTS) if e.get("regarding", {}).get("uid") == obj["metadata"]["uid"]]
        if len(found) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{count} Events of {obj['metadata']['name']} were expected")


def test_one_and_its_series(client: Client, control_plane: Sandbox, namespace: str, made: JsonObject) -> None:
    recorder = Recorder(client, component="example.com/test")
    recorder.warning(made, reason="BackupFailed", action="Backup", note="no bucket: " + "ü" * 2000, related=made)
    (event,) = find(client, made, 1)
    assert "series" not in event
    assert event["note"].endswith("ü…")
    for _ in range(6):
        recorder.warning(made, reason="BackupFailed", action="Backup", note="no bucket: " + "ü" * 2000, related=made)
    assert recorder.close(timeout=5)
    (event,) = find(client, made, 1)
    assert event["series"]["count"] == 7
    assert event["metadata"]["namespace"] == namespace
    assert recorder.counts.dropped == 0
    described = control_plane.kubectl("describe", "configmap", "a", "-n", namespace).stdout
    assert "BackupFailed" in described
    assert "example.com/test" in described
    assert "x7 over" in described


def test_of_the_cluster(client: Client, namespace: str) -> None:
    obj = client.get(NAMESPACES, namespace)
    recorder = Recorder(client, component="example.com/test")
    recorder.normal(obj, reason="Seen", action="Look")
    assert recorder.close(timeout=5)
    (event,) = find(client, obj, 1)
    assert event["metadata"]["namespace"] == "default"


@pytest.mark.parametrize("name", ["system:Strange:.Näme-", "x" * 253, "a." * 120 + "a"])
def test_any_name_of_an_object(client: Client, name: str) -> None:
    uid = secrets.token_hex(8)
    obj = {"apiVersion": "example.com/v1", "kind": "Strange", "metadata": {"name": name, "uid": uid}}
    recorder = Recorder(client, component="test", instance="x" * 500)
    recorder.normal(obj, reason="R" * 128, action="A" * 128)
    assert recorder.close(timeout=5)
    assert recorder.counts.lost == 0
    assert len(find(client, obj, 1)) == 1


def test_an_event_that_has_expired_is_made_again(client: Client, made: JsonObject) -> None:
    recorder = Recorder(client, component="example.com/test")
    recorder.normal(made, reason="Seen", action="Look")
    (event,) = find(client, made, 1)
    client.delete(EVENTS, event["metadata"]["name"], namespace=event["metadata"]["namespace"])
    recorder.normal(made, reason="Seen", action="Look")
    assert recorder.close(timeout=5)
    (event,) = find(client, made, 1)
    assert event["series"]["count"] == 2
    assert event["eventTime"]


def test_a_namespace_that_goes_is_no_fault(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    name = f"going-{secrets.token_hex(4)}"
    held = {"metadata": {"name": name}, "spec": {"finalizers": ["example.com/held", "kubernetes"]}}
    client.create(NAMESPACES, held)
    client.delete(NAMESPACES, name)
    recorder = Recorder(client, component="example.com/test")
    going = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": name}}
    gone = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "nowhere"}}
    for obj in (going, gone):
        recorder.normal(obj, reason="Seen", action="Look")
    assert recorder.close(timeout=5)
    assert recorder.counts.lost == 2
    assert not [r for r in caplog.records if "Event" in r.getMessage()]
    client.update(NAMESPACES, client.get(NAMESPACES, name) | {"spec": {}}, subresource="finalize")


def test_who_may_not_write_them_is_told_so(
    control_plane: Sandbox, made: JsonObject, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = connect(Settings(kubeconfig=str(control_plane.user_kubeconfig("nobody"))))
    with nobody.transport:
        recorder = Recorder(nobody, component="example.com/test")
        for reason in ("One", "Two"):
            recorder.normal(made, reason=reason, action="Look")
        assert recorder.close(timeout=5)
    assert recorder.counts.lost == 2
    (said,) = [r.getMessage() for r in caplog.records if "Events are lost" in r.getMessage()]
    assert 'cannot create resource "events" in API group "events.k8s.io"' in said
