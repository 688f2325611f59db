"""What the watcher covers at one moment, in the words of coverage."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from auditor.audit.coverage import KindCounts, KindCoverage, PolicyCounts, Situation, find_troubles
from auditor.audit.follower import Follower, State
from auditor.audit.kinds import Chosen
from auditor.audit.watcher import Watcher
from auditor.cluster import Resource
from auditor.engine.compiled import CompiledPolicy
from auditor.errors import ForbiddenError
from auditor.intake.once.reading import tell_grant
from auditor.model.finding import Result
from auditor.model.policy import Kind
from auditor.model.settings import Reading
from auditor.report.history.records import DOOR_ONLY, OTHER_VERSION


def describe(watcher: Watcher, limits: Iterable[str] = ()) -> Situation | None:
    """`limits` that are reached, as sentences. None: nothing is known yet."""
    view = watcher.view
    if view is None:
        return None
    counts: dict[str, list[KindCounts]] = defaultdict(list)
    kinds = []
    for name, follower in sorted(watcher.followers.items()):
        state = follower.state
        if not state.synced and not state.trouble and state.last_complete_pass is None:
            continue  # it is being read for the first time
        with follower.lock:
            found = _sum(follower)
        kinds.append(_cover(watcher, name, follower, state))
        for source, each in _count(follower, state, found):
            counts[source].append(each)
    owned = [each for each in watcher.left if watcher.turf.owns(each.name)]
    kinds += [_leave(each) for each in owned]
    kinds += [
        _leave(each)
        for name, each in watcher.chosen.items()
        if each.resource is None and watcher.turf.owns(name) and name not in watcher.followers
    ]
    policies = [PolicyCounts(policy=key, kinds=tuple(counts.get(key, ()))) for key in sorted(view.policies)]
    policies += [
        PolicyCounts(policy=state.good.policy.name, of=state.good.policy.kind, kinds=tuple(counts.get(key, ())))
        for key, state in sorted(view.native.items())
        if state.good is not None
    ]
    return Situation(
        kinds=tuple(kinds),
        policies=tuple(policies),
        known=frozenset(watcher.chosen) | {each.name for each in watcher.left},
        generation=view.settings.generation,
        settled=all(each.settled or each.state.trouble for each in watcher.followers.values()),
        troubles=(*find_troubles(view), *watcher.live.troubles()),
        limits=tuple(limits),
    )


def _cover(watcher: Watcher, name: str, follower: Follower, state: State) -> KindCoverage:
    resource = follower.resource
    reason = state.trouble
    unread = state.present is None
    forbidden = "403" in reason or "forbidden" in reason.lower()
    if forbidden:
        reason = _forbid(reason, resource)
    if not reason and state.failed:
        reason = _say_errors(follower)
    chosen = watcher.chosen.get(name)
    reason = reason or watcher.rejudger.troubles.get(name, "") or (chosen.trouble if chosen is not None else "")
    named = bool(follower.setting.policies)
    settings = watcher.view.settings if watcher.view is not None else None
    listed = settings is not None and settings.reading is Reading.LISTED
    return KindCoverage(
        group=resource.group,
        resource=resource.plural,
        present=state.present,
        evaluated=0 if state.present is None else max(0, state.present - state.failed),
        not_evaluated=None if unread else state.failed,
        findings=dict(follower.ledger.found),
        stale=bool(state.trouble) and not unread,
        reason=reason,
        last_complete_pass=state.last_complete_pass,
        # Nobody names it, so nobody gave the right to read it. What fails though it may be read is no purpose.
        excluded=unread and forbidden and not named and listed,
    )


def _forbid(reason: str, resource: Resource) -> str:
    """What is missing, and the command that gives it: there may be a hundred such kinds, and each line is read."""
    said = reason.rpartition(" is forbidden: ")[2].removesuffix(ForbiddenError.advice).rstrip(". ")
    return f"forbidden: {said}. To grant it: {tell_grant([resource], reason)}"


def _leave(each: Chosen) -> KindCoverage:
    return KindCoverage(
        group=each.group, resource=each.plural, present=None, reason=each.trouble, excluded=each.excluded, stale=False
    )


def _say_errors(follower: Follower) -> str:
    with follower.lock:
        for key, held in follower.ledger.held():
            for finding in held.findings:
                if finding.result is Result.ERROR:
                    return f"for example {key}: {finding.policy}/{finding.rule}: {finding.message}"
    return ""


@dataclass(slots=True)
class _Counts:
    objects: int = 0
    failed: int = 0
    results: Counter[Result] = field(default_factory=Counter)


def _count(follower: Follower, state: State, found: Mapping[str, "_Counts"]) -> Iterator[tuple[str, KindCounts]]:
    """By source; of policies that may concern the kind also where no object of it is concerned."""
    resource = follower.resource
    for source, policy in follower.setting.policies.items():
        counts = found.get(source, _Counts())
        reason = _find_obstacle(policy, follower)
        unknown = bool(state.trouble) or state.present is None
        yield (
            source,
            KindCounts(
                group=resource.group,
                resource=resource.plural,
                evaluated=counts.objects - counts.failed,
                not_evaluated=None if unknown else counts.failed,
                passes=counts.results[Result.PASS],
                fails=counts.results[Result.FAIL],
                warns=counts.results[Result.WARN],
                errors=counts.results[Result.ERROR],
                skips=counts.results[Result.SKIP],
                reason=reason or state.trouble,
                last_complete_pass=state.last_complete_pass,
                auditable=not reason,
            ),
        )


def _sum(follower: Follower) -> Mapping[str, _Counts]:
    found: dict[str, _Counts] = {}
    for _, shape, objects in follower.ledger.shapes():
        by_source: dict[str, list[Result]] = {}
        for source, _, result in shape.lines:
            by_source.setdefault(source, []).append(result)
        for source, results in by_source.items():
            counts = found.setdefault(source, _Counts())
            counts.objects += objects
            counts.failed += objects * (Result.ERROR in results)
            for result in results:
                counts.results[result] += objects
    return found


def _find_obstacle(policy: CompiledPolicy, follower: Follower) -> str:
    """Why no stored object of the kind can be judged by it; empty: they can."""
    if not _is_auditable(policy):
        return DOOR_ONLY
    resource = follower.resource
    rules = [rule for match in policy.policy.matches[:1] for rule in match.rules]
    named = [rule for rule in rules if {name for name, _ in rule.resources} & {resource.plural, "*"}]
    if follower.setting.facts is None and named and not any({resource.version, "*"} & rule.versions for rule in named):
        versions = ", ".join(sorted({version for rule in named for version in rule.versions}))
        return f"{OTHER_VERSION} {versions} only, and the kind, which is built in, is read as {resource.version}"
    return ""


def _is_auditable(policy: CompiledPolicy) -> bool:
    if policy.policy.kind is Kind.MUTATING or not policy.rules:
        return False
    rules = [rule for match in policy.policy.matches[:1] for rule in match.rules]
    return not rules or any({"CREATE", "*"} & rule.operations for rule in rules)
