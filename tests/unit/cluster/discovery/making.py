"""Kinds, documents and a server that answers from a dictionary."""

from dataclasses import dataclass, field
from threading import Lock
from typing import cast

import orjson

from auditor.cluster.client import Client
from auditor.cluster.resource import Resource
from auditor.cluster.transport import Transport
from auditor.errors import ClusterError, NotFoundError
from auditor.json import Json, JsonObject


def make_resource(name: str, kind: str, *, version: str = "v1", short: str = "", category: str = "") -> Resource:
    plural, _, group = name.partition(".")
    return Resource(
        group,
        version,
        plural,
        kind,
        namespaced=True,
        singular=kind.lower(),
        short_names=tuple(short.split()),
        categories=tuple(category.split()),
        verbs=frozenset({"get", "list"}),
        subresources=frozenset({"status"}),
    )


def aggregated(*groups: tuple[str, list[tuple[str, list[Resource] | None]]]) -> JsonObject:
    """None stands for a version that is stale."""
    return {
        "kind": "APIGroupDiscoveryList",
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {"version": version, "freshness": "Stale"}
                    if resources is None
                    else {"version": version, "freshness": "Current", "resources": [_entry(r) for r in resources]}
                    for version, resources in versions
                ],
            }
            for group, versions in groups
        ],
    }


def _entry(resource: Resource) -> JsonObject:
    return {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "shortNames": list(resource.short_names),
        "categories": list(resource.categories),
        "verbs": sorted(resource.verbs),
        "subresources": [{"subresource": s, "responseKind": {}, "verbs": ["get"]} for s in resource.subresources],
    }


def resource_list(*resources: Resource) -> JsonObject:
    """Of one group and version, in the old form."""
    entries: list[JsonObject] = []
    for r in resources:
        main = {"name": r.plural, "singularName": r.singular, "namespaced": r.namespaced, "kind": r.kind}
        lists = {"shortNames": list(r.short_names), "categories": list(r.categories), "verbs": sorted(r.verbs)}
        entries.append(main | lists)
        entries += [{"name": f"{r.plural}/{s}", "kind": r.kind, "verbs": ["get"]} for s in r.subresources]
    return {"kind": "APIResourceList", "resources": entries}


@dataclass(slots=True)
class Server:
    """Stands in for the transport."""

    answers: dict[str, Json] = field(default_factory=dict)
    """Path -> a document, bytes, or the error to raise."""
    asked: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def answer(self, path: str) -> bytes:
        with self.lock:
            self.asked.append(path)
        answer = self.answers.get(path)
        if answer is None:
            raise NotFoundError(f"discover {path}", code=404)
        if isinstance(answer, ClusterError):
            raise answer
        return answer if isinstance(answer, bytes) else orjson.dumps(answer)

    def ask(self, method: str, path: str, *, what: str, accept: str, timeout: float | None = None) -> bytes:
        assert method == "GET"
        assert path in what
        assert "json" in accept
        return self.answer(path)

    @property
    def client(self) -> Client:
        return Client(cast(Transport, self))


def condition(name: str, status: str, reason: str = "", message: str = "") -> JsonObject:
    return {"type": name, "status": status, "reason": reason, "message": message}


def make_crd(*versions: str, storage: str = "v1") -> JsonObject:
    """As the API server stores it, established."""
    names = {
        "kind": "Database",
        "listKind": "DatabaseList",
        "plural": "databases",
        "singular": "database",
        "shortNames": ["db"],
    }
    return {
        "metadata": {"name": "databases.db.example.com", "uid": "u1", "generation": 1, "resourceVersion": "1"},
        "spec": {
            "group": "db.example.com",
            "names": dict(names),
            "scope": "Namespaced",
            "conversion": {"strategy": "None"},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == storage,
                    "schema": {"openAPIV3Schema": {"type": "object", "description": version}},
                }
                for version in versions
            ],
        },
        "status": {
            "acceptedNames": names,
            "storedVersions": [storage],
            "conditions": [condition("NamesAccepted", "True"), condition("Established", "True")],
        },
    }
