"""Each part of a policy's match by itself: which of them keeps the object out, and by what."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from auditor.engine.compiled import CompiledPolicy
from auditor.engine.evaluate import is_exempt
from auditor.engine.explain.parts import Holds
from auditor.engine.match import MatchProgram
from auditor.engine.matching import find_match, is_native_exempt
from auditor.model.match import LabelSelector
from auditor.model.request import Request

EXCLUDES: Final = "excludeResourceRules"
_ALL: Final = LabelSelector()


def explain_match(policy: CompiledPolicy, request: Request) -> tuple[Holds, ...]:
    parts = []
    for index, program in enumerate(policy.matches):
        where = "binding: " if index else ""
        parts += [replace(part, name=where + part.name) for part in _explain_one(program, request)]
    return tuple(parts)


def _explain_one(program: MatchProgram, request: Request) -> Iterator[Holds]:
    match = program.match
    open_ = replace(match, rules=(), excludes=(), namespaces=_ALL, objects=_ALL)
    yield _ask("resourceRules", replace(program, match=replace(open_, rules=match.rules)), request)
    if match.excludes:
        yield _ask(EXCLUDES, replace(program, match=replace(open_, rules=match.excludes)), request)
    if match.namespaces.requirements:
        part = replace(program, match=replace(open_, namespaces=match.namespaces))
        yield _ask("namespaceSelector", part, request)
    if match.objects.requirements:
        yield _ask("objectSelector", replace(program, match=replace(open_, objects=match.objects)), request)


def _ask(name: str, program: MatchProgram, request: Request) -> Holds:
    found = program(request, request.world.kinds)
    return Holds(name, None if found.error else found.matched, found.reason)


def find_obstacle(policy: CompiledPolicy, request: Request) -> str:
    """Why the policy does not see this object; empty where it does. What is wrong comes out as an error of its own."""
    if policy.policy.native and is_native_exempt(request):
        return "native policies are never asked about this kind"
    if not policy.policy.native and is_exempt(request):
        return "what Kubernetes itself does to clean up is not judged"
    matched, problem = find_match(policy, request)
    if matched:
        return ""
    if problem:
        return problem
    for part in explain_match(policy, request):
        if part.name.endswith(EXCLUDES):
            if part.holds:
                return f"{part.name} names it"
        elif part.holds is not True:
            return f"{part.name}: {part.reason}"
    return "it does not match"
