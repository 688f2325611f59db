"""What `auditor findings` makes of reports and of what is known of an installation. Pure parts only."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from auditor.audit.overview import Facts, Holder
from auditor.cli.excepting import find_place, read_end
from auditor.cli.findings import SHOWN, choose_rows
from auditor.cli.findings.reading import Found, Row, choose_api, find_gaps, read_report
from auditor.cli.findings.text import rank, to_json, write_accounts, write_table
from auditor.cli.named import Named, Sought, read_names
from auditor.cluster import Resource
from auditor.cluster.resource import NAMESPACES
from auditor.errors import UsageError
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.policy import Kind, Severity
from auditor.model.settings import ReportApi, ReportSettings
from auditor.model.subject import Subject
from auditor.report.crs import build

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SHOPS = Resource("example.com", "v1", "shops", "Shop", namespaced=True)


def plain(text: str, word: str) -> str:
    return text


def finding(result: Result, severity: Severity, policy: str = "open") -> Finding:
    return Finding(policy=policy, rule="hours", result=result, severity=severity, message="a\nb", fingerprint="f")


def report(*findings: Finding, room: int = 200) -> JsonObject:
    subject = Subject(
        api_version="example.com/v1",
        kind="Shop",
        resource="shops",
        namespace="n",
        name="one",
        uid="0b5c",
    )
    built = build(subject, findings, settings=ReportSettings(max_findings=room), at=NOW)
    assert built is not None
    return built


def facts(*entries: JsonObject, spec: JsonObject | None = None, renewed: datetime = NOW) -> Facts:
    ready = {"type": "Ready", "status": "True", "reason": "Followed", "message": ""}
    status = {"coverage": list(entries), "conditions": [ready], "observedGeneration": 1}
    return Facts(
        time=NOW,
        namespace="auditor-system",
        config={"metadata": {"generation": 1}, "spec": spec or {}, "status": status},
        watchers=(Holder("one", renewed, 15),),
    )


def entry(**more: object) -> JsonObject:
    return {"group": "example.com", "resource": "shops", "present": 1, "evaluated": 1, "notEvaluated": 0, **more}


def gaps(known: Facts, name: str = "", namespace: str = "n") -> list[str]:
    return list(find_gaps(known, [Sought(SHOPS, "n", name)], namespace=namespace))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], []),
        (["shop"], [Named("shop")]),
        (["shop,stall"], [Named("shop"), Named("stall")]),
        (["shop", "one", "two"], [Named("shop", "one"), Named("shop", "two")]),
        (["shops.example.com/one", "stall/two"], [Named("shops.example.com", "one"), Named("stall", "two")]),
    ],
)
def test_names(words: list[str], found: list[Named]) -> None:
    assert read_names(words) == found


@pytest.mark.parametrize("words", [["shop/"], ["/one"], ["shop/one", "two"], ["a/b/c"], ["shop,"]])
def test_names_that_are_none(words: list[str]) -> None:
    with pytest.raises(UsageError):
        read_names(words)


def test_a_report_is_read_as_it_was_written() -> None:
    found = Found()
    excused = replace(finding(Result.SKIP, Severity.LOW, "other"), exception="n/why")
    read_report(found, report(replace(finding(Result.FAIL, Severity.HIGH), path="/spec"), excused))
    assert [(row.name, row.result, row.severity, row.since) for row in found.rows] == [
        ("open/hours", Result.FAIL, Severity.HIGH, NOW),
        ("other/hours", Result.SKIP, Severity.LOW, NOW),
    ]
    assert [row.excusable for row in found.rows] == [True, False]
    assert found.gaps == found.left_out == []
    told = write_accounts(sorted(found.rows, key=rank), plain, program="auditor")
    assert "excuse: auditor except shops.example.com/one open/hours -n n" in told
    assert "excused by PolicyException n/why" in told
    assert write_table(found.rows, plain).splitlines()[1].endswith("a b (/spec)")
    assert to_json(found.rows, [])["summary"] == {"pass": 0, "fail": 1, "warn": 0, "error": 0, "skip": 1}


def test_checks_cannot_be_excused() -> None:
    found = Found()
    read_report(found, report(replace(finding(Result.FAIL, Severity.HIGH), kind=Kind.CHECK)))
    assert not found.rows[0].excusable


def test_what_somebody_else_wrote_into_a_report_is_told() -> None:
    found, strange = Found(), report(finding(Result.FAIL, Severity.HIGH))
    strange["results"].append({"policy": "x", "result": "maybe"})
    read_report(found, strange)
    assert (len(found.rows), len(found.gaps)) == (1, 1)
    assert "shop/one in n" in found.gaps[0]
    read_report(others := Found(), {**strange, "metadata": {"name": "of-somebody-else"}})
    assert others == Found()


def test_what_a_report_has_no_room_for_is_known() -> None:
    found = Found()
    read_report(found, report(*(finding(Result.FAIL, Severity.HIGH, f"p{n}") for n in range(5)), room=2))
    assert found.left_out == ["the report of shop/one in n has no room for 3 more findings"]


def test_no_gap_where_all_is_judged() -> None:
    assert gaps(facts(entry())) == gaps(facts(entry()), "one") == []


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (facts(), "nothing is known of it"),
        (facts(entry(present=None, reason="forbidden")), "forbidden"),
        (facts(entry(stale=True)), "it cannot be read"),
        (facts(entry(excluded=True, reason="by follow")), "left out on purpose: by follow"),
        (facts(entry(), spec={"exclude": {"namespaces": ["n"]}}), "namespace n is excluded"),
        (facts(entry(), renewed=datetime(2026, 10, 1, tzinfo=UTC)), "watcher one: its Lease"),
    ],
)
def test_gaps(known: Facts, said: str) -> None:
    for name in ("", "one"):
        assert any(said in each for each in gaps(known, name))


def test_others_of_the_kind_matter_for_the_kind_alone() -> None:
    assert gaps(facts(entry(notEvaluated=1)), "one") == []
    assert gaps(facts(entry(notEvaluated=1))) == ["kind shops.example.com: not all of its objects are evaluated"]


def test_the_reports_are_those_that_the_watcher_writes() -> None:
    assert choose_api(facts()) is ReportApi.OPENREPORTS
    assert choose_api(facts(spec={"reports": {"api": "wgpolicyk8s"}})) is ReportApi.WGPOLICY
    with pytest.raises(UsageError, match="scan --cluster"):
        choose_api(facts(spec={"reports": {"api": "none"}}))


def test_rows_are_ordered_by_object_and_the_worst_first() -> None:
    def row(name: str, result: Result, severity: Severity) -> Row:
        return Row(
            kind="shops.example.com",
            scope={"name": name},
            result=result,
            severity=severity,
            policy="p",
            rule="r",
            message="",
        )

    rows = [
        row("a", Result.FAIL, Severity.CRITICAL),
        row("a", Result.FAIL, Severity.LOW),
        row("a", Result.ERROR, Severity.HIGH),
        row("b", Result.FAIL, Severity.HIGH),
    ]
    assert sorted([rows[3], rows[2], rows[1], rows[0]], key=rank) == rows


def test_rows_are_chosen() -> None:
    found = Found()
    read_report(
        found,
        report(
            finding(Result.FAIL, Severity.HIGH, "p"),
            finding(Result.WARN, Severity.LOW, "q"),
            finding(Result.SKIP, Severity.INFO, "p"),
        ),
    )

    def chosen(severity: str = "info", policies: tuple[str, ...] = (), results: tuple[str, ...] = SHOWN) -> list[str]:
        return [f"{row.policy} {row.result}" for row in choose_rows(found, severity, policies, results)]

    assert chosen() == ["p fail", "q warn", "p skip"]
    assert chosen("low") == ["p fail", "q warn"]
    assert chosen("critical") == []
    assert chosen(policies=("p",)) == chosen(policies=("p/hours",)) == ["p fail", "p skip"]
    assert chosen(policies=("p/other",)) == []
    assert chosen(results=("skip",)) == ["p skip"]


def test_where_an_exception_counts() -> None:
    nodes = Resource("", "v1", "nodes", "Node", namespaced=False)
    assert find_place(Sought(SHOPS, "n", "one"), "ours") == "n"
    assert find_place(Sought(nodes, "", "one"), "ours") == "ours"
    assert find_place(Sought(NAMESPACES, "", "one"), "ours") == "one"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("30d", "2026-12-01T12:00:00+00:00"),
        ("12h", "2026-11-02T00:00:00+00:00"),
        ("2w", "2026-11-15T12:00:00+00:00"),
        ("2027-03-31", "2027-03-31T23:59:59+00:00"),
        ("2027-03-31T14:00:00+02:00", "2027-03-31T12:00:00+00:00"),
        ("2027-03-31T12:00:00Z", "2027-03-31T12:00:00+00:00"),
    ],
)
def test_ends(text: str, end: str) -> None:
    assert read_end(text, NOW).isoformat() == end


@pytest.mark.parametrize("text", ["", "tomorrow", "30", "30m", "9999999999d", "2027-03-31T12:00:00", "2027-13-01"])
def test_ends_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--expires"):
        read_end(text, NOW)
