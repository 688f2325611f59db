"""What stands in a report, in which order, and where it ends."""

import json
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model.finding import Finding, Result
from auditor.model.policy import Enforcement, Severity
from auditor.model.settings import ReportApi, ReportSettings
from auditor.model.subject import Subject
from auditor.report.crs import FORMS, build, kind_name_of, left_out_of, name_of, uid_of
from auditor.report.crs.build import MESSAGE_BYTES, OBJECT_BYTES
from auditor.report.crs.forms import LABEL_LENGTH
from tests.unit.report.crs.making import FINDINGS, SEEN, SUBJECTS, UID, make_finding, make_subject

OPEN = ReportSettings()
WG = ReportSettings(api=ReportApi.WGPOLICY)


def test_whole_report() -> None:
    finding = make_finding(
        path="/spec/replicas",
        value=1,
        remediation="Set spec.replicas to 3.",
        controls=("CIS 5.2", "NIST AC-6"),
        enforcements=(Enforcement.DENY, Enforcement.AUDIT),
    )
    it = {"apiVersion": "db.example.com/v1", "kind": "Database", "name": "one", "uid": UID}
    assert build(make_subject(), [finding], settings=OPEN, at=SEEN) == {
        "apiVersion": "openreports.io/v1alpha1",
        "kind": "Report",
        "metadata": {
            "name": f"auditor-{UID}",
            "namespace": "shop",
            "labels": {
                "app.kubernetes.io/managed-by": "auditor",
                "auditor.dev/kind": "databases.db.example.com",
            },
            "annotations": {"auditor.dev/kind": "databases.db.example.com"},
            "ownerReferences": [it],
        },
        "scope": {**it, "namespace": "shop"},
        "source": "auditor",
        "summary": {"pass": 0, "fail": 1, "warn": 0, "error": 0, "skip": 0},
        "results": [
            {
                "source": "auditor",
                "policy": "production",
                "rule": "replicas",
                "result": "fail",
                "scored": True,
                "severity": "high",
                "category": "CIS 5.2",
                "message": "too few",
                "timestamp": {"seconds": 1777863721, "nanos": 0},
                "properties": {
                    "resultID": finding.fingerprint,
                    "kind": "Policy",
                    "path": "/spec/replicas",
                    "remediation": "Set spec.replicas to 3.",
                    "controls": "CIS 5.2, NIST AC-6",
                    "enforcement": "Deny, Audit",
                },
            }
        ],
    }


def test_of_an_object_in_no_namespace_in_the_older_api() -> None:
    report = build(make_subject(""), [make_finding()], settings=WG, at=SEEN)
    assert report is not None
    assert (report["apiVersion"], report["kind"]) == ("wgpolicyk8s.io/v1alpha2", "ClusterPolicyReport")
    assert "namespace" not in report["metadata"] | report["scope"]
    assert "source" not in report
    assert report["results"][0]["source"] == "auditor"
    assert report["results"][0]["category"] == "auditor"


@pytest.mark.parametrize(
    ("settings", "findings", "uid"),
    [
        (OPEN, [], UID),
        (OPEN, [make_finding(result=Result.PASS)], UID),
        (ReportSettings(passes=True), [], UID),
        (ReportSettings(api=ReportApi.NONE), [make_finding()], UID),
        (OPEN, [make_finding()], ""),
    ],
)
def test_nothing_to_report(settings: ReportSettings, findings: list[Finding], uid: str) -> None:
    assert build(make_subject(uid=uid), findings, settings=settings, at=SEEN) is None


def test_all_results_and_the_worst_first() -> None:
    findings = [
        make_finding("p", Result.PASS, severity=Severity.CRITICAL),
        make_finding("s", Result.SKIP, exception="shop/old"),
        make_finding("w", Result.WARN),
        make_finding("e", Result.ERROR),
        make_finding("low", severity=Severity.LOW),
        make_finding("worst", severity=Severity.CRITICAL),
    ]
    for passes in (False, True):
        report = build(make_subject(), findings, settings=replace(OPEN, passes=passes), at=SEEN)
        assert report is not None
        assert [row["rule"] for row in report["results"]] == ["worst", "low", "e", "w", "s"] + ["p"] * passes
        assert report["summary"] == {"pass": int(passes), "fail": 2, "warn": 1, "error": 1, "skip": 1}
        assert [row["rule"] for row in report["results"] if not row["scored"]] == ["w"]
        assert report["results"][4]["properties"]["exception"] == "shop/old"


