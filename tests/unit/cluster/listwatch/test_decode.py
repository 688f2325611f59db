"""What the server sends is read as what it is, or refused."""

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.listwatch import is_after
from auditor.cluster.listwatch.decode import complete, identify, read_line, read_page
from auditor.cluster.listwatch.version import is_before
from auditor.cluster.resource import Resource
from auditor.errors import MalformedError
from auditor.json import Json

WIDGETS = Resource("example.com", "v1", "widgets", "Widget", namespaced=True)
NAMES = st.sampled_from(["metadata", "items", "name", "resourceVersion", "type", "object", "continue"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def test_page() -> None:
    page = read_page(b'{"metadata":{"resourceVersion":"7","continue":"abc"},"items":[{"a":1}]}', WIDGETS)
    assert (page.objects, page.resource_version, page.next) == ([{"a": 1}], "7", "abc")
    assert read_page(b'{"metadata":{"resourceVersion":"7"},"items":null}', WIDGETS).objects == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"metadata":{"resourceVersion":"7"}}',
        b'{"metadata":{"resourceVersion":"7"},"items":{}}',
        b'{"metadata":{"resourceVersion":""},"items":[]}',
        b'{"metadata":{"resourceVersion":7},"items":[]}',
        b'{"metadata":{"resourceVersion":"7","continue":1},"items":[]}',
        b'{"metadata":[],"items":[]}',
    ],
)
def test_what_is_no_page_is_never_an_empty_one(body: bytes) -> None:
    with pytest.raises(MalformedError, match=r"a list of widgets\.example\.com"):
        read_page(body, WIDGETS)


@given(JSON)
def test_any_json_is_read_or_refused(value: Json) -> None:
    text = orjson.dumps(value)
    for read in (lambda: read_page(text, WIDGETS), lambda: read_line(text), lambda: identify(value)):
        try:
            read()
        except MalformedError as error:
            assert len(str(error)) < 300  # noqa: PT017 of those that refuse


def test_line() -> None:
    assert read_line(b'{"type":"ADDED","object":{"a":1}}') == ("ADDED", {"a": 1})
    with pytest.raises(MalformedError, match=re.escape("no watch event: {'type'")):
        read_line(b"{'type'" + b"x" * 1000)


def test_identity() -> None:
    assert identify({"metadata": {"name": "n", "resourceVersion": "7"}}) == ("n", "7 ")
    named = {"name": "n", "namespace": "s", "uid": "u", "resourceVersion": "7"}
    assert identify({"metadata": named}) == ("s/n", "7 u")


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": 1}, {"uid": None}, {"namespace": 1}, {"resourceVersion": 7}])
def test_object_that_cannot_be_identified(wrong: Json) -> None:
    with pytest.raises(MalformedError, match="an object whose"):
        identify({"metadata": {"name": "n", "resourceVersion": "7"} | wrong})


def test_built_in_kinds_are_completed() -> None:
    obj: Json = {"metadata": {}}
    complete(obj, WIDGETS)
    assert obj == {"metadata": {}, "apiVersion": "example.com/v1", "kind": "Widget"}
    own = {"apiVersion": "x/v2", "kind": "Y"}
    complete(own, WIDGETS)
    assert own == {"apiVersion": "x/v2", "kind": "Y"}


@given(st.integers(0, 10**30), st.integers(0, 10**30), st.integers(0, 3))
def test_versions_are_compared_as_numbers(one: int, other: int, zeros: int) -> None:
    text = "0" * zeros + str(one)
    assert is_after(text, str(other)) == (one > other)
    assert is_before(text, str(other)) == (one < other)


def test_versions_of_any_size_and_shape() -> None:
    assert is_after("1" + "0" * 5000, "9" * 5000)
    assert is_after("a", "b")
    assert is_after("b", "a")
    assert not is_after("a", "a")
    assert not is_before("a", "b")
    assert not is_before("", "7")
