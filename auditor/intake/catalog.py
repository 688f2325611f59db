"""The kinds that are known, by their CRDs: their schemas, their versions, and the ways from one to another."""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Final

from auditor.dataclass import dataclass
from auditor.engine.convert import Conversion
from auditor.engine.mistakes import Mistake
from auditor.errors import AuditorError, CompileError, InputError, Problem
from auditor.intake.load import Definition, find_crd_mistakes
from auditor.json import JsonObject
from auditor.languages.schema import Crd
from auditor.model.match import BUILT_IN_GROUPS, CLUSTER_SCOPED, Equivalent, Kinds
from auditor.model.request import GroupVersionKind, GroupVersionResource

if TYPE_CHECKING:
    from auditor.languages.schema import StructuralSchema


@dataclass(frozen=True, slots=True)
class Catalog:
    crds: Mapping[tuple[str, str], Definition] = field(default_factory=dict)
    """By group and kind."""
    schemas: "Mapping[GroupVersionResource, StructuralSchema]" = field(default_factory=dict)
    kinds: Kinds = field(default_factory=Kinds)
    conversions: Mapping[tuple[str, str], Conversion] = field(default_factory=dict)
    """By group and resource."""

    def find(self, kind: GroupVersionKind) -> Crd | None:
        found = self.crds.get((kind.group, kind.kind))
        return found.crd if found else None

    def resource_of(self, kind: GroupVersionKind) -> GroupVersionResource:
        """Of an unknown kind the plural that kubectl would guess."""
        crd = self.find(kind)
        return GroupVersionResource(kind.group, kind.version, crd.plural if crd else guess_plural(kind.kind))

    def check(self, kind: GroupVersionKind) -> None:
        """Raises InputError for a kind that its CRD spells otherwise and for a version that it does not serve: nothing
        could take such an object."""
        crd = self.find(kind)
        if crd is None and kind.group not in BUILT_IN_GROUPS:
            self._check_spelling(kind)
        if crd is None or any(each.served and each.name == kind.version for each in crd.versions):
            return
        served = ", ".join(each.name for each in crd.versions if each.served) or "none"
        raise InputError(f"the CRD of {kind.kind} ({kind.group}) serves no version {kind.version}; served: {served}")

    def _check_spelling(self, kind: GroupVersionKind) -> None:
        """`kind: gadget` would be taken for one of the resource gadgets, which it is not; `Gadgte` for a kind that no
        policy is about."""
        low = kind.kind.lower()
        for (group, known), definition in self.crds.items():
            if group != kind.group:
                continue
            if low in (known.lower(), definition.crd.plural):
                raise InputError(f"there is no kind {kind.kind} in {group}: {known} is meant")
            if is_slip(low, known.lower()):
                raise InputError(f"no CRD that is known has a kind {kind.kind} in {group}: did you mean {known}?")

    def is_namespaced(self, kind: GroupVersionKind) -> bool | None:
        """None where the scope is not known: a custom resource without its CRD."""
        crd = self.find(kind)
        if crd is not None:
            return crd.namespaced
        if kind.group in BUILT_IN_GROUPS:
            return kind.kind not in CLUSTER_SCOPED
        return None

    def has_status(self, kind: GroupVersionKind) -> bool:
        """Whether its status is written on its own."""
        crd = self.find(kind)
        return crd is not None and any(each.has_status for each in crd.versions if each.name == kind.version)

    def storage_version(self, kind: GroupVersionKind) -> str:
        """Its own where no CRD says."""
        crd = self.find(kind)
        return next((each.name for each in crd.versions if each.storage), kind.version) if crd else kind.version

    def convert(self, thing: JsonObject, kind: GroupVersionKind, version: str) -> JsonObject:
        """To another version, as the API server would ask for it, with the defaults of that version.

        Raises AuditorError where no way leads there, or it fails.
        """
        definition = self.crds.get((kind.group, kind.kind))
        plural = definition.crd.plural if definition else guess_plural(kind.kind)
        conversion = self.conversions.get((kind.group, plural))
        if conversion is not None:
            converted = conversion.convert(thing, version)
        elif definition is not None and _keeps_fields(definition.item.thing):
            converted = {**thing, "apiVersion": f"{kind.group}/{version}"}
        else:
            wanted = f"{kind.group}/{version}"
            raise AuditorError(
                f"the policy wants {wanted}, the object is {kind.api_version}, no Conversion leads there"
            )
        schema = self.schemas.get(GroupVersionResource(kind.group, version, plural))
        return schema.receive(converted).object if schema else converted


def _keeps_fields(crd: JsonObject) -> bool:
    """Strategy None, the default: the versions differ in nothing but their name."""
    conversion = crd["spec"].get("conversion")
    return not isinstance(conversion, dict) or conversion.get("strategy") in (None, "None")


def make_catalog(
    definitions: Iterable[Definition], conversions: Iterable[Conversion] = ()
) -> tuple[Catalog, list[Mistake]]:
    """The catalog of all CRDs that are right, and what is wrong with the others. A later one takes the place of an
    earlier one of the same kind."""
    crds = {(each.crd.group, each.crd.kind): each for each in definitions}
    schemas: dict[GroupVersionResource, StructuralSchema] = {}
    equivalents: dict[GroupVersionResource, Sequence[Equivalent]] = {}
    mistakes: list[Mistake] = []
    for each in crds.values():
        crd = each.crd
        served = []
        for version in crd.versions:
            resource = GroupVersionResource(crd.group, version.name, crd.plural)
            try:
                schemas[resource] = version.compile(accepted=True)
            except CompileError as error:
                problems = [Problem(f"version {version.name}: {problem.message}") for problem in error.problems]
                mistakes += find_crd_mistakes(CompileError(problems), each.item)
            if version.served:
                served.append(Equivalent(resource, GroupVersionKind(crd.group, version.name, crd.kind)))
        for one in served:
            equivalents[one.resource] = [other for other in served if other is not one]
    ways = {(each.group, each.resource): each for each in conversions}
    scopes = {name: each.crd.namespaced for name, each in crds.items()}
    return Catalog(crds, schemas, Kinds(equivalents, scopes=scopes), ways), mistakes


SURELY: Final = 5
"""Letters of a kind that is compared. Shorter ones differ by one letter on purpose: VPC and VPN."""


def is_slip(typed: str, meant: str) -> bool:
    """One letter too many, too few or wrong, or two that are swapped. The CRDs at hand may be a part of their group, so
    what could be a kind of its own is none: TCPRoute beside HTTPRoute, Router beside Route."""
    if min(len(typed), len(meant)) < SURELY:
        return False
    same = next((at for at, pair in enumerate(zip(typed, meant, strict=False)) if len({*pair}) == 2), None)
    if same is None:  # one begins with the other
        return False
    typed, meant = typed[same:], meant[same:]
    return (
        typed[1:] == meant[1:]
        or typed[1:] == meant
        or typed == meant[1:]
        or (typed[:2] == meant[1::-1] and typed[2:] == meant[2:])
    )


@functools.lru_cache(maxsize=1024)
def guess_plural(kind: str) -> str:
    """In English, as the tools that make CRDs write it."""
    low = kind.lower()
    if low.endswith(("s", "x", "z", "ch", "sh")):
        return low if low == "endpoints" else f"{low}es"
    if re.search(r"[^aeiou]y$", low):
        return f"{low[:-1]}ies"
    return f"{low}s"
