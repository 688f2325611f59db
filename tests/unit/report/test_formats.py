"""All formats of one run hold the same findings, and nothing in them acts on a terminal."""

import json
import re
from pathlib import Path

import pytest

from auditor.intake.found import Scan
from auditor.json import JsonObject
from auditor.report.formats import FORMATS
from auditor.report.results import Results
from tests.unit.intake.files import judge, policy, thing

POLICIES = [
    policy(
        "first",
        [
            {"jq": ".spec.size < 5", "message": "too large", "severity": "critical", "remediation": "Shrink it."},
            {"cel": "object.spec.title == 'x'", "enforcement": "Warn"},
            {"deny": '.spec.list[] | {message: ., path: "/spec/list/0"}', "severity": "low"},
            {"jq": ".spec.missing.field | error"},
        ],
        controls=["C-1"],
    ),
    policy("second", [{"jq": "true"}]),
]


@pytest.fixture(params=[False, True], ids=["plain", "passes"])
def found(tmp_path: Path, request: pytest.FixtureRequest) -> Scan:
    objects = [thing("a", size=9, title="y", list=["m", "n"]), thing("b", size=1, title="x", list=[]), {"no": "object"}]
    return judge(tmp_path, POLICIES, objects, into=Scan(passes=request.param))


def test_the_table_and_the_json_hold_the_same_findings(found: Scan) -> None:
    document = json.loads(FORMATS["json"](Results(found)))
    named = {(each["resource"]["name"], f"{each['policy']}/{each['rule']}") for each in document["findings"]}
    in_table: list[tuple[str, str]] = []
    name = ""
    for line in FORMATS["table"](Results(found)).splitlines():
        if heading := re.match(r"Thing here/(\w+)  ", line):
            name = heading[1]
        elif row := re.match(r"  \w+ +(\S+/\w+)", line):
            in_table.append((name, row[1]))
    assert len(in_table) == len(document["findings"])
    assert set(in_table) == named
    assert ("b", "second/r0") in named if found.passes else ("b", "second/r0") not in named


def test_counts(found: Scan) -> None:
    """The summary counts what passed, too, whether it is listed or not."""
    document = json.loads(FORMATS["json"](Results(found)))
    assert document["summary"] == {"pass": 5, "fail": 3, "warn": 1, "error": 2, "skip": 0}
    if found.passes:
        assert len(document["findings"]) == sum(document["summary"].values())
    last = FORMATS["table"](Results(found)).splitlines()[-1]
    assert last == "2 objects (1 not read): 5 pass, 3 fail, 1 warn, 2 error"


def test_the_fields_of_a_finding(found: Scan) -> None:
    document = json.loads(FORMATS["json"](Results(found)))
    finding: JsonObject = next(each for each in document["findings"] if each["message"] == "too large")
    assert re.fullmatch("[0-9a-f]{32}", finding.pop("fingerprint"))
    assert finding.pop("file").endswith("objects.json")
    assert finding == {
        "policy": "first",
        "rule": "r0",
        "result": "fail",
        "severity": "critical",
        "message": "too large",
        "path": "/spec/size",
        "resource": {"apiVersion": "example.com/v1", "kind": "Thing", "namespace": "here", "name": "a"},
        "line": 1,
        "column": 108,
        "remediation": "Shrink it.",
        "controls": ["C-1"],
    }


def test_what_could_not_be_read_is_in_the_coverage(found: Scan) -> None:
    document = json.loads(FORMATS["json"](Results(found)))
    reasons = [each["reason"] for each in document["coverage"] if each.get("evaluated") is False]
    assert any("not a Kubernetes object" in each for each in reasons)
    assert any("a rule could not be evaluated" in each for each in reasons)


def test_nothing_acts_on_a_terminal(tmp_path: Path) -> None:
    written = thing(size=9)
    written["metadata"]["name"] = "a\x1b[2J\n\u202eb"
    deny = policy("p", [{"deny": '"\\u001b[31m" + .metadata.name'}])
    found = judge(tmp_path, [deny], [written])
    text = FORMATS["table"](Results(found))
    assert "Thing here/a\\x1b[2J \\u202eb  (" in text
    assert text.count("\n") == 3
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert json.loads(FORMATS["json"](Results(found)))["findings"][0]["resource"]["name"].startswith("a\x1b[2J")


def test_names_of_files_that_are_no_text(tmp_path: Path) -> None:
    folder = tmp_path / "\udcff"
    folder.mkdir()
    found = judge(folder, [policy(rules=[{"jq": "false"}])], [thing()])
    assert "\\udcff" in FORMATS["table"](Results(found))
    assert json.loads(FORMATS["json"](Results(found)))["findings"][0]["file"] == f"{tmp_path}/?/objects.json"
