"""What was looked at, and what was not, with the reason. It counts as objects come by, and keeps none of them."""

from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Final, Self

from auditor.dataclass import dataclass
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.engine import Engine
from auditor.errors import InputError
from auditor.intake.judged import Place
from auditor.model.finding import Result, Verdict
from auditor.model.request import Operation, Request

NO_POLICY = "no policy matches it"
ERROR = "a rule could not be evaluated"
NO_OBJECT = "none of the objects is of its kinds"

EXAMPLES: Final = 20
"""The objects that a gap names: enough to see what they have in common; of a hundred thousand it counts the others."""


class UnreadKindError(InputError):
    """A kind of which not all could be read. `grant` is a command that would give the missing right."""

    def __init__(self, resource: str, reason: str, *, api_version: str = "", kind: str = "", grant: str = "") -> None:
        self.resource, self.reason, self.api_version, self.kind, self.grant = resource, reason, api_version, kind, grant
        super().__init__(f"{resource}: {reason}{f'. To grant it: {grant}' if grant else ''}")


@dataclass(slots=True)
class Gap:
    """Objects of a kind that were not judged, or not by all: `rule` is POLICY/RULE, or a policy, or empty for all."""

    api_version: str
    kind: str
    rule: str
    reason: str
    objects: int = 0
    examples: list[Place] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PolicyCoverage:
    policy: CompiledPolicy
    matched: int
    """The objects that it was asked about."""
    reason: str
    """Why there are none."""


@dataclass(slots=True)
class KindCoverage:
    api_version: str
    kind: str
    present: int = 0
    evaluated: int = 0
    """Those for which all rules of all policies that match gave an answer; of those that no policy matches, none."""
    known: bool = False
    """Whether its CRD was given: without it defaults are not filled in."""


class Coverage:
    def __init__(self) -> None:
        self._gaps: dict[tuple[str, str, str, str], Gap] = {}
        self._kinds: dict[tuple[str, str], KindCoverage] = {}
        self._matched: dict[str, int] = {}
        self._pairs: dict[tuple[str, str, str], bool] = {}
        self._reasons: dict[str, str] = {}

    @property
    def gaps(self) -> list[Gap]:
        return list(self._gaps.values())

    @property
    def kinds(self) -> list[KindCoverage]:
        return [each for _, each in sorted(self._kinds.items())]

    def policies(self, engine: Engine) -> Iterator[PolicyCoverage]:
        for policy in engine.policies:
            key = policy.policy.key
            matched = self._matched.get(key, 0)
            yield PolicyCoverage(policy, matched, "" if matched else self._reasons.get(key, NO_OBJECT))

    def percent(self, unread: int = 0) -> int | None:
        """Of the pairs of a kind and a policy that was asked about it, those where all was judged; rounded down. What
        could not be read counts as a pair that was not. None: there are none at all."""
        total = len(self._pairs) + unread
        return 100 * sum(self._pairs.values()) // total if total else None

    def expect(self, api_version: str, kind: str, *, known: bool) -> KindCoverage:
        """That there is such a kind, whether or not an object of it comes."""
        found = self._kinds.setdefault((api_version, kind), KindCoverage(api_version, kind))
        found.known = found.known or known
        return found

    def explain(self, policy: CompiledPolicy, reason: str) -> None:
        """Why it was not asked, if it is not."""
        self._reasons.setdefault(policy.policy.key, reason)

    def note(self, engine: Engine, request: Request, verdict: Verdict, place: Callable[[], Place]) -> None:
        matching = 0
        missed = {name.partition("/")[0] for name, _ in verdict.not_applicable}
        missed |= {finding.policy for finding in verdict.findings if finding.result is Result.ERROR}
        for _, policy in engine.index.find(request.resource, request.world.kinds):
            reason = find_reason(policy, request)
            if reason is None:
                matching += 1
                key = policy.policy.key
                self._matched[key] = self._matched.get(key, 0) + 1
                pair = (request.kind.api_version, request.kind.kind, policy.policy.name)
                self._pairs[pair] = self._pairs.get(pair, True) and policy.policy.name not in missed
            elif reason:
                self.explain(policy, reason)
        gaps = [*verdict.not_applicable]
        if any(finding.result is Result.ERROR for finding in verdict.findings):
            gaps.append(("", ERROR))
        elif not matching:
            gaps.append(("", NO_POLICY))
        for rule, reason in gaps:
            self._miss(request, rule, reason, place)
        kind = self.expect(request.kind.api_version, request.kind.kind, known=request.resource in engine.schemas)
        kind.present += 1
        kind.evaluated += not gaps

    def add(self, other: Self) -> None:
        """What was counted elsewhere."""
        for key, matched in other._matched.items():
            self._matched[key] = self._matched.get(key, 0) + matched
        for pair, judged in other._pairs.items():
            self._pairs[pair] = self._pairs.get(pair, True) and judged
        self._reasons = other._reasons | self._reasons
        for name, gap in other._gaps.items():
            known = self._gaps.setdefault(name, Gap(*name))
            known.objects += gap.objects
            known.examples += gap.examples[: EXAMPLES - len(known.examples)]
        for kind in other._kinds.values():
            found = self.expect(kind.api_version, kind.kind, known=kind.known)
            found.present += kind.present
            found.evaluated += kind.evaluated

    def leave_out(self, request: Request, reason: str, place: Callable[[], Place]) -> None:
        """An object that is not to be judged."""
        self._miss(request, "", reason, place)
        self.expect(request.kind.api_version, request.kind.kind, known=False).present += 1

    def _miss(self, request: Request, rule: str, reason: str, place: Callable[[], Place]) -> None:
        key = (request.kind.api_version, request.kind.kind, rule, reason)
        gap = self._gaps.get(key)
        if gap is None:
            gap = self._gaps[key] = Gap(*key)
        gap.objects += 1
        if len(gap.examples) < EXAMPLES:
            gap.examples.append(place())


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
        return f"for {', '.join(sorted(operations))} only: an object is judged here as one that is created"
    return "the objects of its kinds are not those that it names or selects" if about else ""
