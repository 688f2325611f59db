"""What the names in rules stand for in one request. Each value is made when a rule first needs it, and once."""

from collections.abc import Mapping
from typing import Final

from auditor.json import Json, JsonObject
from auditor.languages import cel
from auditor.model.request import GroupVersionKind, GroupVersionResource, Request

_EMPTY: Final[Mapping[str, Json]] = {}


class RequestBindings:
    """Shared by all policies; params and lookups are of one policy each."""

    __slots__ = ("_cel", "_jq", "_request", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self._cel: dict[tuple[object, ...], cel.Bindings] = {}
        self._request: JsonObject | None = None
        self._jq: dict[str, Json] | None = None

    def cel(self, names: frozenset[str], params: Json = None, lookups: Json = None) -> "cel.Bindings":
        key = (
            "request" in names,
            "namespaceObject" in names,
            id(params) if "params" in names else None,
            id(lookups) if "lookups" in names else None,
        )
        found = self._cel.get(key)
        if found is None:
            values: dict[str, Json] = {"object": self.request.object, "oldObject": self.request.old_object}
            if key[0]:
                values["request"] = _without_empty(self.describe())
            if key[1]:
                values["namespaceObject"] = self.request.namespace_object
            if "params" in names:
                values["params"] = params
            if "lookups" in names:
                values["lookups"] = lookups
            found = self._cel[key] = cel.Bindings(**values)
        return found

    def jq(self) -> Mapping[str, Json]:
        """Without params and lookups, which are of one policy."""
        if self._jq is None:
            request = self.request
            self._jq = {
                "request": {**self.describe(), "time": request.time.isoformat()},
                "old": request.old_object,
                "namespace": request.namespace_object,
            }
        return self._jq

    def describe(self) -> JsonObject:
        """`request`, with the names that Kubernetes gives its parts."""
        if self._request is None:
            request = self.request
            described: JsonObject = {
                "kind": _kind(request.kind),
                "resource": _resource(request.resource),
                "subResource": request.subresource,
                "requestKind": _kind(request.request_kind or request.kind),
                "requestResource": _resource(request.request_resource or request.resource),
                "requestSubResource": request.subresource,
                "name": request.name,
                "namespace": request.namespace,
                "operation": str(request.operation),
                "dryRun": request.dry_run,
                "options": request.options,
            }
            if request.user is not None:
                user = request.user
                described["userInfo"] = {
                    "username": user.username,
                    "uid": user.uid,
                    "groups": list(user.groups),
                    "extra": {key: list(values) for key, values in user.extra.items()},
                }
            self._request = described
        return self._request


def _without_empty(request: JsonObject) -> JsonObject:
    """In CEL an empty part of the request is no part: `has` says so, and to read it is an error, as in Kubernetes."""
    kept = {key: value for key, value in request.items() if value != ""}
    if "userInfo" in kept:
        kept["userInfo"] = {key: value for key, value in kept["userInfo"].items() if value}
    return kept


def _kind(kind: GroupVersionKind) -> JsonObject:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _resource(resource: GroupVersionResource) -> JsonObject:
    return {"group": resource.group, "version": resource.version, "resource": resource.resource}
