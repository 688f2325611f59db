"""What happened to one object on the way into a cluster, or out of it."""

from enum import StrEnum

from auditor.cluster import Resource
from auditor.dataclass import dataclass


class Fate(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    KEPT = "kept"
    """Left as it is, for a reason."""
    REFUSED = "refused"
    """The API server would not have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    resource: Resource
    name: str
    fate: Fate
    note: str = ""
    """Why it is kept or was refused."""
    difference: str = ""
    """As a diff of YAML: what is there, and what is to be."""

    @property
    def done(self) -> bool:
        return self.fate not in (Fate.KEPT, Fate.REFUSED)
