"""Status of the AuditConfig and of policies on a real API server: written when it differs, and never over others."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from auditor.audit.coverage import KindCounts, KindCoverage, PolicyCounts, Situation
from auditor.audit.status import STATUS
from auditor.audit.statuswriter import MANAGER, StatusWriter
from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.lease import Permit
from auditor.errors import LeaseLostError, NotFoundError
from auditor.intake.kinds import CONFIGS, POLICIES
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.sole import Sole

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECONDS = 15.0


def everything(_: str) -> bool:
    return True


@contextmanager
def allowed(_: str) -> Iterator[Permit]:
    yield Permit(lambda: 10.0)


def kind(resource: str, **more: Any) -> KindCoverage:
    found = KindCoverage(group="e", resource=resource, present=3, evaluated=3, not_evaluated=0, last_complete_pass=NOW)
    return replace(found, **more)


def situation(*resources: str, **more: Any) -> Situation:
    kinds = tuple(kind(each) for each in resources)
    counts = tuple(KindCounts(group="e", resource=each, evaluated=3, not_evaluated=0, fails=1) for each in resources)
    policies = (PolicyCounts(policy="sizes", kinds=counts), PolicyCounts(policy="was-deleted"))
    known = frozenset(each.name for each in kinds) | more.pop("known", frozenset())
    return Situation(kinds=kinds, policies=policies, known=known, generation=1, **more)


def policy(name: str) -> JsonObject:
    rule = {"apiGroups": ["e"], "apiVersions": ["*"], "resources": ["x"], "operations": ["*"]}
    spec = {"match": {"resourceRules": [rule]}, "rules": [{"name": "r", "cel": "true"}]}
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(autouse=True)
def objects(client: Client) -> Iterator[None]:
    client.create(POLICIES, policy("sizes"))
    yield
    client.delete(POLICIES, "sizes")
    client.delete_collection(CONFIGS)


def make(client: Client, of: Callable[[], Situation | None], **more: Any) -> StatusWriter:
    return StatusWriter(client, of, everything, allowed, **{"settle": 0.01, "spacing": 0.0, **more})


def status(client: Client, resource: Resource, name: str) -> JsonObject:
    found: JsonObject = client.get(resource, name).get("status", {})
    return found


def version(client: Client, resource: Resource, name: str) -> str:
    return str(client.get(resource, name)["metadata"]["resourceVersion"])


def test_both_are_written_and_when_nothing_changes_nothing_is(client: Client) -> None:
    writer = make(client, lambda: situation("x", "y"))
    assert writer.look() is None
    assert writer.writes == 2
    config = status(client, CONFIGS, "default")
    assert [each["resource"] for each in config["coverage"]] == ["x", "y"]
    assert config["coveragePercent"] == 100
    assert config["conditions"][0]["status"] == "True"
    assert status(client, POLICIES, "sizes")["totals"]["fail"] == 2
    versions = version(client, CONFIGS, "default"), version(client, POLICIES, "sizes")
    assert writer.look() is None
    assert writer.writes == 2
    assert (version(client, CONFIGS, "default"), version(client, POLICIES, "sizes")) == versions


def test_the_door_writes_its_own_part_and_neither_disturbs_the_other(client: Client) -> None:
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "InForce",
        "message": "in force",
        "lastTransitionTime": "2026-11-21T12:00:00Z",
    }
    theirs = {
        "observedGeneration": 1,
        "conditions": [condition],
        "enforcedSince": [{"rule": "r", "time": "2026-11-21T12:00:00Z"}],
    }
    body = {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": "sizes"}, "status": theirs}
    door = WriteOptions(field_manager="auditor-webhook")
    client.apply(POLICIES, body, force=True, subresource="status", options=door)
    known = situation("x")
    writer = make(client, lambda: known)
    writer.look()
    assert {name: status(client, POLICIES, "sizes")[name] for name in theirs} == theirs
    client.apply(
        POLICIES, body | {"status": theirs | {"enforcedSince": []}}, force=True, subresource="status", options=door
    )
    found = status(client, POLICIES, "sizes")
    assert "enforcedSince" not in found or found["enforcedSince"] == []
    assert found["totals"]["fail"] == 1
    known = situation("x", "y")
    writer.look()
    fields = {
        each["manager"]: orjson.dumps(each["fieldsV1"]).decode()
        for each in client.get(POLICIES, "sizes")["metadata"]["managedFields"]
    }
    assert "f:conditions" not in fields[MANAGER]
    assert "f:kinds" in fields[MANAGER]
    assert "f:conditions" in fields["auditor-webhook"]


def test_two_watchers_write_into_one_status(client: Client) -> None:
    both = frozenset({"x.e", "y.e"})

    def watcher(mine: str, *more: str) -> StatusWriter:
        of, owned = situation(mine, known=both), (f"{mine}.e", *more)
        return StatusWriter(client, lambda: of, lambda name: name in owned, allowed, spacing=0.0)

    first, second = watcher("x", STATUS), watcher("y")
    assert second.look() is None  # it does not make the AuditConfig: that is for the one who speaks for all
    with pytest.raises(NotFoundError):
        client.get(CONFIGS, "default")
    first.look()
    for _ in range(3):
        threads = [threading.Thread(target=each.look) for each in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [each["resource"] for each in status(client, CONFIGS, "default")["coverage"]] == ["x", "y"]
    assert status(client, POLICIES, "sizes")["totals"]["fail"] == 2
    writes = first.writes, second.writes
    assert (first.look(), second.look()) == (None, None)
    assert (first.writes, second.writes) == writes


def test_not_more_often_than_it_may(client: Client) -> None:
    now = 100.0
    count = 0

    def of() -> Situation:
        nonlocal count
        count += 1
        return Situation(kinds=(kind("x", present=count),), known=frozenset({"x.e"}))

    writer = make(client, of, spacing=5.0, clock=lambda: now)
    assert writer.look() is None
    now = 101.0
    assert writer.look() == 105.0
    assert writer.writes == 1
    now = 105.0
    assert writer.look() is None
    assert writer.writes == 2
    assert status(client, CONFIGS, "default")["coverage"][0]["present"] == count


def test_marks_from_many_threads_make_few_writes(client: Client) -> None:
    turf = Sole()
    turf.start()
    lock = threading.Lock()
    fails = 0

    def of() -> Situation:
        with lock:
            counts = KindCounts(group="e", resource="x", evaluated=3, not_evaluated=0, fails=fails)
        policies = (PolicyCounts(policy="sizes", kinds=(counts,)),)
        return Situation(kinds=(kind("x"),), policies=policies, known=frozenset({"x.e"}))

    writer = StatusWriter(client, of, turf.owns, turf.guard, settle=0.05, spacing=0.2)
    writer.start()
    try:

        def change() -> None:
            nonlocal fails
            for _ in range(250):
                with lock:
                    fails += 1
                writer.mark()

        threads = [threading.Thread(target=change) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: status(client, POLICIES, "sizes").get("totals", {}).get("fail") == 1000)
        assert writer.writes < 20
        assert writer.error == ""
    finally:
        assert writer.stop()


def test_who_may_not_write_does_not(client: Client) -> None:
    def refuse(name: str) -> AbstractContextManager[Permit]:
        raise LeaseLostError(f"{name} is not ours")

    client.apply(CONFIGS, {"apiVersion": "auditor.dev/v1", "kind": "AuditConfig", "metadata": {"name": "default"}})
    writer = StatusWriter(client, lambda: situation("x"), everything, refuse)
    assert writer.look() is not None
    assert status(client, CONFIGS, "default") == {}
    assert writer.error == ""


def test_the_config_that_it_makes_belongs_to_whoever_writes_it_next(own: Sandbox, client: Client) -> None:
    writer = make(client, lambda: situation("x"))
    writer.look()
    mine = {
        "apiVersion": "auditor.dev/v1",
        "kind": "AuditConfig",
        "metadata": {"name": "default"},
        "spec": {"reports": {"api": "none"}, "checks": {"schema": {"enabled": False}}},
    }
    own.kubectl("apply", "--server-side", "-f", "-", stdin=orjson.dumps(mine).decode())
    writer.look()
    found = client.get(CONFIGS, "default")
    assert found["spec"]["reports"]["api"] == "none"
    assert found["spec"]["checks"]["schema"] == {"enabled": False, "severity": "medium"}
    assert found["status"]["coveragePercent"] == 100


def test_the_longest_coverage_is_taken_by_the_server(client: Client) -> None:
    kinds = tuple(
        kind(f"k{i:04}", group="some.rather-long-name.of-a-group.example.com", reason="403: " + "x" * 1500)
        for i in range(2000)
    )
    of = Situation(kinds=kinds, known=frozenset(each.name for each in kinds))
    writer = make(client, lambda: of)
    writer.look()
    assert writer.error == ""
    found = client.get(CONFIGS, "default")
    assert len(found["status"]["coverage"]) == 2000
    assert len(orjson.dumps(found)) < 1_500_000


def test_what_the_server_refuses_is_told_and_tried_again(client: Client) -> None:
    wrong = situation("x")
    wrong = replace(wrong, kinds=(replace(wrong.kinds[0], evaluated=-1),))
    writer = make(client, lambda: wrong)
    assert writer.look() is not None
    assert "evaluated" in writer.error
    assert status(client, POLICIES, "sizes")["totals"]["fail"] == 1  # the others are written


def wait_for(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(SECONDS / 0.05)):
        if holds():
            return
        pause.wait(0.05)
    raise AssertionError("not in time")
