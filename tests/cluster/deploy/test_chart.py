"""The chart on a real API server, through all its life, with the processes that its pods would run."""

import contextlib
import http.client
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
import yaml

from auditor import crds
from auditor.certs import Authority
from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.deploy.conftest import CHART, NAMESPACE, Release
from tests.cluster.deploy.workloads import Workloads, stop_all, wait
from tests.cluster.history.conftest import create_database
from tests.cluster.history.server import Server

OURS = "app.kubernetes.io/part-of=auditor"
KEPT = {yaml.safe_load(crds.read(name))["metadata"]["name"] for name in crds.names()}
FOREIGN = "clusterreports.openreports.io"
KIND: JsonObject = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "jars.shop.example"},
    "spec": {
        "group": "shop.example",
        "names": {"kind": "Jar", "plural": "jars", "singular": "jar", "listKind": "JarList"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": name,
                "served": True,
                "storage": name == "v1",
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
            for name in ("v1", "v2")
        ],
    },
}
CONVERSION: JsonObject = {
    "apiVersion": "auditor.dev/v1",
    "kind": "Conversion",
    "metadata": {"name": "jars.shop.example"},
    "spec": {
        "resource": {"group": "shop.example", "resource": "jars"},
        "steps": [{"from": "v1", "to": "v2", "jq": "."}, {"from": "v2", "to": "v1", "jq": "."}],
    },
}
POLICY: JsonObject = {
    "apiVersion": "auditor.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "small"},
    "spec": {
        "match": {
            "resourceRules": [
                {"apiGroups": ["shop.example"], "apiVersions": ["*"], "resources": ["jars"], "operations": ["*"]}
            ]
        },
        "enforcement": "Deny",
        "rules": [{"name": "size", "jq": ".spec.size <= 3", "message": "too big"}],
    },
}
CONVERTS = 'rbac.conversions=["jars.shop.example"]'
READS = 'rbac.kinds=[{"group": "shop.example", "resources": ["jars"]}]'
DASHBOARD = ("dashboard.enabled=true", "dashboard.publicUrl=http://auditor.example.com")


def jar(name: str, size: int) -> JsonObject:
    return {
        "apiVersion": "shop.example/v1",
        "kind": "Jar",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"size": size},
    }


def put(cluster: Sandbox, *things: Json) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(things))


def told_of(cluster: Sandbox, *what: str) -> str:
    return cluster.kubectl("get", *what, "-o", "yaml").stdout


def refused(cluster: Sandbox, thing: JsonObject) -> bool:
    done = cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=orjson.dumps(thing).decode(), check=False)
    return done.returncode != 0 and "too big" in done.stderr


def find_ours(cluster: Sandbox) -> set[str]:
    """All objects of all kinds that have our label, our name or our group."""
    kinds = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").stdout.split()
    left = [each for each in kinds if not each.startswith(("events", "componentstatuses", "apiservices"))]
    found = cluster.kubectl("get", ",".join(left), "-A", "-o", "json", "--ignore-not-found").stdout
    items = orjson.loads(found)["items"] if found else []
    return {
        f"{each['kind']}/{each['metadata']['name']}"
        for each in items
        if "auditor" in each["metadata"]["name"]
        or each["apiVersion"].startswith("auditor.dev/")
        or OURS.partition("=")[0] in each["metadata"].get("labels", {})
    }


@pytest.fixture
def clean(cluster: Sandbox, release: Release) -> Iterator[None]:
    """A namespace as one should be, and nothing of ours afterwards."""
    labels = {f"pod-security.kubernetes.io/{each}": "restricted" for each in ("enforce", "warn")}
    put(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}, KIND)
    cluster.kubectl("wait", "--for=condition=Established", "crd/jars.shop.example")
    yield
    release.run("uninstall", "auditor", "--ignore-not-found")
    let_claims_go(cluster)
    cluster.kubectl("delete", "namespace", NAMESPACE, "--timeout=30s")
    cluster.kubectl("delete", "crd", "-l", OURS)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("clean")
