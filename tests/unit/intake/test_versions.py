"""Objects in another version than a policy wants: converted as the API server would, or an error."""

from pathlib import Path
from typing import Any

import pytest

from auditor.intake.found import Scan
from auditor.json import JsonObject
from tests.unit.intake.files import MATCH, crd, judge, policy, results, thing

CONVERSION: JsonObject = {
    "apiVersion": "auditor.dev/v1",
    "kind": "Conversion",
    "metadata": {"name": "things.example.com"},
    "spec": {
        "resource": {"group": "example.com", "resource": "things"},
        "steps": [
            {"from": "v1beta1", "to": "v1", "jq": ".spec = {size: .spec.howBig}"},
            {"from": "v1", "to": "v1beta1", "jq": ".spec = {howBig: .spec.size}"},
        ],
    },
}


def match(*versions: str) -> JsonObject:
    return {"resourceRules": [{**MATCH["resourceRules"][0], "apiVersions": list(versions)}]}


def small(*versions: str, field: str = "size", **spec: Any) -> JsonObject:
    return policy(f"small-{versions[0].strip('*')}x", [{"jq": f".spec.{field} < 5"}], match=match(*versions), **spec)


@pytest.mark.parametrize(("size", "result"), [(3, "pass"), (7, "fail")])
@pytest.mark.parametrize("version", ["v1", "*"])
def test_a_conversion_leads_there(tmp_path: Path, version: str, size: int, result: str) -> None:
    """`*` is the storage version."""
    written = [small(version), CONVERSION, crd("v1", "v1beta1", strategy="Webhook")]
    found = judge(tmp_path, written, [thing(version="v1beta1", howBig=size)], into=Scan(passes=True))
    assert [each[1] for each in results(found)] == [result]


def test_no_conversion_leads_there(tmp_path: Path) -> None:
    written = [small("v1"), small("*"), crd("v1", "v1beta1", strategy="Webhook")]
    found = judge(tmp_path, written, [thing(version="v1beta1", size=1)])
    what = "the policy wants example.com/v1, the object is example.com/v1beta1, no Conversion leads there"
    assert results(found) == [("small-v1x/", "error", what), ("small-x/", "error", what)]
    assert found.incomplete


def test_a_conversion_that_fails(tmp_path: Path) -> None:
    broken = {**CONVERSION, "spec": {**CONVERSION["spec"], "steps": [
        {"from": "v1beta1", "to": "v1", "jq": "error(\"no\")"}, {"from": "v1", "to": "v1beta1", "jq": "."},
    ]}}  # fmt: skip
    written = [small("v1"), broken, crd("v1", "v1beta1", strategy="Webhook")]
    ((_, result, message),) = results(judge(tmp_path, written, [thing(version="v1beta1", size=1)]))
    assert result == "error"
    assert message.startswith("Thing here/one: conversion from v1beta1 to v1: ")


def test_without_a_webhook_versions_differ_in_nothing_but_their_name(tmp_path: Path) -> None:
    found = judge(tmp_path, [small("v1"), crd("v1", "v1beta1")], [thing(version="v1beta1", size=7)])
    assert [each[1] for each in results(found)] == ["fail"]


def test_each_policy_gets_its_version(tmp_path: Path) -> None:
    """And the mutations of each see the object in it."""
    mutation = {"name": "grow", "jq": ".spec.size += 1"}
    written = [
        small("v1", mutate=[mutation]),
        small("v1beta1", field="howBig"),
        CONVERSION,
        crd("v1", "v1beta1", strategy="Webhook"),
    ]
    found = judge(tmp_path, [*written[1:]], [thing(version="v1beta1", howBig=4)], into=Scan(passes=True))
    assert [each[:2] for each in results(found)] == [("small-v1beta1x/r0", "pass")]
    unsettled = judge(tmp_path, written, [thing(version="v1beta1", howBig=4)])
    assert {result for _, result, _ in results(unsettled)} == {"error", "fail"}


def test_a_policy_for_both_gets_what_stands_there(tmp_path: Path) -> None:
    rules = [{"jq": '.apiVersion == "example.com/v1beta1"'}]
    written = [policy(rules=rules, match=match("v1", "v1beta1")), CONVERSION, crd("v1", "v1beta1", strategy="Webhook")]
    assert judge(tmp_path, written, [thing(version="v1beta1")]).counts["pass"] == 1


def test_exact_matches_nothing_else(tmp_path: Path) -> None:
    exact = policy(rules=[{"jq": "false"}], match={**match("v1"), "matchPolicy": "Exact"})
    found = judge(tmp_path, [exact, CONVERSION, crd("v1", "v1beta1")], [thing(version="v1beta1")])
    assert results(found) == []
    assert found.warnings == ["no policy matches any of these objects"]
