"""Sets and list maps: what is there twice."""

import pytest

from auditor.json import Json, JsonObject
from auditor.languages.schema.structural import StructuralSchema

ANY = {"x-kubernetes-preserve-unknown-fields": True}


def found(items: JsonObject, value: Json, keys: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
    spec: JsonObject = {"type": "array", "items": items, "x-kubernetes-list-type": "map" if keys else "set"}
    if keys:
        spec["x-kubernetes-list-map-keys"] = list(keys)
    schema = StructuralSchema.compile({"type": "object", "properties": {"spec": spec}})
    return [(v.path, v.field, v.message) for v in schema.validate({"spec": value})]


def item(*keys: str) -> JsonObject:
    return {"type": "object", "required": list(keys), "properties": dict.fromkeys((*keys, "v"), ANY)}


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (["a", "b"], []),
        (["a", "b", "a"], [2]),
        (["a", "a", "a"], [1]),  # the server reports the second only
        ([1, 1.0, True], []),
        ([1, 2, 1.0, 2], [3]),
        ([{"a": 1}, {"a": 1.0}], [1]),  # composites are equal when their JSON is
        ([[1], [1]], [1]),
        ([{"a": 1}, {"a": 2}], []),
        ([None, None], [1]),
    ],
)
def test_sets(value: list[Json], at: list[int]) -> None:
    assert [path for path, _, _ in found(ANY | {"nullable": False}, value)] == [f"/spec/{i}" for i in at]


@pytest.mark.parametrize(
    ("value", "duplicates"),
    [
        ([{"k": "a"}, {"k": "b"}], []),
        ([{"k": "a"}, {"k": "a", "v": 1}], ['{"k":"a"}']),
        ([{"k": 1}, {"k": 1.0}], []),
        ([{"k": {"x": 1}}, {"k": {"x": 1}}], ['{"k":{"x":1}}']),
    ],
)
def test_maps_with_one_key(value: Json, duplicates: list[str]) -> None:
    assert [text for _, _, text in found(item("k"), value, ("k",))] == [f"Duplicate value: {d}" for d in duplicates]


def test_maps_with_two_keys() -> None:
    value = [{"k": 1, "l": 2}, {"k": 1, "l": 3}, {"k": 1.0, "l": 2}]
    assert found(item("k", "l"), value, ("k", "l")) == [("/spec/2", "spec[2]", 'Duplicate value: {"k":1,"l":2}')]


def test_in_maps_of_lists_paths_have_brackets() -> None:
    lists = {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}
    spec = {"type": "object", "additionalProperties": lists}
    schema = StructuralSchema.compile({"type": "object", "properties": {"spec": spec}})
    assert [v.field for v in schema.validate({"spec": {"x": ["a"], "y": ["a", "a"]}})] == ["spec[y][1]"]


def test_an_update_of_what_was_double_before_is_forgiven() -> None:
    spec = {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}
    schema = StructuralSchema.compile({"type": "object", "properties": {"spec": spec}})
    double = {"spec": ["a", "a"]}
    assert schema.validate({"spec": ["b", "b"]}, double) == []
    assert schema.validate(double, {"spec": ["a"]}) != []
