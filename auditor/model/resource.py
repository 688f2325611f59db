"""How Kubernetes names kinds, and the resources that serve them."""

from auditor.dataclass import dataclass


def name_kind(group: str, plural: str) -> str:
    """As kubectl, RBAC and the names of CRDs have it: `databases.db.example.com`, `configmaps`."""
    return f"{plural}.{group}" if group else plural


@dataclass(frozen=True, slots=True)
class GroupVersionKind:
    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True)
class GroupVersionResource:
    group: str
    version: str
    resource: str
