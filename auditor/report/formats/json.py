"""JSON for programs: a summary, the findings, and what was evaluated and what not."""

from collections.abc import Iterator

import orjson

from auditor.intake.coverage import find_coverage
from auditor.intake.scan import Judged, Scan
from auditor.json import JsonObject
from auditor.model.finding import Finding
from auditor.model.request import Request


def write(scan: Scan) -> str:
    document = {
        "summary": scan.count(),
        "findings": [describe(judged, finding) for judged, finding in scan.findings()],
        "coverage": list(_cover(scan)),
        "warnings": scan.warnings,
    }
    # Texts of objects may hold half of a surrogate pair, which no JSON text can: it is shown as a question mark.
    try:
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        text = orjson.dumps(_whole(document), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return text.decode()


def describe(judged: Judged, finding: Finding) -> JsonObject:
    return {
        "policy": finding.policy,
        **({"binding": finding.binding} if finding.binding else {}),
        "rule": finding.rule,
        "result": str(finding.result),
        "severity": str(finding.severity),
        "message": finding.message,
        "path": finding.path,
        "resource": _resource(judged.request),
        "file": judged.item.file,
        "line": judged.line_of(finding),
        "fingerprint": finding.fingerprint,
        **({"remediation": finding.remediation} if finding.remediation else {}),
        **({"controls": list(finding.controls)} if finding.controls else {}),
        **({"exception": finding.exception} if finding.exception else {}),
    }


def _cover(scan: Scan) -> Iterator[JsonObject]:
    """Three sorts: kinds and policies with their counts, and each thing that was not evaluated, with the reason."""
    coverage = find_coverage(scan)
    for kind in coverage.kinds:
        yield {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "present": kind.present,
            "evaluated": kind.evaluated,
            "crd": kind.known,
        }
    for each in coverage.policies:
        source = each.policy.policy
        yield {
            "policy": source.name,
            **({"binding": source.binding} if source.binding else {}),
            "objects": each.matched,
            "evaluated": each.matched > 0,
            **({"reason": each.reason} if each.reason else {}),
        }
    for error in scan.unreadable:
        yield {"evaluated": False, "reason": str(error)}
    for gap in coverage.gaps:
        policy, _, rule = gap.rule.partition("/")
        yield {
            "resource": _resource(gap.judged.request),
            "file": gap.judged.item.file,
            "line": gap.judged.item.line,
            **({"policy": policy} if policy else {}),
            **({"rule": rule} if rule else {}),
            "evaluated": False,
            "reason": gap.reason,
        }


def _resource(request: Request) -> JsonObject:
    return {
        "apiVersion": request.kind.api_version,
        "kind": request.kind.kind,
        "namespace": "" if request.kind.kind == "Namespace" else request.namespace,
        "name": request.name,
    }


def _whole(value: object) -> object:
    if isinstance(value, dict):
        return {_whole(key): _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
