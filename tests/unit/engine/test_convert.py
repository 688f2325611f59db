"""Conversions between the versions of a kind."""

import pytest

from auditor.engine.convert import Conversion, ConversionError
from auditor.engine.mistakes import PolicyError
from auditor.json import JsonObject


def conversion(*steps: tuple[str, str, str], hub: str = "") -> Conversion:
    spec = {
        **({"hub": hub} if hub else {}),
        "resource": {"group": "example.com", "resource": "things"},
        "steps": [{"from": a, "to": b, "jq": text} for a, b, text in steps],
    }
    return Conversion.compile({"metadata": {"name": "things"}, "spec": spec})


def thing(version: str, **spec: object) -> JsonObject:
    return {
        "apiVersion": f"example.com/{version}",
        "kind": "Thing",
        "metadata": {"name": "one", "uid": "1"},
        "spec": spec,
    }


BOTH = (
    ("v1", "v2", ".spec = {count: .spec.size}"),
    ("v2", "v1", ".spec = {size: .spec.count}"),
    ("v2", "v3", ".spec = {number: .spec.count}"),
    ("v3", "v2", ".spec = {count: .spec.number}"),
)


def test_chain_through_a_hub_and_back() -> None:
    steps = conversion(*BOTH)
    assert steps.find_way("v1", "v3") == ["v1", "v2", "v3"]
    assert steps.convert(thing("v1", size=3), "v3") == thing("v3", number=3)
    assert steps.convert(thing("v3", number=3), "v1") == thing("v1", size=3)
    assert steps.convert(thing("v2", count=3), "v2") == thing("v2", count=3)
    assert steps.round_trip(thing("v1", size=3), "v3") == []


def test_way_leads_through_the_hub_unless_there_is_a_direct_step() -> None:
    def both(one: str, other: str) -> list[tuple[str, str, str]]:
        return [(one, other, "."), (other, one, ".")]

    ring = [*both("v1", "v2"), *both("v2", "v4"), *both("v4", "v3"), *both("v3", "v1")]
    assert conversion(*ring, hub="v2").find_way("v1", "v4") == ["v1", "v2", "v4"]
    assert conversion(*ring, hub="v3").find_way("v1", "v4") == ["v1", "v3", "v4"]
    assert conversion(*ring, hub="v3").find_way("v1", "v2") == ["v1", "v2"]


def test_loss_on_the_way_there_and_back_is_shown() -> None:
    lost = conversion(*BOTH).round_trip(thing("v1", size=3, color="red"), "v2")
    assert lost == [{"op": "remove", "path": "/spec/color"}]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("empty", "must yield exactly one object, and yields 0 values"),
        (".spec", "changes kind"),
        ('.metadata.name = "two"', "changes metadata"),
        ("del(.metadata.uid)", "changes metadata"),
        ('error("no such size")', "no such size"),
    ],
)
def test_failure_says_which_object_which_step_and_why(program: str, said: str) -> None:
    with pytest.raises(ConversionError, match=f"Thing one: conversion from v1 to v2: .*{said}"):
        conversion(("v1", "v2", program), ("v2", "v1", ".")).convert(thing("v1"), "v2")


def test_labels_and_annotations_may_be_used_to_keep_what_has_no_place() -> None:
    steps = conversion(("v1", "v2", ".metadata.annotations.old = .spec.size | .spec = {}"), ("v2", "v1", "."))
    assert steps.convert(thing("v1", size="3"), "v2")["metadata"]["annotations"] == {"old": "3"}


def test_unknown_version() -> None:
    with pytest.raises(ConversionError, match="no conversion from v9 to v1"):
        conversion(*BOTH).convert(thing("v9"), "v1")


def test_mistakes_are_told_all_at_once() -> None:
    with pytest.raises(PolicyError) as error:
        conversion(("v1", "v2", ".spec |"), ("v2", "v1", "."), ("v2", "v1", "."), ("v2", "v3", "."))
    told = str(error.value)
    assert "/spec/steps/0/jq" in told
    assert "another step leads from v2 to v1 already" in told
    assert "no way leads from v3 to v1" in told
