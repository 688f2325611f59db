"""reconcile: controllers that do not follow, deletions that hang, owners that are gone. It is noon, minute 180."""

from datetime import timedelta
from typing import Any

import pytest

from auditor.checks import Outcome
from auditor.json import Json, JsonObject
from auditor.model.settings import Check
from tests.unit.checks.making import FACTS, ask, at, found, only, schema_of, single, text, thing, wrote

CONDITIONS = {"type": "array", "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
OBSERVED = schema_of(
    status={"type": "object", "properties": {"observedGeneration": {"type": "integer"}, "conditions": CONDITIONS}}
)
PLAIN = schema_of(status={"type": "object", "properties": {"phase": {"type": "string"}}})


def judge(made: JsonObject, **more: Any) -> Outcome:
    return ask(made, Check.RECONCILE, **{"schema": OBSERVED, **more})


def seen(status: Json, generation: int = 2, minutes: float = 160, *entries: JsonObject, **metadata: Json) -> JsonObject:
    """Its spec was last written then."""
    controller = wrote("controller", 100, "status.observedGeneration", subresource="status")
    return thing(
        {}, wrote("x", minutes, "spec.size"), controller, *entries, status=status, generation=generation, **metadata
    )


@pytest.mark.parametrize(
    ("made", "rules"),
    [
        (seen({"observedGeneration": 2}), []),
        (seen({"observedGeneration": 3}), []),
        (seen({"observedGeneration": 1}), ["behind"]),
        (seen({"observedGeneration": 0}), ["behind"]),
        (seen({"conditions": [{"type": "Ready", "observedGeneration": 1}]}), ["behind"]),
        (seen({"conditions": [{"type": "Ready", "observedGeneration": 2}]}), []),
        (seen({"conditions": [{"observedGeneration": 1}, {"observedGeneration": 2}]}), []),
        (seen({"parents": [{"conditions": [{"observedGeneration": 1}]}]}), ["behind"]),
        (seen({"parents": [{"conditions": [{"observedGeneration": 2}]}]}), []),
        (seen({"observedGeneration": True, "phase": "x"}), []),  # not a number: it says nothing
        (seen({"observedGeneration": "1", "phase": "x"}), []),
        (seen({"phase": "Ready"}), []),
        # a status that was written after the spec, by a controller that lags all the same
        (seen({"observedGeneration": 1}, 2, 160, wrote("y", 179, "status.x", subresource="status")), ["behind"]),
        # labels make no generation
        (seen({"observedGeneration": 1}, 2, 160, wrote("y", 179, "metadata.labels.x")), ["behind"]),
    ],
    ids=str,
)
def test_behind(made: JsonObject, rules: list[str]) -> None:
    assert [rule for rule, _, _ in found(judge(made))] == rules


def test_finding_says_since_when() -> None:
    finding = single(judge(seen({"observedGeneration": 1})))
    assert finding.message == ("its controller has seen generation 1, the object is at 2 since 2026-06-01T11:40:00Z")
    assert finding.path == "/status"


def test_not_yet_overdue_is_asked_again() -> None:
    outcome = judge(seen({"observedGeneration": 1}, 2, 175))
    assert (outcome.findings, outcome.recheck_at) == ((), at(185))
    settings = only(Check.RECONCILE, lag=timedelta(minutes=5))
    assert judge(seen({"observedGeneration": 1}, 2, 175), settings=settings).findings
    assert judge(seen({"observedGeneration": 1})).recheck_at is None


def test_without_managed_fields_the_object_itself_is_that_old() -> None:
    assert judge(thing({}, status={"observedGeneration": 1}, generation=2)).findings
    young = thing({}, status={"observedGeneration": 1}, generation=2, creationTimestamp=text(178))
    assert judge(young).recheck_at == at(188)


NEVER = {
    "no status": thing({}),
    "an empty one": thing({}, status={}),
    "one of defaults": thing(
        {}, wrote("x", 0, "spec.size", "status.conditions"), status={"conditions": [{"type": "A", "status": "Unknown"}]}
    ),
}


@pytest.mark.parametrize("made", NEVER.values(), ids=NEVER.keys())
def test_never_reconciled(made: JsonObject) -> None:
    finding = single(judge(made))
    assert (finding.rule, finding.path) == ("never-reconciled", "/status")
    assert "2026-06-01T09:00:00Z" in finding.message


REPORTED = {
    "somebody wrote it": (
        thing({}, wrote("controller", 1, "status.phase", subresource="status"), status={"phase": "x"}),
        OBSERVED,
        FACTS,
    ),
    "no managedFields": (thing({}, status={"phase": "x"}), OBSERVED, FACTS),
    "a kind that reports nothing": (thing({}), PLAIN, FACTS),
    "a kind without status": (thing({}), schema_of(), FACTS),
    "a schema that is not known": (thing({}), None, FACTS),
    "a built-in kind": (thing({}), None, None),
}


@pytest.mark.parametrize(("made", "schema", "facts"), REPORTED.values(), ids=REPORTED.keys())
def test_nothing_to_wait_for(made: JsonObject, schema: Any, facts: Any) -> None:
    outcome = judge(made, schema=schema, facts=facts)
    assert (outcome.findings, outcome.recheck_at, outcome.asked) == ((), None, ("reconcile",))


def test_young_object_has_time() -> None:
    outcome = judge(thing({}, creationTimestamp=text(175)))
    assert (outcome.findings, outcome.recheck_at) == ((), at(185))


def deleted(minutes: float, *finalizers: str, **more: Json) -> JsonObject:
    return thing({}, **{"deletionTimestamp": text(minutes), "finalizers": list(finalizers), **more})


def test_stuck_deletion() -> None:
    finding = single(judge(deleted(60, "example.com/a", "example.com/b")))
    assert (finding.rule, finding.path) == ("stuck-deletion", "/metadata/finalizers")
    assert finding.message == (
        "it is being deleted since 2026-06-01T10:00:00Z, and held by example.com/a, example.com/b"
    )


@pytest.mark.parametrize(
    ("made", "recheck"),
    [
        (deleted(150, "example.com/a"), at(210)),
        (deleted(60), None),  # it is just going
        (deleted(60, "a/b", deletionTimestamp="soon"), None),
        # the deletion is a generation that controllers need not observe
        (deleted(150, "a/b", generation=5) | {"status": {"observedGeneration": 1}}, at(210)),
    ],
    ids=str,
)
def test_deletion_in_progress(made: JsonObject, recheck: Any) -> None:
    outcome = judge(made)
    assert (outcome.findings, outcome.recheck_at) == ((), recheck)


def owned(*owners: tuple[str, bool]) -> JsonObject:
    references = [
        {"apiVersion": "example.com/v1", "kind": "Owner", "name": name, "uid": f"uid-{name}", "controller": controller}
        for name, controller in owners
    ]
    return seen({"observedGeneration": 2}, ownerReferences=references)


def there(owner: JsonObject) -> bool | None:
    return {"here": True, "gone": False, "lost": False}.get(owner["name"])


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ([("here", True)], []),
        ([("unknown", True)], []),
        ([("gone", True)], [("owner-gone", "/metadata/ownerReferences/0")]),
        ([("gone", False)], [("owner-gone", "/metadata/ownerReferences/0")]),
        ([("here", True), ("gone", False)], [("dangling-reference", "/metadata/ownerReferences/1")]),
        ([("here", False), ("gone", True)], [("owner-gone", "/metadata/ownerReferences/1")]),
        (
            [("gone", True), ("lost", False)],
            [("owner-gone", "/metadata/ownerReferences/0"), ("owner-gone", "/metadata/ownerReferences/1")],
        ),
    ],
    ids=str,
)
def test_owners(owners: list[tuple[str, bool]], expected: list[tuple[str, str]]) -> None:
    outcome = judge(owned(*owners), owners=there)
    assert [(rule, path) for rule, _, path in found(outcome)] == expected
    assert all("Owner" in each.message and each.remediation for each in outcome.findings)


def test_owner_of_what_is_being_deleted() -> None:
    made = owned(("gone", True))
    made["metadata"] |= {"deletionTimestamp": text(170), "finalizers": ["a/b"]}
    assert not judge(made, owners=there).findings
