"""A kind as an API server serves it, and the paths under which its objects are found."""

import re
from dataclasses import dataclass, field
from urllib.parse import quote

NAME = re.compile("[^/%\ud800-\udfff]*")
"""What a path segment may be, as the API server has it, in text that can be sent at all."""


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """One kind at one version. Two are the same if group, version and plural are."""

    group: str
    version: str
    plural: str
    kind: str = field(compare=False)
    namespaced: bool = field(compare=False)
    singular: str = field(default="", compare=False)
    short_names: tuple[str, ...] = field(default=(), compare=False)
    categories: tuple[str, ...] = field(default=(), compare=False)
    verbs: frozenset[str] = field(default=frozenset(), compare=False)
    subresources: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """As kubectl and RBAC write it: `databases.db.example.com`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, *, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Without a namespace: the objects of all of them, or a kind that has none."""
        if namespace and not self.namespaced:
            raise ValueError(f"{self.name} is not namespaced, and namespace {namespace} was asked for")
        if name and self.namespaced and not namespace:
            raise ValueError(f"{self.name} is namespaced: {name} needs a namespace")
        if subresource and not name:
            raise ValueError(f"the subresource {subresource} of {self.name} needs a name")
        for part in (namespace, name):
            # Quoting does not help: the server unquotes before it takes the path apart, and clients resolve the dots.
            if part in (".", "..") or not NAME.fullmatch(part):
                raise ValueError(f"{part!r} is no name in Kubernetes: as one of {self.name} it would lead elsewhere")
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        parts += ["namespaces", namespace] if namespace else []
        parts += [self.plural, name, subresource]
        return "/".join(p if p.startswith("/") else quote(p, safe="") for p in parts if p)


CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
EVENTS = Resource("events.k8s.io", "v1", "events", "Event", namespaced=True)
SECRETS = Resource("", "v1", "secrets", "Secret", namespaced=True)
"""Kinds that every cluster has: they need no discovery."""
