"""What differs is found, what others own is not; and what a refusal leaves standing."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import Cause
from auditor.json import JsonObject
from auditor.webhooks.registration.drift import exact_webhooks, find_drift, list_rivals, relieve

OWNER = {"apiVersion": "v1", "kind": "Namespace", "name": "auditor-system", "uid": "1"}


def webhook(name: str, *conditions: str, bundle: str = "") -> JsonObject:
    config = {"url": "https://x/y"} | ({"caBundle": bundle} if bundle else {})
    found: JsonObject = {
        "name": f"{name}.validate.auditor.dev",
        "clientConfig": config,
        "failurePolicy": "Fail",
        "namespaceSelector": {},
        "rules": [{"apiGroups": ["x"], "resources": ["y"]}],
    }
    if conditions:
        found["matchConditions"] = [{"name": each, "expression": "true"} for each in conditions]
    return found


def configuration(*webhooks: JsonObject, **metadata: object) -> JsonObject:
    return {"metadata": {"name": "auditor", "labels": {"a": "b"}, **metadata}, "webhooks": list(webhooks)}


def test_what_is_the_same_does_not_differ() -> None:
    wanted = configuration(webhook("a"), webhook("b"))
    live = configuration(webhook("b"), webhook("a"), uid="7", resourceVersion="9", managedFields=[{}])
    assert find_drift(wanted, live) == []


def test_what_is_not_there_differs() -> None:
    assert find_drift(configuration(), None) == ["it is not there"]


@pytest.mark.parametrize(
    ("live", "told"),
    [
        (configuration(), ["a.validate.auditor.dev is missing"]),
        (configuration(webhook("a"), webhook("old")), ["old.validate.auditor.dev is no longer wanted"]),
        (configuration(webhook("a") | {"failurePolicy": "Ignore"}), ["a.validate.auditor.dev failurePolicy"]),
        (configuration(webhook("a", "off")), ["a.validate.auditor.dev matchConditions"]),
        (
            configuration(webhook("a") | {"namespaceSelector": {"matchLabels": {"x": "y"}}}),
            ["a.validate.auditor.dev namespaceSelector"],
        ),
        (configuration(webhook("a") | {"rules": []}), ["a.validate.auditor.dev rules"]),
        (configuration(webhook("a"), labels={"a": "c"}), ["metadata.labels a"]),
    ],
)
def test_what_differs_is_named(live: JsonObject, told: list[str]) -> None:
    assert find_drift(configuration(webhook("a")), live) == told


def test_an_owner_that_is_missing() -> None:
    wanted = configuration(webhook("a"), ownerReferences=[OWNER])
    assert find_drift(wanted, configuration(webhook("a"))) == ["its owner Namespace auditor-system"]
    assert find_drift(wanted, configuration(webhook("a"), ownerReferences=[{"uid": "2"}, OWNER])) == []


def test_what_others_add_beside_ours_is_theirs() -> None:
    wanted = configuration(webhook("a"))
    theirs = {"name": "policy.example.com", "rules": []}
    assert (
        find_drift(wanted, configuration(webhook("a"), theirs, labels={"a": "b", "c": "d"}, annotations={"x": "y"}))
        == []
    )


def test_a_bundle_is_ours_only_if_we_know_it() -> None:
    injected = configuration(webhook("a", bundle="Zm9v"))
    assert find_drift(configuration(webhook("a")), injected) == []
    assert find_drift(configuration(webhook("a", bundle="YmFy")), injected) == ["a.validate.auditor.dev clientConfig"]
    assert exact_webhooks(configuration(webhook("a")), injected) == [webhook("a", bundle="Zm9v")]
    assert exact_webhooks(configuration(webhook("a", bundle="YmFy")), injected) == [webhook("a", bundle="YmFy")]


def test_what_a_newer_server_fills_in_is_no_drift() -> None:
    live = configuration(webhook("a"))
    live["webhooks"][0]["rules"][0]["brandNew"] = "*"
    live["webhooks"][0]["brandNew"] = "x"
    assert find_drift(configuration(webhook("a")), live) == []


CHANGES = st.sampled_from(["failurePolicy", "namespaceSelector", "rules", "matchConditions", "name", "clientConfig"])


@given(st.lists(st.tuples(st.integers(0, 2), CHANGES), max_size=4), st.booleans())
def test_exact_webhooks_never_differ(changes: list[tuple[int, str]], foreign: bool) -> None:
    wanted = configuration(webhook("a"), webhook("b", "user"), webhook("c"))
    live = deepcopy(wanted)
    for index, part in changes:
        live["webhooks"][index][part] = "old.validate.auditor.dev" if part == "name" else []
    if foreign:
        live["webhooks"].append({"name": "policy.example.com"})
    exact = live | {"webhooks": exact_webhooks(wanted, live)}
    assert find_drift(wanted, exact) == []
    assert any(each["name"] == "policy.example.com" for each in exact["webhooks"]) is foreign


def cause(field: str) -> Cause:
    return Cause(field, "FieldValueInvalid", "no")


def test_a_condition_that_is_refused_is_left_to_us() -> None:
    wanted = configuration(webhook("a", "user", "policies"), webhook("b", "policies"))
    left = relieve(wanted, [cause("webhooks[1].matchConditions[0].expression")])
    assert left is not None
    assert left[0]["webhooks"] == [webhook("a", "user", "policies"), webhook("b")]
    assert left[1] == {"b.validate.auditor.dev": "webhooks[1].matchConditions[0].expression: no"}
    again = relieve(wanted, [cause("webhooks[0].matchConditions[1].expression")])
    assert again is not None
    assert again[0]["webhooks"][0] == webhook("a", "user")


def test_any_other_fault_costs_the_webhook_and_no_other() -> None:
    wanted = configuration(webhook("a", "user"), webhook("b"), webhook("c"))
    left = relieve(
        wanted, [cause("webhooks[0].matchConditions[0].expression"), cause("webhooks[2].rules[0].resources")]
    )
    assert left is not None
    assert [each["name"] for each in left[0]["webhooks"]] == ["b.validate.auditor.dev"]
    assert len(left[1]) == 2


def test_several_faults_of_one_webhook() -> None:
    wanted = configuration(webhook("a", "policies"))
    both = [cause("webhooks[0].matchConditions[0].expression"), cause("webhooks[0].matchConditions[0].name")]
    left = relieve(wanted, both)
    assert left is not None
    assert left[0]["webhooks"] == [webhook("a")]


@pytest.mark.parametrize("field", ["metadata.name", "webhooks", "webhooks[7].rules"])
def test_what_is_about_no_webhook_of_ours_cannot_be_relieved(field: str) -> None:
    assert relieve(configuration(webhook("a")), [cause(field)]) is None


def test_rivals_are_all_but_us_the_latest_first() -> None:
    live = {
        "metadata": {
            "managedFields": [
                {"manager": "auditor-registration", "time": "2026-01-09T00:00:00Z"},
                {"manager": "kubectl-edit", "time": "2026-01-01T00:00:00Z"},
                {"manager": "argocd", "time": "2026-01-02T00:00:00Z"},
                {"manager": "kube-apiserver", "time": "2026-01-03T00:00:00Z", "subresource": "status"},
            ]
        }
    }
    assert list_rivals(live) == ["argocd", "kubectl-edit"]
