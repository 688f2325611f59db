"""Text for people: by object, what is wrong, where, and what to do; then one line that sums it up."""

from collections.abc import Iterator

import orjson

from auditor.intake.coverage import NO_POLICY
from auditor.intake.judged import Judged
from auditor.intake.printable import clean
from auditor.intake.scan import Scan
from auditor.model.finding import Finding, Result

_SHOWN = (Result.PASS, Result.FAIL, Result.WARN, Result.ERROR, Result.SKIP)
_ORDER = {Result.ERROR: 0, Result.FAIL: 1, Result.WARN: 1, Result.SKIP: 2, Result.PASS: 3}


def write(scan: Scan) -> str:
    lines = [f"not read: {error}" for error in scan.unreadable]
    lines += [f"warning: {warning}" for warning in scan.warnings]
    for judged in scan.judged:
        lines += _object(judged)
    lines.append(_sum_up(scan))
    return "".join(f"{clean(_one_line(line))}\n" for line in lines)


def _one_line(text: str) -> str:
    """A message of several lines does not look like several findings."""
    return text.replace("\n", " ")


def _object(judged: Judged) -> Iterator[str]:
    yield f"{judged.subject}{_in(str(judged.place))}"
    for finding in sorted(judged.findings, key=lambda f: (_ORDER[f.result], f.severity.rank, f.policy, f.rule, f.path)):
        yield from _finding(judged, finding)


def _finding(judged: Judged, finding: Finding) -> Iterator[str]:
    name = f"{finding.policy}/{finding.rule}" if finding.rule else finding.policy
    word = finding.severity if finding.result is Result.FAIL else finding.result
    if finding.result is Result.PASS:
        yield f"  {word!s:9} {name}"
        return
    yield f"  {word!s:9} {name}: {finding.message}"
    if finding.path:
        where = _in(judged.place.file and f"{judged.place.file}:{judged.line_of(finding)}")
        value = f" is {_short(finding.value)}" if isinstance(finding.value, str | int | float) else ""
        yield f"            {finding.path}{value}{where}"
    if finding.exception:
        yield f"            excused by {finding.exception}"
    elif finding.remediation:
        yield f"            {finding.remediation}"


def _in(file: str) -> str:
    return f"  ({file})" if file else ""


def _short(value: str | float) -> str:
    text = orjson.dumps(value.encode(errors="replace").decode() if isinstance(value, str) else value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def _sum_up(scan: Scan) -> str:
    counts = scan.counts
    told = [f"{counts[result]} {result}" for result in _SHOWN if counts[result]]
    objects = scan.objects
    unmatched = sum(gap.objects for gap in scan.coverage.gaps if gap.reason == NO_POLICY)
    beside = [f"{unmatched} matched by no policy"] if unmatched else []
    beside += [f"{len(scan.unreadable)} not read"] if scan.unreadable else []
    more = f" ({', '.join(beside)})" if beside else ""
    return f"{objects} object{'' if objects == 1 else 's'}{more}: {', '.join(told) or 'nothing to tell'}"
