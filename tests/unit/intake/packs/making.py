"""Packs in a folder of their own, for tests."""

from pathlib import Path

import yaml

from auditor.json import Json, JsonObject

PAGE = """\
# Things

Keeps things
in order.

More of it.
"""
MATCH = [{"apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["things"], "operations": ["CREATE"]}]
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.example.com", "labels": {"of": "ours"}},
    "spec": {
        "group": "example.com",
        "names": {"kind": "Thing", "plural": "things"},
        "scope": "Namespaced",
        "conversion": {"strategy": "None"},
        "versions": [
            {
                "name": version,
                "served": True,
                "storage": version == "v1",
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
            for version in ("v1alpha1", "v1")
        ],
    },
}
CONVERSION = {
    "apiVersion": "auditor.dev/v1",
    "kind": "Conversion",
    "metadata": {"name": "things.example.com"},
    "spec": {
        "resource": {"group": "example.com", "resource": "things"},
        "steps": [{"from": "v1", "to": "v1alpha1", "jq": "."}, {"from": "v1alpha1", "to": "v1", "jq": "."}],
    },
}


def policy(name: str = "thing-sizes", **spec: Json) -> JsonObject:
    rules = [{"name": "small", "jq": ".spec.size < 3", "message": "too large"}]
    whole = {"match": {"resourceRules": MATCH}, "rules": rules, **spec}
    found: JsonObject = {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": whole}
    return found


def write_pack(folder: Path, *things: JsonObject, page: str = PAGE) -> Path:
    pack = folder / "things"
    (pack / "tests").mkdir(parents=True)
    (pack / "examples").mkdir()
    (pack / "policies.yaml").write_text(yaml.safe_dump_all(things or [policy()]))
    (pack / "tests" / "pass.yaml").write_text("this is no object, and nobody reads it here")
    if page:
        (pack / "README.md").write_text(page)
    return pack
