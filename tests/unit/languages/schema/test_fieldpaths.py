"""Paths of expressions, looked up in a schema."""

import pytest

from auditor.languages.schema.fieldpaths import Path
from auditor.languages.schema.structural import StructuralSchema

STRING = {"type": "string"}
MEMBER = {"type": "object", "required": ["id"], "properties": {"id": STRING, "cpu": {"type": "integer"}}}
SCHEMA = StructuralSchema.compile(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "replicas": {"type": "integer"},
                    "members": {
                        "type": "array",
                        "items": MEMBER,
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["id"],
                    },
                    "tags": {"type": "array", "items": STRING, "x-kubernetes-list-type": "set"},
                    "plain": {"type": "array", "items": STRING},
                    "labels": {"type": "object", "additionalProperties": STRING},
                    "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "block": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": STRING}},
                    "template": {
                        "type": "object",
                        "x-kubernetes-embedded-resource": True,
                        "properties": {"spec": {"type": "object"}},
                    },
                },
            }
        },
    }
)


@pytest.mark.parametrize(
    ("path", "at", "nearest"),
    [
        (("spec", "replcas"), 1, "replicas"),
        (("spce",), 0, "spec"),
        (("metdata", "name"), 0, "metadata"),
        (("spec", "members", 0, "cpus"), 3, "cpu"),
        (("spec", "members", "cpu"), 2, ""),
        (("spec", "replicas", "x"), 2, ""),
        (("spec", "zzzzzz"), 1, ""),
        (("spec", "template", "kindd"), 2, "kind"),
    ],
)
def test_unknown_paths(path: Path, at: int, nearest: str) -> None:
    found = SCHEMA.nearest(path)
    assert found is not None
    assert (found.at, found.nearest) == (at, nearest)


@pytest.mark.parametrize(
    "path",
    [
        (),
        ("spec",),
        ("spec", "members", 5, "cpu"),
        ("spec", "labels", "whatever"),
        ("spec", "open", "what", "ever"),
        ("metadata", "labels", "x"),
        ("kind",),
        ("spec", "template", "metadata", "name"),
    ],
)
def test_known_paths(path: Path) -> None:
    assert SCHEMA.nearest(path) is None


def test_fields() -> None:
    assert SCHEMA.fields(()) == ("spec", "apiVersion", "kind", "metadata")
    assert SCHEMA.fields(("spec", "members", 0)) == ("id", "cpu")
    assert SCHEMA.fields(("spec", "labels")) == ()


def test_what_lists_and_maps_are() -> None:
    assert SCHEMA.set_type(("spec", "members")) == "map"
    assert SCHEMA.list_keys(("spec", "members")) == ("id",)
    assert SCHEMA.set_type(("spec", "tags")) == "set"
    assert SCHEMA.set_type(("spec", "plain")) == "atomic"
    assert SCHEMA.set_type(("spec", "labels")) == ""
    assert SCHEMA.list_keys(("spec", "tags")) == ()


@pytest.mark.parametrize(
    ("pointer", "stable"),
    [
        ("/spec/members/1/cpu", "/spec/members/{id=b}/cpu"),
        ("/spec/members/7/cpu", "/spec/members/7/cpu"),
        ("/spec/tags/0", "/spec/tags/{x~1y}"),
        ("/spec/plain/0", "/spec/plain/0"),
        ("/metadata/labels/a~1b", "/metadata/labels/a~1b"),
        ("/spec/open/list/3", "/spec/open/list/3"),
        ("", ""),
    ],
)
def test_stable_paths(pointer: str, stable: str) -> None:
    obj = {"spec": {"members": [{"id": "a"}, {"id": "b"}], "tags": ["x/y"], "plain": ["p"], "open": {"list": []}}}
    assert SCHEMA.stable_path(obj, pointer) == stable
