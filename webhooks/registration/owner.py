"""The object of the installation that owns what we register: when it goes, garbage collection takes the rest away.

It is also where an uninstall leaves word. Replicas that still run would otherwise put back at once what it removes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.access import dig, dig_text
from auditor.cluster.discovery import Discovery
from auditor.errors import NotFoundError, UsageError
from auditor.json import JsonObject

UNINSTALLED = "auditor.dev/uninstalled"
"""Annotation of the owner: since when nothing is to be registered any more. Remove it to take the uninstall back."""


class Standing(StrEnum):
    PRESENT = "present"
    GONE = "gone"
    """Deleted, or on its way, or another of the same name: what is registered for it would be collected at once."""
    UNINSTALLED = "uninstalled"


@dataclass(frozen=True, slots=True)
class Owner:
    resource: Resource
    name: str
    uid: str

    def reference(self) -> JsonObject:
        """For metadata.ownerReferences. Nothing waits for us: blockOwnerDeletion stays away."""
        return {
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            "name": self.name,
            "uid": self.uid,
        }


def find_owner(client: Client, setting: str) -> Owner | None:
    """`KIND/NAME`, the kind as kubectl takes it: `ClusterRole/auditor-webhook`. Empty, as outside of a cluster: None.

    The garbage collector knows no owner in a namespace of something that is in none, and would delete it at once.
    """
    if not setting:
        return None
    kind, slash, name = setting.partition("/")
    if not slash or not kind or not name:
        raise UsageError(f"the owner of the registration is {setting!r}: it has to be KIND/NAME, ClusterRole/auditor")
    resource = Discovery(client).find(kind)
    if resource.namespaced:
        raise UsageError(f"{setting} cannot own webhook configurations: it is in a namespace, and they are not")
    return Owner(resource, name, dig_text(client.get(resource, name), "metadata", "uid"))


def read_standing(client: Client, owner: Owner | None) -> Standing:
    """Without an owner all is well."""
    if owner is None:
        return Standing.PRESENT
    try:
        found = client.get(owner.resource, owner.name)
    except NotFoundError:
        return Standing.GONE
    if dig_text(found, "metadata", "uid") != owner.uid or dig(found, "metadata", "deletionTimestamp") is not None:
        return Standing.GONE
    return Standing.UNINSTALLED if dig(found, "metadata", "annotations", UNINSTALLED) else Standing.PRESENT


def mark_uninstalled(
    client: Client, owner: Owner, options: WriteOptions, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    patch = {"metadata": {"uid": owner.uid, "annotations": {UNINSTALLED: f"{now():%Y-%m-%dT%H:%M:%SZ}"}}}
    client.patch_merge(owner.resource, owner.name, patch, options=options)
