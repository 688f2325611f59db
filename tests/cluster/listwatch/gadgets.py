"""A kind of two versions for these tests, and its objects."""

import contextlib
import secrets
import time

from auditor.cluster import Client, Resource
from auditor.cluster.resource import CRDS, NAMESPACES
from auditor.errors import AlreadyExistsError, ApiError
from auditor.json import JsonObject

GROUP = "listwatch.auditor.test"
GADGETS = Resource(GROUP, "v1", "gadgets", "Gadget", namespaced=True)
OLD_GADGETS = Resource(GROUP, "v1beta1", "gadgets", "Gadget", namespaced=True)


SPEC = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {"color": {"type": "string"}},
}
SCHEMA = {"type": "object", "properties": {"spec": SPEC}}


def make_crd(resource: Resource) -> JsonObject:
    def version(name: str) -> JsonObject:
        return {
            "name": name,
            "served": True,
            "storage": name == "v1",
            "schema": {"openAPIV3Schema": SCHEMA},
            "selectableFields": [{"jsonPath": ".spec.color"}],
        }

    return {
        "apiVersion": CRDS.api_version,
        "kind": CRDS.kind,
        "metadata": {"name": resource.name},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced",
            "names": {"plural": resource.plural, "kind": resource.kind},
            "versions": [version("v1beta1"), version("v1")],
        },
    }


def install(client: Client, resource: Resource = GADGETS) -> None:
    crd = make_crd(resource)
    with contextlib.suppress(AlreadyExistsError):  # another worker of this run
        client.create(CRDS, crd)
    deadline = time.monotonic() + 20
    while True:
        try:
            list(client.list(resource))
            return
        except ApiError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def make_namespace(client: Client) -> str:
    name = f"listwatch-{secrets.token_hex(4)}"
    client.create(NAMESPACES, {"metadata": {"name": name}})
    return name


class Objects:
    """Those of one namespace, written as a person would."""

    def __init__(self, client: Client, namespace: str, resource: Resource = GADGETS) -> None:
        self._client, self.namespace, self._resource = client, namespace, resource

    def write(self, name: str, color: str = "red", **labels: str) -> None:
        obj = {
            "apiVersion": self._resource.api_version,
            "kind": self._resource.kind,
            "metadata": {"name": name, "namespace": self.namespace, "labels": labels},
            "spec": {"color": color},
        }
        self._client.apply(self._resource, obj)

    def delete(self, name: str) -> None:
        self._client.delete(self._resource, name, namespace=self.namespace)
