"""SARIF 2.1.0, for code scanning: rules with stable ids, results with our fingerprints, what was not judged as
notifications."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import quote

from auditor import __version__
from auditor.intake.judged import Judged, Place
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.policy import Policy, Rule, Severity
from auditor.report.formats.json import render
from auditor.report.formats.levels import level_of, level_of_severity
from auditor.report.formats.sentences import advise, cut, tell
from auditor.report.results import Results

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT: Final = "auditor/v1"
LINE_HASH: Final = "primaryLocationLineHash"
"""The one that code scanning of GitHub goes by: with ours in its place an alert stays one when its lines move."""
TAGS: Final = 20
"""Of a rule: more are refused by code scanning of GitHub."""
TEXT: Final = 1024
"""Characters of a description there."""

# In the bands that GitHub has for critical, high, medium and low; below them there is none for info.
_SCORES: Final = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "3.0"}


def write(results: Results) -> str:
    scan = results.scan
    rules = _find_rules(results)
    numbers = {name: number for number, name in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "auditor",
                "version": __version__,
                "rules": [_describe_rule(name, rule) for name, rule in rules.items()],
            }
        },
        "invocations": [
            {
                "executionSuccessful": not scan.incomplete,
                "endTimeUtc": results.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "toolExecutionNotifications": list(_notify(results)),
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_describe(results, numbers, *row) for row in results.rows()],
    }
    return render({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


_Described = tuple[Policy | None, Rule | None, Finding | None]


def _find_rules(results: Results) -> Mapping[str, _Described]:
    """All that were asked, found something or not, and what else a finding names: checks, policies as a whole."""
    found: dict[str, _Described] = {}
    for compiled in results.scan.engine.policies:
        policy = compiled.policy
        for each in compiled.rules:
            found[f"{policy.key}/{each.rule.name}"] = (policy, each.rule, None)
    policies = {compiled.policy.key: compiled.policy for compiled in results.scan.engine.policies}
    for _, finding in results.scan.findings():
        found.setdefault(_name_rule(finding), (policies.get(finding.source), None, finding))
    return found


def _name_rule(finding: Finding) -> str:
    return f"{finding.source}/{finding.rule}" if finding.rule else finding.source


def _describe_rule(name: str, described: _Described) -> JsonObject:
    policy, rule, finding = described
    if policy is not None:
        severity = (rule and rule.severity) or policy.severity
        help_text = (rule and rule.remediation) or policy.remediation
        controls: Iterable[str] = (*policy.controls, *(rule.controls if rule else ()))
        short, full = policy.title or name, policy.description or (rule.message if rule else "") or policy.title
    else:
        assert finding is not None  # noqa: S101 what no policy has comes from a finding
        severity, help_text, controls, short, full = finding.severity, finding.remediation, finding.controls, name, ""
    score = _SCORES.get(severity)
    return {
        "id": name,
        "name": name,
        "shortDescription": {"text": cut(short, TEXT)},
        "fullDescription": {"text": cut(full or short, TEXT)},
        "help": {"text": help_text or full or short},
        "defaultConfiguration": {"level": level_of_severity(severity)},
        "properties": {
            "tags": list(dict.fromkeys(["security", *controls]))[:TAGS],
            **({"security-severity": score} if score else {}),
        },
    }


def _describe(results: Results, numbers: Mapping[str, int], judged: Judged, finding: Finding) -> JsonObject:
    name = _name_rule(finding)
    advice = advise(finding)
    return {
        "ruleId": name,
        "ruleIndex": numbers[name],
        "kind": "pass" if finding.result is Result.PASS else "fail",
        "level": level_of(finding),
        "message": {"text": f"{judged.subject}: {tell(finding)}{f'. {advice}' if advice else ''}"},
        "locations": [_locate(results, judged, finding)],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint, LINE_HASH: f"{finding.fingerprint}:1"},
        **({"suppressions": [_suppress(finding)]} if _is_suppressed(results, finding) else {}),
        **({"baselineState": _compare(results, finding)} if results.comparison is not None else {}),
        "properties": {
            "result": str(finding.result),
            "severity": str(finding.severity),
            "path": finding.path,
            **({"controls": list(finding.controls)} if finding.controls else {}),
        },
    }


def _is_suppressed(results: Results, finding: Finding) -> bool:
    return finding.result is Result.SKIP or (results.new_only and results.knows(finding))


def _suppress(finding: Finding) -> JsonObject:
    why = f"PolicyException {finding.exception}" if finding.result is Result.SKIP else "It is in the baseline."
    return {"kind": "external", "status": "accepted", "justification": why}


def _compare(results: Results, finding: Finding) -> str:
    return "unchanged" if results.knows(finding) else "new"


def _locate(results: Results, judged: Judged, finding: Finding) -> JsonObject:
    at = judged.position_of(finding)
    subject = judged.subject
    parts = (subject.api_version, subject.kind, subject.namespace, subject.name)
    logical = {
        "name": subject.name or "(no name)",
        "fullyQualifiedName": "/".join(part for part in parts if part) + finding.path,
        "kind": "object",
    }
    physical = _place(results, judged.place.file, at.line, at.column)
    return {**({"physicalLocation": physical} if physical else {}), "logicalLocations": [logical]}


def _place(results: Results, file: str, line: int, column: int) -> JsonObject:
    name = results.name_file(file)
    if not name:
        return {}
    uri = ("file://" if name.startswith("/") else "") + quote(os.fsencode(name))
    region = {"startLine": line, **({"startColumn": column} if column else {})}
    return {"artifactLocation": {"uri": uri}, **({"region": region} if line else {})}


def _notify(results: Results) -> Iterator[JsonObject]:
    """What could not be looked at, and what the policies are warned of."""
    scan = results.scan
    for error in scan.unreadable:
        yield {"level": "error", "message": {"text": f"not read: {error}"}}
    for gap in scan.coverage.gaps:
        about = f" by {gap.rule}" if gap.rule else ""
        text = f"{gap.objects} of {gap.api_version} {gap.kind} not judged{about}: {gap.reason}"
        places = [place for each in gap.examples if (place := _point(results, each))]
        yield {"level": "note", "message": {"text": text}, **({"locations": places} if places else {})}
    for warning in scan.warnings:
        yield {"level": "warning", "message": {"text": warning}}


def _point(results: Results, place: Place) -> JsonObject:
    physical = _place(results, place.file, place.line, place.column)
    return {"physicalLocation": physical} if physical else {}
