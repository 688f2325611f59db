"""What candidate policies would do to the objects in a cluster, compared with those of the same names there now."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from enum import StrEnum
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.engine import Engine
from auditor.errors import InputError
from auditor.intake.judged import subject_of
from auditor.intake.once.basis import Basis, Ground, Rules, engine_of
from auditor.intake.once.sweep import is_excluded, sweep, tell_defect
from auditor.intake.versions import Ways, split
from auditor.model.finding import Finding, Result
from auditor.model.policy import Enforcement
from auditor.model.request import Operation, Request
from auditor.model.subject import Subject

EXAMPLES: Final = 5
"""For each policy and fate: to look at, not to work through. `auditor scan --cluster` lists them all."""
_VIOLATED: Final = (Result.FAIL, Result.WARN)


class Fate(StrEnum):
    """What becomes of a violation."""

    NEW = "new"
    STILL = "still"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Example:
    subject: Subject
    rule: str
    path: str
    message: str


@dataclass(slots=True)
class PolicyImpact:
    """Numbers of objects, but for `findings`."""

    name: str
    """Of a native policy with its kind and binding."""
    policy: str
    replaces: bool
    """Whether there is one of that name now."""
    matched: int = 0
    findings: Counter[Fate] = field(default_factory=Counter)
    violating: int = 0
    """That violate it, and do not now."""
    refused: int = 0
    """Whose next update it would refuse, and the present one does not, even if that update changed nothing."""
    recreated: int = 0
    """That it would refuse if they were created anew, and the present one does not."""
    warned: int = 0
    """Whose next update would get a warning that it does not get now."""
    changed: int = 0
    """That its mutations would change at their next update."""
    errors: int = 0
    """That it could not judge."""
    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind and namespace, those that newly violate it."""
    examples: dict[Fate, list[Example]] = field(default_factory=dict)


