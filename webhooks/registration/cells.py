"""Which requests a policy wants to see, as the smallest things that a webhook can be registered for.

A cell is one resource at one version. What a policy says with `*` becomes the kinds that there are: nothing is ever
registered for all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from auditor.intake.load import OWN_GROUP
from auditor.intake.reach import REPORT_GROUPS
from auditor.model.match import MatchResources, ResourceRule, Scope
from auditor.model.policy import Policy
from auditor.webhooks.registration.kinds import CustomKind, CustomKinds


class Side(StrEnum):
    VALIDATE = "validate"
    MUTATE = "mutate"


ALL_OPERATIONS = frozenset(["CREATE", "UPDATE", "DELETE", "CONNECT"])
MUTABLE = frozenset(["CREATE", "UPDATE"])
"""What a mutation can change: of a deletion nothing is stored."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    group: str
    version: str
    """`*` for kinds that are not known: built-in ones, and those whose CRD will come."""
    resource: str
    """With its subresource: `databases/status`."""


@dataclass(frozen=True, slots=True)
class Wish:
    """That a policy wants these operations on a cell."""

    cell: Cell
    operations: frozenset[str]
    scope: Scope


def list_wishes(policy: Policy, side: Side, kinds: CustomKinds) -> Iterator[Wish]:
    """Rather too many than too few: resource names and excluded resources are left to the engine."""
    if not (policy.rules if side is Side.VALIDATE else policy.mutations):
        return
    for match in policy.matches:
        for rule in match.rules:
            operations = ALL_OPERATIONS if "*" in rule.operations else rule.operations
            if side is Side.MUTATE:
                operations &= MUTABLE
            if operations:
                for cell in _cells(rule, kinds):
                    if not _excluded(cell, operations, match):
                        yield Wish(cell, operations, rule.scope)


def _cells(rule: ResourceRule, kinds: CustomKinds) -> Iterator[Cell]:
    for resource, subresource in rule.resources:
        if "*" in rule.groups or resource == "*":
            found = [
                kind for kind in kinds.values() if _wants_group(rule, kind.group) and resource in ("*", kind.plural)
            ]
            named: list[tuple[str, CustomKind | None]] = [(kind.group, kind) for kind in found]
        else:
            named = [(group, kinds.get((group, resource))) for group in rule.groups]
        for group, known in named:
            plural = resource if known is None else known.plural
            for version in _versions(rule, known):
                for name in _names(plural, subresource, known):
                    yield Cell(group, version, name)


def _wants_group(rule: ResourceRule, group: str) -> bool:
    """`*` leaves our own kinds out: a policy that refuses everything could never be taken back. And reports, in which
    the watcher tells of what that policy does."""
    return group in rule.groups or ("*" in rule.groups and group not in {OWN_GROUP, *REPORT_GROUPS})


def _versions(rule: ResourceRule, kind: CustomKind | None) -> list[str]:
    if kind is None:
        return sorted(rule.versions)
    if "*" in rule.versions:
        return [kind.storage]
    return sorted(rule.versions & kind.served)


def _names(plural: str, subresource: str, kind: CustomKind | None) -> list[str]:
    if subresource != "*":
        return [f"{plural}/{subresource}"] if subresource else [plural]
    if kind is None:
        return [plural, f"{plural}/*"]
    return [plural, *(f"{plural}/{each}" for each in sorted(kind.subresources))]


def _excluded(cell: Cell, operations: frozenset[str], match: MatchResources) -> bool:
    """Only what is excluded whatever else holds."""
    resource, _, subresource = cell.resource.partition("/")
    return any(
        not rule.names
        and rule.scope is Scope.ANY
        and (cell.group in rule.groups or "*" in rule.groups)
        and "*" in rule.versions
        and ("*" in rule.operations or operations <= rule.operations)
        and (resource, subresource) in rule.resources
        for rule in match.excludes
    )
