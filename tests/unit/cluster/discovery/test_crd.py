"""What is read out of a CRD."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.discovery import CrdVersion, Packed, Scale, read_crd
from auditor.cluster.discovery.crd import precedence
from auditor.json import Json, JsonObject
from tests.unit.cluster.discovery.making import condition, make_crd


def test_a_crd_as_it_is_stored() -> None:
    crd = make_crd("v1", "v2", "v1beta1", storage="v2")
    crd["spec"]["versions"][1] |= {
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        }
    }
    crd["spec"]["versions"][2] |= {"served": False, "deprecated": True}
    kind = read_crd(crd)
    assert (kind.name, kind.group, kind.kind, kind.plural) == (
        "databases.db.example.com",
        "db.example.com",
        "Database",
        "databases",
    )
    assert (kind.namespaced, kind.established, kind.terminating, kind.problems) == (True, True, False, ())
    assert kind.served_versions == ("v2", "v1")
    assert (kind.storage_version, kind.stored_versions) == ("v2", ("v2",))
    assert kind.versions[0] == CrdVersion(
        "v2",
        served=True,
        storage=True,
        status=True,
        scale=Scale(".spec.replicas", ".status.replicas"),
        schema=Packed.pack({"type": "object", "description": "v2"}),
    )
    assert kind.schema("v1") == {"type": "object", "description": "v1"}
    assert kind.schema("v9") is None
    assert kind.generation == 1
    assert kind.conversion.strategy == "None"


def test_as_a_resource() -> None:
    crd = make_crd("v1", "v2", "v3alpha1", storage="v1")
    crd["spec"]["versions"][0]["subresources"] = {"status": {}}
    kind = read_crd(crd)
    preferred, older = kind.resource(), kind.resource("v1")
    assert preferred is not None
    assert older is not None
    assert (preferred.name, preferred.version, preferred.subresources) == (kind.name, "v2", frozenset())
    assert (older.version, older.subresources, older.short_names) == ("v1", frozenset({"status"}), ("db",))
    assert "watch" in preferred.verbs
    crd["spec"]["versions"][1]["served"] = False
    assert read_crd(crd).resource("v2") is None
    assert read_crd(crd).resource() == older
    for version in crd["spec"]["versions"]:
        version["served"] = False
    assert read_crd(crd).resource() is None


def test_what_was_accepted_is_what_is_served() -> None:
    crd = make_crd("v1")
    crd["spec"]["names"] = crd["spec"]["names"] | {"shortNames": ["po"], "singular": "pod"}
    crd["status"]["conditions"][0] = condition("NamesAccepted", "False", "ShortNamesConflict", '"po" is in use')
    kind = read_crd(crd)
    assert (kind.established, kind.short_names, kind.singular) == (True, ("db",), "database")
    assert kind.problems == ('NamesAccepted: ShortNamesConflict: "po" is in use',)


def test_before_the_api_server_has_seen_it() -> None:
    crd = make_crd("v1")
    del crd["status"]
    kind = read_crd(crd)
    assert (kind.kind, kind.established, kind.stored_versions) == ("Database", False, ())
    assert kind.problems == ("the API server has not yet accepted it",)


def test_a_conflict_of_names() -> None:
    crd = make_crd("v1")
    crd["status"] = {
        "acceptedNames": {"plural": "", "kind": ""},
        "conditions": [
            condition("NamesAccepted", "False", "PluralConflict", "taken"),
            condition("Established", "False", "NotAccepted", "not all names are accepted"),
        ],
    }
    kind = read_crd(crd)
    assert (kind.kind, kind.plural, kind.established) == ("Database", "databases", False)
    assert kind.problems[0] == "NamesAccepted: PluralConflict: taken"


@pytest.mark.parametrize("how", ["condition", "timestamp"])
def test_one_that_is_being_deleted(how: str) -> None:
    crd = make_crd("v1")
    if how == "condition":
        crd["status"]["conditions"].append(condition("Terminating", "True", "InstanceDeletionInProgress", "wait"))
    else:
        crd["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"
    assert read_crd(crd).terminating is True


VERSIONS = ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10", "v1gamma1"]


@given(st.permutations(VERSIONS))
def test_versions_in_the_order_of_the_api_server(shuffled: list[str]) -> None:
    assert sorted(shuffled, key=precedence) == VERSIONS


@given(st.dictionaries(st.text(max_size=3), st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)))
def test_packing_keeps_values_and_forgets_order(value: JsonObject) -> None:
    packed = Packed.pack(value)
    assert packed.unpack() == value
    assert packed == Packed.pack(dict(reversed(value.items())))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.sampled_from(["spec", "status", "metadata"]), st.sampled_from([*make_crd("v1")["spec"], "conditions"]), JSON)
def test_nothing_that_is_malformed_makes_it_fail(part: str, field: str, value: Json) -> None:
    crd = make_crd("v1")
    crd[part][field] = value
    read_crd(crd)


def test_real_crds(shared_data: Path) -> None:
    seen = 0
    for path in sorted(shared_data.rglob("*.yaml")):
        text = path.read_text()
        if not re.search("^kind: CustomResourceDefinition$", text, re.MULTILINE) or len(text) > 300_000:
            continue
        for crd in yaml.load_all(text, Loader=yaml.CSafeLoader):
            if not crd or crd["kind"] != "CustomResourceDefinition":
                continue
            seen += 1
            kind = read_crd(crd)
            names = [version["name"] for version in crd["spec"]["versions"]]
            assert (kind.name, kind.kind) == (crd["metadata"]["name"], crd["spec"]["names"]["kind"])
            assert {v.name for v in kind.versions} == set(names)
            for version in crd["spec"]["versions"]:
                assert kind.schema(version["name"]) == version["schema"]["openAPIV3Schema"]
    assert seen > 10
