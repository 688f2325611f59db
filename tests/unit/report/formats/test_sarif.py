"""SARIF as code scanning takes it."""

import json

import jsonschema_rs
import pytest
from hypothesis import given, settings

from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.baseline import Comparison
from auditor.report.formats.sarif import write
from auditor.report.results import Results
from tests.unit.report.formats import invented
from tests.unit.report.formats.sarif_shape import LOG
from tests.unit.report.formats.test_same_findings import runs

VALIDATOR = jsonschema_rs.validator_for(LOG, validate_formats=True)


def run_of(results: Results) -> JsonObject:
    document = json.loads(write(results))
    VALIDATOR.validate(document)
    run: JsonObject = document["runs"][0]
    return run


@settings(max_examples=25)
@given(runs())
def test_it_is_valid_whatever_is_in_it(results: Results) -> None:
    run = run_of(results)
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for each in run["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
        assert (each["kind"] == "fail") == (each["level"] != "none")  # else the standard has no level for it


def test_a_result() -> None:
    (found,) = run_of(invented.results(invented.finding(remediation="Shrink it.")))["results"]
    assert found["ruleId"] == "p/r"
    assert found["message"] == {"text": "Thing here/one: is wrong. Shrink it."}
    (location,) = found["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "things.yaml"},
        "region": {"startLine": 7, "startColumn": 5},
    }
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "example.com/v1/Thing/here/one/spec/size"
    fingerprint = invented.finding().fingerprint
    assert found["partialFingerprints"] == {
        "auditor/v1": fingerprint,
        "primaryLocationLineHash": f"{fingerprint}:1",
    }


@pytest.mark.parametrize(
    ("result", "severity", "level"),
    [
        (Result.FAIL, Severity.CRITICAL, "error"),
        (Result.FAIL, Severity.MEDIUM, "warning"),
        (Result.FAIL, Severity.INFO, "note"),
        (Result.WARN, Severity.CRITICAL, "warning"),
        (Result.WARN, Severity.LOW, "note"),
        (Result.ERROR, Severity.LOW, "error"),
        (Result.SKIP, Severity.HIGH, "error"),
        (Result.PASS, Severity.HIGH, "none"),
    ],
)
def test_levels(result: Result, severity: Severity, level: str) -> None:
    (found,) = run_of(invented.results(invented.finding(result=result, severity=severity)))["results"]
    assert found["level"] == level


def test_what_is_excused_or_known_is_suppressed() -> None:
    excused = invented.finding("a", Result.SKIP, exception="ns/why")
    known, new = invented.finding("b"), invented.finding("c")
    compared = Comparison(frozenset([known.fingerprint]))
    found = run_of(invented.results(excused, known, new, comparison=compared, new_only=True))["results"]
    told = {each["ruleId"]: each for each in found}
    assert told["p/a"]["suppressions"][0]["justification"] == "PolicyException ns/why"
    assert [told[name]["baselineState"] for name in ("p/b", "p/c")] == ["unchanged", "new"]
    assert "suppressions" in told["p/b"]
    assert "suppressions" not in told["p/c"]


def test_scores_are_those_of_the_severities() -> None:
    """GitHub: critical from 9.0, high from 7.0, medium from 4.0, low from 0.1."""
    found = [invented.finding(str(severity), severity=severity) for severity in Severity]
    rules = run_of(invented.results(*found))["tool"]["driver"]["rules"]
    scores = {rule["id"]: rule["properties"].get("security-severity") for rule in rules}
    assert scores == {"p/critical": "9.5", "p/high": "8.0", "p/medium": "5.5", "p/low": "3.0", "p/info": None}


def test_gaps_are_notifications() -> None:
    scan = invented.scan(invented.judged(invented.finding(result=Result.ERROR)), unreadable=["x.yaml:1: broken"])
    (invocation,) = run_of(Results(scan, time=invented.TIME))["invocations"]
    assert invocation["executionSuccessful"] is False
    (told,) = invocation["toolExecutionNotifications"]
    assert (told["level"], told["message"]["text"]) == ("error", "not read: x.yaml:1: broken")


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("a/ü b.yaml", "a/%C3%BC%20b.yaml"),
        ("./a.yaml", "a.yaml"),
        ("/home/me/a.yaml", "a.yaml"),
        ("/other/a.yaml", "file:///other/a.yaml"),
        ("\udcff.yaml", "%FF.yaml"),
        ("<stdin>", None),
        ("", None),
    ],
)
def test_files(file: str, uri: str | None) -> None:
    made = invented.judged(invented.finding(), at=invented.place(file=file))
    (found,) = run_of(Results(invented.scan(made), directory="/home/me"))["results"]
    place = found["locations"][0].get("physicalLocation")
    assert (place and place["artifactLocation"]["uri"]) == uri
