"""The kinds that CRDs define, and what is new each time one of them changes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from auditor.cluster.discovery.crd import CrdKind


class Turn(Enum):
    ADDED = "added"
    CHANGED = "changed"
    GONE = "gone"


class Aspect(Enum):
    """What of a kind has changed."""

    NAMES = "names"
    VERSIONS = "versions"
    """Which there are and are served, or are deprecated."""
    SCHEMA = "schema"
    """Of a version that was there before."""
    STORAGE = "storage"
    """In which version objects are stored from now on."""
    STORED = "stored versions"
    """In which versions objects may be stored."""
    SUBRESOURCES = "subresources"
    """Of a version that was there before."""
    CONVERSION = "conversion"
    ESTABLISHED = "established"
    TERMINATING = "terminating"
    PROBLEMS = "problems"


@dataclass(frozen=True, slots=True)
class KindChange:
    turn: Turn
    kind: CrdKind
    """As it is now; of one that is gone as it was last, but no longer established."""
    before: CrdKind | None = None
    what: frozenset[Aspect] = frozenset()
    """Of CHANGED: in what it differs from before; never empty."""

    def __str__(self) -> str:
        aspects = ", ".join(sorted(aspect.value for aspect in self.what))
        return f"{self.kind.name} {self.turn.value}{f' ({aspects})' if aspects else ''}"


def compare(before: CrdKind, after: CrdKind) -> frozenset[Aspect]:
    both = {v.name for v in before.versions} & {v.name for v in after.versions}
    old, new = _aspects(before, both), _aspects(after, both)
    return frozenset(aspect for aspect in Aspect if old[aspect] != new[aspect])


def _aspects(kind: CrdKind, both: set[str]) -> dict[Aspect, object]:
    """Of a version that was added or dropped, VERSIONS tells; the others are about those in `both`."""
    names = (kind.kind, kind.list_kind, kind.plural, kind.singular, kind.short_names, kind.categories)
    return {
        Aspect.NAMES: (names, kind.namespaced),
        Aspect.VERSIONS: [(v.name, v.served, v.deprecated) for v in kind.versions],
        Aspect.SCHEMA: [v.schema for v in kind.versions if v.name in both],
        Aspect.STORAGE: kind.storage_version,
        Aspect.STORED: kind.stored_versions,
        Aspect.SUBRESOURCES: [(v.status, v.scale) for v in kind.versions if v.name in both],
        Aspect.CONVERSION: kind.conversion,
        Aspect.ESTABLISHED: kind.established,
        Aspect.TERMINATING: kind.terminating,
        Aspect.PROBLEMS: kind.problems,
    }


def _gone(kind: CrdKind) -> KindChange:
    return KindChange(Turn.GONE, replace(kind, established=False))


@dataclass(slots=True)
class KindTable:
    """By the name of the CRD. One thread writes; what `kinds` gives is a copy."""

    _kinds: dict[str, CrdKind] = field(default_factory=dict)

    def put(self, kind: CrdKind) -> list[KindChange]:
        """Empty: nothing that matters has changed, only labels or managed fields."""
        before = self._kinds.get(kind.name)
        self._kinds = {**self._kinds, kind.name: kind}
        if before is None:
            return [KindChange(Turn.ADDED, kind)]
        if before.uid != kind.uid:  # deleted and made again between two looks: all objects of the first are gone
            return [_gone(before), KindChange(Turn.ADDED, kind)]
        what = compare(before, kind)
        return [KindChange(Turn.CHANGED, kind, before, what)] if what else []

    def remove(self, name: str) -> list[KindChange]:
        if name not in self._kinds:
            return []
        kept = dict(self._kinds)
        gone = kept.pop(name)
        self._kinds = kept
        return [_gone(gone)]

    def kinds(self) -> Mapping[str, CrdKind]:
        return MappingProxyType(self._kinds)
