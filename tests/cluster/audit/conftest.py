"""A control plane for the watcher alone, as it follows all kinds there are; what a test made is gone after it."""

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from auditor import crds
from auditor.cluster import Client, Resource, Settings, connect
from auditor.cluster.resource import CRDS, LEASES, NAMESPACES
from auditor.errors import ApiError, NotFoundError
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from auditor.sandbox.components import HOST, api_server_command
from tests.cluster.audit.gate import Gate
from tests.cluster.audit.running import Watch, wait
from tests.cluster.audit.truth import (
    CLUSTER_REPORTS,
    REPORTS,
    Rows,
    judge_all,
    list_reports,
    read_rows,
    tell_difference,
)
from tests.proxy import Proxy

NAMESPACE = "auditor-system"
GROUP = "example.com"
POLICIES = Resource("auditor.dev", "v1", "policies", "Policy", namespaced=False)
EXCEPTIONS = Resource("auditor.dev", "v1", "policyexceptions", "PolicyException", namespaced=True)
CONFIGS = Resource("auditor.dev", "v1", "auditconfigs", "AuditConfig", namespaced=False)
THINGS = Resource(GROUP, "v1", "things", "Thing", namespaced=True)

Start = Callable[..., Watch]


def connect_to(kubeconfig: Path) -> Client:
    return connect(Settings(kubeconfig=str(kubeconfig), qps=2000, burst=2000))


@pytest.fixture(scope="package")
def cluster() -> Iterator[Sandbox]:
    with Sandbox.start(f"audit-{os.getpid()}", owner=os.getpid()) as sandbox:
        for text in (*map(crds.read, crds.names()), crds.read_reports("openreports")):
            sandbox.kubectl("apply", "--server-side", "-f", "-", stdin=text)
        sandbox.kubectl("create", "namespace", NAMESPACE)
        sandbox.kubectl("wait", "--for=condition=Established", "crd", "--all")
        yield sandbox


@pytest.fixture(scope="package")
def client(cluster: Sandbox) -> Iterator[Client]:
    client = connect_to(cluster.kubeconfig)
    with client.transport:
        yield client


@dataclass(frozen=True, slots=True)
class Stage:
    """What a test does to the cluster, and what it looks at."""

    cluster: Sandbox
    client: Client

    def install(self, crd: JsonObject) -> Resource:
        """Served when it returns."""
        self.client.apply(CRDS, crd, force=True)
        spec = crd["spec"]
        version = next(each["name"] for each in spec["versions"] if each["storage"])
        names, namespaced = spec["names"], spec["scope"] == "Namespaced"
        resource = Resource(spec["group"], version, names["plural"], names["kind"], namespaced=namespaced)
        wait(lambda: self._served(resource))
        return resource

    def _served(self, resource: Resource) -> bool:
        try:
            list(self.client.list(resource))
        except ApiError:
            return False
        return True

    def put(self, resource: Resource, *things: JsonObject) -> None:
        for each in things:
            self.client.apply(resource, each, force=True)

    def write(self, name: str, *, resource: Resource = THINGS, **spec: Any) -> str:
        """Its uid."""
        uid: str = self.client.apply(resource, thing(name, resource=resource, **spec), force=True)["metadata"]["uid"]
        return uid

    def delete(self, resource: Resource, name: str, *, namespace: str = "") -> None:
        with contextlib.suppress(NotFoundError):
            self.client.delete(resource, name, namespace=namespace)

    # -- what there is -------------------------------------------------------------------------------------------------

    def rows(self, *, checks: bool = False) -> Rows:
        return read_rows(self.client, checks=checks)

    def results(self, uid: str) -> dict[str, str]:
        """Of one object: results by `policy/rule`."""
        return {f"{row[0]}/{row[1]}": row[2] for row in self.rows(checks=True).get(uid, ())}

    def wait_results(self, uid: str, wanted: dict[str, str], program: Watch | None = None) -> float:
        def why() -> str:
            said = program.text[-6000:] if program is not None else ""
            return f"wanted {wanted}, reported {self.results(uid)}\n{said}"

        return wait(lambda: self.results(uid) == wanted, why=why)

    def wait_equal(self, *programs: Watch) -> Rows:
        """Until the reports are what a fresh look finds; that is what comes back."""
        wanted = judge_all(self.client)

        def why() -> str:
            said = "\n".join(each.text[-4000:] for each in programs)
            return f"{tell_difference(wanted, self.rows())}\n{said}"

        wait(lambda: self.rows() == wanted, why=why)
        return wanted

    def clear(self) -> None:
        """As it was before."""
        for resource in (POLICIES, CONFIGS):
            self.client.delete_collection(resource)
        for each in list(self.client.list(EXCEPTIONS)):
            self.delete(EXCEPTIONS, each["metadata"]["name"], namespace=each["metadata"]["namespace"])
        own = [each for each in self.client.list(CRDS) if each["spec"]["group"].endswith(GROUP)]
        for crd in own:
            self.delete(CRDS, crd["metadata"]["name"])
        for report in list_reports(self.client):
            metadata = report["metadata"]
            resource = REPORTS if "namespace" in metadata else CLUSTER_REPORTS
            self.delete(resource, metadata["name"], namespace=metadata.get("namespace", ""))
        for lease in list(self.client.list(LEASES, namespace=NAMESPACE)):
            self.delete(LEASES, lease["metadata"]["name"], namespace=NAMESPACE)
        names = {each["metadata"]["name"] for each in own}
        wait(lambda: not names & {each["metadata"]["name"] for each in self.client.list(CRDS)})


