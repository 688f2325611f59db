"""Registration, and its end, with these rights and no more. What a webhook is granted is in tests/cluster/deploy."""

from collections.abc import Iterator

import pytest

from auditor.cluster import Client, Resource, Settings, connect
from auditor.cluster.discovery import Kinds
from auditor.cluster.resource import CRDS
from auditor.intake.kinds import CONVERSIONS
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from auditor.webhooks.registration import Installation, find_owner, uninstall
from auditor.webhooks.registration.writing import CONFIGURATIONS
from tests.cluster.webhooks.registration.conftest import PATIENCE, Door, make_conversion, make_crd, make_policy, until

RBAC = "rbac.authorization.k8s.io"
ROLES = Resource(RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
BINDINGS = Resource(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)


def list_rules(name: str) -> list[JsonObject]:
    webhooks = ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"]
    admission = {"apiGroups": ["admissionregistration.k8s.io"], "resources": webhooks}
    return [
        {**admission, "resourceNames": [name], "verbs": ["get", "list", "watch", "patch", "update", "delete"]},
        {**admission, "verbs": ["create"]},
        {
            "apiGroups": ["apiextensions.k8s.io"],
            "resources": ["customresourcedefinitions"],
            "verbs": ["get", "list", "watch", "patch"],
        },
        {"apiGroups": ["auditor.dev"], "resources": ["conversions"], "verbs": ["get"]},
        {"apiGroups": ["auditor.dev"], "resources": ["conversions/status"], "verbs": ["patch"]},
        {"apiGroups": [RBAC], "resources": ["clusterroles"], "resourceNames": [name], "verbs": ["get", "patch"]},
    ]


@pytest.fixture
def restricted(sandbox: Sandbox, client: Client, kinds: Kinds, installation: Installation) -> Iterator[Door]:
    name = installation.name
    meta = {"apiVersion": f"{RBAC}/v1", "metadata": {"name": name}}
    client.create(ROLES, {**meta, "kind": "ClusterRole", "rules": list_rules(name)})
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
    subject = {"apiGroup": RBAC, "kind": "User", "name": name}
    client.create(BINDINGS, {**meta, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]})
    with connect(Settings(kubeconfig=str(sandbox.user_kubeconfig(name)))).transport as transport:
        door = Door(Client(transport), kinds, installation)
        yield door
        door.client = client
        door.close()
    client.delete(BINDINGS, name)
    client.delete(ROLES, name)


def test_with_its_rights_alone(restricted: Door, client: Client, group: str) -> None:
    name = f"things.{group}"
    client.create(CRDS, make_crd(name, "v1", "v2"))
    conversion = make_conversion(name, "v1", "v2")
    client.create(CONVERSIONS, conversion)
    restricted.policies, restricted.conversions = [make_policy("p", group)], [conversion]
    owner = find_owner(restricted.client, f"ClusterRole/{restricted.installation.name}")
    registrar = restricted.start(owner)
    assert registrar.wait_in_force(PATIENCE)
    assert registrar.wait(lambda found: name in found and found[name].state.value == "in force", PATIENCE)
    until(lambda: bool(client.get(CONVERSIONS, name).get("status")))
    client.patch_merge(CRDS, name, {"spec": {"conversion": {"strategy": "None", "webhook": None}}})
    until(lambda: client.get(CRDS, name)["spec"]["conversion"]["strategy"] == "Webhook")
    live = restricted.live()
    live["webhooks"][1]["matchConditions"] = [{"name": "off", "expression": "false"}]
    client.update(CONFIGURATIONS["ValidatingWebhookConfiguration"], live)
    until(lambda: "off" not in {each["name"] for each in restricted.live()["webhooks"][1]["matchConditions"]})
    done = uninstall(restricted.client, restricted.installation, owner=owner)
    assert len(done.removed) == 3
    client.delete(CONVERSIONS, name)
    client.delete(CRDS, name)
