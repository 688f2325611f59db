"""Events of what was refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from auditor.cluster.recorder import Recorder
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity
from auditor.model.resource import GroupVersionKind, GroupVersionResource
from auditor.webhooks.decisions import Decision
from auditor.webhooks.serving.denials import TellingRing, describe

THINGS = GroupVersionResource("example.com", "v1", "things")
KINDS = {THINGS: GroupVersionKind("example.com", "v1", "Thing")}


@dataclass
class Notes:
    """In place of a recorder."""

    told: list[tuple[JsonObject, str]] = field(default_factory=list)

    def warning(self, regarding: JsonObject, *, reason: str, action: str, note: str) -> None:
        assert (reason, action) == ("PolicyDenied", "Validate")
        self.told.append((regarding, note))


def finding(policy: str, rule: str = "size", *, blocks: bool = True) -> Finding:
    return Finding(
        policy=policy,
        rule=rule,
        result=Result.FAIL,
        severity=Severity.HIGH,
        message="the password is 1234",
        fingerprint="",
        blocks=blocks,
    )


def decision(*findings: Finding, **changes: Any) -> Decision:
    usual: dict[str, Any] = {
        "id": "a-1",
        "time": datetime(2026, 1, 1, tzinfo=UTC),
        "webhook": "validate/fail-10s",
        "uid": "u",
        "operation": "UPDATE",
        "api_version": "example.com/v1",
        "kind": "Thing",
        "namespace": "shop",
        "name": "one",
        "object_uid": "1-2-3",
        "subresource": "",
        "user": "jane",
        "outcome": "denied",
        "allowed": False,
        "dry_run": False,
        "broke_glass": False,
        "late": False,
        "seconds": 0.001,
        "findings": findings,
    }
    return Decision(**usual | changes)


def tell(each: Decision) -> Sequence[tuple[JsonObject, str]]:
    notes = Notes()
    ring = TellingRing(cast(Recorder, notes), KINDS.get)
    ring.add(each)
    assert ring.since(0)["last"] == 1
    return notes.told


def test_a_refused_update_is_told_of_the_object() -> None:
    ((regarding, note),) = tell(decision(finding("sizes"), finding("other", blocks=False)))
    assert regarding == {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "one", "namespace": "shop", "uid": "1-2-3"},
    }
    assert note == "UPDATE of Thing one by jane was refused by sizes/size"


def test_a_refused_creation_is_told_in_its_namespace() -> None:
    ((regarding, _),) = tell(decision(finding("sizes"), operation="CREATE"))
    assert regarding == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "namespace": "shop"}}


SCALED = {"api_version": "autoscaling/v1", "kind": "Scale", "subresource": "scale", "resource": THINGS}


def test_a_refused_scale_is_told_of_what_was_to_be_scaled() -> None:
    ((regarding, note),) = tell(decision(finding("sizes"), **SCALED))
    assert regarding == {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "one", "namespace": "shop", "uid": "1-2-3"},
    }
    assert note == "UPDATE of Thing/scale one by jane was refused by sizes/size"


def test_of_a_kind_that_is_not_known_it_is_told_as_it_came() -> None:
    pods = GroupVersionResource("", "v1", "pods")
    ((regarding, _),) = tell(decision(finding("sizes"), **SCALED | {"resource": pods}))
    assert (regarding["apiVersion"], regarding["kind"]) == ("autoscaling/v1", "Scale")


@pytest.mark.parametrize(
    "changes", [{"dry_run": True}, {"allowed": True}, {"operation": "CREATE", "namespace": ""}, {"name": ""}]
)
def test_what_is_not_told(changes: JsonObject) -> None:
    assert tell(decision(finding("sizes"), **changes)) == []


def test_nothing_secret_is_in_it_and_it_is_the_same_each_time() -> None:
    first, second = describe(decision(finding("a"))), describe(decision(finding("a"), id="a-2", uid="v"))
    assert first == second
    assert "1234" not in first


def test_many_rules_are_counted() -> None:
    note = describe(decision(*(finding(f"policy-{i}") for i in range(30))))
    assert note.endswith("policy-9/size and 20 more")
    assert len(note) < 1024
    assert "could not be judged" in describe(decision())


def test_without_a_recorder_it_is_a_ring() -> None:
    ring = TellingRing(None)
    ring.add(decision(finding("a")))
    assert ring.since(0)["last"] == 1
