"""What registration needs to know of the kinds in the cluster that are defined by CRDs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from auditor.cluster.discovery import CrdKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomKind:
    group: str
    plural: str
    storage: str
    """The version in which its objects are stored: what `*` in a policy sees. Of one that is not served, the preferred
    one that is: for no other does the API server call."""
    served: frozenset[str]
    subresources: frozenset[str] = frozenset()


CustomKinds = Mapping[tuple[str, str], CustomKind]
"""By group and plural."""


def list_custom_kinds(kinds: Iterable[CrdKind]) -> CustomKinds:
    """Those of which anything is served. One that is going away is among them: its objects are being deleted."""
    found = {}
    for kind in kinds:
        served = kind.served_versions
        if kind.established and served:
            found[kind.group, kind.plural] = CustomKind(
                group=kind.group,
                plural=kind.plural,
                storage=kind.storage_version if kind.storage_version in served else served[0],
                served=frozenset(served),
                subresources=frozenset(name for v in kind.versions if v.served for name in v.subresources),
            )
    return found
