"""What `auditor status` finds wrong, and how it says so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auditor.audit.overview import Facts, Holder, PolicyFacts, find_wrong, say, to_json
from auditor.audit.overview.facts import CONFIGURATIONS
from auditor.cluster.resource import CRDS, LEASES
from auditor.intake.kinds import CONFIGS, POLICIES
from auditor.json import JsonObject

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PASSED = "2026-11-21T11:58:00Z"


def entry(resource: str = "things", **more: Any) -> JsonObject:
    found = {
        "group": "e",
        "resource": resource,
        "present": 3,
        "evaluated": 3,
        "notEvaluated": 0,
        "policies": 1,
        "policiesEvaluated": 1,
        "stale": False,
        "lastCompletePass": PASSED,
        **more,
    }
    return {name: value for name, value in found.items() if value is not None}


def condition(status: str, reason: str = "Following", message: str = "") -> JsonObject:
    return {"type": "Ready", "status": status, "reason": reason, "message": message}


def config(*entries: JsonObject, ready: JsonObject | None = None, **status: Any) -> JsonObject:
    conditions = [ready or condition("True")]
    return {
        "metadata": {"generation": 1},
        "spec": {"reports": {"api": "openreports"}},
        "status": {
            "observedGeneration": 1,
            "coveragePercent": 100,
            "conditions": conditions,
            "coverage": list(entries or (entry(),)),
            **status,
        },
    }


def holder(name: str = "watch-1", seconds_ago: float = 3) -> Holder:
    return Holder(name, NOW - timedelta(seconds=seconds_ago), 15)


def policy(name: str = "sizes", **status: Any) -> PolicyFacts:
    totals = {"fail": 2, "warn": 0, "error": 0, "skip": 1}
    return PolicyFacts(
        name, 2, "Deny", {"observedGeneration": 2, "conditions": [condition("True")], "totals": totals, **status}
    )


def facts(**more: Any) -> Facts:
    well: dict[str, Any] = {
        "time": NOW,
        "namespace": "auditor-system",
        "config": config(),
        "policies": (policy(),),
        "watchers": (holder(),),
        "door": holder("webhook-1"),
        "webhooks": {"ValidatingWebhookConfiguration": 3, "MutatingWebhookConfiguration": 1},
        "reports": ("openreports",),
    }
    return Facts(**{**well, **more})


def test_all_is_well() -> None:
    assert find_wrong(facts()) == []
    assert say(facts(), []) == (
        "watcher    watch-1 runs, renewed 3 s ago\n"
        "door       webhook-1 runs, renewed 3 s ago; 4 webhooks registered\n"
        "coverage   100 % of pairs of kind and policy; 1 kind; oldest complete pass 2 min ago\n"
        "policies   1, of which 1 deny\n"
        "findings   2 fail, 0 warn, 0 error, 1 skip\n"
        "reports    openreports\n"
        "\n"
        "All that is to be evaluated is evaluated.\n"
    )


GONE = {"ValidatingWebhookConfiguration": None, "MutatingWebhookConfiguration": 1}
NOT_READ = condition("False", "NotRead", "1 of 1 kinds cannot be read: things.e")


@pytest.mark.parametrize(
    ("more", "about", "said", "incomplete"),
    [
        ({"watchers": ()}, "watcher", "nothing watches: there is no Lease of one in auditor-system", True),
        ({"watchers": (holder(""),)}, "watcher", "the last one has ended", True),
        (
            {"watchers": (holder(seconds_ago=60),)},
            "watcher",
            "was renewed last at 2026-11-21T11:59:00Z, for 15 s",
            True,
        ),
        ({"watchers": (holder(), Holder("watch-2", None, 15))}, "watcher", "was renewed never", True),
        ({"config": None}, "coverage", "no coverage is known", True),
        ({"config": {"metadata": {"generation": 1}, "spec": {}}}, "coverage", "no coverage is known", True),
        ({"config": config(ready=condition("Unknown", "Starting", "first time"))}, "coverage", "first time", True),
        ({"config": config(ready=condition("False", "Trouble", "p is wrong"))}, "coverage", "p is wrong", True),
        ({"config": config(observedGeneration=0)}, "coverage", "speaks of generation 0", True),
        (
            {"config": config(entry(present=None, notEvaluated=None, reason="403: grant it"), ready=NOT_READ)},
            "kind",
            "cannot be read: 403: grant it",
            True,
        ),
        ({"config": config(entry(stale=True), ready=NOT_READ)}, "kind", "cannot be read, its findings are those", True),
        (
            {"config": config(entry(notEvaluated=2, reason="a rule failed"))},
            "kind",
            "2 of 3 not evaluated: a rule",
            True,
        ),
        ({"config": config(entry(notEvaluated=None))}, "kind", "some of 3 not evaluated", True),
        ({"policies": (policy(conditions=[condition("False", "X", "is wrong")]),)}, "policy", "is wrong", True),
        ({"policies": (policy(observedGeneration=1),)}, "policy", "generation 2 is not in force yet", True),
        ({"door": None}, "door", "4 webhooks are registered, and no replica", True),
        ({"door": holder(seconds_ago=99)}, "door", "4 webhooks are registered, and no replica", True),
        ({"webhooks": GONE}, "door", "not registered: ValidatingWebhookConfiguration", False),
        ({"door": None, "webhooks": {}}, "door", "policies deny, and no admission service runs", False),
        ({"reports": ()}, "reports", "its CRDs are not installed", False),
        ({"unread": ("403: leases",)}, "rights", "403: leases", True),
    ],
)
def test_each_thing_that_is_wrong(more: dict[str, Any], about: str, said: str, incomplete: bool) -> None:
    wrong = find_wrong(facts(**more))
    assert [(each.about, each.incomplete) for each in wrong] == [(about, incomplete)]
    assert said in wrong[0].message
    text = say(facts(**more), wrong)
    assert said in text
    assert ("All that is to be evaluated is evaluated." in text) is not incomplete
    assert to_json(facts(**more), wrong)["complete"] is not incomplete


def test_what_nobody_may_see_is_not_told_as_absent() -> None:
    unseen = frozenset(each.name for each in (CRDS, LEASES, CONFIGS, POLICIES, *CONFIGURATIONS))
    nothing: dict[str, Any] = {
        "config": None,
        "policies": (),
        "watchers": (),
        "door": None,
        "webhooks": {},
        "reports": (),
    }
    blind = facts(**nothing, unread=("403: all of it",), unseen=unseen)
    assert [each.about for each in find_wrong(blind)] == ["rights"]
    text = say(blind, find_wrong(blind))
    assert not any(each in text for each in ("none", " 0 ", "no CRDs"))
    assert text.count("not known, for lack of a right") == 7
    assert {each.about for each in find_wrong(facts(**nothing))} == {"watcher", "coverage"}


@pytest.mark.parametrize(
    ("seconds", "changed", "told"),
    [
        (5, "2026-11-21T11:00:00Z", True),
        (5, "2026-11-21T11:59:57Z", False),
        (31, "2026-11-21T11:00:00Z", False),
        (5, "", False),
    ],
)
def test_a_watcher_that_took_over_has_told_nothing_yet(seconds: float, changed: str, told: bool) -> None:
    ready = condition("True") | {"lastTransitionTime": changed}
    leader = Holder("watch-2", NOW, 15, acquired=NOW - timedelta(seconds=seconds))
    wrong = find_wrong(facts(watchers=(leader,), config=config(ready=ready)))
    assert [each.message for each in wrong] == [
        "it has just taken over: what is told is what the one before it found"
    ] * told


def test_what_is_left_out_on_purpose_is_counted_and_not_wrong() -> None:
    out = entry("secrets", present=None, notEvaluated=None, excluded=True, lastCompletePass=None)
    found = facts(config=config(entry(), out))
    (note,) = find_wrong(found)
    assert (note.about, note.message, note.incomplete) == ("kinds", "left out on purpose: secrets.e", False)
    assert "2 kinds, 1 left out on purpose" in say(found, [note])
    assert to_json(found, [note])["complete"] is True


def test_of_many_that_are_left_out_some_are_named_and_one_is_explained() -> None:
    out = [entry(f"k{n}", present=None, notEvaluated=None, excluded=True, reason="403. Grant it") for n in range(7)]
    (note,) = find_wrong(facts(config=config(entry(), *out)))
    assert note.message == "left out on purpose: k0.e, k1.e, k2.e, k3.e, k4.e and 2 more. Why k0.e: 403. Grant it"


def test_findings_of_checks_and_native_policies_count_though_they_have_no_status() -> None:
    counted = config(
        entry(findings={"fail": 5, "warn": 1, "error": 0, "skip": 0}),
        entry("others", findings={"fail": 10, "warn": 0, "error": 2, "skip": 3}),
        entry("unread", present=None, notEvaluated=None, excluded=True),
    )
    found = facts(config=counted, policies=())
    assert "findings   15 fail, 1 warn, 2 error, 3 skip\n" in say(found, [])
    assert to_json(found, [])["findings"] == {"fail": 15, "warn": 1, "error": 2, "skip": 3}


def test_of_many_kinds_with_something_amiss_some_are_told() -> None:
    amiss = [entry(f"k{n}", present=None, notEvaluated=None, reason="forbidden") for n in range(20)]
    found = facts(config=config(*amiss, ready=NOT_READ))
    wrong = find_wrong(found)
    text = say(found, wrong)
    assert text.count("cannot be read: forbidden") == 8
    assert "  and 12 more kinds of which not all is evaluated: -o json has them\n" in text
    assert len(to_json(found, wrong)["troubles"]) == 20


def test_several_watchers_share() -> None:
    found = facts(watchers=(holder("a"), holder("b", 600)))
    wrong = find_wrong(found)
    assert [(each.about, each.name) for each in wrong] == [("watcher", "b")]
    text = say(found, wrong)
    assert "watcher    a runs, renewed 3 s ago\nwatcher    b silent, renewed 10 min ago\n" in text
    assert [each["silent"] for each in to_json(found, wrong)["watchers"]] == [False, True]


def test_no_text_of_others_reaches_the_terminal_as_it_is() -> None:
    found = facts(config=config(entry(notEvaluated=1, reason="x\x1b[31m\nred")))
    text = say(found, find_wrong(found))
    assert "\x1b" not in text
    assert "not evaluated: x" in text