@dataclass(slots=True)
class Impact:
    policies: dict[str, PolicyImpact] = field(default_factory=dict)
    """By key; policies that judge once for each binding count each."""
    objects: int = 0
    refused: int = 0
    """Objects whose next update, or creation anew, would be refused and is not now."""
    unread: list[InputError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def incomplete(self) -> bool:
        return bool(self.unread) or any(each.errors for each in self.policies.values())


@dataclass(frozen=True, slots=True)
class _Answer:
    created: Sequence[Finding]
    updated: Sequence[Finding]
    changed: frozenset[str] = frozenset()

    def violations(self) -> dict[str, Finding]:
        """Policies for updates alone are heard, too."""
        return {each.fingerprint: each for each in (*self.updated, *self.created) if each.result in _VIOLATED}


def namesakes(candidates: Iterable[CompiledPolicy], present: Iterable[CompiledPolicy]) -> list[CompiledPolicy]:
    names = {(each.policy.kind, each.policy.name) for each in candidates}
    return [each for each in present if (each.policy.kind, each.policy.name) in names]


def join_rules(present: Rules, candidate: Rules) -> Rules:
    """What is judged by: the present policies of these names, the candidates, and what was given beside them."""
    names = {(str(each.policy.kind), each.policy.name) for each in candidate.policies}
    new = {each.full_name for each in candidate.exceptions}
    ways = {(each.group, each.resource) for each in candidate.conversions}
    return replace(
        present,
        policies=[*namesakes(candidate.policies, present.policies), *candidate.policies],
        exceptions=[*(e for e in present.exceptions if e.full_name not in new), *candidate.exceptions],
        conversions=[*(e for e in present.conversions if (e.group, e.resource) not in ways), *candidate.conversions],
        given=candidate.given,
        warnings=candidate.warnings,
        wrong=[each for each in present.wrong if (each.kind, each.policy) in names],
    )


def start(candidates: Sequence[CompiledPolicy], present: Sequence[CompiledPolicy]) -> Impact:
    now = {each.policy.key for each in present}
    return Impact(
        {
            each.policy.key: PolicyImpact(each.policy.key, each.policy.name, each.policy.key in now)
            for each in candidates
        }
    )


def compare_policies(
    basis: Basis,
    impact: Impact,
    candidates: Sequence[CompiledPolicy],
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Fills `impact`. `basis` is of both; on Ctrl-C it holds what was found so far."""
    impact.unread += basis.unread
    impact.warnings += basis.warnings
    new = set(candidates)
    engines = {target: _sides(target.policies, new, basis.ground) for target in basis.targets}
    with contextlib.closing(sweep(basis, impact.unread, progress=progress)) as asked:
        for target, request in asked:
            if is_excluded(request, basis):
                continue
            before, after = engines[target]
            ways = basis.ways if target.converts else None
            try:
                answers = _judge(before, request, ways), _judge(after, request, ways)
            except Exception as error:
                impact.unread.append(tell_defect(request, error))
                continue
            impact.objects += 1
            for policy in target.policies:
                if policy in new:
                    impact.policies[policy.policy.key].matched += 1
            _compare(impact, subject_of(request), *answers)


def _sides(policies: Sequence[CompiledPolicy], new: set[CompiledPolicy], ground: Ground) -> tuple[Engine, Engine]:
    return (
        engine_of([each for each in policies if each not in new], ground),
        engine_of([each for each in policies if each in new], ground),
    )


def _judge(engine: Engine, request: Request, ways: Ways | None) -> _Answer:
    """As it is created, and as it is updated without a change, which the mutations may add one to."""
    parts, errors = split(engine, request, ways) if ways is not None else ([(engine, request)], ())
    created, updated, changed = [*errors], [*errors], set()
    for part, converted in parts:
        update = replace(converted, operation=Operation.UPDATE, old_object=converted.object)
        if any(each.mutations for each in part.policies):
            mutated = part.mutate(update)
            updated += mutated.findings
            if mutated.patch:
                changed |= {name for name, _ in mutated.applied}
                update = replace(update, object=mutated.object)
        created += part.judge(converted, passes=False).findings
        updated += part.judge(update, passes=False).findings
    return _Answer(created, updated, frozenset(changed))


def _compare(impact: Impact, subject: Subject, before: _Answer, after: _Answer) -> None:
    was, is_now = before.violations(), after.violations()
    newly: set[str] = set()
    for fingerprint in {**was, **is_now}:
        finding = is_now.get(fingerprint) or was[fingerprint]
        fate = Fate.FIXED if fingerprint not in is_now else Fate.STILL if fingerprint in was else Fate.NEW
        each = impact.policies.get(finding.source)
        if each is None:
            continue  # of a binding that the candidates do not have
        each.findings[fate] += 1
        if fate is Fate.NEW:
            newly.add(finding.source)
        examples = each.examples.setdefault(fate, [])
        if fate is not Fate.STILL and len(examples) < EXAMPLES:
            examples.append(Example(subject, finding.rule, finding.path, finding.message))
    for source in newly:
        impact.policies[source].violating += 1
        impact.policies[source].places[subject.kind, subject.namespace] += 1
    refused = _sources(after.updated, _blocks) - _sources(before.updated, _blocks)
    recreated = _sources(after.created, _blocks) - _sources(before.created, _blocks)
    warned = _sources(after.updated, _warns) - _sources(before.updated, _warns)
    errors = _sources((*after.created, *after.updated), _errs)
    for source, each in impact.policies.items():
        each.errors += source in errors
        each.refused += source in refused
        each.recreated += source in recreated
        each.warned += source in warned - refused
        each.changed += each.policy in after.changed
    impact.refused += bool(refused or recreated)


def _sources(findings: Iterable[Finding], which: Callable[[Finding], bool]) -> set[str]:
    return {each.source for each in findings if which(each)}


def _blocks(finding: Finding) -> bool:
    return finding.blocks


def _warns(finding: Finding) -> bool:
    return Enforcement.WARN in finding.enforcements and finding.result in _VIOLATED


def _errs(finding: Finding) -> bool:
    return finding.result is Result.ERROR
