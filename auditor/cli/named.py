"""Objects of a cluster as people name them to kubectl: KIND, KIND/NAME, KIND NAME..., in the context's namespace."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from auditor.dataclass import dataclass
from auditor.errors import UsageError

if TYPE_CHECKING:
    from auditor.cluster import Client, Resource
    from auditor.cluster.discovery import Discovery

namespace_option = click.option(
    "-n", "--namespace", default="", metavar="NAME", help="Of the objects. Default: that of the context."
)


@dataclass(frozen=True, slots=True)
class Named:
    kind: str
    """As it was typed: plural, singular or short name, with or without group."""
    name: str = ""
    """Empty: all of the kind."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What somebody named, as this cluster has it."""

    resource: "Resource"
    namespace: str
    """Empty for a kind that has none, and where all namespaces are meant."""
    name: str = ""


def read_names(words: Sequence[str]) -> list[Named]:
    """As kubectl reads them; what it would refuse is refused."""
    if not words:
        return []
    if any("/" in word for word in words):
        return [_read_pair(word) for word in words]
    kinds, *names = words
    found = [Named(kind, name) for kind in kinds.split(",") for name in (names or [""])]
    if not all(each.kind for each in found):
        raise UsageError(f"{kinds}: a kind has no name there")
    return found


def _read_pair(word: str) -> Named:
    kind, slash, name = word.partition("/")
    if not (kind and slash and name) or "/" in name:
        raise UsageError(f"{word}: write KIND/NAME, as in databasecluster/main, for each object, or KIND NAME...")
    return Named(kind, name)


def seek(discovery: "Discovery", named: Sequence[Named], *, namespace: str) -> list[Sought]:
    """Raises UnknownKindError for a kind that the cluster does not have."""
    found = []
    for each in named:
        resource = discovery.find(each.kind)
        found.append(Sought(resource, namespace if resource.namespaced else "", each.name))
    return found


def namespace_of(client: "Client", given: str) -> str:
    """Where no other is named, that of the context."""
    return given or client.transport.access.namespace or "default"


def tell_program() -> str:
    """`auditor`, or `kubectl auditor`: as the person has called it."""
    return click.get_current_context().find_root().info_name or "auditor"
