"""All that the processes of an installation do, step by step, each in its pod's place and with its pod's account.

A step waits until the API server has been asked for what the step is there for: so a right that is missing fails the
step that needs it.
"""

import base64
import contextlib
import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson

from auditor.audit.notices import NOTIFICATIONS
from auditor.audit.schedules import SCHEDULES
from auditor.cluster import Client, Resource, Settings, connect
from auditor.cluster.resource import CRDS, EVENTS, LEASES, NAMESPACES, SECRETS
from auditor.errors import ConflictError
from auditor.intake.kinds import CONVERSIONS
from auditor.json import JsonObject
from auditor.model.rights import ANY, Atom
from auditor.report.crs import MANAGED_BY
from auditor.sandbox import Sandbox
from auditor.webhooks.registration.writing import CONFIGURATIONS
from tests.cluster.audit.conftest import CONFIGS, EXCEPTIONS, POLICIES
from tests.cluster.audit.truth import CLUSTER_REPORTS, REPORTS
from tests.cluster.deploy.conftest import Release
from tests.cluster.deploy.rights_audit import Log, show
from tests.cluster.deploy.workloads import ROOT, ROUTING, Process, Workloads, stop_all, wait
from tests.unit.report.delivery.receivers import WebServer

NAMESPACE: Final = "auditor-system"
GROUP: Final = "shop.example"
JARS: Final = Resource(GROUP, "v1", "jars", "Jar", namespaced=True)
SITES: Final = Resource(GROUP, "v1", "sites", "Site", namespaced=False)
LIDS: Final = Resource("parts.example", "v1", "lids", "Lid", namespaced=True)
STRANGERS: Final = Resource("strange.example", "v1", "strangers", "Stranger", namespaced=True)
"""No policy is about them."""
LISTS: Final = "--feature-gates=WatchList=false"
"""As API servers before 1.34: what is followed is listed first, and not streamed."""
ORIGIN: Final = "http://auditor.example.com"
VALUES: Final = ("dashboard.enabled=true", f"dashboard.publicUrl={ORIGIN}", "webhook.drainSeconds=0")
SCANNER: Final = "auditor-scan"
PARTS: Final = ("--part", "webhook", "--part", "watch", "--part", "dashboard", "--part", "scan")
RBAC: Final = (
    "--secret",
    "auditor-deliveries",
    *PARTS,
    "--service-account",
    f"scan={SCANNER}",
    "--service-account",
    "dashboard=auditor-watch",
)
"""With SQLite the dashboard is in the pod of the watcher, and so has its account."""


def make_crd(resource: Resource, *versions: str) -> JsonObject:
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    listed = [{"name": name, "served": True, "storage": name == "v1", "schema": schema} for name in versions or ("v1",)]
    names = {"plural": resource.plural, "kind": resource.kind}
    scope = "Namespaced" if resource.namespaced else "Cluster"
    return {
        "apiVersion": CRDS.api_version,
        "kind": CRDS.kind,
        "metadata": {"name": resource.name},
        "spec": {"group": resource.group, "scope": scope, "names": names, "versions": listed},
    }


def make_policy(name: str, *rules: JsonObject, resource: Resource = JARS, **spec: Any) -> JsonObject:
    matched = {
        "apiGroups": [resource.group],
        "apiVersions": ["*"],
        "resources": [resource.plural],
        "operations": ["*"],
    }
    body = {"enforcement": "Audit", "match": {"resourceRules": [matched]}, **({"rules": [*rules]} if rules else {})}
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": body | spec}


def make_object(resource: Resource, name: str, **spec: Any) -> JsonObject:
    metadata = {"name": name, **({"namespace": "shop"} if resource.namespaced else {})}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "spec": spec}


def make_exception(name: str, namespace: str, policy: str, *, seconds: float) -> JsonObject:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    spec = {"policies": [policy], "owner": "a@example.com", "reason": "on its way out", "expires": f"{until:%FT%TZ}"}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "auditor.dev/v1", "kind": "PolicyException", "metadata": metadata, "spec": spec}


