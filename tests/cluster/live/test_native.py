"""Native policies in a real cluster, followed, and since when rules deny."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from auditor import crds
from auditor.cluster import Client, connect
from auditor.cluster import Settings as ClusterSettings
from auditor.intake.kinds import POLICIES
from auditor.intake.live.native import BINDINGS, NATIVE
from auditor.json import JsonObject
from auditor.model.policy import Kind
from auditor.sandbox import Sandbox
from tests.cluster.live.making import Following, install, wait_for

VAPS, MAPS = NATIVE
VAP_BINDINGS, MAP_BINDINGS = BINDINGS
ADMISSION = "admissionregistration.k8s.io/v1"
LABELS = {"test": "live-native"}


@pytest.fixture(scope="module")
def client(control_plane: Sandbox) -> Iterator[Client]:
    install(control_plane, *crds.names())
    found = connect(ClusterSettings(kubeconfig=str(control_plane.kubeconfig), qps=1000, burst=1000))
    yield found
    found.transport.close()


@pytest.fixture
def following(client: Client) -> Iterator[Following]:
    found = Following(client, native=True)
    yield found
    assert found.live.stop()
    for resource in (POLICIES, VAPS, MAPS, VAP_BINDINGS, MAP_BINDINGS):
        client.delete_collection(resource, labels="test=live-native")


def native(name: str, cel: str = "object.spec.size < 3", **spec: Any) -> JsonObject:
    rule = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["things"], "operations": ["CREATE"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": cel}], **spec}
    metadata = {"name": name, "labels": LABELS}
    return {"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": spec}


def bound(name: str, of: str, **spec: Any) -> JsonObject:
    spec = {"policyName": of, "validationActions": ["Deny"], **spec}
    metadata = {"name": name, "labels": LABELS}
    return {"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": spec}


def test_native_policies_come_change_and_go(client: Client, following: Following) -> None:
    client.create(VAPS, native("sizes"))
    client.create(VAP_BINDINGS, bound("sizes-all", "sizes"))
    key = "ValidatingAdmissionPolicy/sizes/sizes-all"
    view = following.wait(lambda view: key in view.native and view.native[key].right)
    assert view.native[key].mistakes == ()
    before = view.native[key].good
    assert before in view.compiled()
    other = "ValidatingAdmissionPolicy/others/others-all"
    client.create(VAPS, native("others"))
    client.create(VAP_BINDINGS, bound("others-all", "others"))
    view = following.wait(lambda view: other in view.native and view.native[other].right)
    assert view.native[key].good is before
    kept = view.native[other].good
    client.apply(VAPS, native("sizes", "object.spec.size < 5"), force=True)
    view = following.wait(lambda view: view.native[key].generation == 2)
    assert view.native[key].good is not before
    assert view.native[other].good is kept
    client.delete(VAP_BINDINGS, "sizes-all")
    view = following.wait(lambda view: key not in view.native)
    assert view.native["ValidatingAdmissionPolicy/sizes/"].good is None
    client.delete(VAPS, "sizes")
    following.wait(lambda view: not any("/sizes/" in each for each in view.native))
    assert following.live.troubles() == []


def test_mutating_policies_too(client: Client, following: Following) -> None:
    mutation = {
        "patchType": "ApplyConfiguration",
        "applyConfiguration": {"expression": "Object{spec: Object.spec{size: 1}}"},
    }
    thing = native("grow") | {"kind": "MutatingAdmissionPolicy"}
    del thing["spec"]["validations"]
    thing["spec"] |= {"mutations": [mutation], "reinvocationPolicy": "Never"}
    client.create(MAPS, thing)
    binding = bound("grow-all", "grow") | {"kind": "MutatingAdmissionPolicyBinding"}
    del binding["spec"]["validationActions"]
    client.create(MAP_BINDINGS, binding)
    view = following.wait(lambda view: any(each.policy.kind is Kind.MUTATING for each in view.compiled()))
    assert view.native["MutatingAdmissionPolicy/grow/grow-all"].right


def test_the_door_goes_on_without_native_policies(client: Client) -> None:
    following = Following(client, native=False)
    try:
        client.create(VAPS, native("unseen"))
        client.create(VAP_BINDINGS, bound("unseen-all", "unseen"))
        view = following.wait(lambda _: True)
        assert view.native == {}
        assert {each.resource for each in following.live.followed()}.isdisjoint({*NATIVE, *BINDINGS})
    finally:
        assert following.live.stop()
        client.delete_collection(VAPS, labels="test=live-native")
        client.delete_collection(VAP_BINDINGS, labels="test=live-native")


def test_who_may_not_read_native_policies_goes_on_and_says_so(control_plane: Sandbox, client: Client) -> None:
    role = "live-native-reader"
    rules = ["--resource=policies.auditor.dev,policyexceptions.auditor.dev,conversions.auditor.dev"]
    more = ["auditconfigs.auditor.dev", "namespaces", "customresourcedefinitions.apiextensions.k8s.io"]
    control_plane.kubectl("create", "clusterrole", role, "--verb=get,list,watch", f"{rules[0]},{','.join(more)}")
    control_plane.kubectl("create", "clusterrolebinding", role, f"--clusterrole={role}", "--user=modest")
    kubeconfig = control_plane.user_kubeconfig("modest", [])
    modest = connect(ClusterSettings(kubeconfig=str(kubeconfig)))
    following = Following(modest, native=True)
    try:
        view = following.wait(lambda _: True)
        assert following.live.unready() == ""
        assert view.native == {}
        assert sorted(each.partition(" ")[0] for each in following.live.troubles()) == sorted(
            each.name for each in (*NATIVE, *BINDINGS)
        )
        assert "403" in following.live.troubles()[0]
        # Granted later, they come; the pause between two attempts is half a minute at most.
    finally:
        assert following.live.stop()
        modest.transport.close()
        control_plane.kubectl("delete", "clusterrole,clusterrolebinding", role)


def policy(name: str) -> JsonObject:
    rule = {"apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["things"], "operations": ["*"]}
    spec = {"match": {"resourceRules": [rule]}, "rules": [{"name": "r", "cel": "true"}], "enforcement": "Deny"}
    metadata = {"name": name, "labels": LABELS}
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": metadata, "spec": spec}


def test_since_when_rules_deny_is_read_when_it_is_asked_for(client: Client, following: Following) -> None:
    client.create(POLICIES, policy("denies"))
    following.wait(lambda view: "denies" in view.policies)
    assert following.live.enforced_since() == {}
    since = [{"rule": "r", "time": "2026-11-21T12:00:00Z"}]
    status = {"status": {"observedGeneration": 1, "enforcedSince": since}}
    count = len(following.views)
    client.patch_merge(POLICIES, "denies", status, subresource="status")
    expected = {("denies", "r"): datetime(2026, 11, 21, 12, tzinfo=UTC)}
    wait_for(lambda: following.live.enforced_since() == expected)
    assert len(following.views) == count
    client.delete(POLICIES, "denies")
    wait_for(lambda: following.live.enforced_since() == {})
