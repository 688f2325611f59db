"""The report CRs that the watcher would write, as YAML documents.

An object in a file has no uid, without which it can own nothing: its report has a name made of who it is, and no owner.
"""

from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from auditor.json import JsonObject
from auditor.model.finding import Finding
from auditor.model.settings import ReportSettings
from auditor.model.subject import Subject
from auditor.report.crs import build
from auditor.report.formats.yaml import dump
from auditor.report.results import Results


def write(results: Results) -> str:
    findings: dict[Subject, list[Finding]] = {}
    for judged in results.scan.judged:  # one object may stand in two files
        findings.setdefault(_identify(judged.subject, in_file=bool(judged.place.file)), []).extend(judged.findings)
    reports = [_make(results, subject, found) for subject, found in findings.items()]
    return dump(*(report for report in reports if report is not None)) if reports else ""


def _identify(subject: Subject, *, in_file: bool) -> Subject:
    return replace(subject, uid="") if in_file else subject


def _make(results: Results, subject: Subject, found: list[Finding]) -> JsonObject | None:
    owned = replace(subject, uid=subject.uid or str(uuid5(NAMESPACE_URL, _name(subject))))
    settings = ReportSettings(passes=True, max_findings=len(found))  # what is told was chosen before
    report = build(owned, found, settings=settings, at=results.time)
    if report is not None and not subject.uid:
        del report["metadata"]["ownerReferences"], report["scope"]["uid"]
    return report


def _name(subject: Subject) -> str:
    text = f"{subject.group}/{subject.kind}/{subject.namespace}/{subject.name}"
    return text.encode(errors="replace").decode()
