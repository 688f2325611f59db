"""Which kinds of a cluster are to be judged, and by which policies: those that some policy may match."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from auditor.cluster import Resource
from auditor.cluster.discovery import CrdKind, Discovery
from auditor.dataclass import dataclass
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.match import MatchProgram
from auditor.intake.coverage import UnreadKindError, find_reason
from auditor.intake.load import OWN_GROUP
from auditor.model.match import Kinds, LabelSelector, MatchResources
from auditor.model.request import Operation, Origin, Request
from auditor.model.resource import GroupVersionKind, GroupVersionResource, name_kind
from auditor.model.world import World

REPORT_GROUPS: Final = frozenset({"openreports.io", "wgpolicyk8s.io"})
ABSENT = "no kind that it matches is in this cluster, or among those that were asked for"


@dataclass(frozen=True, slots=True)
class Target:
    """One kind, in the version in which it is listed."""

    resource: Resource
    policies: tuple[CompiledPolicy, ...]
    converts: bool = False
    """Whether some policy may want another version."""

    @property
    def gvr(self) -> GroupVersionResource:
        return GroupVersionResource(self.resource.group, self.resource.version, self.resource.plural)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person asked for; by default everything, as it is stored."""

    kinds: Collection[tuple[str, str]] = ()
    """(group, plural)."""
    namespaces: Sequence[str] = ()
    every_kind: bool = False
    """Also kinds that no policy is about, for the checks; never our own, nor reports."""
    operations: tuple[Operation, ...] = (Operation.CREATE,)
    """What is asked of each object: stored ones are judged as if they were created."""

    def includes(self, resource: Resource) -> bool:
        """With namespaces, nothing that is in none."""
        chosen = not self.kinds or (resource.group, resource.plural) in self.kinds
        return chosen and (resource.namespaced or not self.namespaces)


def choose(discovery: Discovery, kinds: Sequence[str], namespaces: Sequence[str]) -> Choice:
    """Raises UnknownKindError for a kind that the cluster does not have."""
    found = [resource for name in kinds for resource in discovery.find_all(name)]
    return Choice(kinds=frozenset((each.group, each.plural) for each in found), namespaces=namespaces)


def find_targets(
    policies: Sequence[CompiledPolicy],
    kinds: Mapping[str, CrdKind],
    match_kinds: Kinds,
    discovery: Discovery,
    choice: Choice,
) -> tuple[list[Target], list[UnreadKindError]]:
    """The errors are kinds that policies are about and that are not served."""
    targets: list[Target] = []
    unread: list[UnreadKindError] = []
    named = frozenset((group, name) for policy in policies for group, name in _named(policy)) | frozenset(choice.kinds)
    for name, kind in sorted(kinds.items()):
        resource = (kind.resource(kind.storage_version) or kind.resource()) if kind.established else None
        wished = resource or Resource(
            kind.group, kind.storage_version, kind.plural, kind.kind, namespaced=kind.namespaced
        )
        if not kind.plural or not choice.includes(wished) or not (choice.kinds or _is_judged(wished, named)):
            continue
        chosen = _choose(policies, wished, match_kinds, choice)
        if not (chosen or choice.every_kind):
            continue
        if resource is None:
            unread.append(_unserved(name, kind))
        else:
            converts = resource.version != kind.storage_version or any(_names_others(p, resource) for p in chosen)
            targets.append(Target(resource, chosen, converts))
    if any(name_kind(group, name) not in kinds for group, name in named):  # what only CRDs serve needs no discovery
        targets += _built_in(policies, kinds, match_kinds, discovery, choice)
    return targets, unread


def _is_judged(resource: Resource, named: Collection[tuple[str, str]]) -> bool:
    """As the watcher has it: of our own kinds those that a policy names, and no reports about reports."""
    if resource.group in REPORT_GROUPS:
        return False
    return resource.group != OWN_GROUP or (resource.group, resource.plural) in named


