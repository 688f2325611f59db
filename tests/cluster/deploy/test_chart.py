"""The chart on a real API server, through all its life, with the processes that its pods would run."""

import shutil
from collections.abc import Iterator
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
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
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
    release.install("crds.keep=false", "reportCrds.keep=false", "watcher.persistence.keep=false", READS, *mode)
    assert "small" in cluster.kubectl("get", "policies").stdout
    webhook = workloads.start("auditor-webhook")["webhook"]
    try:
        webhook.wait()
        workloads.expose("auditor-webhook", webhook)
        wait(lambda: refused(cluster, jar("larger", 5)), why=lambda: webhook.text[-2000:])
    finally:
        webhook.stop()
    release.uninstall()
    let_claims_go(cluster)
    wait(lambda: find_ours(cluster) == {f"Namespace/{NAMESPACE}"}, why=lambda: str(find_ours(cluster)))
    assert FOREIGN in cluster.kubectl("get", "crds").stdout
    cluster.kubectl("delete", "crd", FOREIGN)


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
