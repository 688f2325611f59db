"""diff and apply are inverse, and the patch is what a person would have written."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engine.patch import apply_patch, diff, merge_patch, same
from auditor.json import Json, JsonObject
from tests.unit.engine.patch.json_values import objects, values


def canonical(value: Json) -> str:
    """1 and 1.0 alike, true apart."""
    return json.dumps(json.loads(json.dumps(value, sort_keys=True), parse_int=float), sort_keys=True)


@settings(max_examples=400)
@given(values, values)
def test_apply_undoes_diff(before: Json, after: Json) -> None:
    if not isinstance(after, dict | list):
        before, after = [before], [after]
    kept = repr((before, after))
    assert same(apply_patch(before, diff(before, after)), after)
    assert repr((before, after)) == kept


@given(values, values)
def test_same_is_equality_of_json(left: Json, right: Json) -> None:
    assert same(left, right) is (canonical(left) == canonical(right))
    assert same(left, json.loads(json.dumps(left)))


@given(values)
def test_no_difference_no_patch(value: Json) -> None:
    assert diff(value, json.loads(json.dumps(value))) == []


@given(st.lists(objects, max_size=6), st.integers(0, 6), objects)
def test_one_insertion_is_one_operation(items: list[Json], at: int, item: Json) -> None:
    at = min(at, len(items))
    longer = [*items[:at], item, *items[at:]]
    assert [step["op"] for step in diff({"l": items}, {"l": longer})] == ["add"]
    assert [step["op"] for step in diff({"l": longer}, {"l": items})] == ["remove"]


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a": 1}, {"a": True}, [{"op": "replace", "path": "/a", "value": True}]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 2}}, [{"op": "replace", "path": "/a~1b/~0", "value": 2}]),
        ({"a": None}, {}, [{"op": "remove", "path": "/a"}]),
        ({"l": [1, 2, 3]}, {"l": [1, 3]}, [{"op": "remove", "path": "/l/1"}]),
        ({"l": [1, 2, 3]}, {"l": [1, 5, 3]}, [{"op": "replace", "path": "/l/1", "value": 5}]),
        (
            {"l": [{"name": "a", "i": 1}, {"name": "b", "i": 1}, {"name": "c", "i": 1}]},
            {"l": [{"name": "b", "i": 2}, {"name": "c", "i": 1}]},
            [{"op": "remove", "path": "/l/0"}, {"op": "replace", "path": "/l/0/i", "value": 2}],
        ),
        (
            {"l": [{"name": "b", "i": 1}]},
            {"l": [{"name": "a", "i": 1}, {"name": "b", "i": 2}]},
            [
                {"op": "add", "path": "/l/0", "value": {"name": "a", "i": 1}},
                {"op": "replace", "path": "/l/1/i", "value": 2},
            ],
        ),
        (
            {"m": {"a": 1, "b": 2, "c": 3}},
            {"m": {"d": 4}},
            [{"op": "replace", "path": "/m", "value": {"d": 4}}],
        ),
        ({"a": [1]}, {"a": {"0": 1}}, [{"op": "replace", "path": "/a", "value": {"0": 1}}]),
    ],
)
def test_sensible(before: Json, after: Json, patch: list[JsonObject]) -> None:
    assert diff(before, after) == patch


def test_long_lists_do_not_take_long() -> None:
    before = {"l": [{"name": str(number), "v": [number]} for number in range(3000)]}
    after = {"l": [{"name": str(number), "v": [number + 1]} for number in range(5, 3000)]}
    started = time.process_time()
    patch = diff(before, after)
    assert time.process_time() - started < 2
    assert apply_patch(before, patch) == after


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [  # the table of RFC 7386
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(document: Json, patch: Json, expected: Json) -> None:
    assert merge_patch(document, patch) == expected


@given(values, values)
def test_merge_patch_twice_is_once_and_changes_nothing_given(document: Json, patch: Json) -> None:
    kept = repr((document, patch))
    once = merge_patch(document, patch)
    assert repr(merge_patch(once, patch)) == repr(once)
    assert repr((document, patch)) == kept
