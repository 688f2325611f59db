"""A control plane of its own, because CRDs of reports belong to the whole cluster; its controllers collect garbage."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry

from auditor.audit.install import install_report_crds
from auditor.audit.reports import ReportWriter
from auditor.cluster import Client, Resource, Settings, connect
from auditor.cluster.access import key_of, split_key
from auditor.cluster.informer import Informers
from auditor.cluster.lease import Permit
from auditor.cluster.resource import CRDS, NAMESPACES
from auditor.errors import LeaseLostError, NotFoundError, TooManyRequestsError
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Severity
from auditor.model.settings import ReportApi, ReportSettings
from auditor.model.subject import Subject
from auditor.report.crs import FORMS, name_of
from auditor.sandbox import Sandbox

PATIENCE = 20.0
"""Seconds: the machine may be busy."""
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
KIND = CONFIG_MAPS.name


def resource_of(api: ReportApi, *, namespaced: bool = True) -> Resource:
    form = next(form for form in FORMS[api] if form.namespaced is namespaced)
    return Resource(form.group, form.version, form.plural, form.kind, namespaced=namespaced)


REPORTS = resource_of(ReportApi.OPENREPORTS)
CLUSTER_REPORTS = resource_of(ReportApi.OPENREPORTS, namespaced=False)
POLICY_REPORTS = resource_of(ReportApi.WGPOLICY)


def until(fits: Callable[[], object], seconds: float = PATIENCE) -> None:
    """For what only shows when it is asked for."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not fits():
        assert time.monotonic() < deadline, "it did not come to that"
        pause.wait(0.02)


@pytest.fixture(scope="package")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(f"reports-{secrets.token_hex(3)}") as sandbox:
        yield sandbox


@pytest.fixture(scope="package")
def client(sandbox: Sandbox) -> Iterator[Client]:
    with (client := connect(Settings(kubeconfig=str(sandbox.kubeconfig), qps=1000, burst=1000))).transport:
        yield client


@pytest.fixture
def without_kinds(client: Client) -> Client:
    """A cluster in which nobody has installed kinds of reports."""
    for api in FORMS:
        remove_crds(client, api)
    return client


@pytest.fixture
def kinds(client: Client) -> Client:
    """With all kinds of reports, and no report of a test before."""
    for api, forms in FORMS.items():
        install_report_crds(client, api)
        for form in forms:
            resource = resource_of(api, namespaced=form.namespaced)
            until(lambda resource=resource: empty(client, resource))  # type: ignore[misc]
    return client


def empty(client: Client, resource: Resource) -> bool:
    try:
        for report in client.list(resource):
            namespace, name = split_key(key_of(report))
            client.delete(resource, name, namespace=namespace)
    except (NotFoundError, TooManyRequestsError):  # the kind has just been installed
        return False
    return True


def remove_crds(client: Client, api: ReportApi) -> None:
    for form in FORMS[api]:
        try:
            client.delete(CRDS, form.crd)
        except NotFoundError:
            continue
        until(lambda name=form.crd: not exists(client, CRDS, name))  # type: ignore[misc]


def exists(client: Client, resource: Resource, name: str, namespace: str = "") -> bool:
    try:
        client.get(resource, name, namespace=namespace)
    except NotFoundError:
        return False
    return True


@pytest.fixture
def space(client: Client) -> Iterator[str]:
    """For this test alone."""
    name = f"space-{secrets.token_hex(4)}"
    client.create(NAMESPACES, {"metadata": {"name": name}})
    yield name
    client.delete(NAMESPACES, name)


def make_finding(rule: str = "replicas", message: str = "too few", result: Result = Result.FAIL) -> Finding:
    return Finding(
        policy="production",
        rule=rule,
        result=result,
        severity=Severity.HIGH,
        message=message,
        fingerprint=make_fingerprint("production", rule, "", "ConfigMap", "", ""),
    )


class World:
    """What a watcher knows, as simple as can be, and its writer."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.known: dict[tuple[str, str], tuple[Subject, Sequence[Finding]]] = {}
        self.reports = ReportSettings()
        self.unsettled: set[str] = set()
        self.lost = False
        self.informers = Informers(client)
        self.registry = CollectorRegistry()
        self.writer = self.make_writer()

    def make_writer(self, *, creates: bool = False) -> ReportWriter:
        return ReportWriter(
            self.client,
            informers=self.informers,
            settings=lambda: self.reports,
            find=lambda kind_name, key: self.known.get((kind_name, key)),
            guard=self.guard,
            settled=lambda kind_name: kind_name not in self.unsettled,
            registry=self.registry,
            creates=creates,
        )

    @contextmanager
    def guard(self, kind_name: str) -> Iterator[Permit]:
        if self.lost:
            raise LeaseLostError("somebody else leads")
        yield Permit(lambda: 5.0)

    def create(self, resource: Resource, name: str, namespace: str = "") -> Subject:
        made = self.client.create(
            resource,
            {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name}},
            namespace=namespace,
        )
        return Subject(
            resource.api_version, resource.kind, resource.plural, namespace, name, str(made["metadata"]["uid"])
        )

    def say(self, subject: Subject, *findings: Finding) -> None:
        """These are its findings now."""
        key = f"{subject.namespace}/{subject.name}" if subject.namespace else subject.name
        kind_name = f"{subject.resource}.{subject.group}" if subject.group else subject.resource
        if findings:
            self.known[kind_name, key] = (subject, findings)
        else:
            self.known.pop((kind_name, key), None)
        self.writer.mark(kind_name, key, subject.uid)

    def report(self, subject: Subject, resource: Resource = REPORTS) -> JsonObject | None:
        try:
            return self.client.get(resource, name_of(subject.uid), namespace=subject.namespace)
        except NotFoundError:
            return None

    def all(self, resource: Resource = REPORTS) -> set[str]:
        return {key_of(report) for report in self.client.list(resource)}

    def settle(self) -> None:
        """Nothing is left to be written, nor being written."""
        until(lambda: not self.writer._queue._entries)

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"auditor_reports_{name}", labels) or 0.0


@pytest.fixture
def world(client: Client) -> Iterator[World]:
    world = World(client)
    yield world
    world.writer.stop()
    world.informers.stop()


@pytest.fixture
def started(kinds: Client, world: World) -> World:
    world.writer.start()
    return world
