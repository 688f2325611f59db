"""Policies that change while the program runs: how soon that is in force, and what status says of it."""

import logging
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from auditor.cluster import Client, Resource, WriteOptions, connect
from auditor.cluster import Settings as ClusterSettings
from auditor.cluster.conditions import render_time
from auditor.errors import ApiError
from auditor.intake.kinds import POLICIES
from auditor.json import JsonObject
from tests.cluster.webhooks.serving.conftest import Stage, policy, thing
from tests.cluster.webhooks.serving.running import wait

log = logging.getLogger(__name__)
DRY = WriteOptions(dry_run=True, field_manager="tests")


def smaller_than(limit: int) -> JsonObject:
    return {"name": "size", "cel": f"object.spec.size < {limit}", "message": f"must be smaller than {limit}"}


@pytest.fixture(scope="module")
def client(stage: Stage) -> Iterator[Client]:
    found = connect(ClusterSettings(kubeconfig=str(stage.cluster.kubeconfig), qps=1000, burst=1000))
    yield found
    found.transport.close()


@pytest.fixture(scope="module")
def things() -> Resource:
    return Resource("example.com", "v1", "things", "Thing", namespaced=True)


def refusal(client: Client, things: Resource, size: int) -> str:
    """Of a dry run; empty: it is admitted."""
    try:
        client.create(things, thing("asked", size=size), options=DRY)
    except ApiError as error:
        return str(error)
    return ""


def await_refusal(client: Client, things: Resource, size: int, text: str) -> float:
    """Seconds until `text` is in the refusal; empty: until it is admitted."""
    begun = time.monotonic()

    def holds() -> bool:
        found = refusal(client, things, size)
        return text in found if text else not found

    wait(holds)
    return time.monotonic() - begun


def test_an_edit_and_a_deletion_are_in_force_within_a_second(stage: Stage, client: Client, things: Resource) -> None:
    stage.put(policy("edited", smaller_than(10)))
    stage.wait_refused(thing("probe", size=10), "edited/size")
    times = []
    for limit in range(11, 21):
        client.apply(POLICIES, policy("edited", smaller_than(limit)), force=True)
        times.append(await_refusal(client, things, limit - 1, ""))
    middle, longest = statistics.median(times) * 1e3, max(times) * 1e3
    log.warning("an edit is in force after %.0f ms (median), %.0f ms at most", middle, longest)
    assert max(times) < 1.0
    client.delete(POLICIES, "edited")
    assert await_refusal(client, things, 30, "") < 1.0


def test_a_hundred_policies_at_once(stage: Stage, client: Client, things: Resource) -> None:
    names = [f"many-{i}" for i in range(100)]
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: client.create(POLICIES, policy(name, smaller_than(5))), names))
        seconds = await_refusal(client, things, 7, "100 violations")
        memory = stage.program.worker.memory_info().rss / 1e6
        log.warning("100 policies are in force %.2f s after the last was written, in %.0f MB", seconds, memory)
        assert seconds < 5.0
        assert memory < 120
        assert 'auditor_webhook_policies{state="in force"} 100.0' in stage.program.get("/metrics")[1]
    finally:
        client.delete_collection(POLICIES)
    assert await_refusal(client, things, 7, "") < 2.0


def test_status_says_that_it_is_in_force_and_since_when_rules_deny(stage: Stage, client: Client) -> None:
    audited = {"name": "other", "jq": "true", "enforcement": "Audit"}
    stage.put(policy("told", smaller_than(10), audited))
    status = stage.wait_condition("policy", "told", ("Ready", "True", "InForce"))
    assert status["observedGeneration"] == 1
    assert [each["rule"] for each in status["enforcedSince"]] == ["size"]
    # A break begins anew; what does not touch a rule lets it be.
    stage.put(policy("told", smaller_than(10), {**audited, "enforcement": "Deny"}, title="other words"))
    wait(lambda: stage.status("policy", "told")["observedGeneration"] == 2)
    since = {each["rule"]: each["time"] for each in stage.status("policy", "told")["enforcedSince"]}
    assert since["size"] == status["enforcedSince"][0]["time"]
    assert set(since) == {"size", "other"}
    # Who overwrites status does not get far.
    client.patch_merge(POLICIES, "told", {"status": {"conditions": [], "enforcedSince": []}}, subresource="status")
    stage.wait_condition("policy", "told", ("Ready", "True", "InForce"))
    client.delete(POLICIES, "told")


