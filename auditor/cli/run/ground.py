"""What has to be in the cluster before the two can do anything: our CRDs and our namespace."""

import logging
import time
from typing import Final

import yaml

from auditor import crds
from auditor.cluster import Client
from auditor.cluster.discovery.established import wait_established
from auditor.cluster.resource import CRDS, LEASES, NAMESPACES, Resource
from auditor.errors import AlreadyExistsError, ClusterError, ConnectionConfigError, NotFoundError, UsageError
from auditor.json import JsonObject

log = logging.getLogger(__name__)

PATIENCE: Final = 15.0
"""Seconds until the CRDs are served. An idle API server takes some tenths; its slowest controller looks every 10 s."""
LEASED: Final = ("auditor-webhook", "auditor-watch")
"""Who finds no Lease waits as long as one lasts, as somebody may hold it; one that is given back is taken at once."""


def check(client: Client, namespace: str) -> None:
    """UsageError: something is missing, and how it comes. What cannot be asked now, the two wait for."""
    try:
        missing = _find_missing(client, namespace)
    except ConnectionConfigError:
        raise
    except ClusterError as error:
        log.warning("whether auditor is installed is not known yet: %s", error)
        return
    if missing:
        names = ", ".join(f"{resource.plural}/{thing['metadata']['name']}" for resource, thing in missing)
        raise UsageError(
            f"auditor is not installed in this cluster, or not wholly: {names} missing. `auditor run --install` creates"
            " what is missing, and leaves alone what is there"
        )


def install(client: Client, namespace: str) -> None:
    """Raises ClusterError."""
    missing = _find_missing(client, namespace)
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
    wanted = [(CRDS, yaml.safe_load(crds.read(name))) for name in crds.names()]
    own = {"apiVersion": NAMESPACES.api_version, "kind": NAMESPACES.kind, "metadata": {"name": namespace}}
    return [
        (resource, thing)
        for resource, thing in (*wanted, (NAMESPACES, own))
        if not _exists(client, resource, thing["metadata"]["name"])
    ]


def _exists(client: Client, resource: Resource, name: str) -> bool:
    try:
        client.get(resource, name)
    except NotFoundError:
        return False
    return True


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
