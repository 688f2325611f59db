"""JSON Patch: the RFC's operations, the API server's habits, and that nothing given is changed."""

import contextlib
import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.patch import PatchError, TestFailedError, apply_patch, find_value, join_pointer, split_pointer
from auditor.json import Json, JsonObject
from tests.unit.engine.patch.json_values import keys, objects, values

A: JsonObject = {"a": {"b": [1, 2, 3], "n": None}, "x/y": {"~": 1}}


def op(name: str, path: str, **more: Json) -> JsonObject:
    return {"op": name, "path": path, **{key.rstrip("_"): value for key, value in more.items()}}


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        (op("add", "/c", value=1), "/c", 1),
        (op("add", "/a/b", value=1), "/a/b", 1),
        (op("add", "/a/b/0", value=9), "/a/b", [9, 1, 2, 3]),
        (op("add", "/a/b/3", value=9), "/a/b", [1, 2, 3, 9]),
        (op("add", "/a/b/-", value=9), "/a/b", [1, 2, 3, 9]),
        (op("add", "/a/b/-1", value=9), "/a/b", [1, 2, 3, 9]),
        (op("add", "/x~1y/~0", value=2), "/x~1y", {"~": 2}),
        (op("remove", "/a/b/1"), "/a/b", [1, 3]),
        (op("remove", "/a/b/-1"), "/a/b", [1, 2]),
        (op("remove", "/a/n"), "/a", {"b": [1, 2, 3]}),
        (op("replace", "/a/b/1", value=9), "/a/b", [1, 9, 3]),
        (op("replace", "/a/new", value=9), "/a/new", 9),
        (op("replace", "", value={"z": 1}), "", {"z": 1}),
        (op("move", "/c", from_="/a/b/0"), "/a/b", [2, 3]),
        (op("move", "/a/b/0", from_="/a/b/2"), "/a/b", [3, 1, 2]),
        (op("copy", "/a/b/0", from_="/a/b/2"), "/a/b", [3, 1, 2, 3]),
        (op("copy", "/c", from_="/a/absent"), "/c", None),
        (op("test", "/a/b", value=[1, 2.0, 3]), "", A),
        (op("test", "/a/absent", value=None), "", A),
        (op("test", "", value=A), "", A),
    ],
)
def test_applies(operation: JsonObject, path: str, expected: Json) -> None:
    before = copy.deepcopy(A)
    assert find_value(apply_patch(A, [operation]), path) == expected
    assert before == A


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (op("add", "/no/c", value=1), "there is no /no"),
        (op("add", "/a/n/c", value=1), "no object or list at /a/n"),
        (op("add", "/a/b/4", value=1), "the list has no index 4"),
        (op("add", "/a/b/-5", value=1), "the list has no index -5"),
        (op("add", "/a/b/x", value=1), "'x' is no index"),
        (op("add", "", value=1), "the path is empty"),
        (op("add", "a/b", value=1), "must be empty or begin with /"),
        (op("add", "/c"), "add needs a `value`"),
        (op("replace", "", value=1), "can only be replaced by an object"),
        (op("replace", "/a/b/3", value=1), "the list has no index 3"),
        (op("remove", "/a/no"), "there is no 'no' to remove"),
        (op("remove", "/a/b/-"), "'-' is no index"),
        (op("move", "/c"), "move needs a pointer in `from`"),
        (op("move", "/c", from_="/a/no"), "no"),
        (op("move", "/a/b/x", from_="/a"), "there is no /a"),
        (op("copy", "/c", from_=""), "cannot be moved or copied"),
        (op("drop", "/a"), "op must be add, remove"),
        ({"op": "add", "value": 1}, "needs a pointer in `path`"),
    ],
)
def test_refuses(operation: JsonObject, said: str) -> None:
    with pytest.raises(PatchError, match="operation 1 ") as caught:
        apply_patch(A, [op("test", "", value=A), operation])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"), [("/a/b/0", True), ("/a/b", [1, 2]), ("/a", 1), ("/no", 1), ("/a/b/0", "1")]
)
def test_failed_test_is_told_apart(path: str, value: Json) -> None:
    with pytest.raises(TestFailedError):
        apply_patch(A, [op("test", path, value=value)])


def test_limits() -> None:
    big = {"a": "x" * 1_500_000}
    with pytest.raises(PatchError, match="copies of more than"):
        apply_patch(big, [op("copy", f"/b{number}", from_="/a") for number in range(3)])
    with pytest.raises(PatchError, match="more than 10000 operations"):
        apply_patch({}, [op("add", "/a", value=1)] * 10_001)
    with pytest.raises(PatchError, match="list of operations"):
        apply_patch({}, "x")  # type: ignore[arg-type]
    with pytest.raises(PatchError, match="must be an object"):
        apply_patch({}, [1])  # type: ignore[list-item]


POINTERS = st.lists(keys | st.sampled_from(["0", "1", "-", "-1"]), max_size=3).map(join_pointer)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": POINTERS},
    optional={"value": values, "from": POINTERS},
)


@given(objects, st.lists(OPERATIONS, max_size=5))
def test_never_changes_what_it_is_given(document: JsonObject, patch: list[JsonObject]) -> None:
    before, patch_before = repr(document), repr(patch)
    with contextlib.suppress(PatchError):
        apply_patch(document, patch)
    assert (repr(document), repr(patch)) == (before, patch_before)


@given(objects, keys, values)
def test_add_and_remove_are_inverse(document: JsonObject, key: str, value: Json) -> None:
    path = join_pointer([key])
    added = apply_patch(document, [op("add", path, value=value)])
    assert find_value(added, path) is value
    assert all(added[other] is document[other] for other in document if other != key)
    assert key not in apply_patch(added, [op("remove", path)])


@given(st.lists(st.text("a/~01é", max_size=4), max_size=4))
def test_pointers_round_trip(tokens: list[str]) -> None:
    assert split_pointer(join_pointer(tokens)) == tokens


def test_find_value_finds_only_what_is_there() -> None:
    for pointer in ("/no", "/a/b/3", "/a/b/-", "/a/b/²", "/a/b/0/x", "/a/n/x"):
        with pytest.raises(KeyError):
            find_value(A, pointer)
