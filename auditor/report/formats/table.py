"""Text for people: by object, what is wrong, where, and what to do; then one line that sums it up."""

from collections.abc import Iterator

import orjson

from auditor.intake.coverage import NO_POLICY, find_coverage
from auditor.intake.printable import clean
from auditor.intake.scan import Judged, Scan
from auditor.model.finding import Finding, Result

_SHOWN = (Result.PASS, Result.FAIL, Result.WARN, Result.ERROR, Result.SKIP)
_ORDER = {Result.ERROR: 0, Result.FAIL: 1, Result.WARN: 1, Result.SKIP: 2, Result.PASS: 3}


def write(scan: Scan) -> str:
    lines = [f"not read: {error}" for error in scan.unreadable]
    lines += [f"warning: {warning}" for warning in scan.warnings]
    told: dict[int, tuple[Judged, list[Finding]]] = {}
    for judged, finding in scan.findings():
        told.setdefault(id(judged), (judged, []))[1].append(finding)
    for judged, findings in told.values():
        lines += _object(judged, findings)
    lines.append(_sum_up(scan))
    return "".join(f"{clean(_one_line(line))}\n" for line in lines)


def _one_line(text: str) -> str:
    """A message of several lines does not look like several findings."""
    return text.replace("\n", " ")


def _object(judged: Judged, findings: list[Finding]) -> Iterator[str]:
    request, item = judged.request, judged.item
    where = f"{request.namespace}/" if request.namespace and request.kind.kind != "Namespace" else ""
    yield f"{request.kind.kind} {where}{request.name}  ({item.file}:{item.line})"
    for finding in sorted(findings, key=lambda f: (_ORDER[f.result], f.severity.rank, f.policy, f.rule, f.path)):
        yield from _finding(judged, finding)


def _finding(judged: Judged, finding: Finding) -> Iterator[str]:
    name = f"{finding.policy}/{finding.rule}" if finding.rule else finding.policy
    word = finding.severity if finding.result is Result.FAIL else finding.result
    if finding.result is Result.PASS:
        yield f"  {word!s:9} {name}"
        return
    yield f"  {word!s:9} {name}: {finding.message}"
    if finding.path:
        value = f" is {_short(finding.value)}" if isinstance(finding.value, str | int | float) else ""
        yield f"            {finding.path}{value}  ({judged.item.file}:{judged.line_of(finding)})"
    if finding.exception:
        yield f"            excused by {finding.exception}"
    elif finding.remediation:
        yield f"            {finding.remediation}"


def _short(value: str | float) -> str:
    text = orjson.dumps(value.encode(errors="replace").decode() if isinstance(value, str) else value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def _sum_up(scan: Scan) -> str:
    counts = scan.count()
    told = [f"{counts[result]} {result}" for result in _SHOWN if counts[result]]
    objects = len(scan.judged)
    unmatched = sum(gap.reason == NO_POLICY for gap in find_coverage(scan).gaps)
    beside = [f"{unmatched} matched by no policy"] if unmatched else []
    beside += [f"{len(scan.unreadable)} not read"] if scan.unreadable else []
    more = f" ({', '.join(beside)})" if beside else ""
    return f"{objects} object{'' if objects == 1 else 's'}{more}: {', '.join(told) or 'nothing to tell'}"
