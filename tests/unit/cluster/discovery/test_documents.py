"""Both forms of discovery, and what is wrong in them."""

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.discovery.documents import Served, read_resources, read_root
from auditor.json import Json
from tests.unit.cluster.discovery.making import aggregated, make_resource, resource_list

DATABASE = make_resource("databases.db.example.com", "Database", version="v2", short="db", category="all")


def fields(served: list[Served] | None) -> list[tuple[object, ...]]:
    """All of them: resources are equal by their names alone."""
    return [(s.group, s.version, s.resources and [asdict(r) for r in s.resources]) for s in served or []]


def test_the_aggregated_form() -> None:
    document = aggregated(("", [("v1", [])]), ("db.example.com", [("v2", [DATABASE]), ("v1", []), ("v1beta1", None)]))
    assert fields(read_root(document)) == [
        ("", "v1", ()),
        ("db.example.com", "v2", [asdict(DATABASE)]),
        ("db.example.com", "v1", ()),
        ("db.example.com", "v1beta1", None),
    ]


def test_a_stale_version_is_not_believed() -> None:
    document = aggregated(("db.example.com", [("v2", [DATABASE])]))
    document["items"][0]["versions"][0]["freshness"] = "Stale"
    assert read_root(document) == [Served("db.example.com", "v2")]


def test_entries_without_a_kind_are_left_out() -> None:
    document = aggregated(("db.example.com", [("v2", [DATABASE])]))
    resources = document["items"][0]["versions"][0]["resources"]
    resources += [{"resource": "headless"}, {"responseKind": {"kind": "Nameless"}}, None, 7]
    assert fields(read_root(document)) == [("db.example.com", "v2", [asdict(DATABASE)])]


def test_both_forms_say_the_same() -> None:
    assert [asdict(r) for r in read_resources("db.example.com", "v2", resource_list(DATABASE)) or ()] == [
        asdict(DATABASE)
    ]


def test_the_old_form_puts_the_preferred_version_first() -> None:
    versions = [{"groupVersion": f"g.io/{v}", "version": v} for v in ("v1alpha1", "v1", "v1beta1")]
    document = {
        "kind": "APIGroupList",
        "groups": [{"name": "g.io", "versions": versions, "preferredVersion": {"version": "v1"}}],
    }
    assert [s.api_version for s in read_root(document) or []] == ["g.io/v1", "g.io/v1alpha1", "g.io/v1beta1"]
    assert read_root({"kind": "APIVersions", "versions": ["v1"]}) == [Served("", "v1")]


def test_without_a_singular_name_it_is_that_of_the_kind() -> None:
    pod = make_resource("pods", "Pod")
    nameless = replace(pod, singular="")
    (served,) = read_root(aggregated(("", [("v1", [nameless])]))) or []
    for read in (served.resources, read_resources("", "v1", resource_list(nameless))):
        assert read is not None
        assert asdict(read[0]) == asdict(pod)


@pytest.mark.parametrize("document", [None, [], 7, {}, {"kind": "Status"}, "text"])
def test_other_documents_are_neither(document: Json) -> None:
    assert read_root(document) is None
    assert read_resources("", "v1", document) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.sampled_from(["items", "groups", "versions", "resources"]), JSON, JSON)
def test_no_document_makes_it_fail(field: str, content: Json, entry: Json) -> None:
    entries = [content, {"name": "x", "metadata": content, "versions": [entry, content, {"resources": [entry]}]}]
    for kind in ("APIGroupDiscoveryList", "APIGroupList", "APIVersions", "APIResourceList"):
        document = {"kind": kind, field: entries}
        read_root(document)
        read_resources("g", "v1", document)