ODD: Final[JsonObject] = {"name": "odd", "jq": ".spec.size % 2 == 1", "message": "must be odd"}
LID: Final[JsonObject] = {"name": "lid", "jq": "$lookups.lids | length < 9", "message": "too many lids"}
HUGE: Final[JsonObject] = {"name": "huge", "jq": ".spec.size < 100", "message": "must not be huge"}
LOOKUP: Final[JsonObject] = {"name": "lids", "resource": {"group": LIDS.group, "resource": LIDS.plural}}
CONVERSION: Final[JsonObject] = {
    "apiVersion": "auditor.dev/v1",
    "kind": "Conversion",
    "metadata": {"name": JARS.name},
    "spec": {
        "resource": {"group": GROUP, "resource": JARS.plural},
        "steps": [{"from": "v1", "to": "v2", "jq": "."}, {"from": "v2", "to": "v1", "jq": "."}],
    },
}


_EVERYWHERE: Final[JsonObject] = {"namespaceSelector": {}}
POLICIES_THERE: Final = (
    make_policy("odd", ODD, exceptions=_EVERYWHERE),
    make_policy("huge", HUGE, enforcement="Deny", lookups=[LOOKUP]),
    make_policy("lids", LID, lookups=[LOOKUP]),
    make_policy("sites", ODD, resource=SITES, exceptions=_EVERYWHERE),
    make_policy("sized", mutate=[{"name": "size", "jq": ".spec.size //= 1"}], enforcement="Deny"),
)
CRDS_THERE: Final = (make_crd(JARS, "v1", "v2"), make_crd(SITES), make_crd(LIDS))


