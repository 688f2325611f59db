"""CRDs, and real objects against them."""

from pathlib import Path

import pytest
import yaml

from auditor.errors import CompileError
from auditor.json import Json, JsonObject
from auditor.languages.schema import StructuralSchema, crd_versions, read_crd
from tests.unit.languages.schema.crds import make_crd

GO_MAP = "is of the type map[string]interface {}"


def documents(folder: Path) -> list[JsonObject]:
    return [
        d
        for p in sorted(folder.rglob("*.yaml"))
        for d in yaml.load_all(p.read_text(), yaml.CSafeLoader)
        if isinstance(d, dict)
    ]


def test_versions_and_their_subresources() -> None:
    crd = read_crd(make_crd("thing", {"type": "object"}, subresources={"status": {}, "scale": {}}))
    assert (crd.group, crd.kind, crd.plural, crd.namespaced) == ("schema.example.com", "Thing", "things", True)
    (version,) = crd.versions
    assert (version.name, version.served, version.storage, version.has_status) == ("v1", True, True, True)
    assert version.compile().fields(()) == ("spec", "zzz", "apiVersion", "kind", "metadata")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("spec",), None, "spec: must be an object"),
        (("spec", "versions"), [], "spec.versions: must be a list of at least one version"),
        (("spec", "versions"), [3], "spec.versions[0]: must be an object"),
        (("spec", "versions"), [{"name": "v1"}], "spec.versions[0].schema: must be an object"),
        (("spec", "preserveUnknownFields"), True, "spec.preserveUnknownFields: must be false"),
        (("spec", "group"), "", "spec.group: must be a text that is not empty"),
        (("spec", "names", "kind"), 5, "spec.names.kind: must be a text that is not empty"),
    ],
)
def test_what_is_no_crd(path: tuple[str, ...], value: Json, told: str) -> None:
    crd = make_crd("thing", {"type": "object"})
    parent = crd
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    with pytest.raises(CompileError) as caught:
        read_crd(crd)
    assert [p.message for p in caught.value.problems] == [told]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, ""),
        ({"n": 0}, ""),
        ({"n": -1}, "Invalid value: -1: should be a non-negative integer"),
        ({"n": 2**31}, "Invalid value: 2147483648: should be less than or equal to 2147483647"),
        ({"n": 1.0}, "Invalid value: 0: .spec.n accessor error: 1 is of the type float64, expected int64"),
        (
            {"n": {"b": [1, None], "a": True}},
            f"Invalid value: 0: .spec.n accessor error: map[a:true b:[1 <nil>]] {GO_MAP}, expected int64",
        ),
        ("x", "Invalid value: 0: .spec.n accessor error: x is of the type string, expected map[string]interface{}"),
    ],
)
def test_the_scale_subresource_points_to_a_number(spec: Json, message: str) -> None:
    anything = {"x-kubernetes-preserve-unknown-fields": True}
    scale = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n", "labelSelectorPath": ".status.s"}
    schema = read_crd(make_crd("thing", anything, subresources={"scale": scale})).versions[0].compile()
    found = [(v.field, v.path, v.message) for v in schema.validate({"spec": spec})]
    assert found == ([(".spec.n", "/spec/n", message)] if message else [])


def test_the_scale_subresource_points_to_a_selector() -> None:
    schema = StructuralSchema.compile({"type": "object"}, scale={"labelSelectorPath": ".status.s"})
    assert [v.message for v in schema.validate({"status": {"s": 1}})] == [
        'Invalid value: "": .status.s accessor error: 1 is of the type int64, expected string'
    ]


def test_versions_alone() -> None:
    crd = make_crd("thing", {"type": "object"})
    old = {**crd["spec"]["versions"][0], "name": "v1beta1", "served": False, "storage": False, "deprecated": True}
    crd["spec"]["versions"].append(old)
    found = [(v.name, v.served, v.storage, v.deprecated, v.has_status) for v in crd_versions(crd)]
    assert found == [("v1", True, True, False, False), ("v1beta1", False, False, True, False)]


@pytest.mark.parametrize(
    ("folder", "valid"),
    [("gateway-api/valid", True), ("gateway-api/invalid/standard", False), ("cloudnative-pg/valid", True)],
)
def test_real_objects(shared_data: Path, folder: str, valid: bool) -> None:
    """What each of them says the real server says too: tests/cluster/schema/test_corpus.py."""
    schemas: dict[tuple[str, str], StructuralSchema] = {}
    objects = documents(shared_data / folder)
    wanted = {(o["apiVersion"], o["kind"]) for o in objects}
    for document in documents(shared_data / folder.partition("/")[0] / "crds"):
        if document["kind"] == "CustomResourceDefinition":
            crd = read_crd(document)
            for version in crd.versions:
                key = (f"{crd.group}/{version.name}", crd.kind)
                if key in wanted:
                    schemas[key] = version.compile()
    seen = 0
    for obj in objects:
        if (obj["apiVersion"], obj["kind"]) in schemas:
            schema = schemas[obj["apiVersion"], obj["kind"]]
            violations = schema.validate(schema.receive(obj).object)
            assert (violations == []) is valid, (obj["metadata"]["name"], violations)
            seen += 1
    assert seen >= 25
