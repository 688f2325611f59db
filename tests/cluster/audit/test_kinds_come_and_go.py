"""A kind's whole life, followed without a restart: what is reported is true at each step, and so is the coverage."""

import json
from pathlib import Path

import pytest

from auditor.cluster import Client
from auditor.cluster.resource import CRDS
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.audit.conftest import ODD, POLICIES, Stage, Start, make_crd, policy
from tests.cluster.audit.running import Watch, wait

GADGETS = "gadgets.example.com"


def is_stale(program: Watch, kind: str = GADGETS) -> bool:
    return program.count("auditor_audit_kind_stale", kind=kind) == 1


def is_covered(program: Watch, kind: str = GADGETS) -> bool:
    return program.count("auditor_audit_last_complete_pass_timestamp_seconds", kind=kind) > 0 and not is_stale(
        program, kind
    )


@pytest.mark.timeout(240)
def test_from_its_crd_to_its_end(stage: Stage, start: Start) -> None:
    stage.put(POLICIES, policy("one", ODD, resources=["gadgets"]))
    program = start()
    assert not is_covered(program)

    gadgets = stage.install(make_crd("gadgets"))
    bad = stage.write("bad", resource=gadgets, replicas=2)
    stage.write("good", resource=gadgets, replicas=3)
    stage.wait_results(bad, {"one/odd": "fail"}, program)
    wait(lambda: is_covered(program))

    stage.install(make_crd("gadgets", "v1", "v2"))
    also = stage.write("also", resource=gadgets, replicas=4)
    stage.wait_results(also, {"one/odd": "fail"}, program)

    moved = stage.install(make_crd("gadgets", "v1", "v2", storage="v2"))
    third = stage.write("third", resource=moved, replicas=6)
    stage.wait_results(third, {"one/odd": "fail"}, program)
    stage.write("bad", resource=moved, replicas=5)
    wait(lambda: "one/odd" not in stage.results(bad), why=lambda: program.text[-4000:])
    stage.wait_equal(program)

    stage.delete(CRDS, GADGETS)
    wait(lambda: stage.rows(checks=True) == {}, why=lambda: f"{stage.rows(checks=True)}\n{program.text[-4000:]}")
    wait(lambda: not is_covered(program))

    again = stage.install(make_crd("gadgets"))
    back = stage.write("bad", resource=again, replicas=2)
    stage.wait_results(back, {"one/odd": "fail"}, program)
    wait(lambda: is_covered(program))


RIGHTS: JsonObject = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "auditor-watch"},
    "rules": [
        {"apiGroups": ["auditor.dev"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["apiextensions.k8s.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["openreports.io"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]},
        {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
        {"apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get", "list", "watch"]},
    ],
}


def grant(stage: Stage, *resources: str) -> None:
    rule = {"apiGroups": ["example.com"], "resources": [*resources], "verbs": ["get", "list", "watch"]}
    role = {**RIGHTS, "rules": [*RIGHTS["rules"][:-1], rule]}
    stage.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(role))


@pytest.fixture
def limited(cluster: Sandbox, client: Client) -> Path:
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(RIGHTS))
    if cluster.kubectl("get", "serviceaccount", "-n", "auditor-system", "watcher", check=False).returncode:
        cluster.kubectl("create", "serviceaccount", "-n", "auditor-system", "watcher")
        account = "--serviceaccount=auditor-system:watcher"
        cluster.kubectl("create", "clusterrolebinding", "auditor-watch", "--clusterrole=auditor-watch", account)
    return cluster.service_account_kubeconfig("auditor-system", "watcher")


@pytest.mark.timeout(240)
def test_rights_that_are_removed_and_granted(stage: Stage, start: Start, limited: Path) -> None:
    """A watch that is open goes on when the right is removed, until it ends: the server ends it within minutes."""
    gadgets = stage.install(make_crd("gadgets"))
    stage.put(POLICIES, policy("one", ODD, resources=["gadgets", "things"]))
    uid = stage.write("bad", resource=gadgets, replicas=2)
    seen = stage.write("bad", replicas=2)
    program = start(kubeconfig=limited)
    stage.wait_results(seen, {"one/odd": "fail"}, program)
    wait(lambda: is_stale(program), why=lambda: program.text[-3000:])
    assert stage.results(uid) == {}

    grant(stage, "things", "gadgets")
    stage.wait_results(uid, {"one/odd": "fail"}, program)
    wait(lambda: is_covered(program))

    program.stop()
    grant(stage, "things")
    program = start(kubeconfig=limited)
    wait(lambda: is_stale(program))
    stage.write("bad", replicas=3)
    wait(lambda: "one/odd" not in stage.results(seen))
    assert stage.results(uid) == {"one/odd": "fail"}  # what is not read now is not forgotten
