"""JSON for programs: a summary, the findings, and what was evaluated and what not."""

from collections.abc import Iterator

import orjson

from auditor.errors import InputError
from auditor.intake.coverage import UnreadKindError
from auditor.intake.found import Scan
from auditor.intake.judged import Judged, Place
from auditor.json import Json, JsonObject
from auditor.model.finding import Finding
from auditor.report.results import Results


def write(results: Results) -> str:
    return render(make_document(results))


def make_document(results: Results) -> JsonObject:
    scan, compared = results.scan, results.comparison
    known = {} if compared is None else {"baseline": {"known": len(compared.known), "gone": list(compared.gone)}}
    return {
        "summary": scan.counts,
        "findings": [_describe(results, judged, finding) for judged, finding in scan.findings()],
        **known,
        "coverage": list(_cover(scan)),
        "coveragePercent": scan.percent,
        "warnings": scan.warnings,
    }


def render(document: object) -> str:
    # Texts of objects may hold half of a surrogate pair, which no JSON text can: it is shown as a question mark.
    try:
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        text = orjson.dumps(_whole(document), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return text.decode()


def _describe(results: Results, judged: Judged, finding: Finding) -> JsonObject:
    at = judged.position_of(finding)
    return {
        "policy": finding.policy,
        **({"binding": finding.binding} if finding.binding else {}),
        "rule": finding.rule,
        "result": str(finding.result),
        "severity": str(finding.severity),
        "message": finding.message,
        "path": finding.path,
        "resource": name_object(judged.place),
        **({"file": judged.place.file, "line": at.line, "column": at.column} if judged.place.file else {}),
        "fingerprint": finding.fingerprint,
        **({"remediation": finding.remediation} if finding.remediation else {}),
        **({"controls": list(finding.controls)} if finding.controls else {}),
        **({"exception": finding.exception} if finding.exception else {}),
        **({"known": results.knows(finding)} if results.comparison is not None else {}),
    }


def _cover(scan: Scan) -> Iterator[JsonObject]:
    """Three sorts: kinds and policies with their counts, and what was not evaluated, with the reason."""
    unread = {(e.api_version, e.kind) for e in scan.unreadable if isinstance(e, UnreadKindError)}
    for kind in scan.coverage.kinds:
        yield {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "present": None if (kind.api_version, kind.kind) in unread else kind.present,  # nobody knows
            "evaluated": kind.evaluated,
            "crd": kind.known,
        }
    for each in scan.coverage.policies(scan.engine):
        source = each.policy.policy
        yield {
            "policy": source.name,
            **({"binding": source.binding} if source.binding else {}),
            "objects": each.matched,
            "evaluated": each.matched > 0,
            **({"reason": each.reason} if each.reason else {}),
        }
    for error in scan.unreadable:
        yield {"evaluated": False, **_unread(error)}
    for gap in scan.coverage.gaps:
        policy, _, rule = gap.rule.partition("/")
        yield {
            "apiVersion": gap.api_version,
            "kind": gap.kind,
            **({"policy": policy} if policy else {}),
            **({"rule": rule} if rule else {}),
            "evaluated": False,
            "reason": gap.reason,
            "objects": gap.objects,
            "examples": [
                {"resource": name_object(place), **({"file": place.file, "line": place.line} if place.file else {})}
                for place in gap.examples
            ],
        }


def _unread(error: InputError) -> JsonObject:
    if not isinstance(error, UnreadKindError):
        return {"reason": str(error)}
    told = {
        "apiVersion": error.api_version,
        "kind": error.kind,
        "resource": error.resource,
        "reason": error.reason,
        "grant": error.grant,
    }
    return {name: value for name, value in told.items() if value}


def name_object(place: Place) -> JsonObject:
    subject = place.subject
    return {
        "apiVersion": subject.api_version,
        "kind": subject.kind,
        "namespace": subject.namespace,
        "name": subject.name,
        **({"uid": subject.uid} if subject.uid and not place.file else {}),
    }


def _whole(value: Json) -> Json:
    if isinstance(value, dict):
        return {_whole(key): _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
