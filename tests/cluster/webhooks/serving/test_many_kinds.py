"""A cluster with two hundred kinds: how long the start takes, how much memory, and how soon an edit is in force."""

import logging
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from auditor import crds
from auditor.cluster import Client, Resource, WriteOptions, connect
from auditor.cluster import Settings as ClusterSettings
from auditor.cluster.discovery.crd import read_crd
from auditor.cluster.resource import CRDS
from auditor.errors import ApiError
from auditor.intake.kinds import POLICIES
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from auditor.webhooks.registration.writing import CONFIGURATIONS
from tests.cluster.webhooks.serving.conftest import NAMESPACE, free_lease, free_port, policy, put
from tests.cluster.webhooks.serving.running import Program, wait

log = logging.getLogger(__name__)
KINDS = 200
DRY = WriteOptions(dry_run=True, field_manager="tests")
VALIDATING = CONFIGURATIONS["ValidatingWebhookConfiguration"]


def crd(number: int) -> JsonObject:
    """A small one: what an API server makes of the documentation of large ones takes it minutes, and us nothing."""
    fields = {f"field{i}": {"type": "string", "description": "What it is for."} for i in range(10)}
    spec = {"type": "object", "properties": {"size": {"type": "integer"}, **fields}}
    schema = {"type": "object", "properties": {"spec": spec}}
    plural = f"kind{number}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.many.example.com"},
        "spec": {
            "group": "many.example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": plural[:-1], "kind": plural[:-1].capitalize()},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


@pytest.fixture(scope="module")
def crowded() -> Iterator[Sandbox]:
    with Sandbox.start(f"crowded-{os.getpid()}", owner=os.getpid()) as sandbox:
        sandbox.kubectl("create", "namespace", NAMESPACE)
        put(sandbox, free_lease())
        yield sandbox


@pytest.fixture(scope="module")
def client(crowded: Sandbox) -> Iterator[Client]:
    found = connect(ClusterSettings(kubeconfig=str(crowded.kubeconfig), qps=1000, burst=1000))
    with found.transport:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: found.create(CRDS, crd(n)), range(KINDS)))
            list(pool.map(lambda name: found.create(CRDS, yaml.safe_load(crds.read(name))), crds.names()))
        wait(lambda: all(read_crd(each).established for each in found.list(CRDS)), 60.0)
        yield found


def rule(limit: int) -> JsonObject:
    return {"name": "size", "cel": f"object.spec.size < {limit}"}


def everything(limit: int) -> JsonObject:
    matched = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"]}
    return policy("everything", rule(limit), match={"resourceRules": [matched]})


def refused(client: Client, number: int, size: int) -> str:
    name = f"kind{number}"
    resource = Resource("many.example.com", "v1", f"{name}s", name.capitalize(), namespaced=True)
    meta = {"name": "one", "namespace": "default"}
    body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": meta, "spec": {"size": size}}
    try:
        client.create(resource, body, options=DRY)
    except ApiError as error:
        return str(error)
    return ""


@pytest.mark.timeout(180)
def test_two_hundred_kinds(crowded: Sandbox, client: Client) -> None:
    client.create(POLICIES, everything(10))
    begun = time.monotonic()
    program = Program(crowded.kubeconfig, "--drain", "0", port=free_port())
    try:
        program.wait_ready()
        ready = time.monotonic() - begun
        wait(lambda: "everything/size" in refused(client, KINDS - 1, 10), why=lambda: program.text[-3000:])
        registered = time.monotonic() - begun
        live = client.get(VALIDATING, "auditor")
        (webhook,) = (each for each in live["webhooks"] if each["name"] == "fail-10s.validate.auditor.dev")
        assert sum(len(each["resources"]) for each in webhook["rules"]) >= KINDS
        times = []
        for limit in range(11, 21):
            begun = time.monotonic()
            client.apply(POLICIES, everything(limit), force=True)
            wait(lambda limit=limit: not refused(client, limit, limit - 1))  # type: ignore[misc]
            times.append(time.monotonic() - begun)
        begun = time.monotonic()
        client.create(CRDS, crd(KINDS))
        wait(lambda: "everything/size" in refused(client, KINDS, 30), why=lambda: refused(client, KINDS, 30))
        new = time.monotonic() - begun
        worker = program.worker.cpu_times()
        memory = program.worker.memory_info().rss / 1e6
        log.warning(
            "%d kinds: ready after %.1f s, registered after %.1f; an edit in force after %.0f ms (median), "
            "%.0f at most; a new kind after %.1f s; %.0f MB, %.1f s of CPU",
            *(
                KINDS,
                ready,
                registered,
                statistics.median(times) * 1e3,
                max(times) * 1e3,
                new,
                memory,
                worker.user + worker.system,
            ),
        )
        assert ready < 30
        assert max(times) < 1.0
        assert memory < 120
    finally:
        program.stop()
