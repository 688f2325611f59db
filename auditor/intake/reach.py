"""Which kinds policies reach: those whose objects they judge, and those that they look into. Pure.

What is to be read for them follows from it, and no more: see `list_reading`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Final

from auditor.cluster.access import dig_list, dig_text
from auditor.dataclass import dataclass
from auditor.engine.match import MatchProgram
from auditor.intake.catalog import guess_plural
from auditor.intake.load import OWN_GROUP
from auditor.json import JsonObject
from auditor.model.match import Kinds, LabelSelector, MatchResources
from auditor.model.policy import ParamKind, Policy
from auditor.model.request import Operation, Origin, Request
from auditor.model.resource import GroupVersionKind, GroupVersionResource
from auditor.model.rights import ANY, FOLLOW, READ, Right
from auditor.model.settings import AuditSettings, Reading
from auditor.model.world import World

REPORT_GROUPS: Final = frozenset({"openreports.io", "wgpolicyk8s.io"})
NAMED: Final = 3
"""Policies that a reason names: a role is read by people."""

Pair = tuple[str, str]
"""Group and plural."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom:
    """A kind that a CRD defines."""

    group: str
    plural: str
    kind: str
    namespaced: bool
    versions: tuple[str, ...]

    @property
    def pair(self) -> Pair:
        return self.group, self.plural