def _built_in(
    policies: Sequence[CompiledPolicy],
    kinds: Mapping[str, CrdKind],
    match_kinds: Kinds,
    discovery: Discovery,
    choice: Choice,
) -> Iterator[Target]:
    """Once for each version that a policy names: the API server converts these by itself."""
    for preferred in discovery.resources():
        if preferred.name in kinds or "list" not in preferred.verbs or not choice.includes(preferred):
            continue
        for resource in discovery.versions(preferred):
            chosen = tuple(
                policy
                for policy in _choose(policies, resource, match_kinds, choice)
                if _wants(policy, resource, preferred=resource == preferred, asked=bool(choice.kinds))
            )
            if chosen:
                yield Target(resource, chosen)


def _wants(policy: CompiledPolicy, resource: Resource, *, preferred: bool, asked: bool) -> bool:
    """Built-in kinds are judged where a policy names them: `*` of a native one means Events and Leases, too."""
    rules = [rule for match in policy.policy.matches for rule in match.rules]
    named = asked or (resource.group, resource.plural) in _named(policy)
    version = any(resource.version in rule.versions for rule in rules)
    return named and (version or (preferred and any("*" in rule.versions for rule in rules)))


def _named(policy: CompiledPolicy) -> set[tuple[str, str]]:
    return {
        (group, name)
        for match in policy.policy.matches
        for rule in match.rules
        for group in rule.groups
        for name, subresource in rule.resources
        if "*" not in (group, name) and not subresource
    }


def _choose(
    policies: Iterable[CompiledPolicy], resource: Resource, kinds: Kinds, choice: Choice
) -> tuple[CompiledPolicy, ...]:
    def fits(policy: CompiledPolicy) -> bool:
        return any(may_match(policy, resource, kinds, operation=each) for each in choice.operations)

    return tuple(policy for policy in policies if fits(policy))


def may_match(
    policy: CompiledPolicy, resource: Resource, kinds: Kinds, *, operation: Operation = Operation.CREATE
) -> bool:
    """Whether some stored object of that kind could be one for it: whatever its name, labels and namespace are."""
    request = replace(_probe(resource, kinds), operation=operation)
    programs = (MatchProgram(_widen(each.match), each.custom_only) for each in policy.matches)
    return all(program(request, kinds).matched for program in programs)


def _widen(match: MatchResources) -> MatchResources:
    return replace(
        match,
        rules=tuple(replace(rule, names=frozenset()) for rule in match.rules),
        excludes=tuple(rule for rule in match.excludes if not rule.names),
        namespaces=LabelSelector(),
        objects=LabelSelector(),
    )


def _probe(resource: Resource, kinds: Kinds) -> Request:
    return Request(
        operation=Operation.CREATE,
        kind=GroupVersionKind(resource.group, resource.version, resource.kind),
        resource=GroupVersionResource(resource.group, resource.version, resource.plural),
        object={},
        namespace="default" if resource.namespaced else "",
        namespaced=resource.namespaced,
        origin=Origin.STORED,
        world=World(kinds=kinds),
    )


def _names_others(policy: CompiledPolicy, resource: Resource) -> bool:
    rules = [rule for match in policy.policy.matches for rule in match.rules]
    return any("*" not in rule.versions and resource.version not in rule.versions for rule in rules)


def _unserved(name: str, kind: CrdKind) -> UnreadKindError:
    reason = "; ".join(kind.problems) if not kind.established else "its CRD serves no version"
    api_version = f"{kind.group}/{kind.storage_version}"
    return UnreadKindError(name, reason, api_version=api_version, kind=kind.kind)


def explain_idle(policy: CompiledPolicy, kinds: Mapping[str, CrdKind], match_kinds: Kinds) -> str:
    """Why no kind is judged by it."""
    for kind in kinds.values():
        resource = kind.resource(kind.storage_version) or kind.resource()
        if resource is not None and (reason := find_reason(policy, _probe(resource, match_kinds))):
            return reason
    return ABSENT
