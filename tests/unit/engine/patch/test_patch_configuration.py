"""Merging by schema, as server-side apply merges."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.patch import PatchError, Shape, ShapeKind, apply_configuration
from auditor.json import Json
from tests.unit.engine.patch.json_values import objects


@dataclass(frozen=True)
class Node:
    kind: ShapeKind = ShapeKind.UNKNOWN
    fields: Mapping[str, "Node"] = field(default_factory=dict)
    items: "Node | None" = None
    keys: tuple[str, ...] = ()
    defaults: Mapping[str, Json] = field(default_factory=dict)

    def field(self, name: str) -> Shape | None:
        return self.fields.get(name)

    @property
    def element(self) -> Shape:
        return self.items or Node()


ITEM = Node(ShapeKind.MAP, {"name": Node(), "port": Node(), "atom": Node(ShapeKind.ATOMIC), "v": Node()})
ROOT = Node(
    ShapeKind.MAP,
    {
        "set": Node(ShapeKind.SET),
        "list": Node(ShapeKind.LIST_MAP, items=ITEM, keys=("name", "port"), defaults={"port": 80}),
        "map": Node(ShapeKind.MAP, items=Node(ShapeKind.ATOMIC)),
        "atom": Node(ShapeKind.ATOMIC),
        "free": Node(),
    },
)


@pytest.mark.parametrize(
    ("field_name", "old", "new", "merged"),
    [
        ("set", ["a", "b"], ["c"], ["a", "b", "c"]),
        ("set", ["a", "b"], ["c", "b"], ["a", "c", "b"]),
        ("set", ["a", "b", "c"], ["c", "a"], ["b", "c", "a"]),
        ("set", ["a"], [], ["a"]),
        ("set", [], [], []),
        ("set", None, ["a"], ["a"]),
        ("set", ["a"], None, ["a"]),
        ("set", [1, True], [1.0], [1.0, True]),
        ("set", ["a", "a", "b"], ["b"], ["a", "a", "b"]),
        ("list", [{"name": "a", "v": 1}], [{"name": "a", "port": 80, "v": 2}], [{"name": "a", "v": 2, "port": 80}]),
        ("list", [{"name": "a"}], [{"name": "a", "port": 81}], [{"name": "a"}, {"name": "a", "port": 81}]),
        ("map", {"x": {"a": 1}}, {"y": [1]}, {"x": {"a": 1}, "y": [1]}),
        ("map", {"x": {"a": 1}}, {"x": {"b": 1}}, {"x": {"b": 1}}),
        ("map", {"x": 1}, None, {"x": 1}),
        ("map", {}, None, None),
        ("map", {"x": 1}, {}, {"x": 1}),
        ("free", {"a": {"l": [1, 2], "k": 1}}, {"a": {"l": [3]}}, {"a": {"l": [3], "k": 1}}),
        ("free", [1], {"a": 1}, {"a": 1}),
        ("free", {"a": 1}, 5, 5),
        ("other", {"a": 1}, {"b": [2]}, {"a": 1, "b": [2]}),
    ],
)
def test_merges(field_name: str, old: Json, new: Json, merged: Json) -> None:
    document, patch = {"kept": 1, field_name: old}, {field_name: new}
    kept = repr((document, patch))
    result = apply_configuration(document, patch, ROOT)
    assert repr(result) == repr({"kept": 1, field_name: merged})
    assert repr((document, patch)) == kept


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"atom": {"a": 1}}, "may not mutate atomic arrays, maps or structs: .atom"),
        ({"atom": [1]}, ".atom"),
        ({"free": [1]}, ".free"),
        ({"list": [{"name": "a", "atom": {}}]}, ".list[0].atom"),
        ({"set": ["a", "a"]}, "/set has two items with the same key"),
        ({"set": [{}]}, "/set/0 must be a scalar"),
        ({"set": "a"}, "/set must be a list"),
        ({"map": "a"}, "/map must be an object"),
        ({"list": [{"v": 1}]}, "/list/0 lacks name"),
        ({"list": [1]}, "/list/0 must be an object with name, port"),
        ({"list": [{"name": {}}]}, "/list/0/name must be a scalar"),
        ({"list": [{"name": "a"}, {"name": "a", "port": 80}]}, "two items with the same key"),
    ],
)
def test_refuses(patch: Json, said: str) -> None:
    with pytest.raises(PatchError) as caught:
        apply_configuration({}, patch, ROOT)
    assert said in str(caught.value)


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdef"), unique=True))
def test_set_merge_holds_both_and_keeps_the_applied_order(old: list[str], new: list[str]) -> None:
    merged = apply_configuration({"set": old}, {"set": new}, ROOT)["set"]
    assert sorted(merged) == sorted({*old, *new})
    assert [item for item in merged if item in new] == new
    assert [item for item in merged if item not in new] == [item for item in old if item not in new]


@given(objects, objects)
def test_without_a_schema_it_is_a_merge_that_never_removes(document: Json, patch: Json) -> None:
    result = apply_configuration(document, patch, Node())
    assert result.keys() == document.keys() | patch.keys()
    assert repr(apply_configuration(result, patch, Node())) == repr(result)
