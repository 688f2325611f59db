"""Code quality of GitLab: a list of issues, each with our fingerprint, by which GitLab tells what is new."""

from typing import Final

from auditor.intake.judged import Judged
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity
from auditor.report.formats.json import render
from auditor.report.formats.sentences import advise, tell
from auditor.report.results import Results, name_rule

_SEVERITIES: Final = {
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.MEDIUM: "major",
    Severity.LOW: "minor",
    Severity.INFO: "info",
}


def write(results: Results) -> str:
    return render([_describe(results, *row) for row in results.rows()])


def _describe(results: Results, judged: Judged, finding: Finding) -> JsonObject:
    advice = advise(finding)
    word = f"{finding.result}: " if finding.result is not Result.FAIL else ""
    return {
        "description": f"{word}{judged.subject}: {tell(finding)}",
        "check_name": name_rule(finding),
        "fingerprint": finding.fingerprint,
        "severity": _rate(results, finding),
        "location": {
            "path": results.name_file(judged.place.file) or _name_object(judged),
            "lines": {"begin": max(1, judged.position_of(finding).line)},
        },
        "result": str(finding.result),
        **({"content": {"body": advice}} if advice else {}),
    }


def _rate(results: Results, finding: Finding) -> str:
    """What needs no work is an info, and what could not be judged as bad as can be."""
    if finding.result is Result.ERROR:
        return "blocker"
    if finding.result in (Result.SKIP, Result.PASS) or (results.new_only and results.knows(finding)):
        return "info"
    return _SEVERITIES[finding.severity]


def _name_object(judged: Judged) -> str:
    """In place of a file, for what is in a cluster or came by standard input."""
    subject = judged.subject
    return "/".join(part for part in (subject.namespace, subject.kind, subject.name) if part)