@pytest.fixture
def stage(cluster: Sandbox, client: Client) -> Iterator[Stage]:
    found = Stage(cluster, client)
    client.apply(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    client.apply(LEASES, free_lease())
    found.install(make_crd())
    yield found
    found.clear()


@pytest.fixture
def start(cluster: Sandbox) -> Iterator[Start]:
    programs: list[Watch] = []

    def launch(*options: str, kubeconfig: Path | None = None, quick: bool = False, ready: bool = True) -> Watch:
        programs.append(Watch(kubeconfig or cluster.kubeconfig, *options, quick=quick))
        if ready:
            programs[-1].wait_ready()
        return programs[-1]

    yield launch
    for program in programs:
        program.kill()


@dataclass(slots=True)
class BadDay:
    """From the watcher to the API server: through a network, then a server, each of which can have a bad day."""

    network: Proxy
    gate: Gate
    kubeconfig: Path

    def let_pass(self) -> None:
        self.gate.let_pass()
        self.network.let_pass()


@pytest.fixture
def bad_day(cluster: Sandbox, tmp_path: Path) -> Iterator[BadDay]:
    pki = cluster.record.directory / "pki"
    with Gate(cluster.record.url, pki) as gate, Proxy(HOST, gate.port) as network:
        path = tmp_path / "bad-day.kubeconfig"
        path.write_text(json.dumps(plain_kubeconfig(f"http://{HOST}:{network.port}")))
        yield BadDay(network, gate, path)


def plain_kubeconfig(url: str) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "x", "cluster": {"server": url}}],
        "users": [{"name": "x", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "current-context": "x",
    }


class Second:
    """Another API server at the same etcd, which can be killed: a sandbox ends with its own."""

    def __init__(self, sandbox: Sandbox, log: Path, *arguments: str) -> None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = int(free.getsockname()[1])
        plan = replace(sandbox.record.plan(), port=self.port, api_server_arguments=arguments)
        self._command: Sequence[str] = api_server_command(plan)
        self._directory, self._log = sandbox.record.directory, log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    def start(self) -> None:
        """Does nothing if it runs."""
        if self._process is not None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def second(cluster: Sandbox, tmp_path: Path) -> Iterator[Second]:
    """Without the watch cache: what etcd has forgotten it does not know either."""
    found = Second(cluster, tmp_path / "second.log", "--watch-cache=false")
    yield found
    found.kill()


# -- things ------------------------------------------------------------------------------------------------------------


def free_lease() -> JsonObject:
    """As the chart brings it, given back: whoever finds none has to wait for the time that one lasts."""
    spec = {"holderIdentity": "", "leaseDurationSeconds": 1}
    metadata = {"name": "auditor-watch", "namespace": NAMESPACE}
    return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": spec}


def make_crd(
    plural: str = "things", *versions: str, kind: str = "", storage: str = "v1", spec: JsonObject | None = None
) -> JsonObject:
    """All versions alike. `spec` is its schema; without one anything goes."""
    body = spec or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": body}}}
    listed = [
        {"name": name, "served": True, "storage": name == storage, "schema": schema} for name in versions or (storage,)
    ]
    return {
        "apiVersion": CRDS.api_version,
        "kind": CRDS.kind,
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind or plural.removesuffix("s").capitalize()},
            "versions": listed,
        },
    }


def policy(name: str, *rules: JsonObject, resources: Sequence[str] = ("things",), **spec: Any) -> JsonObject:
    matched = {"apiGroups": [GROUP], "apiVersions": ["*"], "resources": [*resources], "operations": ["*"]}
    body = {"enforcement": "Audit", "match": {"resourceRules": [matched]}, "rules": [*rules]}
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": body | spec}


ODD: JsonObject = {"name": "odd", "jq": ".spec.replicas % 2 == 1", "message": "must be odd"}
FEW: JsonObject = {"name": "few", "cel": "object.spec.replicas < 7", "message": "must be few"}


def thing(name: str, *, resource: Resource = THINGS, labels: JsonObject | None = None, **spec: Any) -> JsonObject:
    metadata = {"name": name, "namespace": "shop", **({"labels": labels} if labels else {})}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "spec": spec}


def render(thing: JsonObject) -> str:
    return orjson.dumps(thing).decode()