def test_cut_by_number() -> None:
    findings = [make_finding(f"r{i}", Result.FAIL if i < 7 else Result.WARN) for i in range(10)]
    report = build(make_subject(), reversed_of(findings), settings=replace(OPEN, max_findings=5), at=SEEN)
    assert report is not None
    *rows, last = report["results"]
    assert [row["rule"] for row in rows] == ["r0", "r1", "r2", "r3", "r4"]
    assert left_out_of(report) == 5
    assert report["summary"] == {"pass": 0, "fail": 7, "warn": 3, "error": 0, "skip": 0}
    assert last["message"].startswith("5 more of this object are not listed here (2 fail, 3 warn)")
    assert "maxFindingsPerObject" in last["message"]
    assert (last["policy"], last["result"], last["scored"]) == ("auditor", "fail", True)
    assert last["properties"]["resultID"] not in {row["properties"]["resultID"] for row in rows}


def reversed_of(findings: list[Finding]) -> list[Finding]:
    return findings[::-1]


def test_exactly_as_many_as_allowed_are_not_cut() -> None:
    report = build(make_subject(), [make_finding()] * 5, settings=replace(OPEN, max_findings=5), at=SEEN)
    assert report is not None
    assert len(report["results"]) == 5
    assert left_out_of(report) == 0


def test_cut_by_size() -> None:
    findings = [
        make_finding(f"r{i:04}", message="m" * 9999, remediation="ü" * 9999, path="p" * 999) for i in range(1000)
    ]
    report = build(make_subject(), findings, settings=replace(OPEN, max_findings=1000), at=SEEN)
    assert report is not None
    listed = len(report["results"]) - 1
    assert 100 < listed < 200
    assert left_out_of(report) == 1000 - listed
    assert report["summary"]["fail"] == 1000
    assert len(orjson.dumps(report)) < OBJECT_BYTES + 4096


def test_a_value_is_never_in_it() -> None:
    report = build(make_subject(), [make_finding(value="hunter2")], settings=OPEN, at=SEEN)
    assert "hunter2" not in json.dumps(report)


def test_long_names_of_kinds() -> None:
    long = Subject(f"{'g' * 63}.{'h' * 63}.example.com/v1", "Thing", "things", "", "one", UID)
    other = replace(long, api_version=f"{'g' * 63}.{'h' * 63}.example.org/v1")
    labels = []
    for subject in (long, other):
        report = build(subject, [make_finding()], settings=OPEN, at=SEEN)
        assert report is not None
        assert kind_name_of(report) == f"things.{subject.group}"
        labels.append(report["metadata"]["labels"]["auditor.dev/kind"])
    assert {len(label) for label in labels} == {LABEL_LENGTH}
    assert len(set(labels)) == 2


def test_names() -> None:
    assert uid_of(name_of(UID)) == UID
    assert [
        uid_of(name) for name in ("auditor", "auditor-", UID, f"xauditor-{UID}", f"auditor-{UID}-", "auditor-a b")
    ] == [""] * 6


@given(SUBJECTS, st.lists(FINDINGS, max_size=8), st.sampled_from(list(FORMS)), st.booleans(), st.integers(1, 9))
def test_any_findings(subject: Subject, findings: list[Finding], api: ReportApi, passes: bool, most: int) -> None:
    """It can be written as JSON, is the same in any order of findings, counts all and lists as many as it may."""
    settings = ReportSettings(api=api, passes=passes, max_findings=most)
    told = [finding for finding in findings if passes or finding.result is not Result.PASS]
    report = build(subject, findings, settings=settings, at=SEEN)
    assert (report is None) is (not told)
    if report is None:
        return
    assert orjson.loads(orjson.dumps(report)) == report
    if len({f.fingerprint for f in findings}) == len(findings):
        assert build(subject, findings[::-1], settings=settings, at=SEEN) == report
    assert sum(report["summary"].values()) == len(told)
    assert len(report["results"]) == min(len(told), most) + (len(told) > most)
    assert left_out_of(report) == max(0, len(told) - most)
    assert all(len(value) <= LABEL_LENGTH for value in report["metadata"]["labels"].values())
    for row in report["results"]:
        assert len(row["message"].encode()) <= MESSAGE_BYTES
        assert row["policy"]
        assert "" not in row["properties"].values()
        assert "resources" not in row
