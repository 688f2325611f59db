"""Replicas that come and go while requests come in all the time."""

import logging
import signal
import time
from collections.abc import Iterator

import pytest

from auditor.cluster import Client, Resource, WriteOptions, connect
from auditor.cluster import Settings as ClusterSettings
from auditor.errors import ApiError, ClusterError
from auditor.intake.kinds import POLICIES
from auditor.sandbox import Sandbox
from tests.cluster.webhooks.serving.balancer import Balancer, Load
from tests.cluster.webhooks.serving.conftest import Stage, free_port, policy, put, thing
from tests.cluster.webhooks.serving.running import Program, wait

log = logging.getLogger(__name__)

THINGS = Resource("example.com", "v1", "things", "Thing", namespaced=True)
DRY = WriteOptions(dry_run=True, field_manager="tests")
SIZE = {"name": "size", "cel": "object.spec.size < 10"}
DRAIN = ("--drain", "1.5")


@pytest.fixture
def client(cluster: Sandbox) -> Iterator[Client]:
    found = connect(ClusterSettings(kubeconfig=str(cluster.kubeconfig), qps=10_000, burst=10_000))
    yield found
    found.transport.close()


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    found = Balancer()
    yield found
    found.stop()


@pytest.fixture
def clean(cluster: Sandbox) -> Iterator[None]:
    """Whatever a test leaves behind, the next one can work."""
    yield
    for kind in ("validatingwebhookconfiguration", "mutatingwebhookconfiguration"):
        cluster.kubectl("delete", kind, "auditor", "--ignore-not-found")
    cluster.kubectl("delete", "policies", "--all")


def start(cluster: Sandbox, balancer: Balancer) -> Program:
    return Program(cluster.kubeconfig, *DRAIN, url=balancer.url, port=free_port())


def ask(client: Client) -> str:
    """One that is admitted and one that is refused, each as it should be."""
    try:
        client.create(THINGS, thing("fits", size=1), options=DRY)
    except ClusterError as error:
        return str(error)
    try:
        client.create(THINGS, thing("large", size=10), options=DRY)
    except ApiError as error:
        return "" if "loaded/size" in str(error) else str(error)
    except ClusterError as error:
        return str(error)
    return "a large one was admitted"


@pytest.mark.usefixtures("clean")
def test_no_request_fails_while_replicas_end_and_policies_change(
    cluster: Sandbox, client: Client, balancer: Balancer
) -> None:
    first, second = programs = [start(cluster, balancer), start(cluster, balancer)]
    balancer.programs = programs
    try:
        for each in programs:
            each.wait_ready()
        put(cluster, policy("loaded", SIZE))
        wait(lambda: not ask(client), why=lambda: ask(client) + first.text + second.text)
        with Load(lambda: ask(client)) as load:
            begun = time.monotonic()
            assert first.stop() == 0
            took = time.monotonic() - begun
            third = start(cluster, balancer)
            programs.append(third)
            balancer.programs = [second, third]
            third.wait_ready()
            for limit in range(10):
                client.apply(POLICIES, policy("loaded", SIZE, title=f"edit {limit}"), force=True)
            wait(lambda: load.asked > 300)
            second.process.send_signal(signal.SIGINT)
            assert second.stop() == 0
            wait(lambda: load.asked > 500)
        log.warning("%d requests, %d failed; a replica ended within %.1f s", 2 * load.asked, len(load.failures), took)
        assert load.failures == []
        assert took < 10
    finally:
        for each in programs:
            each.stop()


@pytest.mark.usefixtures("clean")
def test_without_any_replica_the_failure_policy_decides(cluster: Sandbox, client: Client) -> None:
    program = Program(cluster.kubeconfig, "--drain", "0", port=free_port())
    try:
        program.wait_ready()
        ignored = {"name": "ignored", "cel": "object.spec.size < 10"}
        put(cluster, policy("strict", SIZE, operations="CREATE"))
        put(cluster, policy("lenient", ignored, operations="UPDATE", failurePolicy="Ignore"))
        wait(lambda: "strict/size" in refusal(client, 10))
        client.create(THINGS, thing("there", namespace="default", size=1))
    finally:
        program.stop()
    assert "failed calling webhook" in refusal(client, 1)
    changed = client.patch_merge(THINGS, "there", {"spec": {"size": 11}}, namespace="default", options=DRY)
    assert changed["spec"]["size"] == 11
    # Nobody refuses a wrong policy now; what it is worth is found out later.
    put(cluster, policy("wrong", {"name": "size", "cel": "object.spec.size <"}))
    program = Program(cluster.kubeconfig, "--drain", "0", port=free_port())
    try:
        program.wait_ready()
        stage = Stage(cluster, program)
        status = stage.wait_condition("policy", "wrong", ("Ready", "False", "DoesNotCompile"))
        assert "what it matches is an error, under its failurePolicy" in status["conditions"][0]["message"]
        assert "1:19" in status["conditions"][0]["message"]
        assert 'auditor_webhook_policies{state="wrong"} 1.0' in program.get("/metrics")[1]
        # Nothing passes that nobody could judge, and who mends it is not kept from that.
        wait(lambda: "wrong/size" in refusal(client, 1), why=lambda: refusal(client, 1))
        assert "does not compile" in refusal(client, 1)
        client.delete(POLICIES, "wrong")
        wait(lambda: not refusal(client, 1), why=lambda: refusal(client, 1))
        wait(lambda: "strict/size" in refusal(client, 10))
        client.delete(THINGS, "there", namespace="default")
    finally:
        program.stop()


@pytest.mark.usefixtures("clean")
def test_a_killed_worker_has_a_successor_within_two_seconds(stage: Stage, client: Client) -> None:
    """The last one here: `stage` serves from now on."""
    stage.put(policy("loaded", SIZE))
    wait(lambda: not ask(client), why=lambda: ask(client))
    worker = stage.program.worker
    with Load(lambda: ask(client)) as load:
        wait(lambda: load.asked > 20)
        begun = time.monotonic()
        worker.kill()
        wait(lambda: stage.program.ready)
        seconds = time.monotonic() - begun
        asked = load.asked
        wait(lambda: load.asked > asked + 20)
    failed = len(load.failures)
    log.warning("killed: ready again after %.2f s; %d of %d requests failed", seconds, failed, 2 * load.asked)
    assert seconds < 2.0
    # Of each of 8 clients the request in hand, and one that the API server sent into another connection that was dead.
    assert failed <= 16, load.failures
    assert stage.program.worker.pid != worker.pid


def refusal(client: Client, size: int) -> str:
    try:
        client.create(THINGS, thing("asked", size=size), options=DRY)
    except ApiError as error:
        return str(error)
    return ""