@dataclass
class Ground:
    """A cluster with the chart, kinds, policies, and the rights that follow from these."""

    sandbox: Sandbox
    client: Client
    release: Release
    workloads: Workloads
    log: Log
    running: dict[str, Process] = field(default_factory=dict)

    def put(self, resource: Resource, *things: JsonObject) -> JsonObject:
        for each in things:
            found = self.client.apply(resource, each, force=True)
        return found

    def derive(self, *options: str) -> str:
        """What `auditor rbac` writes."""
        done = self.auditor("rbac", *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def auditor(self, *arguments: str, account: str = "") -> subprocess.CompletedProcess[str]:
        kubeconfig = self.sandbox.service_account_kubeconfig(NAMESPACE, account) if account else self.sandbox.kubeconfig
        command = [sys.executable, "-m", "auditor", *arguments, "--kubeconfig", str(kubeconfig)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)

    def check(self) -> JsonObject:
        """What is missing and what is too much, as `auditor rbac` finds it."""
        done = self.auditor("rbac", "--check", "-o", "json", *RBAC)
        assert done.returncode in (0, 1), done.stderr
        found: JsonObject = orjson.loads(done.stdout)
        assert found["clean"] is (done.returncode == 0)
        return found

    def counts(self, reports: Resource, wanted: int) -> bool:
        return len(list(self.client.list(reports))) == wanted

    def has(self, reports: Resource, name: str) -> bool:
        return name in {each["metadata"]["name"] for each in self.client.list(reports)}

    def watcher_used(self, wanted: Atom) -> bool:
        return wanted in {each._replace(namespace=ANY) for each in self.log.used(WATCH)}

    def wait_used(self, account: str, *atoms: Atom) -> None:
        """Until the API server has granted these."""

        def missing() -> list[Atom]:
            used = self.log.used(account)
            return [atom for atom in atoms if not any(atom.covers(each) for each in used)]

        def tell() -> str:
            said = "\n".join(each.text[-3000:] for each in self.running.values())
            return f"{account} was not seen to:\n{show(missing())}\n{said}"

        wait(lambda: not missing(), why=tell)


@contextlib.contextmanager
def make_ground(folder: Path, helm: Path) -> Iterator[Ground]:
    log = Log.make(folder)
    arguments = (*log.arguments, *ROUTING, LISTS)
    with Sandbox.start(f"rights-{os.getpid()}", owner=os.getpid(), api_server_arguments=arguments) as sandbox:
        client = connect(Settings(kubeconfig=str(sandbox.kubeconfig), qps=2000, burst=2000))
        with client.transport:
            release = Release(sandbox, helm)
            workloads = Workloads(sandbox=sandbox, namespace=NAMESPACE, folder=folder)
            ground = Ground(sandbox, client, release, workloads, log)
            release.install(*VALUES)
            ground.put(CRDS, *CRDS_THERE, make_crd(STRANGERS))
            ground.put(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
            sandbox.kubectl("create", "serviceaccount", SCANNER, "-n", NAMESPACE)
            sandbox.kubectl("wait", "--for=condition=Established", "crd", "--all")
            ground.put(POLICIES, *POLICIES_THERE)
            ground.put(CONVERSIONS, CONVERSION)
            secret = {"name": "auditor-deliveries", "namespace": NAMESPACE}
            ground.put(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": secret})
            _leave_leases(ground)
            try:
                yield ground
            finally:
                stop_all([each for each in ground.running.values() if each.process.poll() is None])


def _leave_leases(ground: Ground) -> None:
    """As given back: who finds one that nobody has ever had waits for 15 s."""
    for name in ("auditor-webhook", "auditor-watch"):
        spec = {"holderIdentity": "", "leaseDurationSeconds": 1}
        ground.client.patch_merge(LEASES, name, {"spec": spec}, namespace=NAMESPACE)


# -- the webhook -------------------------------------------------------------------------------------------------------

DOOR: Final = "auditor-webhook"
WATCH: Final = "auditor-watch"


def open_door(ground: Ground) -> None:
    ground.running |= ground.workloads.start(DOOR)
    door = ground.running["webhook"]
    ground.workloads.expose(DOOR, door)
    door.wait()
    wait(lambda: "must not be huge" in _refuse(ground, "--dry-run=server"), why=lambda: door.text[-5000:])


def _refuse(ground: Ground, *options: str) -> str:
    """What is said against it."""
    thing = (
        f"apiVersion: {JARS.api_version}\nkind: Jar\nmetadata: {{name: big, namespace: shop}}\nspec: {{size: 101}}\n"
    )
    return ground.sandbox.kubectl("create", *options, "-f", "-", stdin=thing, check=False).stderr


def refuse_twice(ground: Ground) -> None:
    assert "must not be huge" in _refuse(ground)
    ground.wait_used(DOOR, Atom("create", EVENTS.group, EVENTS.plural))
    _refuse(ground)
    ground.wait_used(DOOR, Atom("patch", EVENTS.group, EVENTS.plural))


def tell_status(ground: Ground) -> None:
    """Of policies, exceptions and Conversions."""
    ground.put(EXCEPTIONS, make_exception("other", "shop", "huge", seconds=86400))
    parts = (POLICIES, EXCEPTIONS, CONVERSIONS)
    ground.wait_used(DOOR, *(Atom("patch", each.group, f"{each.plural}/status") for each in parts))
    wait(lambda: _converted(ground))


def _converted(ground: Ground) -> bool:
    found: JsonObject = ground.client.get(CRDS, JARS.name)
    return bool(found["spec"]["conversion"]["strategy"] == "Webhook")


def disturb_registration(ground: Ground) -> None:
    """What somebody puts into our webhooks only an update takes out again."""
    for resource in CONFIGURATIONS.values():
        for _ in range(5):
            live = ground.client.get(resource, "auditor")
            for webhook in live["webhooks"]:
                webhook["matchConditions"] = [
                    *webhook.get("matchConditions", []),
                    {"name": "off", "expression": "1 < 0"},
                ]
            with contextlib.suppress(ConflictError):
                ground.client.update(resource, live)
                break
        ground.wait_used(DOOR, Atom("update", resource.group, resource.plural, "auditor"))
    wait(lambda: "must not be huge" in _refuse(ground, "--dry-run=server"))


def damage_certificates(ground: Ground) -> None:
    """A replica that starts puts them right."""
    secret = {"data": {"tls.crt": base64.b64encode(b"nothing").decode()}}
    before = ground.running.pop("webhook")
    ground.client.patch_merge(SECRETS, "auditor-webhook-certificates", secret, namespace=NAMESPACE)
    before.stop()
    open_door(ground)


# -- the watcher -------------------------------------------------------------------------------------------------------


def start_watching(ground: Ground) -> None:
    ground.put(JARS, make_object(JARS, "even", size=2), make_object(JARS, "excused", size=4))
    ground.put(SITES, make_object(SITES, "north", size=2), make_object(SITES, "excused", size=4))
    ground.put(LIDS, make_object(LIDS, "one"))
    ground.running |= ground.workloads.start(WATCH)
    watcher = ground.running["watch"]
    watcher.wait()
    wait(lambda: len(list(ground.client.list(REPORTS))) == 2, why=lambda: watcher.text[-5000:])
    wait(lambda: len(list(ground.client.list(CLUSTER_REPORTS))) == 2)


def write_coverage(ground: Ground) -> None:
    """Into the AuditConfig that it makes, and into policies."""
    ground.wait_used(
        WATCH,
        *(Atom("update", each.group, f"{each.plural}/status") for each in (CONFIGS, POLICIES)),
        *(Atom("get", each.group, each.plural) for each in (CONFIGS, POLICIES)),
        *(Atom(verb, CONFIGS.group, CONFIGS.plural, "default") for verb in ("create", "patch")),
    )


def turn_findings(ground: Ground) -> None:
    """One that comes again is told in the same Event; reports come, change and go."""
    for number, size in enumerate((3, 4, 3, 4)):
        for resource, name in ((JARS, "even"), (SITES, "north")):
            ground.put(resource, make_object(resource, name, size=size))
        wanted = 1 if size == 3 else 2  # the excused one is in its own report
        for reports in (REPORTS, CLUSTER_REPORTS):
            wait(partial(ground.counts, reports, wanted), why=str(number).upper)
    ground.wait_used(WATCH, *(Atom(verb, EVENTS.group, EVENTS.plural) for verb in ("create", "patch")))
    verbs = ("patch", "create", "delete")
    ground.wait_used(
        WATCH, *(Atom(verb, each.group, each.plural) for each in (REPORTS, CLUSTER_REPORTS) for verb in verbs)
    )


def end_exceptions(ground: Ground) -> None:
    """When one expires, the objects that it excused are read, and no others."""
    ground.put(EXCEPTIONS, make_exception("soon", "shop", "odd", seconds=4))
    ground.put(EXCEPTIONS, make_exception("soon", NAMESPACE, "sites", seconds=4))
    ground.wait_used(WATCH, *(Atom("get", each.group, each.plural, "excused") for each in (JARS, SITES)))


def hold_up_deletion(ground: Ground) -> None:
    """A CRD that hangs is looked at again when its time has come."""
    crd = make_crd(Resource("stuck.example", "v1", "stuck", "Stuck", namespaced=True))
    crd["metadata"]["finalizers"] = ["stuck.example/never"]
    config = {"apiVersion": CONFIGS.api_version, "kind": CONFIGS.kind, "metadata": {"name": "default"}}
    ground.put(CONFIGS, config | {"spec": {"checks": {"reconcile": {"deletion": "2s"}}}})
    ground.put(CRDS, crd)
    ground.client.delete(CRDS, "stuck.stuck.example")
    ground.wait_used(WATCH, Atom("get", CRDS.group, CRDS.plural))
    ground.client.patch_merge(CRDS, "stuck.stuck.example", {"metadata": {"finalizers": []}})


def lose_labels(ground: Ground) -> None:
    """A report that has lost our label just when nobody needs it any more is asked for by its name."""
    for resource, name, reports in ((JARS, "even", REPORTS), (SITES, "north", CLUSTER_REPORTS)):
        for attempt in range(10):
            uid = ground.put(resource, make_object(resource, name, size=2))["metadata"]["uid"]
            namespace = "shop" if resource.namespaced else ""
            key = f"auditor-{uid}"
            wait(partial(ground.has, reports, key))
            time.sleep(0.3)  # until the watcher has heard of its own report
            ground.put(resource, make_object(resource, name, size=3))
            ground.client.patch_merge(reports, key, {"metadata": {"labels": {MANAGED_BY: None}}}, namespace=namespace)
            wanted = Atom("get", reports.group, reports.plural, key)
            with contextlib.suppress(AssertionError):
                wait(partial(ground.watcher_used, wanted), 3)
                break
            assert attempt < 9


def deliver_report(ground: Ground) -> None:
    """One that is due."""
    with _receive(ground) as (receiver, deliveries):
        thing = ground.put(SCHEDULES, _own(SCHEDULES, schedule="0 0 1 1 *", deliveries=deliveries))
        due = thing["metadata"]["creationTimestamp"]
        entry = {"name": "chat", "due": due, "start": due, "end": due, "state": "Pending", "attempts": 0}
        ground.client.update(SCHEDULES, {**thing, "status": {"deliveries": [entry]}}, subresource="status")
        _interfere(ground, SCHEDULES, receiver)


def deliver_news(ground: Ground) -> None:
    with _receive(ground) as (receiver, deliveries):
        scope = {"severity": "low"}
        ground.put(
            NOTIFICATIONS, _own(NOTIFICATIONS, scope=scope, groupWait="1s", interval="1s", deliveries=deliveries)
        )
        wait(lambda: bool(ground.client.get(NOTIFICATIONS, "it").get("status")))
        ground.put(JARS, make_object(JARS, "new", size=2))
        _interfere(ground, NOTIFICATIONS, receiver)


def _own(resource: Resource, **spec: Any) -> JsonObject:
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": "it"}, "spec": spec}


@contextlib.contextmanager
def _receive(ground: Ground) -> Iterator[tuple[WebServer, list[JsonObject]]]:
    """Who has to be asked for the answer, at an address that is in a Secret."""
    with WebServer() as receiver:
        receiver.day.hold = threading.Event()
        url = base64.b64encode(receiver.url.encode()).decode()
        ground.client.patch_merge(SECRETS, "auditor-deliveries", {"data": {"url": url}}, namespace=NAMESPACE)
        yield receiver, [{"name": "chat", "webhook": {"urlFrom": {"secret": "auditor-deliveries", "key": "url"}}}]
        receiver.day.hold.set()


def _interfere(ground: Ground, resource: Resource, receiver: WebServer) -> None:
    """Somebody changes the object while the message is on its way: then it is read again."""
    assert receiver.came.wait(40), ground.running["watch"].text[-3000:]
    ground.client.patch_merge(resource, "it", {"metadata": {"labels": {"team": "a"}}})
    assert receiver.day.hold is not None
    receiver.day.hold.set()
    ground.wait_used(
        WATCH,
        Atom("get", "", SECRETS.plural, "auditor-deliveries", NAMESPACE),
        Atom("get", resource.group, resource.plural, "it"),
        Atom("update", resource.group, f"{resource.plural}/status", "it"),
    )


# -- the others --------------------------------------------------------------------------------------------------------


def visit(ground: Ground) -> None:
    """By a token, of somebody who may list the reports of one namespace."""
    kubectl = ground.sandbox.kubectl
    kubectl("create", "serviceaccount", "visitor", "-n", "shop")
    kubectl("create", "role", "visitor", "-n", "shop", "--verb=list", "--resource=reports.openreports.io")
    kubectl("create", "rolebinding", "visitor", "-n", "shop", "--role=visitor", "--serviceaccount=shop:visitor")
    token = kubectl("create", "token", "visitor", "-n", "shop").stdout.strip()
    dashboard = ground.running["dashboard"]
    dashboard.wait("/healthz", "dashboard", restarts=True)  # it has ended, as there was no history yet
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.ports["dashboard"], timeout=20)
    try:
        host = ORIGIN.removeprefix("http://")
        connection.request("GET", "/api/v1/findings", headers={"Host": host, "Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    assert (answer.status, '"shop"' in text, "north" in text) == (200, True, False), text


def scan(ground: Ground) -> None:
    said = ground.auditor("scan", "--cluster", "-o", "json", account=SCANNER)
    assert said.returncode == 1, said.stderr
    assert "must be odd" in said.stdout


STEPS: Final = (
    open_door,
    refuse_twice,
    tell_status,
    disturb_registration,
    damage_certificates,
    start_watching,
    write_coverage,
    end_exceptions,
    turn_findings,
    hold_up_deletion,
    lose_labels,
    deliver_report,
    deliver_news,
    visit,
    scan,
)
"""In this order."""
