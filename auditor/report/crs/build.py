"""The report of one object."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

import orjson

from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.policy import Kind
from auditor.model.resource import name_kind
from auditor.model.settings import ReportApi, ReportSettings
from auditor.model.subject import Subject
from auditor.report.crs.forms import FORMS, KIND, LEFT_OUT, MANAGED_BY, SOURCE, make_label, name_of
from auditor.report.crs.text import cut

MESSAGE_BYTES: Final = 1024
"""As the note of an Event has it: whoever wants more asks for the finding by its fingerprint."""
PROPERTY_BYTES: Final = 1024
NAME_BYTES: Final = 317
"""Of policy, rule and category. A name in Kubernetes has 253; a binding, or a kind in a rule of a check, adds to it."""
OBJECT_BYTES: Final = 512 * 1024
"""Of all rows together: a third of the 1.5 MB that etcd takes in one request, into which managedFields, what others
add, and the old state in a transaction have to fit, too. 200 rows of a usual length have 120 KB."""

_ORDER: Final[Mapping[Result, int]] = MappingProxyType(
    {Result.FAIL: 0, Result.ERROR: 1, Result.WARN: 2, Result.SKIP: 3, Result.PASS: 4}
)


def build(
    subject: Subject, findings: Sequence[Finding], *, settings: ReportSettings, at: datetime
) -> JsonObject | None:
    """None where there is nothing to report: no findings, or none but passes that nobody wants, or no reports at all.

    `at` is its time. The summary counts all findings, also those for which there was no room; how many these are,
    `left_out_of` and the last row tell.
    """
    if settings.api is ReportApi.NONE or not subject.uid:
        return None
    told = sorted((f for f in findings if settings.passes or f.result is not Result.PASS), key=_rank)
    if not told:
        return None
    rows, rest = _make_rows(told, settings.max_findings, at)
    if rest:
        rows.append(_make_last_word(rest, len(rows), at))
    return _frame(subject, rows, told, len(rest), settings.api)


def _rank(finding: Finding) -> tuple[int, int, str, str, str, str]:
    """The worst first, and never in another order."""
    return (
        _ORDER[finding.result],
        finding.severity.rank,
        finding.policy,
        finding.rule,
        finding.path,
        finding.fingerprint,
    )


def _make_rows(told: Sequence[Finding], most: int, at: datetime) -> tuple[list[JsonObject], Sequence[Finding]]:
    """As many as there is room for, and those for which there is none."""
    rows: list[JsonObject] = []
    room = OBJECT_BYTES
    for index, finding in enumerate(told):
        row = _make_row(finding, at)
        room -= len(orjson.dumps(row)) + 1
        if index >= most or room < 0:
            return rows, told[index:]
        rows.append(row)
    return rows, ()


def _make_row(finding: Finding, at: datetime) -> JsonObject:
    category = cut(finding.controls[0], NAME_BYTES) if finding.controls else ""
    return {
        "source": SOURCE,
        "policy": cut(finding.policy, NAME_BYTES) or SOURCE,
        **({"rule": cut(finding.rule, NAME_BYTES)} if finding.rule else {}),
        "result": str(finding.result),
        # A failure that is not scored reads as a warning, and a warning is what its policy does not score.
        "scored": finding.result is not Result.WARN,
        "severity": str(finding.severity),
        "category": category or SOURCE,
        "message": cut(finding.message, MESSAGE_BYTES),
        "timestamp": _render_time(at),
        "properties": _make_properties(finding),
    }


def _make_properties(finding: Finding) -> dict[str, str]:
    """Texts, all of them: the CRDs want it so. What is empty is left out. Values of the object are not among them."""
    properties = {
        "resultID": finding.fingerprint,
        "kind": str(finding.kind),
        "path": finding.path,
        "remediation": finding.remediation,
        "controls": ", ".join(finding.controls),
        "exception": finding.exception,
        "reason": finding.reason,
        "binding": finding.binding,
        "enforcement": ", ".join(finding.enforcements),
    }
    return {key: cut(text, PROPERTY_BYTES) for key, text in properties.items() if text}


def _make_last_word(rest: Sequence[Finding], listed: int, at: datetime) -> JsonObject:
    """As bad as the worst of them, so that whoever looks at failures alone sees that there are more."""
    counts = Counter(finding.result for finding in rest)
    each = ", ".join(f"{counts[result]} {result}" for result in _ORDER if counts[result])
    worst = rest[0]
    return {
        "source": SOURCE,
        "policy": SOURCE,
        "rule": "not-listed",
        "result": str(worst.result),
        "scored": worst.result is not Result.WARN,
        "severity": str(worst.severity),
        "category": SOURCE,
        "message": f"{len(rest)} more of this object are not listed here ({each}): a report has room for "
        f"{listed} of them. Repair the worst first, or allow more by spec.reports.maxFindingsPerObject of AuditConfig.",
        "timestamp": _render_time(at),
        "properties": {"resultID": f"{worst.fingerprint}-more", "kind": str(Kind.CHECK)},
    }


def _frame(
    subject: Subject, rows: list[JsonObject], told: Sequence[Finding], left_out: int, api: ReportApi
) -> JsonObject:
    form = FORMS[api][0 if subject.namespace else 1]
    kind_name = name_kind(subject.group, subject.resource)
    counts = Counter(finding.result for finding in told)
    it = {"apiVersion": subject.api_version, "kind": subject.kind, "name": subject.name, "uid": subject.uid}
    place = {"namespace": subject.namespace} if subject.namespace else {}
    return {
        "apiVersion": form.api_version,
        "kind": form.kind,
        "metadata": {
            "name": name_of(subject.uid),
            **place,
            "labels": {MANAGED_BY: SOURCE, KIND: make_label(kind_name)},
            "annotations": {KIND: kind_name, **({LEFT_OUT: str(left_out)} if left_out else {})},
            # No controller, or it would be a part of the object; and the object's deletion must not wait for it.
            "ownerReferences": [it],
        },
        "scope": {**it, **place},
        # The older API has it in the rows alone.
        **({"source": SOURCE} if api is ReportApi.OPENREPORTS else {}),
        "summary": {str(result): counts[result] for result in Result},
        "results": rows,
    }


def _render_time(time: datetime) -> dict[str, int]:
    return {"seconds": int(time.timestamp()), "nanos": 0}
