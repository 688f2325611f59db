"""An object as the door would judge it: first the mutations, then the rules on what they made of it."""

from collections.abc import Sequence
from dataclasses import replace

from auditor.engine.asking import Asking, answer
from auditor.engine.engine import Engine
from auditor.intake.catalog import Catalog
from auditor.intake.versions import join, split
from auditor.model.finding import Finding, Verdict
from auditor.model.request import Origin, Request


def judge_as_door(engine: Engine, request: Request, *, passes: bool, catalog: Catalog | None = None) -> Verdict:
    """First the mutations, then the rules on what they made of the object; with a `catalog`, in the version that each
    policy wants to see."""
    return answer(judging_as_door(engine, request, passes=passes, catalog=catalog))


def judging_as_door(
    engine: Engine, request: Request, *, passes: bool, catalog: Catalog | None = None
) -> Asking[Verdict]:
    """The same for who answers the questions of many at once."""
    if catalog is None or request.origin is not Origin.FILE:
        return (yield from _judge(engine, request, passes=passes))
    parts, errors = split(engine, request, catalog)
    verdicts = []
    for part, converted in parts:
        verdicts.append((yield from _judge(part, converted, passes=passes)))
    return join(errors, verdicts)


def _judge(engine: Engine, request: Request, *, passes: bool) -> Asking[Verdict]:
    request, findings = yield from mutating(engine, request)
    verdict = yield from engine.judging(request, passes=passes)
    return replace(verdict, findings=(*findings, *verdict.findings)) if findings else verdict


def mutating(engine: Engine, request: Request) -> Asking[tuple[Request, Sequence[Finding]]]:
    mutated = yield from engine.mutating(request)
    if mutated.patch:
        schema = engine.schemas.get(request.resource)
        request = replace(request, object=schema.default(mutated.object) if schema else mutated.object)
    return request, mutated.findings
