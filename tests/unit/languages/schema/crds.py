"""CRDs for tests: a schema for `spec` in the least frame that the server takes."""

import hashlib
import json
from functools import cache

from auditor.errors import CompileError
from auditor.json import Json, JsonObject
from auditor.languages.schema.structural import StructuralSchema
from tests.unit.languages.schema.generate import Generator

GROUP = "schema.example.com"


def make_crd(name: str, spec: JsonObject, *, root: JsonObject | None = None, subresources: Json = None) -> JsonObject:
    """`zzz` takes one text only, which is made of the schema: what refuses another text tells which schema it uses."""
    text = json.dumps([spec, root], sort_keys=True)
    zzz = {"type": "string", "enum": [f"schema {hashlib.sha256(text.encode()).hexdigest()}"]}
    schema = {"type": "object", "properties": {"spec": spec, "zzz": zzz}, **(root or {})}
    version: JsonObject = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    if subresources is not None:
        version["subresources"] = subresources
    kind = name.capitalize()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name}s.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": f"{name}s", "singular": name, "kind": kind, "listKind": f"{kind}List"},
            "versions": [version],
        },
    }


def make_object(name: str, spec: Json, **more: Json) -> JsonObject:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": name.capitalize(),
        "metadata": {"name": "one", "namespace": "default"},
        "spec": spec,
        **more,
    }


def probe_of(crd: JsonObject) -> tuple[JsonObject, str]:
    """What only this very schema refuses in these words: for Resource.wait."""
    told: str = schema_of(crd)["properties"]["zzz"]["enum"][0]
    return make_object(crd["spec"]["names"]["singular"], None, zzz="another"), told


def schema_of(crd: JsonObject) -> JsonObject:
    schema: JsonObject = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


@cache
def generated(seed: int) -> StructuralSchema | None:
    """A random schema for `x`; None where it is not structural."""
    try:
        return StructuralSchema.compile(schema_of(make_crd("x", Generator(seed).object_schema())))
    except CompileError:
        return None
