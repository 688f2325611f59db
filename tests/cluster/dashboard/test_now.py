"""What the page of a finding tells of its object, read from a real API server by the rights of the visitor."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.cluster import Client, Settings, connect
from auditor.dashboard.access.rights import Rights, User
from auditor.dashboard.answers.line import FindingLine
from auditor.dashboard.answers.now import ObjectNow
from auditor.dashboard.now import Objects
from auditor.errors import UsageError
from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.sandbox import Sandbox

MARK = uuid.uuid4().hex[:6]
"""Of this worker: others of the same run make the same things at the same time."""
GROUP, POLICY_NAME = f"now-{MARK}.example.com", f"vessels-sealed-{MARK}"
OWN = Path(__file__).parents[3] / "auditor" / "crds"
FINDING = FindingLine(
    fingerprint="x",
    result=Result.FAIL,
    severity=Severity.HIGH,
    policy_kind="Policy",
    policy=POLICY_NAME,
    rule="sealed",
    message="",
    path="/spec/seal",
    api_version=f"{GROUP}/v1",
    kind="Vessel",
    resource="vessels",
    namespace="default",
    name="ark",
    first_seen=datetime(2026, 11, 20, tzinfo=UTC),
    opened_at=datetime(2026, 11, 20, tzinfo=UTC),
    resolved_at=None,
    overdue=False,
    writer="",
    excused_by="",
)
VESSEL: JsonObject = {
    "apiVersion": f"{GROUP}/v1",
    "kind": "Vessel",
    "metadata": {"name": "ark", "namespace": "default"},
    "spec": {
        "decks": 3,
        "tags": ["wood"],
        "dbPassword": "hunter2-and-more",
        "note": "say hunter2-and-more",
        "link": "https://noah:dove@example.com/",
    },
}
POLICY: JsonObject = {
    "apiVersion": "auditor.dev/v1",
    "kind": "Policy",
    "metadata": {"name": POLICY_NAME},
    "spec": {
        "enforcement": "Audit",
        "match": {
            "resourceRules": [
                {"apiGroups": [GROUP], "apiVersions": ["v1"], "resources": ["vessels"], "operations": ["*"]}
            ]
        },
        "rules": [
            {"name": "sealed", "jq": '.spec.seal == "pitch"', "message": "not sealed"},
            {"name": "quiet", "jq": ".spec.decks < 3", "message": "too many", "sensitive": True},
        ],
        "mutate": [{"name": "seal", "jq": '.spec.seal //= "pitch" | .spec.decks = 2'}],
    },
}


def make_crd() -> JsonObject:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": free}}}
    names = {"plural": "vessels", "singular": "vessel", "kind": "Vessel"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"vessels.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": names,
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


@pytest.fixture(scope="module")
def cluster(control_plane: Sandbox) -> Iterator[Sandbox]:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(OWN))
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(make_crd()))
    kinds = (f"crd/vessels.{GROUP}", "crd/policies.auditor.dev")
    control_plane.kubectl("wait", "--for=condition=Established", *kinds)
    yield control_plane
    control_plane.kubectl("delete", "crd", f"vessels.{GROUP}", "--wait=false")


@pytest.fixture(scope="module")
def uid(cluster: Sandbox) -> Iterator[str]:
    apply(cluster, POLICY)
    apply(cluster, VESSEL, "--field-manager=shem")
    yield cluster.kubectl("get", f"vessels.{GROUP}", "ark", "-o=jsonpath={.metadata.uid}").stdout
    cluster.kubectl("delete", "policy", POLICY_NAME)


@pytest.fixture(scope="module")
def client(cluster: Sandbox) -> Client:
    return connect(Settings(kubeconfig=str(cluster.kubeconfig)))


def apply(cluster: Sandbox, thing: JsonObject, *more: str) -> None:
    cluster.kubectl("apply", "--server-side", "--force-conflicts", *more, "-f", "-", stdin=json.dumps(thing))


Look = Callable[..., ObjectNow]


@pytest.fixture
def look(client: Client, uid: str) -> Look:
    objects = Objects(lambda: client, clock=lambda: 0.0)
    return lambda **more: objects.look(lambda *_: True, replace(FINDING, **more), uid)


def test_a_field_that_is_missing(look: Look) -> None:
    now = look()
    assert (now.seen, now.missing, now.value, now.nearest) == (True, True, None, "/spec")
    assert {"decks", "tags"} < set(now.beside)
    assert [each.manager for each in now.writers] == ["shem"]
    assert [(each.path, each.before, each.after) for each in now.changes] == []
    assert "sensitive" in now.unchanged


def test_what_stands_there_and_who_wrote_it(look: Look, cluster: Sandbox) -> None:
    japheth = {**VESSEL, "spec": {"tags": ["wood"]}}
    apply(cluster, japheth, "--field-manager=japheth")
    now = look(path="/spec/tags")
    assert (now.missing, json.loads(now.value or "")) == (False, ["wood"])
    assert {each.manager for each in now.writers} == {"shem", "japheth"}
    assert any(each.at is not None for each in now.writers)
    assert {each.manager for each in look(path="/spec/decks").writers} == {"shem"}
    assert {each.manager for each in look(path="").writers} == {"shem", "japheth"}
    assert look(path="no pointer at all").writers


@pytest.mark.parametrize("path", ["/spec", "/spec/dbPassword", "/spec/note", "/spec/link"])
def test_secrets_are_not_shown(path: str, look: Look) -> None:
    value = look(path=path).value
    assert value is not None
    assert "hunter2" not in value
    assert "dove" not in value


def test_what_a_sensitive_rule_is_about_is_not_shown(look: Look) -> None:
    now = look(rule="quiet", path="/spec/decks")
    assert now.value is None
    assert "sensitive" in now.said
    # Of a check that is about that rule, too; and where nobody knows the policy any more.
    for more in (
        {"policy_kind": "Check", "policy": "bypass", "rule": f"{POLICY_NAME}/quiet"},
        {"policy": "gone", "rule": "quiet"},
    ):
        assert look(path="/spec/decks", **more).value is None
    assert look(policy_kind="Check", policy="schema", rule="type", path="/spec/decks").value == "3"


def test_what_a_mutation_would_change(look: Look, cluster: Sandbox) -> None:
    plain = json.loads(json.dumps(POLICY))
    del plain["spec"]["rules"][1]
    apply(cluster, plain)
    try:
        changes = {each.path: (each.before, each.after) for each in look().changes}
        assert changes == {"/spec/decks": ("3", "2"), "/spec/seal": (None, '"pitch"')}
        plain["spec"]["lookups"] = [
            {"name": "peers", "resource": {"group": GROUP, "resource": "vessels"}, "namespace": "same"}
        ]
        plain["spec"]["mutate"][0]["jq"] = ".spec.decks = ($lookups.peers | length)"
        apply(cluster, plain)
        now = look()
        assert now.changes == ()
        assert "cannot be told here" in now.unchanged
    finally:
        apply(cluster, POLICY)


def test_an_object_that_has_gone_or_is_another(look: Look, client: Client, uid: str) -> None:
    assert look(name="raft").said == "The object is not there any more."
    objects = Objects(lambda: client, clock=lambda: 0.0)
    assert "another object" in objects.look(lambda *_: True, FINDING, "another").said


def test_a_namespace_is_in_none(look: Look) -> None:
    about = {"api_version": "v1", "kind": "Namespace", "resource": "namespaces", "name": "kube-system"}
    for namespace in ("", "kube-system"):
        assert look(**about, namespace=namespace, path="/metadata/name").value == '"kube-system"'


def test_what_is_wrong_with_the_cluster_is_for_the_log(tmp_path: Path, uid: str) -> None:
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
        "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:9'}}]\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\nusers: [{name: a, user: {token: x}}]\n"
    )
    away = connect(Settings(kubeconfig=str(nowhere)))
    now = Objects(lambda: away, clock=lambda: 0.0).look(lambda *_: True, FINDING, uid)
    assert now == ObjectNow(said="The cluster cannot be asked now.")


def test_it_is_read_for_those_who_may_get_it_themselves(cluster: Sandbox, client: Client, uid: str) -> None:
    make = ("create", "role", f"vessels-{MARK}", "--verb=get", f"--resource=vessels.{GROUP}", "-n", "default")
    cluster.kubectl(*make, "--resource-name=ark", check=False)
    cluster.kubectl(
        "create", "rolebinding", f"vessels-{MARK}", f"--role=vessels-{MARK}", "--user=ham", "-n", "default", check=False
    )
    rights = Rights(client, clock=lambda: 0.0)
    objects = Objects(lambda: client, clock=lambda: 0.0)

    def look(user: str, **more: Any) -> ObjectNow:
        return objects.look(rights.may_get(User(name=user)), replace(FINDING, **more), uid)

    assert look("ham", path="/spec/tags").value is not None
    # The policy is somebody else's affair.
    assert "get the policy" in look("ham").unchanged
    for now in (look("eve"), look("ham", name="raft"), look("ham", namespace="kube-system")):
        assert now == ObjectNow(said=f"To see it you need the right to get vessels.{GROUP} yourself.")


def test_a_dashboard_without_the_right_says_so(cluster: Sandbox, uid: str) -> None:
    poor = connect(Settings(kubeconfig=str(cluster.user_kubeconfig("poor", ()))))
    now = Objects(lambda: poor, clock=lambda: 0.0).look(lambda *_: True, FINDING, uid)
    assert (now.seen, "dashboard itself may not" in now.said) == (False, True)


def test_the_rights_of_the_page_of_documentation_suffice(cluster: Sandbox, uid: str) -> None:
    page = (OWN.parents[1] / "docs" / "dashboard.md").read_text()
    text = next(part for part in page.split("```yaml\n")[1:] if "auditor-dashboard-objects" in part).partition("```")[0]
    name = f"objects-{MARK}"
    role = yaml.safe_load(
        text.replace("auditor-dashboard-objects", name).replace("db.example.com", GROUP).replace("databases", "vessels")
    )
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(role))
    cluster.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", f"--user={name}")
    entitled = connect(Settings(kubeconfig=str(cluster.user_kubeconfig(name, ()))))
    plain = json.loads(json.dumps(POLICY))
    del plain["spec"]["rules"][1]
    apply(cluster, plain)
    try:
        now = Objects(lambda: entitled, clock=lambda: 0.0).look(lambda *_: True, FINDING, uid)
        assert (now.seen, now.said, now.unchanged) == (True, "", "")
        assert len(now.changes) == 2
    finally:
        apply(cluster, POLICY)


def test_no_cluster_is_asked_once_in_a_while(uid: str) -> None:
    asked: list[None] = []

    def fail() -> Client:
        asked.append(None)
        raise UsageError("it is another one")

    time = [0.0]
    objects = Objects(fail, clock=lambda: time[0])
    for moment in (0, 29, 31):
        time[0] = moment
        assert "another one" in objects.look(lambda *_: True, FINDING, uid).said
    assert len(asked) == 2
    assert "not asked" in objects.look(None, FINDING, uid).said
