"""How values are told apart and printed, as Go does it. Expected texts were printed by Go."""

import pytest

from auditor.json import Json
from auditor.languages.schema.values import as_float, is_whole, kind_of, quote, same, show, show_float, show_json


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (1.5, "1.5"),
        (-0.5, "-0.5"),
        (100000.0, "100000"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.25e-5, "1.25e-05"),
        (0.0001, "0.0001"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (float("inf"), "+Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_floats(number: float, text: str) -> None:
    assert show_float(number) == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a b", '"a b"'),
        ('a"b\\', r'"a\"b\\"'),
        ("\n\t\x00\x7f", r'"\n\t\x00\x7f"'),
        ("ü€😀", '"ü€😀"'),
        ("\u00a0\u200b", r'"\u00a0\u200b"'),
        ("\U000e0001", r'"\U000e0001"'),
    ],
)
def test_quoted_texts(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, 1.0, 1e-7]}, '{"a":[true,null,1,1e-7],"b":1}'),
        ({"<": "&"}, r'{"\u003c":"\u0026"}'),
        ("a\u2028", r'"a\u2028"'),
        (1e21, "1e+21"),
        (float("nan"), "null"),
    ],
)
def test_json(value: Json, text: str) -> None:
    assert show_json(value) == text


@pytest.mark.parametrize(
    ("value", "kind"),
    [(True, "boolean"), (1, "integer"), (2**63, "number"), (1.0, "number"), ("", "string"), ([], "array")],
)
def test_kinds(value: Json, kind: str) -> None:
    assert kind_of(value) == kind


def test_what_is_no_json_has_no_kind() -> None:
    with pytest.raises(TypeError, match="bytes is not a JSON value"):
        kind_of(b"")


def test_1_and_1_0_and_true_are_different() -> None:
    values = [1, 1.0, True, "1", None, [1], [1.0], {"a": 1}, {"a": True}]
    assert [[same(a, b) for b in values] for a in values] == [[i == j for j in range(9)] for i in range(9)]


@pytest.mark.parametrize(
    ("number", "whole"),
    [(1.0, True), (-1.0, True), (1.5, False), (1 + 1e-10, True), (-1 - 1e-10, False), (2.0**53, False), (0.1, False)],
)
def test_whole_floats(number: float, whole: bool) -> None:
    assert is_whole(number) is whole


def test_show_and_huge_integers() -> None:
    assert show(10**30) == "1e+30"
    assert show(None) == "null"
    assert as_float(10**400) == float("inf")
