"""How the versions of a cluster's kinds hang together, as its API server would convert them."""

from collections.abc import Iterable, Mapping, Sequence

from auditor.cluster.discovery import CrdKind
from auditor.engine.convert import Conversion
from auditor.engine.typos import Schemas
from auditor.errors import AuditorError
from auditor.json import JsonObject
from auditor.model.match import Equivalent, Kinds
from auditor.model.resource import GroupVersionKind, GroupVersionResource


class LiveWays:
    """By a Conversion of ours, or by the name alone where the CRD says that versions differ in nothing else.

    What the webhook of somebody else makes of an object only the API server can ask: no way leads there.
    """

    def __init__(self, kinds: Mapping[str, CrdKind], conversions: Iterable[Conversion], schemas: Schemas) -> None:
        """`kinds` by the names of their CRDs."""
        self._kinds = {(kind.group, kind.kind): kind for kind in kinds.values() if kind.established}
        self._conversions = {(each.group, each.resource): each for each in conversions}
        self._schemas = schemas

    def storage_version(self, kind: GroupVersionKind) -> str:
        found = self._kinds.get((kind.group, kind.kind))
        return (found.storage_version if found else "") or kind.version

    def reachable(self, kind: GroupVersionKind) -> tuple[str, ...]:
        """The versions in which an object of that version can be had, its own first."""
        found = self._kinds.get((kind.group, kind.kind))
        names = [version.name for version in found.versions] if found else []
        return (kind.version, *(v for v in names if v != kind.version and self._leads(found, kind.version, v)))

    def convert(self, thing: JsonObject, kind: GroupVersionKind, version: str) -> JsonObject:
        """With the defaults of that version. Raises AuditorError where no way leads there, or it fails."""
        found = self._kinds.get((kind.group, kind.kind))
        if found is None or found.version(version) is None:
            served = f"; it has {', '.join(v.name for v in found.versions)}" if found else ""
            raise AuditorError(f"this cluster has no version {version} of {kind.kind} ({kind.group}){served}")
        conversion = self._conversions.get((kind.group, found.plural))
        if conversion is not None:
            converted = conversion.convert(thing, version)
        elif _keeps_fields(found):
            converted = {**thing, "apiVersion": f"{kind.group}/{version}"}
        else:
            raise AuditorError(
                f"the policy wants {kind.group}/{version}, the object is {kind.api_version}, and only the conversion "
                f"webhook of {found.name} knows the way: name {self.storage_version(kind)}, in which it is stored, "
                "or * in the policy's apiVersions, or write a Conversion"
            )
        schema = self._schemas.get(GroupVersionResource(kind.group, version, found.plural))
        return schema.receive(converted).object if schema else converted

    def _leads(self, found: CrdKind | None, start: str, end: str) -> bool:
        conversion = self._conversions.get((found.group, found.plural)) if found else None
        if conversion is not None:
            return conversion.find_way(start, end) is not None
        return found is not None and _keeps_fields(found)


def _keeps_fields(kind: CrdKind) -> bool:
    return kind.conversion.strategy == "None"


def match_stored_kinds(kinds: Mapping[str, CrdKind]) -> Kinds:
    """What `*` stands for, and which versions are one kind: a stored object comes in one, and is for policies on all.

    At the door the API server converts by itself, there no version is equivalent to another.
    """
    established = [kind for kind in kinds.values() if kind.established]
    equivalents: dict[GroupVersionResource, Sequence[Equivalent]] = {}
    for kind in established:
        served = [
            Equivalent(
                GroupVersionResource(kind.group, version, kind.plural), GroupVersionKind(kind.group, version, kind.kind)
            )
            for version in kind.served_versions
        ]
        if len(served) > 1:
            for one in served:
                equivalents[one.resource] = [other for other in served if other is not one]
    return Kinds(
        equivalents=equivalents,
        custom=frozenset((kind.group, kind.plural) for kind in established),
        scopes={(kind.group, kind.kind): kind.namespaced for kind in established},
    )
