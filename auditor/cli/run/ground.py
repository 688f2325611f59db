"""What has to be in the cluster before the two can do anything: our CRDs and our namespace."""

import logging
import time
from typing import Final

import yaml

from auditor import crds
from auditor.cli.run.age import list_lacks
from auditor.cluster import Client
from auditor.cluster.access import dig_text
from auditor.cluster.discovery.established import wait_established
from auditor.cluster.resource import CRDS, LEASES, NAMESPACES, Resource
from auditor.errors import AlreadyExistsError, ClusterError, ConnectionConfigError, NotFoundError, UsageError
from auditor.json import JsonObject

log = logging.getLogger(__name__)

PATIENCE: Final = 15.0
"""Seconds until the CRDs are served. An idle API server takes some tenths; its slowest controller looks every 10 s."""
MANAGED: Final = "app.kubernetes.io/managed-by"
LEASED: Final = ("auditor-webhook", "auditor-watch")
"""Who finds no Lease waits as long as one lasts, as somebody may hold it; one that is given back is taken at once."""


def check(client: Client, namespace: str) -> None:
    """UsageError: something is missing, and how it comes. What cannot be asked now, the two wait for."""
    try:
        missing = _find_missing(client, namespace)
        old = _find_old(client)
    except ConnectionConfigError:
        raise
    except ClusterError as error:
        log.warning("whether auditor is installed is not known yet: %s", error)
        return
    if missing:
        names = ", ".join(f"{resource.plural}/{thing['metadata']['name']}" for resource, thing in missing)
        raise UsageError(
            f"auditor is not installed in this cluster, or not wholly: {names} missing. `auditor run --install` creates"
            " what is missing, and renews what is older than itself"
        )
    for thing, lacks in old:
        log.warning("%s `auditor run --install` renews it", _tell_age(thing, lacks))


def install(client: Client, namespace: str) -> None:
    """Raises ClusterError."""
    missing = _find_missing(client, namespace)
    for thing, lacks in _find_old(client):
        _renew(client, thing, lacks)
    for resource, thing in missing:
        _create(client, resource, thing)
    if any(resource == NAMESPACES for resource, _ in missing):
        for name in LEASED:
            _create(client, LEASES, _free_lease(name, namespace))
    deadline = time.monotonic() + PATIENCE
    for resource, thing in missing:
        if resource == CRDS:
            wait_established(client, thing["metadata"]["name"], until=deadline)


def _find_missing(client: Client, namespace: str) -> list[tuple[Resource, JsonObject]]:
    wanted = [(CRDS, each) for each in _read_ours()]
    own = {"apiVersion": NAMESPACES.api_version, "kind": NAMESPACES.kind, "metadata": {"name": namespace}}
    return [
        (resource, thing)
        for resource, thing in (*wanted, (NAMESPACES, own))
        if _get(client, resource, thing["metadata"]["name"]) is None
    ]


def _find_old(client: Client) -> list[tuple[JsonObject, list[str]]]:
    """The CRDs as they are there, each with the fields that it lacks: what has these cannot be written."""
    found = ((_get(client, CRDS, ours["metadata"]["name"]), ours) for ours in _read_ours())
    pairs = ((there, list_lacks(there, ours)) for there, ours in found if there is not None)
    return [(there, lacks) for there, lacks in pairs if lacks]


def _read_ours() -> list[JsonObject]:
    return [yaml.load(crds.read(name), yaml.CSafeLoader) for name in crds.names()]


def _get(client: Client, resource: Resource, name: str) -> JsonObject | None:
    try:
        return client.get(resource, name)
    except NotFoundError:
        return None


def _tell_age(there: JsonObject, lacks: list[str]) -> str:
    name = dig_text(there, "metadata", "name")
    return f"{CRDS.plural}/{name} is older than this auditor: it lacks {lacks[0]} and {len(lacks) - 1} more fields."


def _renew(client: Client, there: JsonObject, lacks: list[str]) -> None:
    """Its versions only: labels, and how it is converted, stay."""
    name = dig_text(there, "metadata", "name")
    if manager := dig_text(there, "metadata", "labels", MANAGED):
        log.warning("%s It is left to %s, which manages it: upgrade there", _tell_age(there, lacks), manager)
        return
    (ours,) = (each for each in _read_ours() if dig_text(each, "metadata", "name") == name)
    client.patch_merge(CRDS, name, {"spec": {"versions": ours["spec"]["versions"]}})
    log.warning("%s It was renewed", _tell_age(there, lacks))


def _create(client: Client, resource: Resource, thing: JsonObject) -> None:
    try:
        client.create(resource, thing)
    except AlreadyExistsError:  # somebody was faster
        return
    log.warning("%s/%s was created", resource.plural, thing["metadata"]["name"])


def _free_lease(name: str, namespace: str) -> JsonObject:
    metadata = {"name": name, "namespace": namespace}
    spec = {"holderIdentity": "", "leaseDurationSeconds": 1}
    return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": spec}
