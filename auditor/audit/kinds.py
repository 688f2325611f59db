"""Which kinds are followed: all that CRDs define, and those built-in ones that a policy or the settings name."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from auditor.cluster import Resource
from auditor.cluster.discovery import CrdKind, Discovery
from auditor.cluster.resource import CRDS
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.read import API_VERSION
from auditor.errors import ClusterError, UnknownKindError
from auditor.model.resource import name_kind
from auditor.model.settings import AuditSettings

log = logging.getLogger(__name__)

OWN_GROUP: Final = API_VERSION.partition("/")[0]
REPORT_GROUPS: Final = frozenset({"openreports.io", "wgpolicyk8s.io"})
"""Reports about reports would have no end."""

CRDS_PAIR: Final = (CRDS.group, CRDS.plural)
"""Followed always, as a kind of its own: what is wrong with a kind as a whole is found on its CRD."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A kind that is to be followed."""

    name: str
    """plural.group; of the core group the plural alone."""
    group: str
    plural: str
    resource: Resource | None
    """At the version in which it is read; None: it cannot be read now."""
    crd: CrdKind | None = None
    trouble: str = ""
    """Why it cannot be read, and what to do."""
    excluded: bool = False
    """The AuditConfig says so."""
    unsure: bool = False
    """Whether it is there cannot be told now: if it was followed, it goes on to be."""


def choose(
    kinds: Mapping[str, CrdKind], policies: Iterable[CompiledPolicy], settings: AuditSettings, discovery: Discovery
) -> tuple[dict[str, Chosen], list[Chosen]]:
    """Those to be followed by their names, and those that are there, or are meant, and are not followed."""
    named = {pair for policy in policies for pair in _named(policy)} | {CRDS_PAIR}
    named |= {pair for pair, each in settings.kinds.items() if each.follow}
    custom = {(kind.group, kind.plural) for kind in kinds.values()}
    chosen: dict[str, Chosen] = {}
    left: list[Chosen] = []
    for kind in kinds.values():
        pair = (kind.group, kind.plural)
        if not kind.plural or kind.group in REPORT_GROUPS or (kind.group == OWN_GROUP and pair not in named):
            continue
        each = _custom(kind)
        if settings.of(*pair).follow:
            chosen[each.name] = each
        else:
            left.append(_leave(each))
    for group, plural in sorted(named - custom):
        found = _built_in(group, plural, discovery)
        if not settings.of(group, plural).follow:
            left.append(_leave(found))
        elif found.resource is None and not found.unsure:
            left.append(found)
        else:
            chosen[found.name] = found
    return chosen, left


def _leave(each: Chosen) -> Chosen:
    trouble = "the AuditConfig says that it is not followed"
    return Chosen(each.name, each.group, each.plural, None, each.crd, trouble, excluded=True)


def _named(policy: CompiledPolicy) -> Iterable[tuple[str, str]]:
    """A wildcard names nothing: of built-in kinds it would mean Events, Leases and Secrets, too."""
    for match in policy.policy.matches[:1]:
        for rule in match.rules:
            for group in rule.groups - {"*"}:
                for plural, subresource in rule.resources:
                    if plural != "*" and not subresource:
                        yield group, plural


def _custom(kind: CrdKind) -> Chosen:
    resource = (kind.resource(kind.storage_version) or kind.resource()) if kind.established else None
    trouble = ""
    if resource is None:
        told = "; ".join(kind.problems) or f"its CRD serves no version: set served of {kind.storage_version} to true"
        trouble = f"it is not served: {told}"
    return Chosen(kind.name, kind.group, kind.plural, resource, kind, trouble)


def _built_in(group: str, plural: str, discovery: Discovery) -> Chosen:
    name = name_kind(group, plural)
    try:
        resource = discovery.find(name)
    except UnknownKindError:
        return _miss(name, group, plural, discovery)
    except ClusterError as error:
        return Chosen(name, group, plural, None, trouble=f"it cannot be looked for now: {error}", unsure=True)
    if resource.group != group or resource.plural != plural:
        return _miss(name, group, plural, discovery)
    missing = sorted({"list", "watch"} - resource.verbs)
    if missing:
        return Chosen(name, group, plural, None, trouble=f"its API server offers no {' and '.join(missing)}")
    return Chosen(name, group, plural, resource)


def _miss(name: str, group: str, plural: str, discovery: Discovery) -> Chosen:
    """A group whose own API server is away has no kinds for now, which says nothing of their objects."""
    try:
        broken = discovery.broken
    except ClusterError as error:
        return Chosen(name, group, plural, None, trouble=f"it cannot be looked for now: {error}", unsure=True)
    for api_version, why in broken.items():
        if api_version.rpartition("/")[0] == group:
            return Chosen(name, group, plural, None, trouble=f"{api_version} does not answer: {why}", unsure=True)
    return Chosen(name, group, plural, None, trouble="there is no such kind in this cluster: install its CRD")
