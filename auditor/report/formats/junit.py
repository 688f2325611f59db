"""JUnit XML as Jenkins and GitLab read it: a suite for each policy, a case for each finding.

A case fails where its finding makes exit code 1: what is excused, known or below the threshold is skipped, with the
reason. A policy that found nothing has one case that passed, so that a clean run is not an empty one.
"""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from auditor.intake.judged import Judged
from auditor.intake.printable import clean
from auditor.model.finding import Finding, Result
from auditor.report.formats.sentences import advise, tell
from auditor.report.results import VIOLATIONS, Results

_COUNTED: Final = ("failure", "error", "skipped")
_ALL: Final = "all objects"


def write(results: Results) -> str:
    suites: dict[str, list[tuple[str, list[str]]]] = {}
    for judged, finding in results.rows():
        suites.setdefault(finding.source, []).append(_make_case(results, judged, finding))
    for each in results.scan.coverage.policies(results.scan.engine):
        name = each.policy.policy.key
        if name not in suites:
            suites[name] = [_make_silent_case(name, each.matched, each.reason)]
    unread = [_make_unread_case(number, str(error)) for number, error in enumerate(results.scan.unreadable, 1)]
    if unread:
        suites["not read"] = unread
    return "".join(f"{line}\n" for line in _render(results, suites))


def _render(results: Results, suites: dict[str, list[tuple[str, list[str]]]]) -> Iterator[str]:
    everything = [outcome for cases in suites.values() for outcome, _ in cases]
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<testsuites {_attributes(name='auditor scan', **_count(everything), time=_seconds(results.seconds))}>"
    for name, cases in suites.items():
        counts = _count(outcome for outcome, _ in cases)
        begun = results.time.strftime("%Y-%m-%dT%H:%M:%S")
        yield f"  <testsuite {_attributes(name=name, **counts, time=_seconds(0), timestamp=begun)}>"
        for _, lines in cases:
            yield from lines
        yield "  </testsuite>"
    yield "</testsuites>"


def _count(outcomes: Iterable[str]) -> dict[str, str]:
    listed = list(outcomes)
    failed, erred, skipped = (str(listed.count(each)) for each in _COUNTED)
    return {"tests": str(len(listed)), "failures": failed, "errors": erred, "skipped": skipped}


def _make_case(results: Results, judged: Judged, finding: Finding) -> tuple[str, list[str]]:
    outcome, why = _rate(results, finding)
    at = judged.position_of(finding)
    file = results.name_file(judged.place.file)
    rule = f"{finding.rule}: " if finding.rule else ""
    name = f"{rule}{judged.subject}{f' {finding.path}' if finding.path else ''}"
    place = {"file": file, "line": str(at.line)} if file else {}
    lines = [f"    <testcase {_attributes(name=name, classname=finding.source, **place, time=_seconds(0))}>"]
    lines += ["      <properties>", *_properties(finding), "      </properties>"]
    if outcome == "skipped":
        lines.append(f"      <skipped {_attributes(message=why)}/>")
    elif outcome:
        body = [f"{file}:{at.line}:{at.column}" if file else "", finding.path, advise(finding)]
        text = _text("\n".join(line for line in body if line))
        lines.append(
            f"      <{outcome} {_attributes(message=tell(finding), type=str(finding.severity))}>{text}</{outcome}>"
        )
    return outcome, [*lines, "    </testcase>"]


def _rate(results: Results, finding: Finding) -> tuple[str, str]:
    if finding.result is Result.ERROR:
        return "error", ""
    if finding.result is Result.SKIP:
        return "skipped", f"{advise(finding)}: {tell(finding)}"
    if finding.result not in VIOLATIONS:
        return "", ""
    if results.counts(finding):
        return "failure", ""
    if results.new_only and results.knows(finding):
        return "skipped", f"known: {tell(finding)}"
    return "skipped", f"{finding.severity}, below the threshold of {results.threshold}: {tell(finding)}"


def _properties(finding: Finding) -> Iterator[str]:
    told = {
        "fingerprint": finding.fingerprint,
        "result": str(finding.result),
        "severity": str(finding.severity),
        "controls": ", ".join(finding.controls),
    }
    for name, value in told.items():
        if value:
            yield f"        <property {_attributes(name=name, value=value)}/>"


def _make_silent_case(policy: str, matched: int, reason: str) -> tuple[str, list[str]]:
    head = _attributes(name=_ALL, classname=policy, time=_seconds(0))
    if matched:
        return "", [f"    <testcase {head}/>"]
    skipped = f"      <skipped {_attributes(message=reason)}/>"
    return "skipped", [f"    <testcase {head}>", skipped, "    </testcase>"]


def _make_unread_case(number: int, error: str) -> tuple[str, list[str]]:
    head = _attributes(name=f"{number}: {error}", classname="not read", time=_seconds(0))
    body = f"      <error {_attributes(message=error, type='not read')}/>"
    return "error", [f"    <testcase {head}>", body, "    </testcase>"]


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _attributes(**attributes: str) -> str:
    return " ".join(f'{name}="{_text(value, line_break="&#10;")}"' for name, value in attributes.items())


def _text(text: str, line_break: str = "\n") -> str:
    """Characters that XML cannot hold are shown by their numbers."""
    return escape(clean(text)).replace("\n", line_break)
