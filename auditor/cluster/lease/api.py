"""The Leases of one namespace, over the room's transport."""

from dataclasses import dataclass
from typing import Protocol

import orjson

from auditor.cluster.access import dig_list, dig_text
from auditor.cluster.resource import LEASES
from auditor.cluster.transport import Query
from auditor.errors import ClusterError
from auditor.json import Json, JsonObject

MANAGER = "auditor-lease"
"""Who wrote it, in managedFields."""


class Asks(Protocol):
    """The part of Transport that is used."""

    def ask(
        self, method: str, path: str, *, what: str, query: Query = (), body: Json = None, timeout: float | None = None
    ) -> bytes: ...


@dataclass(frozen=True, slots=True)
class LeaseApi:
    """Best over a transport of its own: a renewal must not wait behind a thousand other calls for its turn."""

    transport: Asks
    namespace: str

    def get(self, name: str, *, timeout: float) -> JsonObject:
        return self._object(self._ask("GET", name, "get", timeout=timeout))

    def list(self, labels: str, *, timeout: float) -> list[JsonObject]:
        """In one page: there is one for each member, and what is decided by them has to be of one moment."""
        found = self._object(self._ask("GET", "", "list", query=[("labelSelector", labels)], timeout=timeout))
        return [item for item in dig_list(found, "items") if isinstance(item, dict)]

    def create(self, lease: JsonObject, *, timeout: float) -> JsonObject:
        query = [("fieldManager", MANAGER)]
        return self._object(self._ask("POST", "", "create", query=query, body=lease, timeout=timeout))

    def update(self, lease: JsonObject, *, timeout: float) -> JsonObject:
        name, query = dig_text(lease, "metadata", "name"), [("fieldManager", MANAGER)]
        return self._object(self._ask("PUT", name, "update", query=query, body=lease, timeout=timeout))

    def delete(self, name: str, *, uid: str, version: str, timeout: float) -> None:
        conditions = {"uid": uid, "resourceVersion": version}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": conditions}
        self._ask("DELETE", name, "delete", body=body, timeout=timeout)

    def _ask(self, method: str, name: str, verb: str, *, query: Query = (), body: Json = None, timeout: float) -> bytes:
        path = LEASES.path(namespace=self.namespace, name=name)
        what = f"{verb} {LEASES.name} {self.namespace}/{name}".rstrip("/")
        # The server is told, too, how long we wait: what it has not done by then it does not do (nor may it be a
        # fraction of a second that reads as none).
        limited = [*query, ("timeout", f"{max(timeout, 0.001):.3f}s")]
        return self.transport.ask(method, path, what=what, query=limited, body=body, timeout=timeout)

    def _object(self, answer: bytes) -> JsonObject:
        try:
            found = orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            raise ClusterError("the answer of the API server on Leases is no JSON") from error
        if not isinstance(found, dict):
            raise ClusterError("the answer of the API server on Leases is no object")
        return found
