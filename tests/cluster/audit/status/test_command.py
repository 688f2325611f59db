"""`auditor status` on a real API server, as a person runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from subprocess import CompletedProcess

import pytest

from auditor.audit.coverage import KindCounts, KindCoverage, PolicyCounts, Situation
from auditor.audit.statuswriter import StatusWriter
from auditor.cluster import Client
from auditor.cluster.lease import Permit
from auditor.cluster.lease.clock import micro_time
from auditor.cluster.resource import LEASES
from auditor.intake.kinds import CONFIGS, POLICIES
from auditor.json import JsonObject
from auditor.sandbox import Sandbox

NAMESPACE = "auditor-system"
NOW = datetime.now(UTC)


def status(kubeconfig: object, *arguments: str) -> CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "auditor", "status", "--kubeconfig", str(kubeconfig), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def allowed(_: str) -> Iterator[Permit]:
    yield Permit(lambda: 10.0)


def write(client: Client, *kinds: KindCoverage) -> None:
    counts = [KindCounts(group=each.group, resource=each.resource, not_evaluated=each.not_evaluated) for each in kinds]
    policies = (PolicyCounts(policy="sizes", kinds=tuple(counts)),)
    known = frozenset(each.name for each in kinds)
    situation = Situation(kinds=kinds, policies=policies, known=known, generation=1)
    writer = StatusWriter(client, lambda: situation, lambda _: True, allowed, spacing=0.0)
    writer.look()
    assert writer.error == ""


def kind(resource: str, present: int | None = 3, **more: object) -> KindCoverage:
    known: JsonObject = {} if present is None else {"evaluated": 3, "not_evaluated": 0, "last_complete_pass": NOW}
    return KindCoverage(group="e", resource=resource, present=present, **{**known, **more})


def lease(name: str, holder: str, renewed: datetime) -> JsonObject:
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": micro_time(renewed)}
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


@pytest.fixture(autouse=True)
def objects(own: Sandbox, client: Client) -> Iterator[None]:
    own.kubectl("create", "namespace", NAMESPACE, check=False)
    rule = {"apiGroups": ["e"], "apiVersions": ["*"], "resources": ["x"], "operations": ["*"]}
    spec = {"match": {"resourceRules": [rule]}, "rules": [{"name": "r", "cel": "true"}]}
    client.create(
        POLICIES, {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": "sizes"}, "spec": spec}
    )
    yield
    client.delete(POLICIES, "sizes")
    client.delete_collection(CONFIGS)
    client.delete_collection(LEASES, namespace=NAMESPACE)


def test_where_nothing_watches(own: Sandbox) -> None:
    done = status(own.kubeconfig)
    assert done.returncode == 3, done.stderr
    assert "nothing watches: there is no Lease of one in auditor-system" in done.stdout
    assert "no coverage is known" in done.stdout
    assert "All that is to be evaluated" not in done.stdout


def test_where_all_is_well(own: Sandbox, client: Client) -> None:
    write(client, kind("x"), kind("y"))
    client.create(LEASES, lease("auditor-watch", "watch-1", datetime.now(UTC)))
    done = status(own.kubeconfig)
    assert done.returncode == 0, done.stdout
    assert "watch-1 runs, renewed" in done.stdout
    assert "100 % of pairs of kind and policy; 2 kinds; oldest complete pass" in done.stdout
    assert "All that is to be evaluated is evaluated." in done.stdout
    found = json.loads(status(own.kubeconfig, "-o", "json").stdout)
    assert found["complete"] is True
    assert found["coveragePercent"] == 100
    assert [each["name"] for each in found["policies"]] == ["sizes"]


def test_what_is_wrong_is_named_with_what_to_do(own: Sandbox, client: Client) -> None:
    write(client, kind("x"), kind("y", None, reason="403: kubectl create clusterrole ..."))
    client.create(LEASES, lease("auditor-watch", "watch-1", datetime.now(UTC) - timedelta(minutes=5)))
    done = status(own.kubeconfig)
    assert done.returncode == 3
    assert "kind y.e: cannot be read: 403: kubectl create clusterrole ..." in done.stdout
    assert "watcher watch-1: its Lease was renewed last at" in done.stdout
    assert "50 % of pairs" in done.stdout


def test_shards_are_found_by_their_label(own: Sandbox, client: Client) -> None:
    write(client, kind("x"))
    for name in ("one", "two"):
        shard = lease(f"auditor-watch-{name}", name, datetime.now(UTC))
        shard["metadata"]["labels"] = {"auditor.dev/shard-group": "auditor-watch"}
        client.create(LEASES, shard)
    done = status(own.kubeconfig)
    assert done.returncode == 0, done.stdout
    assert "watcher    one runs" in done.stdout
    assert "watcher    two runs" in done.stdout


def test_who_may_not_read_all_is_told_what_is_missing(own: Sandbox, client: Client) -> None:
    write(client, kind("x"))
    own.kubectl(
        "create", "clusterrole", "half", "--verb=get,list", "--resource=policies.auditor.dev,auditconfigs.auditor.dev"
    )
    own.kubectl("create", "clusterrolebinding", "half", "--clusterrole=half", "--user=half")
    try:
        done = status(own.user_kubeconfig("half", []))
        assert done.returncode == 3
        assert "rights: " in done.stdout
        assert "leases" in done.stdout
        assert "100 % of pairs" in done.stdout
    finally:
        own.kubectl("delete", "clusterrole,clusterrolebinding", "half")


def test_where_it_is_not_installed() -> None:
    with Sandbox.start(f"status-bare-{os.getpid()}", owner=os.getpid()) as bare:
        done = status(bare.kubeconfig)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "auditor is not installed in this cluster: there is no CRD policies.auditor.dev" in done.stderr


def test_where_no_server_answers() -> None:
    done = status("/nonexistent/kubeconfig")
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stderr
