"""What is told of a judgement: to the user as message and warnings, to the audit log as annotations."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from auditor.model.finding import Finding, Result
from auditor.model.request import Request
from auditor.webhooks import wording
from auditor.webhooks.judge import Fault, Judgement
from auditor.webhooks.respond import Response

# The API server puts the name of the webhook and a slash before each key; what follows has at most 63 characters, which
# are letters, digits, `-`, `_` and `.`.
DECISION: Final = "decision"
DENIED_BY: Final = "denied-by"
VIOLATED: Final = "violated"
ERRORED: Final = "errored"
EXCUSED_BY: Final = "excused-by"
MUTATED_BY: Final = "mutated-by"
BREAK_GLASS: Final = "break-glass"
LOOKUPS_AGE: Final = "lookups-age-seconds"


def answer(judgement: Judgement, request: Request | None, *, decision: str, age: float | None) -> Response:
    """`age` is that of the lookups on which it rests, None if on none. A plain admission is answered as such."""
    if judgement.plain and age is None:
        return Response.admitted()
    annotations = {DECISION: decision, **dict(_annotate(judgement, age))}
    warnings = (*_warn_of_broken_glass(judgement, request, decision), *judgement.warnings)
    if judgement.allowed and judgement.patch:
        return Response.patched(judgement.patch, warnings=warnings, annotations=annotations)
    if judgement.allowed:
        return Response.admitted(warnings=warnings, annotations=annotations)
    if judgement.error or request is None:
        code = HTTPStatus.BAD_REQUEST if judgement.fault is Fault.REQUEST else HTTPStatus.INTERNAL_SERVER_ERROR
        return Response.errored(judgement.error, code=code, annotations=annotations)
    blocking = [each for each in judgement.findings if each.blocks]
    return Response.denied(blocking, request, warnings=warnings, annotations=annotations)


def _annotate(judgement: Judgement, age: float | None) -> Iterator[tuple[str, str]]:
    findings = judgement.findings
    yield from _list(DENIED_BY, [_name(each) for each in findings if each.blocks])
    violated = [each for each in findings if each.result in (Result.FAIL, Result.WARN) and not each.blocks]
    yield from _list(VIOLATED, [_name(each) for each in violated])
    yield from _list(ERRORED, [_name(each) for each in findings if each.result is Result.ERROR])
    yield from _list(EXCUSED_BY, [each.exception for each in findings if each.exception])
    yield from _list(MUTATED_BY, ["/".join(each) for each in judgement.applied])
    if judgement.error:
        yield ERRORED, wording.cut(wording.one_line(judgement.error), wording.MAX_ANNOTATION)
    if judgement.broke_glass:
        yield BREAK_GLASS, "true"
    if age is not None:
        yield LOOKUPS_AGE, f"{age:.1f}"


def _list(key: str, names: list[str]) -> Iterator[tuple[str, str]]:
    if names:
        yield key, wording.say_list(names)


def _name(finding: Finding) -> str:
    return f"{finding.policy}/{finding.rule}" if finding.rule else finding.policy


def _warn_of_broken_glass(judgement: Judgement, request: Request | None, decision: str) -> Iterator[str]:
    if not judgement.broke_glass:
        return
    yield f"admitted by break-glass, recorded as decision {decision}; without it this would have been refused:"
    if judgement.error:
        yield judgement.error
    thing = None if request is None else request.object if request.object is not None else request.old_object
    for each in wording.sort_findings([each for each in judgement.findings if each.blocks]):
        yield wording.say_finding(each, thing)
