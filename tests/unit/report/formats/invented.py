"""Scans that were never made, with whatever findings a test wants."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from auditor.errors import InputError
from auditor.intake.found import Scan
from auditor.intake.judged import Judged, Place
from auditor.intake.yaml import Position
from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Severity
from auditor.model.subject import Subject
from auditor.report.results import Results

TIME = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
UID = "0b9a0f4e-7f0c-4f9e-8a43-1f7b6f3c2d11"


def finding(rule: str = "r", result: Result = Result.FAIL, **options: Any) -> Finding:
    policy = options.pop("policy", "p")
    given = {"severity": Severity.HIGH, "message": "is wrong", "path": "/spec/size", **options}
    fingerprint = given.pop("fingerprint", make_fingerprint(policy, rule, given["path"]))
    return Finding(policy=policy, rule=rule, result=result, fingerprint=fingerprint, **given)


def place(name: str = "one", file: str = "things.yaml", line: int = 3, **options: Any) -> Place:
    given = {"api_version": "example.com/v1", "kind": "Thing", "resource": "things", "namespace": "here", "uid": ""}
    return Place(Subject(name=name, **{**given, **options}), file, line, 1 if file else 0)


def judged(*findings: Finding, at: Place | None = None) -> Judged:
    there = at or place()
    positions = {each.path: Position(there.line + 4, 5) for each in findings if each.path and there.file}
    return Judged(there, findings, positions)


def scan(*found: Judged, unreadable: Iterable[str] = (), warnings: Iterable[str] = ()) -> Scan:
    made = Scan(unreadable=[InputError(each) for each in unreadable], warnings=list(warnings))
    for each in found:
        made.judged.append(each)
        made.objects += 1
        for told in each.findings:
            made.counts[told.result] += 1
    return made


def results(*findings: Finding, **options: Any) -> Results:
    return Results(scan(judged(*findings)), **{"time": TIME, **options})
