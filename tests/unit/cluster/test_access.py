"""Reading of nested JSON that may have any shape."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.access import dig, dig_list, dig_object, dig_text, dig_time, key_of, split_key
from auditor.json import Json

OBJ: Json = {
    "metadata": {"name": "a", "namespace": "shop", "labels": None},
    "spec": {"items": [{"n": 1}, {"n": 2}], "on": False, "zero": 0},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("metadata", "name"), "a"),
        (("spec", "items", 0, "n"), 1),
        (("spec", "items", -1, "n"), 2),
        (("spec", "items", 2, "n"), None),
        (("spec", "items", -3), None),
        (("spec", "items", "n"), None),
        (("metadata", 0), None),
        (("metadata", "name", 0), None),
        (("metadata", "labels", "x"), None),
        (("spec", "on"), False),
        (("spec", "zero"), 0),
        (("no", "where"), None),
        ((), OBJ),
    ],
)
def test_dig(path: tuple[str | int, ...], found: Json) -> None:
    assert dig(OBJ, *path) is found or dig(OBJ, *path) == found


def test_defaults_stand_for_what_is_not_there_and_for_null() -> None:
    assert dig(OBJ, "metadata", "labels", default={}) == {}
    assert dig(OBJ, "spec", "on", default=True) is False
    assert dig(None, default=5) is None
    assert dig(None, "x", default=5) == 5


def test_what_has_another_shape_is_empty() -> None:
    assert dig_text(OBJ, "metadata") == dig_text(OBJ, "spec", "zero") == ""
    assert dig_list(OBJ, "metadata") == dig_list(OBJ, "metadata", "name") == []
    assert dig_object(OBJ, "spec", "items") == dig_object(OBJ, "metadata", "labels") == {}


json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)


@given(json_values, st.lists(st.sampled_from("abc") | st.integers(-4, 4), max_size=4))
def test_it_never_raises_and_finds_what_indexing_finds(value: Json, path: list[str | int]) -> None:
    found = dig(value, *path)
    expected = value
    for step in path:
        try:
            fits = isinstance(expected, dict if isinstance(step, str) else list)
            expected = expected[step] if fits else None
        except (KeyError, IndexError, TypeError):
            expected = None
    assert found == expected
    assert isinstance(dig_text(value, *path), str)
    assert isinstance(dig_list(value, *path), list)
    assert isinstance(dig_object(value, *path), dict)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T13:00:00.000001+01:00", datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC)),
        ("2026-01-31T12:00:00", None),  # in no zone
        ("soon", None),
        ("", None),
        (5, None),
        (None, None),
    ],
)
def test_times(text: Json, found: datetime | None) -> None:
    assert dig_time({"at": text}, "at") == found


@pytest.mark.parametrize(("namespace", "name"), [("shop", "a"), ("", "a"), ("", "")])
def test_keys(namespace: str, name: str) -> None:
    key = key_of({"metadata": {"namespace": namespace, "name": name}})
    assert key == (f"{namespace}/{name}" if namespace else name)
    assert split_key(key) == (namespace, name)


def test_the_key_of_what_is_no_object() -> None:
    assert key_of({}) == ""
    assert key_of({"metadata": {"name": 5}}) == ""
