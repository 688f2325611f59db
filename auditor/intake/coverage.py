"""What a scan looked at, and what it did not, with the reason. What is not in here was judged in full."""

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.engine.compiled import CompiledPolicy
from auditor.intake.scan import Judged, Scan
from auditor.model.request import Operation, Request

NO_POLICY = "no policy matches it"
ERROR = "a rule could not be evaluated"
NO_OBJECT = "none of the objects is of its kinds"


@dataclass(frozen=True, slots=True)
class Gap:
    """One object that was not judged, or not by all: `rule` is POLICY/RULE, or a policy, or empty for all of them."""

    judged: Judged
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class PolicyCoverage:
    policy: CompiledPolicy
    matched: int
    """The objects that it was asked about."""
    reason: str
    """Why there are none."""


@dataclass(frozen=True, slots=True)
class KindCoverage:
    api_version: str
    kind: str
    present: int
    evaluated: int
    """Those for which all rules of all policies that match gave an answer; of those that no policy matches, none."""
    known: bool
    """Whether its CRD was given: without it defaults are not filled in."""


@dataclass(frozen=True, slots=True)
class Coverage:
    gaps: list[Gap]
    policies: list[PolicyCoverage]
    kinds: list[KindCoverage]


def find_coverage(scan: Scan) -> Coverage:
    gaps: list[Gap] = []
    counts: dict[CompiledPolicy, int] = dict.fromkeys(scan.engine.policies, 0)
    reasons: dict[CompiledPolicy, str] = {}
    kinds: dict[tuple[str, str], list[int]] = {}
    for each in scan.judged:
        matching = 0
        for _, policy in scan.engine.index.find(each.request.resource, each.request.world.kinds):
            reason = find_reason(policy, each.request)
            if reason is None:
                matching += 1
                counts[policy] += 1
            elif reason:
                reasons.setdefault(policy, reason)
        found = [Gap(each, rule, reason) for rule, reason in each.verdict.not_applicable]
        if each.failed:
            found.append(Gap(each, "", ERROR))
        elif not matching:
            found.append(Gap(each, "", NO_POLICY))
        gaps += found
        count = kinds.setdefault((each.request.kind.api_version, each.request.kind.kind), [0, 0])
        count[0] += 1
        count[1] += not found
    policies = [
        PolicyCoverage(policy, count, "" if count else reasons.get(policy, NO_OBJECT))
        for policy, count in counts.items()
    ]
    return Coverage(gaps, policies, list(_kinds(scan, kinds)))


def find_reason(policy: CompiledPolicy, request: Request) -> str | None:
    """None: it matches, or ought to and cannot say. Empty: it is about something else. Else why it does not."""
    for program in policy.matches:
        matched = program(request, request.world.kinds)
        if matched.error:
            return None
        if not matched.matched:
            return _explain(policy, request)
    return None


def _explain(policy: CompiledPolicy, request: Request) -> str:
    rules = [rule for match in policy.policy.matches[:1] for rule in match.rules]
    names = {request.resource.resource, "*"}
    about = [
        rule
        for rule in rules
        if {request.resource.group, "*"} & rule.groups and any(name in names for name, _ in rule.resources)
    ]
    operations = {operation for rule in about for operation in rule.operations}
    if request.operation is Operation.CREATE and about and not operations & {"CREATE", "*"}:
        return f"for {', '.join(sorted(operations))} only: an object in a file is judged as one that is created"
    return "the objects of its kinds are not those that it names or selects" if about else ""


def _kinds(scan: Scan, counts: dict[tuple[str, str], list[int]]) -> Iterator[KindCoverage]:
    known = {
        (each.request.kind.api_version, each.request.kind.kind)
        for each in scan.judged
        if each.request.resource in scan.engine.schemas
    }
    for key, (present, evaluated) in sorted(counts.items()):
        yield KindCoverage(*key, present=present, evaluated=evaluated, known=key in known)
