"""What the door counts and remembers, and how both are read at its operations port."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from auditor.operations import make_operations_app
from auditor.webhooks.decisions import PAGE, Decision, Ring
from auditor.webhooks.metrics import Meters
from auditor.webhooks.snapshot import Holder, Snapshot
from tests.unit.webhooks.making import NOW, SMALL, ask, compiled, open_door, review, rules, thing

DECISION = Decision(
    id="x",
    time=NOW,
    webhook="validate",
    uid="u",
    operation="CREATE",
    api_version="example.com/v1",
    kind="Thing",
    namespace="here",
    name="one",
    object_uid="",
    subresource="",
    user="jane",
    outcome="denied",
    allowed=False,
    dry_run=False,
    broke_glass=False,
    late=False,
    seconds=0.1,
    findings=(),
)


def make_client(**checks: Any) -> Client:
    door = open_door(rules(SMALL))
    ask(door, review(thing({"size": 9})))
    pages = {"/decisions": door.ring.show}
    return Client(make_operations_app(registry=door.meters.registry, checks=checks, pages=pages))


def test_it_is_ready_when_there_is_a_snapshot() -> None:
    holder = Holder()
    client = make_client(policies=holder.check)
    assert "[-] policies: the policies are not loaded yet" in client.get("/readyz").text
    holder.replace(Snapshot.of(compiled()))
    assert client.get("/readyz").status_code == 200


def test_metrics() -> None:
    response = make_client().get("/metrics")
    assert response.content_type.startswith("text/plain")
    lines = response.text.splitlines()
    assert 'auditor_webhook_requests_total{dry_run="false",outcome="denied",webhook="validate"} 1.0' in lines
    assert any(line.startswith("auditor_webhook_lookups_age_seconds ") for line in lines)
    assert 'auditor_webhook_findings_total{policy="sizes",result="fail"} 1.0' in lines
    assert all(line.startswith(("auditor_", "#")) for line in lines)


def test_labels_do_not_come_from_requests() -> None:
    door = open_door(rules(SMALL))
    for i in range(50):
        ask(door, review(thing({"size": 9}), name=f"n{i}", uid=str(i)), name=f"guess-{i}")
    metrics: Meters = door.meters
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    assert {sample.labels["webhook"] for sample in samples if "webhook" in sample.labels} == {"validate"}


def test_decisions_are_paged_and_what_was_missed_is_told() -> None:
    client = make_client()
    assert client.get("/decisions").content_type == "application/json"
    found = orjson.loads(client.get("/decisions").data)
    assert [each["number"] for each in found["decisions"]] == [1]
    assert (found["instance"], found["last"], found["missed"]) == ("test", 1, 0)
    assert orjson.loads(client.get("/decisions?since=1").data)["decisions"] == []


@pytest.mark.parametrize("query", ["since=x", "since=-1", "limit=1.5", "since=" + "9" * 30, "since="])
def test_wrong_numbers(query: str) -> None:
    response = make_client().get(f"/decisions?{query}")
    assert (response.status_code, response.text) == (400, "since and limit must be whole numbers\n")
    assert response.content_type == "text/plain; charset=utf-8"


@given(st.integers(1, 8), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5)), max_size=12))
def test_a_collector_gets_every_decision_or_is_told_how_many_it_missed(size: int, steps: list[tuple[int, int]]) -> None:
    """It comes now and then, with the number of the last that it got; in between decisions are made."""
    ring = Ring(size)
    made = seen = missed = 0
    for new, limit in steps:
        for _ in range(new):
            made += 1
            ring.add(replace(DECISION, id=str(made)))
        found = ring.since(seen, limit)
        missed += found["missed"]
        seen += found["missed"]
        for each in found["decisions"]:
            assert each["number"] == seen + 1
            assert each["id"] == str(each["number"])
            seen = each["number"]
    found = ring.since(seen)
    assert found["last"] == made
    assert seen + found["missed"] + len(found["decisions"]) == made
    assert missed + found["missed"] <= max(0, made - min(size, made))


def test_the_ring_is_bounded_and_its_pages_too() -> None:
    ring = Ring(PAGE + 10)
    for _ in range(PAGE + 50):
        ring.add(DECISION)
    found = ring.since(0, 10**9)
    assert (len(found["decisions"]), found["missed"], found["last"]) == (PAGE, 40, PAGE + 50)


def test_a_number_from_before_a_restart_yields_nothing_and_another_instance() -> None:
    first, second = Ring(), Ring()
    for _ in range(5):
        first.add(DECISION)
    second.add(DECISION)
    assert second.since(5)["decisions"] == []
    assert second.since(5)["instance"] != first.instance
