"""Files for tests, each with only what a test says of it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auditor.intake.found import Scan
from auditor.intake.prepare import prepare
from auditor.intake.scan import scan
from auditor.json import Json, JsonObject

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MATCH = {
    "resourceRules": [
        {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["things"], "operations": ["*"]}
    ]
}


def write(path: Path, *documents: Json) -> str:
    """As JSON documents of one file, which YAML readers read, too."""
    path.write_text("\n---\n".join(json.dumps(document) for document in documents), encoding="utf-8")
    return str(path)


def policy(name: str = "sizes", rules: Iterable[JsonObject] = (), **spec: Any) -> JsonObject:
    named = [{"name": f"r{i}", **rule} for i, rule in enumerate(rules)]
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": {"match": MATCH, "rules": named, **spec},
    }


def thing(name: str = "one", *, version: str = "v1", **spec: Json) -> JsonObject:
    return {
        "apiVersion": f"example.com/{version}",
        "kind": "Thing",
        "metadata": {"name": name, "namespace": "here"},
        "spec": spec,
    }


def crd(*versions: str, schema: JsonObject | None = None, strategy: str = "None") -> JsonObject:
    """Of things; the first version is stored."""
    spec = schema or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    root = {"type": "object", "properties": {"spec": spec}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Namespaced",
            "conversion": {"strategy": strategy},
            "versions": [
                {"name": each, "served": True, "storage": i == 0, "schema": {"openAPIV3Schema": root}}
                for i, each in enumerate(versions or ("v1",))
            ],
        },
    }


def judge(folder: Path, policies: Iterable[Json], objects: Iterable[Json], **options: Any) -> Scan:
    prepared = prepare([write(folder / "policies.json", *policies)])
    return scan([write(folder / "objects.json", *objects)], prepared, time=NOW, **options)


def results(found: Scan) -> list[tuple[str, str, str]]:
    return [(f"{finding.policy}/{finding.rule}", finding.result, finding.message) for _, finding in found.findings()]
