"""A kind, policies for it and objects of it, as files for the real program."""

import json
from collections.abc import Iterable
from pathlib import Path

from auditor.json import Json, JsonObject

CRD: JsonObject = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "shops.example.com"},
    "spec": {
        "group": "example.com",
        "names": {"kind": "Shop", "plural": "shops", "singular": "shop", "listKind": "ShopList"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
}
MATCH: JsonObject = {
    "resourceRules": [
        {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["shops"], "operations": ["CREATE"]}
    ]
}


def policy(name: str, *rules: JsonObject, **spec: Json) -> JsonObject:
    listed = [{"name": f"r{number}", **rule} for number, rule in enumerate(rules)]
    made = {"match": MATCH, **({"rules": listed} if listed else {}), **spec}
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": made}


def shop(name: str = "one", namespace: str = "town", **spec: Json) -> JsonObject:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Shop",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def write(file: Path, things: Iterable[JsonObject]) -> str:
    """Documents of JSON, whose escapes can say any character. The name, for a command that runs beside it."""
    file.write_text("\n---\n".join(map(json.dumps, things)))
    return file.name
