"""Our objects in a real cluster, followed: each change makes a view, and bursts make few."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from auditor import crds
from auditor.cluster import Client, Resource, connect
from auditor.cluster import Settings as ClusterSettings
from auditor.intake.kinds import CONVERSIONS, EXCEPTIONS, POLICIES
from auditor.json import JsonObject
from auditor.model.resource import GroupVersionResource
from auditor.sandbox import Sandbox
from tests.cluster.live.making import Following, install, wait_for

GADGETS = Resource("live.example.com", "v1", "gadgets", "Gadget", namespaced=True)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)


@pytest.fixture(scope="module")
def client(control_plane: Sandbox) -> Iterator[Client]:
    install(control_plane, *crds.names())
    found = connect(ClusterSettings(kubeconfig=str(control_plane.kubeconfig), qps=1000, burst=1000))
    yield found
    found.transport.close()


@pytest.fixture
def following(client: Client) -> Iterator[Following]:
    found = Following(client)
    yield found
    assert found.live.stop()
    client.delete_collection(POLICIES, labels="test=live")


def policy(name: str, cel: str = "true", group: str = "live.example.com", **spec: Any) -> JsonObject:
    rule = {"apiGroups": [group], "apiVersions": ["*"], "resources": ["gadgets"], "operations": ["*"]}
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name, "labels": {"test": "live"}},
        "spec": {"match": {"resourceRules": [rule]}, "rules": [{"name": "r", "cel": cel}], **spec},
    }


def gadget_crd(properties: JsonObject) -> JsonObject:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.live.example.com"},
        "spec": {
            "group": "live.example.com",
            "scope": "Namespaced",
            "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"},
            "versions": [version],
        },
    }


def test_policies_come_change_become_wrong_and_go(client: Client, following: Following) -> None:
    client.create(POLICIES, policy("first"))
    view = following.wait(lambda view: "first" in view.policies)
    assert following.live.unready() == ""
    compiled = view.policies["first"].good
    client.apply(POLICIES, policy("first", "object.spec.size <"), force=True)
    view = following.wait(lambda view: view.policies["first"].generation == 2)
    assert view.policies["first"].good is compiled
    assert [each.policy.name for each in view.compiled() if each.policy.name == "first"] == ["first"]
    assert not view.policies["first"].right
    client.apply(POLICIES, policy("first", "false"), force=True)
    view = following.wait(lambda view: view.policies["first"].right)
    assert view.policies["first"].good is not compiled
    client.delete(POLICIES, "first")
    following.wait(lambda view: "first" not in view.policies)


def test_a_status_that_changes_makes_no_view(client: Client, following: Following) -> None:
    client.create(POLICIES, policy("still"))
    following.wait(lambda view: "still" in view.policies)
    count = len(following.views)
    client.patch_merge(POLICIES, "still", {"status": {"observedGeneration": 1}}, subresource="status")
    client.create(POLICIES, policy("next"))
    view = following.wait(lambda view: "next" in view.policies)
    assert len(following.views) == count + 1
    assert "status" not in view.policies["still"].thing
    found = following.live.find(POLICIES, "still")
    assert found is not None
    assert found["status"]["observedGeneration"] == 1


def test_a_hundred_at_once_make_few_views(client: Client, following: Following) -> None:
    following.wait(lambda _: True)
    count = len(following.views)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: client.create(POLICIES, policy(f"many-{i}")), range(100)))
    following.wait(lambda view: sum(name.startswith("many-") for name in view.policies) == 100)
    assert len(following.views) - count < 50
    client.delete_collection(POLICIES, labels="test=live")
    following.wait(lambda view: not any(name.startswith("many-") for name in view.policies))


def test_exceptions_and_conversions(client: Client, following: Following, namespace: str) -> None:
    meant = {"policies": ["first"], "owner": "jane", "reason": "it is moved", "expires": "2099-01-01T00:00:00Z"}
    exception = {"apiVersion": "auditor.dev/v1", "kind": "PolicyException", "spec": meant}
    client.create(EXCEPTIONS, exception | {"metadata": {"name": "one", "namespace": namespace}})
    view = following.wait(lambda view: f"{namespace}/one" in view.exceptions)
    assert view.exceptions[f"{namespace}/one"].right
    steps = [{"from": "v1", "to": "v2", "jq": ".a |"}, {"from": "v2", "to": "v1", "jq": "."}]
    spec = {"resource": {"group": "live.example.com", "resource": "gadgets"}, "steps": steps}
    name = "gadgets.live.example.com"
    client.create(
        CONVERSIONS, {"apiVersion": "auditor.dev/v1", "kind": "Conversion", "metadata": {"name": name}, "spec": spec}
    )
    view = following.wait(lambda view: name in view.conversions)
    assert view.conversions[name].good is None
    client.delete(CONVERSIONS, name)
    client.delete(EXCEPTIONS, "one", namespace=namespace)
    following.wait(lambda view: name not in view.conversions and f"{namespace}/one" not in view.exceptions)


def test_a_kind_that_comes_and_changes_is_known_and_its_policies_are_read_again(
    control_plane: Sandbox, client: Client, following: Following, namespace: str
) -> None:
    client.create(POLICIES, policy("sized", "object.spec.size < 3", lookups=LOOKUP))
    view = following.wait(lambda view: "sized" in view.policies)
    before = view.policies["sized"]
    other = view.policies.get("other")
    crd = gadget_crd({"size": {"type": "integer"}})
    try:
        control_plane.kubectl("apply", "-f", "-", stdin=orjson.dumps(crd).decode())
        view = following.wait(
            lambda view: (kind := view.kinds.get("gadgets.live.example.com")) is not None and kind.established
        )
        assert ("live.example.com", "gadgets") in (view.match_kinds().custom or ())
        assert view.policies["sized"].mistakes == before.mistakes == ()
        assert other is None
        # What the policy looks up is followed from now on.
        client.create(GADGETS, gadget("one", namespace))
        wait_for(lambda: len(following.live.objects.of_resource("live.example.com", "gadgets") or ()) == 1)
        assert following.live.unready() == ""
        assert following.live.objects.age is not None
        client.delete(GADGETS, "one", namespace=namespace)
        wait_for(lambda: following.live.objects.of_resource("live.example.com", "gadgets") == [])
        # Without the field that it reads, a policy has a mistake; its last good form goes on.
        changed = gadget_crd({"length": {"type": "integer"}})
        control_plane.kubectl("apply", "-f", "-", stdin=orjson.dumps(changed).decode())
        view = following.wait(lambda view: bool(view.policies["sized"].mistakes))
        assert view.policies["sized"].good is not None
        assert not view.policies["sized"].right
        schema = view.schemas[GroupVersionResource("live.example.com", "v1", "gadgets")]
        assert schema is not None
    finally:
        control_plane.kubectl("delete", "crd", "gadgets.live.example.com", "--ignore-not-found")


LOOKUP = [{"name": "peers", "resource": {"group": "live.example.com", "resource": "gadgets"}}]


def gadget(name: str, namespace: str) -> JsonObject:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "live.example.com/v1", "kind": "Gadget", "metadata": metadata, "spec": {"size": 1}}


def test_built_in_kinds_are_looked_up_and_let_go(client: Client, following: Following, namespace: str) -> None:
    lookup = [{"name": "maps", "resource": {"group": "", "resource": "configmaps"}}]
    client.create(POLICIES, policy("maps", lookups=lookup))
    metadata = {"name": "one", "namespace": namespace}
    client.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})

    def names() -> set[str]:
        found = following.live.objects.of_kind("v1", "ConfigMap") or ()
        return {each["metadata"]["name"] for each in found if each["metadata"]["namespace"] == namespace}

    wait_for(lambda: "one" in names())
    client.delete(POLICIES, "maps")
    wait_for(lambda: following.live.objects.of_resource("", "configmaps") is None)


def test_namespaces_are_known(following: Following, namespace: str) -> None:
    wait_for(lambda: following.live.namespaces.get(namespace) is not None)
    assert following.live.namespaces.get("no-such-namespace") is None
