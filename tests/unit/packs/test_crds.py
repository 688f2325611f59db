"""The CRDs of our packs: complete, structural, described."""

from collections.abc import Iterator

import pytest

from auditor.json import JsonObject
from auditor.languages.schema import read_crd
from tests.unit.packs.shipped import OWN, pack_of, read_crds

GROUPS = {f"{each}.auditor.dev" for each in ("ai", "gateway", "apps", "db")}
CRDS = [(name, crd) for name in OWN for crd in read_crds(name)]
VERSIONS = [
    pytest.param(crd, version, id=f"{crd['metadata']['name']}-{version['name']}")
    for _, crd in CRDS
    for version in crd["spec"]["versions"]
]


@pytest.mark.parametrize("crd", [pytest.param(crd, id=crd["metadata"]["name"]) for _, crd in CRDS])
def test_it_has_all_names_that_people_type(crd: JsonObject) -> None:
    spec = crd["spec"]
    names = spec["names"]
    assert spec["group"] in GROUPS
    assert crd["metadata"]["name"] == f"{names['plural']}.{spec['group']}"
    assert names["singular"] == names["kind"].lower()
    assert names["listKind"] == f"{names['kind']}List"
    assert names["shortNames"]
    assert "auditor" in names["categories"]
    assert "conversion" not in spec or not pack_has_conversion(crd)


def pack_has_conversion(crd: JsonObject) -> bool:
    converted = {each["metadata"]["name"] for name in OWN for each in pack_of(name).conversions}
    return crd["metadata"]["name"] in converted


def test_short_names_are_of_one_kind_only() -> None:
    given = [short for _, crd in CRDS for short in crd["spec"]["names"]["shortNames"]]
    assert len(set(given)) == len(given)


@pytest.mark.parametrize(("crd", "version"), VERSIONS)
def test_each_version_is_structural_and_has_status_and_columns(crd: JsonObject, version: JsonObject) -> None:
    compiled = next(each for each in read_crd(crd).versions if each.name == version["name"])
    assert list(compiled.compile().problems()) == []
    assert version["subresources"]["status"] == {}
    columns = [column["name"] for column in version["additionalPrinterColumns"]]
    assert "Age" in columns
    assert len(columns) >= 3
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    if "replicas" in properties["spec"]["properties"]:
        assert version["subresources"]["scale"]["specReplicasPath"] == ".spec.replicas"


@pytest.mark.parametrize(("crd", "version"), VERSIONS)
def test_each_version_has_conditions_as_everybody_reads_them(crd: JsonObject, version: JsonObject) -> None:
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    assert status["observedGeneration"]["type"] == "integer"
    conditions = status["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert {"type", "status", "lastTransitionTime", "reason", "message"} <= {*conditions["items"]["required"]}


@pytest.mark.parametrize(("crd", "version"), VERSIONS)
def test_each_field_is_described(crd: JsonObject, version: JsonObject) -> None:
    schema = version["schema"]["openAPIV3Schema"]
    assert schema["description"]
    assert [path for path, each in _fields(schema, "") if not each.get("description")] == []


@pytest.mark.parametrize(("crd", "version"), VERSIONS)
def test_each_rule_of_the_schema_has_a_message(crd: JsonObject, version: JsonObject) -> None:
    for path, each in [("", version["schema"]["openAPIV3Schema"]), *_fields(version["schema"]["openAPIV3Schema"], "")]:
        for rule in each.get("x-kubernetes-validations", []):
            assert rule.get("message") or rule.get("messageExpression"), f"{path}: {rule['rule']}"


def _fields(schema: JsonObject, path: str) -> Iterator[tuple[str, JsonObject]]:
    for name, each in (schema.get("properties") or {}).items():
        if path or name not in ("apiVersion", "kind", "metadata"):  # the API server describes these
            yield f"{path}.{name}", each
            yield from _fields(each, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from _fields(schema[word], f"{path}[]")
