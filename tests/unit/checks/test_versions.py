"""versions: writers of versions on their way out, and what may still be stored in them."""

from dataclasses import replace
from typing import Any

import pytest

from auditor.checks import Outcome, check_crd
from auditor.json import JsonObject
from auditor.model.policy import Severity
from auditor.model.settings import Check, KindSettings
from tests.unit.checks.making import FACTS, ask, found, only, single, thing, wrote

TWO = replace(FACTS, served={"v1": False, "v1beta1": True}, stored_versions=("v1beta1", "v1"))


def by(manager: str, version: str, minutes: float | None = 10, **more: Any) -> JsonObject:
    return wrote(manager, minutes, "spec.size", **{"apiVersion": f"example.com/{version}", **more})


def judge(*entries: JsonObject) -> Outcome:
    return ask(thing({"size": 1}, *entries), Check.VERSIONS, facts=TWO)


@pytest.mark.parametrize(
    ("entries", "rules"),
    [
        ([], []),
        ([by("a", "v1")], []),
        ([by("a", "v1beta1")], ["deprecated"]),
        ([by("a", "v1alpha1")], ["unserved"]),
        ([by("a", "v1beta1"), by("b", "v1alpha1"), by("c", "v1")], ["deprecated", "unserved"]),
        ([by("a", "v1beta1", subresource="status")], ["deprecated"]),
        ([by("a", "v1beta1", 10), by("a", "v1", 20)], []),  # it has moved on
        ([by("a", "v1beta1", 20), by("a", "v1", 10)], ["deprecated"]),
        ([by("a", "v1beta1", 10), by("b", "v1", 20)], ["deprecated"]),
        ([by("a", "v1beta1", None)], ["deprecated"]),
    ],
    ids=str,
)
def test_writers(entries: list[JsonObject], rules: list[str]) -> None:
    assert [rule for rule, _, _ in found(judge(*entries))] == rules


def test_finding_says_who_and_what_to_do() -> None:
    finding = single(judge(by("operator", "v1beta1")))
    assert finding.message == (
        "operator (Update) wrote this object as v1beta1 until 2026-06-01T09:10:00Z, which is deprecated"
    )
    assert finding.remediation == "Bring operator to v1, and let it write the object anew."
    assert finding.severity is Severity.LOW


def test_each_writer_has_its_own() -> None:
    findings = judge(by("a", "v1beta1"), by("b", "v1beta1")).findings
    assert len({each.fingerprint for each in findings}) == 2


def test_where_all_is_deprecated_there_is_nothing_to_go_to() -> None:
    facts = replace(TWO, served={"v1": True})
    finding = single(ask(thing({}, by("a", "v1")), Check.VERSIONS, facts=facts))
    assert finding.remediation == "Bring a, and let it write the object anew."


def test_built_in_kinds() -> None:
    assert ask(thing({}, by("a", "v1beta1")), Check.VERSIONS, facts=None).asked == ()


CRD = {"kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"}}


def test_debt_of_a_crd() -> None:
    (finding,) = check_crd(CRD, TWO, KindSettings())
    assert (finding.policy, finding.rule, finding.path) == ("versions", "stored-versions", "/status/storedVersions")
    assert "auditor convert --migrate-storage things.example.com" in finding.remediation
    assert "v1beta1" in finding.message
    assert check_crd(CRD, TWO, only(Check.VERSIONS, severity=Severity.HIGH))[0].severity is Severity.HIGH
    assert check_crd(CRD, replace(TWO, name="others.example.com"), KindSettings())[0].fingerprint != finding.fingerprint


def test_crd_without_debt() -> None:
    assert check_crd(CRD, FACTS, KindSettings()) == ()
    assert check_crd(CRD, TWO, only(Check.SCHEMA)) == ()
