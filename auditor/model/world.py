"""What a request carries of the world around its object. The engine asks nothing else, and nobody else."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol

from auditor.dataclass import dataclass
from auditor.json import Json, JsonObject
from auditor.model.exception import PolicyException
from auditor.model.match import Kinds


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which objects a lookup can do with: whoever keeps them by index gives no others, who does not gives all."""

    namespace: str = ""
    """Empty: of any."""
    pointer: str = ""
    """Those that have `value` there. Empty: whatever they have."""
    value: Json = None


EVERYTHING = Narrowing()


class Objects(Protocol):
    """Other objects that rules may read: params and lookups. None: what there is cannot be known now."""

    def of_kind(self, api_version: str, kind: str) -> Sequence[JsonObject] | None: ...

    def of_resource(
        self, group: str, resource: str, narrowing: Narrowing = EVERYTHING
    ) -> Sequence[JsonObject] | None: ...


@dataclass(frozen=True, slots=True)
class Given:
    """Objects that are all there is, as on files; nothing of a kind means that there is none."""

    by_kind: Mapping[tuple[str, str], Sequence[JsonObject]] = field(default_factory=dict)
    by_resource: Mapping[tuple[str, str], Sequence[JsonObject]] = field(default_factory=dict)

    def of_kind(self, api_version: str, kind: str) -> Sequence[JsonObject] | None:
        return self.by_kind.get((api_version, kind), ())

    def of_resource(self, group: str, resource: str, narrowing: Narrowing = EVERYTHING) -> Sequence[JsonObject] | None:
        return self.by_resource.get((group, resource), ())


# Parts of Kubernetes that clean up and keep the books: a policy that stops them leaves namespaces and objects that
# never go. With and without a service account for each controller.
SYSTEM_USERS = frozenset(
    {
        "system:apiserver",
        "system:kube-controller-manager",
        "system:kube-scheduler",
        "system:serviceaccount:kube-system:generic-garbage-collector",
        "system:serviceaccount:kube-system:namespace-controller",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    objects: Objects = field(default_factory=Given)
    kinds: Kinds = field(default_factory=Kinds)
    exceptions: Sequence[PolicyException] = ()
    own_namespace: str = "auditor-system"
    """Where exceptions for cluster-scoped objects count."""
    excluded_users: frozenset[str] = SYSTEM_USERS
    """Whose requests our own policies leave alone."""