def test_it_does_its_job_through_all_its_life(
    cluster: Sandbox, release: Release, workloads: Workloads, tmp_path: Path
) -> None:
    """One life, told in one go: each step goes on from what the last one left."""
    foreign = next(
        each
        for each in yaml.safe_load_all((CHART / "files/crds/reports/openreports.yaml").read_text())
        if each["metadata"]["name"] == FOREIGN
    )
    put(cluster, {**foreign, "metadata": {"name": FOREIGN, "labels": {"who": "else"}}}, jar("huge", 9))

    told = release.install(READS, *DASHBOARD).stdout
    assert "http://auditor.example.com" in told
    door, inside = workloads.start("auditor-webhook"), workloads.start("auditor-watch")
    processes = [*door.values(), *inside.values()]
    webhook, watch = door["webhook"], inside["watch"]
    try:
        webhook.wait()
        watch.wait()
        workloads.expose("auditor-webhook", webhook)
        put(cluster, POLICY)
        wait(lambda: refused(cluster, jar("large", 4)), why=lambda: webhook.text[-2000:])
        assert not refused(cluster, jar("small", 3))
        wait(
            lambda: "too big" in cluster.kubectl("get", "reports", "-o", "yaml").stdout, why=lambda: watch.text[-2000:]
        )
        # The dashboard waits for the history, which the watcher makes: the kubelet starts its container again.
        inside["dashboard"].wait("/healthz", "dashboard", restarts=True)
        inside["dashboard"].wait("/readyz", "dashboard-ops")
        metrics = inside["dashboard"].get("/metrics", "dashboard-ops")[1]
        assert 'auditor_dashboard_requests_total{code="200",page="health"}' in metrics

        leases, secret = workloads.read("leases"), workloads.read("secret", "auditor-webhook-certificates")
        assert [each["spec"]["leaseTransitions"] for each in leases["items"]] == [1, 1]
        newer = change_crd(tmp_path)
        release.upgrade(READS, "webhook.replicas=3", "commonLabels.team=platform", chart=newer)
        assert workloads.read("deployment", "auditor-webhook")["spec"]["replicas"] == 3
        assert "of the next version" in told_of(cluster, "crd", "policies.auditor.dev")
        release.run("rollback", "auditor", "1")
        assert "of the next version" not in told_of(cluster, "crd", "policies.auditor.dev")
        assert [each["spec"]["holderIdentity"] for each in workloads.read("leases")["items"]] == [
            each["spec"]["holderIdentity"] for each in leases["items"]
        ]
        assert all(each["spec"]["leaseTransitions"] == 1 for each in workloads.read("leases")["items"])
        assert workloads.read("secret", "auditor-webhook-certificates")["data"] == secret["data"]
        assert refused(cluster, jar("large", 4))

        release.uninstall()
        wait(lambda: not {each for each in find_ours(cluster) if "WebhookConfiguration" in each}, timeout=20)
    finally:
        codes = stop_all(processes)
    assert codes == [0] * len(processes)

    put(cluster, jar("large", 4))
    left = {f"CustomResourceDefinition/{name}" for name in KEPT | {"reports.openreports.io"}}
    wait(lambda: find_ours(cluster) - reports(cluster) == left | KEEPSAKES, why=lambda: str(find_ours(cluster)))
    assert yaml.safe_load(told_of(cluster, "crd", FOREIGN))["metadata"]["labels"] == {"who": "else"}

    # What was kept is taken over by the next installation, and goes with it where it is not to be kept. This one has
    # its certificates from somebody else, in a Secret that is mounted.
    authority = Authority.create("corporate")
    pair = authority.issue("webhook", hosts=[f"auditor-webhook.{NAMESPACE}.svc"], server=True)
    parts = {"tls.crt": pair.certificate_pem, "tls.key": pair.key_pem, "ca.crt": authority.pair.certificate_pem}
    metadata = {"name": "corporate", "namespace": NAMESPACE}
    text: JsonObject = {name: part.decode() for name, part in parts.items()}
    put(cluster, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": text})
    mode = ("certificates.mode=secret", "certificates.existingSecret=corporate")
    release.install(
        "crds.keep=false", "reportCrds.keep=false", "watcher.persistence.keep=false", READS, CONVERTS, *mode
    )
    assert "small" in cluster.kubectl("get", "policies").stdout
    webhook = workloads.start("auditor-webhook")["webhook"]
    try:
        webhook.wait()
        workloads.expose("auditor-webhook", webhook)
        wait(lambda: refused(cluster, jar("larger", 5)), why=lambda: webhook.text[-2000:])
        put(cluster, CONVERSION)
        wait(lambda: converts(cluster), why=lambda: webhook.text[-2000:])
    finally:
        webhook.stop()
    release.uninstall()
    let_claims_go(cluster)

    # Nobody has taken the Conversion back before. One command does so afterwards, though nothing else is left.
    wait(lambda: "conversion webhook" in write_v2(cluster), why=lambda: write_v2(cluster))
    options = ("--owner", "ClusterRole/auditor-webhook", "--kubeconfig", str(cluster.kubeconfig))
    command = [sys.executable, "-m", "auditor", "registration", "remove", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "removed: the conversion section of jars.shop.example" in done.stdout, done.stderr
    assert "note: ClusterRole/auditor-webhook is not there" in done.stderr
    assert (done.returncode, "lost: jars.shop.example: clients that use v2" in done.stderr) == (1, True), done
    wait(lambda: not write_v2(cluster), why=lambda: write_v2(cluster))
    wait(lambda: find_ours(cluster) == {f"Namespace/{NAMESPACE}"}, why=lambda: str(find_ours(cluster)))
    assert FOREIGN in cluster.kubectl("get", "crds").stdout
    cluster.kubectl("delete", "crd", FOREIGN)


def converts(cluster: Sandbox) -> bool:
    return "strategy: Webhook" in told_of(cluster, "crd", "jars.shop.example") and not write_v2(cluster)


def write_v2(cluster: Sandbox) -> str:
    """What is said against it. What is read may come from a cache, for which nobody converts."""
    thing = {**jar("", 1), "apiVersion": "shop.example/v2", "metadata": {"generateName": "v2-", "namespace": "default"}}
    return cluster.kubectl("create", "-f", "-", stdin=orjson.dumps(thing).decode(), check=False).stderr


@pytest.mark.timeout(200)
@pytest.mark.usefixtures("clean")
def test_with_postgresql(cluster: Sandbox, release: Release, workloads: Workloads, postgresql: Server) -> None:
    """The watcher keeps the history there, and the dashboard, in a pod and with an account of its own, reads it."""
    text: JsonObject = {"url": create_database(postgresql)}
    metadata = {"name": "history", "namespace": NAMESPACE}
    put(cluster, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": text})
    values = ("database.existingSecret=history", "webhook.enabled=false", "watcher.replicas=2")
    release.install(READS, *DASHBOARD, *values, "crds.keep=false", "reportCrds.keep=false")
    put(cluster, {**POLICY, "spec": {**POLICY["spec"], "enforcement": "Audit"}}, jar("huge", 9))
    running = workloads.start("auditor-watch")
    try:
        running["watch"].wait()
        running |= workloads.start("auditor-dashboard")
        dashboard = running["dashboard"]
        dashboard.wait("/healthz", "dashboard", restarts=True)
        dashboard.wait("/readyz", "dashboard-ops")
        page = visit(cluster, dashboard.ports["dashboard"])
        wait(lambda: "too big" in page(), why=lambda: running["watch"].text[-2000:] + dashboard.text[-2000:])
    finally:
        stop_all(list(running.values()))
    release.uninstall()
    wait(lambda: not find_ours(cluster) - {f"Namespace/{NAMESPACE}"}, why=lambda: str(find_ours(cluster)))


def visit(cluster: Sandbox, port: int) -> Callable[[], str]:
    """As somebody who may list all reports, by a token."""
    kubectl = cluster.kubectl
    kubectl("create", "serviceaccount", "visitor", "-n", "default")
    kubectl("create", "clusterrole", "visitor", "--verb=list", "--resource=reports.openreports.io")
    kubectl(
        "create", "rolebinding", "visitor", "-n", "default", "--clusterrole=visitor", "--serviceaccount=default:visitor"
    )
    token = kubectl("create", "token", "visitor", "-n", "default").stdout.strip()

    def read() -> str:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            headers = {"Host": "auditor.example.com", "Authorization": f"Bearer {token}"}
            connection.request("GET", "/api/v1/findings", headers=headers)
            return connection.getresponse().read().decode()

    return read


KEEPSAKES = {
    f"Namespace/{NAMESPACE}",
    "PersistentVolumeClaim/auditor-watch",
    "Policy/small",
    "AuditConfig/default",
}


def let_claims_go(cluster: Sandbox) -> None:
    """No controller for volumes runs here: what protects claims that are in use nobody would take away."""
    claims = cluster.kubectl("-n", NAMESPACE, "get", "pvc", "-o", "name").stdout.split()
    for each in claims:
        patch = '{"metadata": {"finalizers": null}}'
        cluster.kubectl("-n", NAMESPACE, "patch", each, "--type=merge", "-p", patch, check=False)


def reports(cluster: Sandbox) -> set[str]:
    found = cluster.kubectl("get", "reports", "-A", "-o", "name").stdout.split()
    return {f"Report/{each.partition('/')[2]}" for each in found}


def change_crd(tmp_path: Path) -> Path:
    """The chart with a CRD as a later version may have it."""
    newer = tmp_path / "chart"
    shutil.copytree(CHART, newer)
    file = newer / "files" / "crds" / "policy.yaml"
    text = file.read_text()
    crd = yaml.safe_load(text)
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "of the next version"
    file.write_text("# changed\n" + yaml.safe_dump(crd))
    assert "of the next version" not in text
    return newer