def test_our_own_objects_are_judged_at_admission(stage: Stage) -> None:
    stage.put(policy("right", smaller_than(10)))
    stage.wait_refused(policy("wrong", {"name": "size", "cel": "object.spec.size <"}), "spec.rules[0].cel")
    wrong = policy("wrong", {"name": "size", "cel": "object.spec.size <"}, {"name": "shape", "jq": ".spec |"})
    refused = stage.kubectl("apply", "-f", "-", thing=wrong)
    assert refused.returncode == 1
    assert "spec.rules[0].cel: Policy wrong/size: at 1:19: Syntax error" in refused.stderr
    assert "spec.rules[1].jq: Policy wrong/shape: " in refused.stderr
    steps = [{"from": "v1", "to": "v2", "jq": ".a |"}]
    spec = {"resource": {"group": "example.com", "resource": "things"}, "steps": steps}
    conversion = {"apiVersion": "auditor.dev/v1", "kind": "Conversion", "metadata": {"name": "things.example.com"}}
    refused = stage.kubectl("apply", "-f", "-", thing=conversion | {"spec": spec})
    assert "spec.steps[0].jq" in refused.stderr
    assert "no way leads from v2 to v1" in refused.stderr
    scale = policy("scale", {"name": "count", "cel": "object.spec.replicas < 5"}, operations="UPDATE")
    warned = stage.kubectl("apply", "--dry-run=server", "-f", "-", thing=scale)
    assert warned.returncode == 0, warned.stderr
    assert "things/scale" in warned.stderr
    stage.kubectl("delete", "policy", "right")


def test_an_exception_excuses_at_once_and_says_so(stage: Stage, client: Client, things: Resource) -> None:
    stage.put(policy("strict", smaller_than(10), exceptions={"namespaceSelector": {}}))
    stage.wait_refused(thing("probe", size=10), "strict/size")
    stage.put(exception(days=300))
    assert await_refusal(client, things, 10, "") < 1.0
    stage.wait_condition("policyexception", "one", ("Active", "True", "Excuses"), "-n", "shop")
    stage.kubectl("delete", "policyexception", "one", "-n", "shop")
    assert await_refusal(client, things, 10, "strict/size") < 1.0
    stage.kubectl("delete", "policy", "strict")


def exception(*, days: int) -> JsonObject:
    expires = render_time(datetime.now(UTC) + timedelta(days=days))
    spec = {"policies": ["strict"], "owner": "jane", "reason": "until it is moved", "expires": expires}
    metadata = {"name": "one", "namespace": "shop"}
    return {"apiVersion": "auditor.dev/v1", "kind": "PolicyException", "metadata": metadata, "spec": spec}


def test_what_the_config_excludes_and_how_far_ahead_exceptions_end(
    stage: Stage, client: Client, things: Resource
) -> None:
    stage.put(policy("strict", smaller_than(10), exceptions={"namespaceSelector": {}}))
    stage.wait_refused(thing("probe", size=10), "strict/size")
    stage.put(exception(days=300))
    assert await_refusal(client, things, 10, "") < 1.0
    # Nearer ends are asked for: what is there stops to excuse, and what comes is refused.
    put_config(stage, exceptions={"maxDays": 30})
    assert await_refusal(client, things, 10, "strict/size") < 1.0
    stage.wait_condition("policyexception", "one", ("Active", "False", "TooLong"), "-n", "shop")
    refused = stage.kubectl("apply", "-f", "-", thing=exception(days=200))
    assert "spec.expires" in refused.stderr
    assert "must not be more than 30 days ahead" in refused.stderr
    stage.put(exception(days=29))
    stage.wait_condition("policyexception", "one", ("Active", "True", "Excuses"), "-n", "shop")
    stage.kubectl("delete", "policyexception", "one", "-n", "shop")
    assert await_refusal(client, things, 10, "strict/size") < 1.0
    # A user, and a namespace, that are left alone; the longest list of users that the CRD takes.
    others = [f"system:serviceaccount:backup:{i:03}-{'x' * 200}" for i in range(255)]
    put_config(stage, exclude={"users": ["restore", *others]})
    allowed = ("create", "--dry-run=server", "--as=restore", "--as-group=system:masters", "-f", "-")
    wait(lambda: not stage.kubectl(*allowed, thing=thing("probe", size=10)).returncode)
    assert refusal(client, things, 10) != ""
    put_config(stage, exclude={"namespaces": ["shop"]})
    assert await_refusal(client, things, 10, "") < 2.0
    stage.kubectl("delete", "auditconfig", "default")
    assert await_refusal(client, things, 10, "strict/size") < 2.0
    stage.kubectl("delete", "policy", "strict")


def put_config(stage: Stage, **spec: JsonObject) -> None:
    metadata = {"name": "default"}
    stage.put({"apiVersion": "auditor.dev/v1", "kind": "AuditConfig", "metadata": metadata, "spec": spec})


def test_a_lookup_follows_the_objects_that_it_reads(stage: Stage, client: Client, things: Resource) -> None:
    lookup = {"name": "peers", "resource": {"group": "example.com", "resource": "things"}, "namespace": "same"}
    unique = {"name": "unique", "cel": "!lookups.peers.exists(p, p.spec.host == object.spec.host)"}
    stage.put(policy("looks", unique, lookups=[lookup], operations="CREATE"))
    client.create(things, thing("first", host="a", size=1))
    stage.wait_refused(thing("second", host="a"), "looks/unique")
    assert stage.kubectl("create", "--dry-run=server", "-f", "-", thing=thing("second", host="b")).returncode == 0
    client.delete(things, "first", namespace="shop")
    wait(lambda: not stage.kubectl("create", "--dry-run=server", "-f", "-", thing=thing("second", host="a")).returncode)
    stage.kubectl("delete", "policy", "looks")