def read_custom(crd: JsonObject) -> Custom:
    """Of the CRD as it was written: also of one that no cluster has yet."""
    return Custom(
        group=dig_text(crd, "spec", "group"),
        plural=dig_text(crd, "spec", "names", "plural"),
        kind=dig_text(crd, "spec", "names", "kind"),
        namespaced=dig_text(crd, "spec", "scope") != "Cluster",
        versions=tuple(dig_text(each, "name") for each in dig_list(crd, "spec", "versions")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    judged: Mapping[Pair, Collection[str]] = field(default_factory=dict)
    """Kinds whose objects are judged, with the policies that do. The plural is `*` where not even the CRD is known."""
    looked_up: Mapping[Pair, Collection[str]] = field(default_factory=dict)
    """Kinds that are looked up, or hold params."""
    open: Sequence[str] = ()
    """Policies about every group, of which nobody knows here which there are."""


def find_reach(
    policies: Iterable[Policy],
    customs: Sequence[Custom],
    *,
    whole: bool,
    plurals: Mapping[ParamKind, Pair] | None = None,
) -> Reach:
    """`whole`: these are all CRDs there are. `plurals`: of kinds that hold params and have no CRD."""
    judged: dict[Pair, set[str]] = defaultdict(set)
    looked_up: dict[Pair, set[str]] = defaultdict(set)
    open_ended = []
    kinds = Kinds(custom=frozenset(each.pair for each in customs))
    for policy in policies:
        found = {each.pair for each in customs if _is_judged(each, policy) and _matches(policy, each, kinds)}
        found |= _named(policy) - {each.pair for each in customs}
        if not whole:
            known = {each.group for each in customs}
            wild = _wild_groups(policy)
            found |= {(group, ANY) for group in wild - known - {ANY}}
            if ANY in wild:
                open_ended.append(policy.name)
        for pair in found:
            judged[pair].add(policy.name)
        for pair in _looked_up(policy, customs, plurals or {}):
            looked_up[pair].add(policy.name)
    return Reach(judged=judged, looked_up=looked_up, open=tuple(dict.fromkeys(open_ended)))


def _is_judged(custom: Custom, policy: Policy) -> bool:
    """As the watcher has it: no reports about reports, and of our own kinds those that a policy names."""
    if custom.group in REPORT_GROUPS:
        return False
    return custom.group != OWN_GROUP or custom.pair in _named(policy)


def _named(policy: Policy) -> set[Pair]:
    return {
        (group, plural)
        for match in policy.matches[:1]
        for rule in match.rules
        for group in rule.groups
        for plural, subresource in rule.resources
        if ANY not in (group, plural) and not subresource
    }


def _wild_groups(policy: Policy) -> set[str]:
    """In which not all kinds are named."""
    return {
        group
        for match in policy.matches[:1]
        for rule in match.rules
        for group in rule.groups
        if group == ANY or any(plural == ANY for plural, _ in rule.resources)
    }


def _matches(policy: Policy, custom: Custom, kinds: Kinds) -> bool:
    """Whether some object of the kind, in some version, by some operation, may be one for it."""
    programs = [MatchProgram(_widen(each), not policy.native) for each in policy.matches]
    return any(
        all(program(request, kinds).matched for program in programs)
        for version in custom.versions
        for operation in (Operation.CREATE, Operation.UPDATE, Operation.DELETE)
        for request in (_probe(custom, version, operation, kinds),)
    )


def _widen(match: MatchResources) -> MatchResources:
    return replace(
        match,
        rules=tuple(replace(rule, names=frozenset()) for rule in match.rules),
        excludes=tuple(rule for rule in match.excludes if not rule.names),
        namespaces=LabelSelector(),
        objects=LabelSelector(),
    )


def _probe(custom: Custom, version: str, operation: Operation, kinds: Kinds) -> Request:
    return Request(
        operation=operation,
        kind=GroupVersionKind(custom.group, version, custom.kind),
        resource=GroupVersionResource(custom.group, version, custom.plural),
        object={},
        namespace="default" if custom.namespaced else "",
        namespaced=custom.namespaced,
        origin=Origin.STORED,
        world=World(kinds=kinds),
    )


def _looked_up(policy: Policy, customs: Sequence[Custom], plurals: Mapping[ParamKind, Pair]) -> Iterator[Pair]:
    for lookup in policy.lookups:
        yield lookup.group, lookup.resource
    wanted = policy.param_kind
    if wanted is not None:
        group = wanted.api_version.rpartition("/")[0]
        by_crd = (each.plural for each in customs if (each.group, each.kind) == (group, wanted.kind))
        yield plurals.get(wanted) or (group, next(by_crd, guess_plural(wanted.kind)))


# -- what has to be read for it ----------------------------------------------------------------------------------------


def list_reading(reach: Reach, settings: AuditSettings, customs: Sequence[Custom]) -> tuple[Right, ...]:
    """For the watcher: what is judged, what is looked up, and what else the AuditConfig says."""
    judged: dict[Pair, Collection[str]] = dict(reach.judged)
    for pair, each in settings.kinds.items():
        if each.follow:
            judged.setdefault(pair, ("the AuditConfig",))
        else:
            judged.pop(pair, None)
    wide: set[str] = set()
    if settings.reading is Reading.ALL:
        wide = {each.group for each in customs if each.group not in {*REPORT_GROUPS, OWN_GROUP}}
    wide |= {group for group, plural in judged if plural == ANY}
    rights = [
        Right(group=group, resources=(ANY,), verbs=READ, why=_say_wide(settings.reading)) for group in sorted(wide)
    ]
    rights += _rights({pair: why for pair, why in judged.items() if pair[0] not in wide}, READ, "judged by")
    rest = {
        pair: why for pair, why in reach.looked_up.items() if pair[0] not in wide and pair not in judged
    }  # what is judged is read in any case
    return (*rights, *_rights(rest, FOLLOW, "looked up by"))


def list_lookups(reach: Reach) -> tuple[Right, ...]:
    """For the webhook: objects come to it by themselves, but for those that are looked up."""
    return _rights(reach.looked_up, FOLLOW, "looked up by")


def list_scanned(reach: Reach) -> tuple[Right, ...]:
    """For one look: nothing is followed."""
    return _rights({**reach.looked_up, **reach.judged}, ("list",), "read for")


def _say_wide(reading: Reading) -> str:
    later = "`*`: also kinds that come to this group later; for a new group ask `auditor rbac` again"
    return f"reading.mode is all. {later}" if reading is Reading.ALL else later


def _rights(pairs: Mapping[Pair, Collection[str]], verbs: tuple[str, ...], why: str) -> tuple[Right, ...]:
    groups: dict[str, dict[str, Collection[str]]] = defaultdict(dict)
    for (group, plural), policies in sorted(pairs.items()):
        groups[group][plural] = policies
    return tuple(
        Right(group=group, resources=tuple(found), verbs=verbs, why=f"{why} {_name(found.values())}")
        for group, found in groups.items()
    )


def _name(policies: Iterable[Collection[str]]) -> str:
    names = sorted({name for each in policies for name in each})
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
