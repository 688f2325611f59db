"""Policies and objects in files: an account of each pair, with the verdict that a scan of them has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.explain import Account, explain
from auditor.errors import InputError, UsageError
from auditor.intake.door import judge_as_door
from auditor.intake.explain.ground import Ground, mutate
from auditor.intake.judged import subject_of
from auditor.intake.load import Item, read_items
from auditor.intake.prepare import Prepared
from auditor.intake.question import Question
from auditor.intake.versions import split
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result, Verdict
from auditor.model.request import Request

CREATED: Final = Question()
"""Each object as one that is created."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One object with the policies that were asked for."""

    file: str
    """Empty: it is stored in a cluster."""
    line: int
    kind: str
    name: str
    allowed: bool
    accounts: tuple[Account, ...]
    findings: tuple[Finding, ...]
    """Of these policies, as a scan has them."""


@dataclass(slots=True)
class Explanation:
    objects: list[Explained] = field(default_factory=list)
    unreadable: list[InputError] = field(default_factory=list)

    @property
    def violated(self) -> bool:
        return self._has(Result.FAIL, Result.WARN)

    @property
    def incomplete(self) -> bool:
        return bool(self.unreadable) or self._has(Result.ERROR)

    def _has(self, *results: Result) -> bool:
        return any(finding.result in results for each in self.objects for finding in each.findings)


def choose(name: str, prepared: Prepared) -> list[CompiledPolicy]:
    """By the file that it is in, by its name, or as a scan names its rules: POLICY/RULE. Raises UsageError where there
    is none."""
    policies = prepared.engine.policies
    if Path(name).exists():
        place = Path(name).resolve()
        keys = {
            (kind, named)
            for (kind, _, named), item in prepared.loaded.places.items()
            if place in (path := Path(item.file).resolve(), *path.parents)
        }
        chosen = [each for each in policies if (str(each.policy.kind), each.policy.name) in keys]
        if not chosen:
            raise UsageError(f"{name}: holds no policy that is in force (a native one needs its binding)")
        return chosen
    return choose_named(name, policies)


def choose_named(name: str, policies: Sequence[CompiledPolicy]) -> list[CompiledPolicy]:
    chosen = [each for each in policies if name in (each.policy.name, each.policy.key) or name in _rules_of(each)]
    if not chosen:
        known = sorted({each.policy.name for each in policies})
        near = get_close_matches(name.partition("/")[0], known, n=1)
        raise UsageError(
            f"{name}: no such file, and no policy of that name"
            + (f": did you mean {near[0]}?" if near else f" {_list(name, known, policies)}")
        )
    return chosen


NAMED: Final = 10
"""Policies that are told where one is not among them; our own packs alone have a hundred."""


def _list(name: str, known: Sequence[str], policies: Sequence[CompiledPolicy]) -> str:
    owners = [each.policy.name for each in policies if any(rule.name == name for rule in each.policy.rules)]
    if owners:
        return f"(it is a rule: did you mean {owners[0]}/{name}?)"
    more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
    return f"among {', '.join(known[:NAMED])}{more}"


def _rules_of(compiled: CompiledPolicy) -> Iterator[str]:
    return (f"{compiled.policy.name}/{rule.name}" for rule in compiled.policy.rules)


def explain_objects(
    name: str,
    paths: Sequence[str],
    prepared: Prepared,
    *,
    time: datetime,
    clock: Callable[[], float],
    namespaces: Mapping[str, JsonObject] | None = None,
    question: Question = CREATED,
) -> Explanation:
    """`question` says what is asked of the objects, as for a scan. Raises UsageError for a policy that is not
    there, and for paths that lead nowhere."""
    chosen = choose(name, prepared)
    result = Explanation()
    items = list(read_items(paths, result.unreadable))
    ground = Ground.of(items, prepared, time=time, namespaces=namespaces, unreadable=result.unreadable)
    ask = question.asker(ground.around)
    for item in items:
        try:
            request = ask(item)
        except InputError as error:
            result.unreadable.append(InputError(f"{item.file}:{item.line}: {error}"))
            continue
        result.objects.append(_explain(item, request, chosen, ground, clock))
    return result


def _explain(
    item: Item, request: Request, chosen: Sequence[CompiledPolicy], ground: Ground, clock: Callable[[], float]
) -> Explained:
    verdict = judge_as_door(ground.engine, request, passes=True, catalog=ground.catalog)
    accounts: list[Account] = []
    findings: list[Finding] = []
    for policy in chosen:
        own = find_own(verdict, policy)
        findings += [finding for finding in own if finding not in findings]
        before, after = _seen(policy, request, ground)
        schema = ground.engine.schemas.get(before.resource)
        accounts += explain(policy, after, own, clock=clock, before=before, schema=schema)
    subject = subject_of(request)
    name = f"{subject.namespace}/{subject.name}" if subject.namespace else subject.name
    allowed = not any(finding.blocks for finding in findings)
    return Explained(item.file, item.line, subject.kind, name, allowed, tuple(accounts), tuple(findings))


def find_own(verdict: Verdict, policy: CompiledPolicy) -> list[Finding]:
    source = policy.policy
    return [
        each
        for each in verdict.findings
        if (each.policy, each.kind) == (source.name, source.kind) and each.binding in (source.binding, "")
    ]


def _seen(policy: CompiledPolicy, request: Request, ground: Ground) -> tuple[Request, Request]:
    """The object in the version that the policy wants to see, before and after all mutations."""
    parts, _ = split(ground.engine, request, ground.catalog)
    for engine, converted in parts:
        if policy in engine.policies:
            return converted, mutate(engine, converted)
    return request, mutate(ground.engine, request)
