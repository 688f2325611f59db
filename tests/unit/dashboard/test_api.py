"""The API gives what its description says, and the numbers of a compliance report of the same moment."""

import re
from datetime import timedelta

import jsonschema
import pytest

from auditor.dashboard.app import Source
from auditor.dashboard.routes import API, ROUTES
from auditor.json import Json, JsonObject
from auditor.report.compliance import Options, Period, make_report
from auditor.report.compliance.formats.json import dump as dump_report
from tests.unit.dashboard.visits import SCOPES, Visit
from tests.unit.dashboard.world import NOW, TEAMS

WHO = ["admin", *TEAMS]


def describe(visit: Visit) -> JsonObject:
    described: JsonObject = visit("admin").get("/api/openapi.json").get_json()
    return described


def fill(path: str, fingerprints: list[str]) -> str:
    inside = {"fingerprint": fingerprints[-1], "kind": "Policy", "name": "quorum"}
    return re.sub(r"\{(\w+)\}", lambda match: inside[match[1]], path)


@pytest.mark.parametrize("who", WHO)
def test_every_answer_is_as_described(who: str, visit: Visit, world: tuple[str, list[str]]) -> None:
    described = describe(visit)
    fingerprint = visit(who).get(f"{API}/findings").get_json()["findings"][0]["fingerprint"]
    assert len(described["paths"]) == len(ROUTES)
    for path, item in described["paths"].items():
        answer = visit(who).get(fill(path, [fingerprint]))
        assert answer.status_code == 200, path
        schema = item["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator({**schema, "components": described["components"]}).validate(answer.get_json())


@pytest.mark.parametrize("path", ["/api/v1/findings?severity=none", "/api/v1/findings/none", "/api/v1/nothing"])
def test_errors_are_as_described(path: str, visit: Visit) -> None:
    schema = describe(visit)["components"]["schemas"]["Error"]
    jsonschema.Draft202012Validator(schema).validate(visit("admin").get(path).get_json())
    jsonschema.Draft202012Validator(schema).validate(visit("").get(path).get_json())


@pytest.mark.parametrize("who", WHO)
def test_numbers_are_those_of_a_report(who: str, visit: Visit, source: Source) -> None:
    period = Period(start=NOW - timedelta(days=1), end=NOW)
    report = dump_report(
        make_report(source.database, source.cluster, period, SCOPES[who], now=NOW, options=Options(most=1000))
    )

    def get(path: str) -> Json:
        return visit(who).get(f"{API}{path}").get_json()

    overview = get("/overview")
    for name in ("results", "open", "ages", "coverage", "admissions", "policies", "namespaces", "kinds", "countedAt"):
        assert overview[name] == report[name], name
    assert get("/controls")["controls"] == report["controls"]
    assert get("/namespaces")["lines"] == report["namespaces"]
    assert get("/kinds")["lines"] == report["kinds"]
    told = {each["name"] for each in report["policies"]}
    assert [each for each in get("/policies")["lines"] if each["name"] in told] == report["policies"]
    listed = get("/findings?limit=500")
    assert (
        listed["total"]
        == len(report["violations"])
        == sum(report["open"][name] for name in ("violations", "warnings", "errors", "excused"))
    )
    assert {each["fingerprint"] for each in listed["findings"]} == {
        each["fingerprint"] for each in report["violations"]
    }
    for word, name in {"violation": "violations", "error": "errors", "excused": "excused"}.items():
        assert get(f"/findings?result={word}")["total"] == report["open"][name]
    assert get("/findings?overdue=yes")["total"] == report["open"]["overdue"]
    for line in report["policies"]:
        assert get(f"/findings?policy={line['name']}&result=violation")["total"] == line["open"]["violations"]
        assert get(f"/policies/{line['kind']}/{line['name']}")["line"] == line
    denied = sum(each["what"] == "denied" for each in get("/denials")["decisions"])
    assert denied == sum(each["what"] == "denied" for each in report["admissions"]["recent"])


@pytest.mark.parametrize("sort", ["severity", "object", "policy", "kind", "newest", "oldest"])
@pytest.mark.parametrize("state", ["open", "all"])
@pytest.mark.parametrize("text", ["", "orders"])
def test_pages_hold_every_finding_once(sort: str, state: str, text: str, visit: Visit) -> None:
    client = visit("admin")
    asked = {"sort": sort, "state": state, "q": text}
    whole = client.get(f"{API}/findings", query_string={**asked, "limit": "500"}).get_json()
    found: list[JsonObject] = []
    after, pages = "", 0
    while pages == 0 or after:
        page = client.get(f"{API}/findings", query_string={**asked, "limit": "4", "after": after}).get_json()
        assert page["total"] == whole["total"]
        found += page["findings"]
        after, pages = page["next"], pages + 1
        assert pages < 50
    assert found == whole["findings"]
    assert len(found) == whole["total"] > (5 if text else 20)
    # The other way of finding those that have a text: here, among all.
    every = client.get(f"{API}/findings", query_string={**asked, "q": "", "limit": "500"}).get_json()["findings"]
    assert found == [each for each in every if text in f"{each['name']} {each['message']}"]


def test_search_takes_signs_as_they_are(visit: Visit) -> None:
    client = visit("admin")
    total = client.get(f"{API}/findings").get_json()["total"]
    assert 0 < client.get(f"{API}/findings?q=QUOKKA-orders").get_json()["total"] < total
    for sign in ("%", "_", "\\", "'"):
        assert client.get(f"{API}/findings", query_string={"q": sign}).get_json()["total"] == 0


def test_the_report_is_the_one_of_the_command(visit: Visit, source: Source) -> None:
    from auditor.report.compliance import read_period
    from auditor.report.compliance.formats.json import write

    report = make_report(
        source.database, source.cluster, read_period("7d", now=NOW), now=NOW, options=Options(most=5_000)
    )
    text = visit("admin").get("/reports/download?format=json&period=7d").get_data(as_text=True)
    assert text == write(report)
