"""Text for people: by object, what is wrong, where, and what to do; then one line that sums it up."""

import textwrap
from collections.abc import Iterator
from typing import Final

import orjson

from auditor.intake.coverage import NO_POLICY
from auditor.intake.judged import Judged
from auditor.intake.printable import clean
from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity
from auditor.report.baseline import tell_entry
from auditor.report.results import Results, name_rule, sort

_SHOWN: Final = (Result.PASS, Result.FAIL, Result.WARN, Result.ERROR, Result.SKIP)
_NARROW: Final = 60  # columns: below, an indentation under the words leaves too few for the text
_LEAST: Final = 30  # columns: narrower than that nothing is readable, so nothing is made narrower

RED, GREEN, YELLOW, CYAN, BOLD, DIM = "31", "32", "33", "36", "1", "2"
_COLOURS: Final = {
    Severity.CRITICAL: f"{BOLD};{RED}",
    Severity.HIGH: RED,
    Severity.MEDIUM: YELLOW,
    Severity.LOW: CYAN,
    Severity.INFO: DIM,
    Result.ERROR: f"{BOLD};{RED}",
    Result.WARN: YELLOW,
    Result.SKIP: DIM,
    Result.PASS: GREEN,
}


def write(results: Results) -> str:
    scan = results.scan
    page = _Page(results)
    for error in scan.unreadable:
        page.add(str(error), word="not read:", colour=RED)
    for warning in scan.warnings:
        page.add(warning, word="warning:", colour=YELLOW)
    for judged in scan.judged:
        page.add(f"{judged.subject}{_in(str(judged.place))}", colour=BOLD)
        for finding in sort(judged):
            _add_finding(page, judged, finding)
    for entry in results.comparison.gone if results.comparison else ():
        page.add(tell_entry(entry), word="gone:", colour=GREEN)
    page.add(_sum_up(results), colour=_judge(results))
    return "".join(page.lines)


class _Page:
    """Lines that are fit for a terminal: nothing in them acts on it, but for our own colours."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.lines: list[str] = []

    def add(self, text: str, *, word: str = "", colour: str = "", indent: int = 0) -> None:
        """`word` stands before it, in colour; without a word the whole is coloured."""
        text = clean(text.replace("\n", " "))  # a message of several lines does not look like several findings
        head = f"{' ' * indent}{word} " if word else " " * indent
        first, *rest = self._wrap(head + text, indent)
        if self.results.colour and colour:
            if word:
                first = f"{' ' * indent}{_paint(word, colour)}{first[indent + len(word) :]}"
            else:
                first, *rest = [_paint(line, colour) for line in (first, *rest)]
        self.lines += [f"{line}\n" for line in (first, *rest)]

    def _wrap(self, line: str, indent: int) -> list[str]:
        width = max(self.results.width, _LEAST)
        if not self.results.width or len(line) <= width:
            return [line]
        under = " " * (12 if indent and width >= _NARROW else 4)
        return textwrap.wrap(
            line, width, subsequent_indent=under, break_on_hyphens=False, drop_whitespace=True, expand_tabs=False
        ) or [line]


def _paint(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"


def _add_finding(page: _Page, judged: Judged, finding: Finding) -> None:
    name = name_rule(finding)
    known = " (known)" if page.results.knows(finding) else ""
    word = finding.severity if finding.result is Result.FAIL else finding.result
    text = name if finding.result is Result.PASS else f"{name}: {finding.message}{known}"
    page.add(text, word=f"{word!s:9}", colour=_COLOURS[word], indent=2)
    if finding.result is Result.PASS:
        return
    under = 12 if page.results.width == 0 or page.results.width >= _NARROW else 4
    if finding.path:
        line = judged.position_of(finding).line
        value = f" is {_short(finding.value)}" if isinstance(finding.value, str | int | float) else ""
        page.add(f"{finding.path}{value}{_in(judged.place.file and f'{judged.place.file}:{line}')}", indent=under)
    if finding.exception:
        page.add(f"excused by {finding.exception}", indent=under)
    elif finding.remediation and finding.result is not Result.ERROR:  # it would mend a violation, and there is none
        page.add(finding.remediation, indent=under)


def _in(file: str) -> str:
    return f"  ({file})" if file else ""


def _short(value: str | float) -> str:
    try:
        text = orjson.dumps(value.encode(errors="replace").decode() if isinstance(value, str) else value).decode()
    except TypeError:  # a number of more than 64 bits
        text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _sum_up(results: Results) -> str:
    scan = results.scan
    told = [f"{scan.counts[result]} {result}" for result in _SHOWN if scan.counts[result]]
    beside = list(_beside(results))
    more = f" ({', '.join(beside)})" if beside else ""
    compared = results.comparison
    against = f"; of a baseline {len(compared.known)} known, {len(compared.gone)} gone" if compared else ""
    objects = f"{scan.objects} object{'' if scan.objects == 1 else 's'}"
    return f"{objects}{more}: {', '.join(told) or 'nothing to tell'}{against}"


def _beside(results: Results) -> Iterator[str]:
    scan = results.scan
    unmatched = sum(gap.objects for gap in scan.coverage.gaps if gap.reason == NO_POLICY)
    if unmatched:
        yield f"{unmatched} matched by no policy"
    if scan.unreadable:
        yield f"{len(scan.unreadable)} not read"


def _judge(results: Results) -> str:
    if results.scan.incomplete or results.failing:
        return f"{BOLD};{RED}"
    return f"{BOLD};{GREEN}" if results.scan.objects else f"{BOLD};{YELLOW}"
