"""What the readers of each format insist on."""

import csv
import io
import re
from xml.etree import ElementTree as ET

import pytest
import yaml

from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.baseline import Comparison
from auditor.report.formats import FORMATS
from auditor.report.formats.csv import guard
from auditor.report.formats.markdown import LENGTH
from auditor.report.results import Results
from tests.unit.report.formats import invented
from tests.unit.report.formats.readback import from_markdown


def cases_of(results: Results) -> dict[str, ET.Element]:
    root = ET.fromstring(FORMATS["junit"](results))  # noqa: S314 our own
    return {case.attrib["name"].partition(":")[0]: case for case in root.iter("testcase")}


def test_junit_fails_where_the_exit_code_does() -> None:
    found = [
        invented.finding("bad"),
        invented.finding("warned", Result.WARN),
        invented.finding("minor", severity=Severity.LOW),
        invented.finding("known"),
        invented.finding("erred", Result.ERROR),
        invented.finding("excused", Result.SKIP, exception="a/b"),
        invented.finding("passed", Result.PASS, message=""),
    ]
    compared = Comparison(frozenset([found[3].fingerprint]))
    cases = cases_of(invented.results(*found, threshold=Severity.MEDIUM, comparison=compared, new_only=True))
    outcomes = {name: [each.tag for each in case if each.tag != "properties"] for name, case in cases.items()}
    assert outcomes == {
        "bad": ["failure"],
        "warned": ["failure"],
        "minor": ["skipped"],
        "known": ["skipped"],
        "erred": ["error"],
        "excused": ["skipped"],
        "passed": [],
    }
    assert cases["bad"].attrib["file"] == "things.yaml"


def test_junit_counts() -> None:
    scan = invented.scan(
        invented.judged(invented.finding(), invented.finding("e", Result.ERROR)), unreadable=["broken"]
    )
    root = ET.fromstring(FORMATS["junit"](Results(scan, seconds=1.5)))  # noqa: S314 our own
    counted = {name: root.attrib[name] for name in ("tests", "failures", "errors", "skipped", "time")}
    assert counted == {"tests": "3", "failures": "1", "errors": "2", "skipped": "0", "time": "1.500"}
    assert [suite.attrib["name"] for suite in root] == ["p", "not read"]


def test_github_escapes_and_begins_with_the_worst() -> None:
    bad = invented.finding("low", severity=Severity.LOW, message="50% of\n::error::x")
    worse = invented.finding("worse", severity=Severity.CRITICAL)
    at = invented.place(file="a,b:c.yaml")
    lines = FORMATS["github"](Results(invented.scan(invented.judged(bad, worse, at=at)))).splitlines()
    assert lines[0].startswith("::error file=a%2Cb%3Ac.yaml,line=7,col=5,title=critical%3A p/worse::")
    assert lines[1].startswith("::notice ")
    assert "50%25 of%0A::error::x" in lines[1]
    assert len(lines) == 2


def test_a_comment_has_its_bounds() -> None:
    many = [invented.finding(f"r{i}", message="long " * 100) for i in range(500)]
    text = FORMATS["markdown"](invented.results(*many))
    assert LENGTH - 2000 < len(text) <= LENGTH + 200
    listed = len(from_markdown(text))
    assert f"{500 - listed} more findings" in text


def test_nothing_in_a_comment_is_markup() -> None:
    text = FORMATS["markdown"](invented.results(invented.finding(message="a|b <img> @all `x` [l](http://x) #1\n\n# h")))
    row = text.splitlines()[-1]
    assert row.count("|") - row.count("\\|") == 6
    assert not re.search(r"<img|@all|(?<!\\)`|(?<!\\)\[|http://|(?<!\\)#1", row)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "  =1", "＝1", "-", "\n=1"])  # noqa: RUF001
def test_no_cell_is_a_formula(cell: str) -> None:
    assert guard(cell).startswith("'")


def test_cells() -> None:
    text = FORMATS["csv"](invented.results(invented.finding(message='=HYPERLINK("x")\nand, more')))
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["message"], row["line"], row["column"]) == ('\'=HYPERLINK("x")\nand, more', "7", "5")
    assert guard("plain = text") == "plain = text"


def test_the_page_loads_and_runs_nothing() -> None:
    text = FORMATS["html"](invented.results(invented.finding(message="<script>alert(1)</script>")))
    assert "<script" not in text
    assert not re.search(r"\b(src|href)=|@import|url\(", text)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def reports_of(results: Results) -> list[JsonObject]:
    return [each for each in yaml.safe_load_all(FORMATS["report"](results)) if each]


def test_reports_of_files_own_nothing() -> None:
    found = invented.finding()
    twice = [invented.judged(found), invented.judged(found, at=invented.place(file="again.yaml"))]
    other = invented.judged(invented.finding("x"), at=invented.place("two", namespace=""))
    report, cluster = reports_of(Results(invented.scan(*twice, other), time=invented.TIME))
    assert (report["kind"], cluster["kind"]) == ("Report", "ClusterReport")
    assert "ownerReferences" not in report["metadata"]
    assert "uid" not in report["scope"]
    assert len(report["results"]) == 2
    assert report["metadata"]["name"] != cluster["metadata"]["name"]


def test_reports_of_stored_objects_are_those_of_the_watcher() -> None:
    at = invented.place(file="", uid=invented.UID)
    (report,) = reports_of(Results(invented.scan(invented.judged(invented.finding(), at=at))))
    assert report["metadata"]["ownerReferences"][0]["uid"] == invented.UID
    assert report["metadata"]["name"] == f"auditor-{invented.UID}"


def test_yaml_keeps_texts_texts() -> None:
    found = invented.finding(fingerprint="1" * 20 + "e" + "2" * 11, message="yes", rule="0o17")
    text = FORMATS["yaml"](invented.results(found))
    assert f'fingerprint: "{found.fingerprint}"' in text
    assert 'rule: "0o17"' in text
    assert yaml.safe_load(text)["findings"][0]["message"] == "yes"
