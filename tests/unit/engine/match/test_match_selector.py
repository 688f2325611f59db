"""Label selectors: what they select, and every mistake in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.match import read_selector, selects
from auditor.errors import CompileError
from auditor.json import Json

KEYS = st.sampled_from(["a", "b", "x.io/c"])
VALUES = st.sampled_from(["", "1", "2"])
EXPRESSIONS = st.one_of(
    st.fixed_dictionaries(
        {"key": KEYS, "operator": st.sampled_from(["In", "NotIn"]), "values": st.lists(VALUES, min_size=1, max_size=2)}
    ),
    st.fixed_dictionaries({"key": KEYS, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)


def naive(selector: Json, labels: dict[str, str]) -> bool:
    for key, value in selector["matchLabels"].items():
        if labels.get(key) != value:
            return False
    for item in selector["matchExpressions"]:
        there = item["key"] in labels
        one_of = there and labels[item["key"]] in item.get("values", [])
        if not {"In": one_of, "NotIn": not one_of, "Exists": there, "DoesNotExist": not there}[item["operator"]]:
            return False
    return True


@given(
    st.fixed_dictionaries(
        {"matchLabels": st.dictionaries(KEYS, VALUES), "matchExpressions": st.lists(EXPRESSIONS, max_size=3)}
    ),
    st.dictionaries(KEYS, VALUES),
)
def test_selects_by_the_definition(selector: Json, labels: dict[str, str]) -> None:
    assert selects(read_selector(selector, "s"), labels) is naive(selector, labels)


def test_nothing_selects_everything() -> None:
    empties: list[Json] = [None, {}, {"matchLabels": {}}, {"matchExpressions": []}]
    for empty in empties:
        assert selects(read_selector(empty, "s"), {"a": "1"})


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ([], "s: must be a label selector"),
        ({"matchlabels": {}}, "s.matchlabels: unknown field"),
        ({"matchLabels": {"a": True}}, "s.matchLabels.a: True is not a label value"),
        ({"matchLabels": {"a": "b c"}}, "s.matchLabels.a: 'b c' is not a label value"),
        ({"matchLabels": {"/a": "b"}}, "s.matchLabels./a: '/a' is not a label key"),
        ({"matchLabels": {"a" * 64: "b"}}, "is not a label key"),
        ({"matchLabels": ["a"]}, "s.matchLabels: must be an object"),
        ({"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]}, "operator: must be In, NotIn"),
        ({"matchExpressions": [{"key": "a", "operator": "In"}]}, "values: In needs at least one value"),
        ({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}, "Exists takes no values"),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": [1]}]}, "values[0]: 1 is not a label value"),
        ({"matchExpressions": [{"operator": "Exists"}]}, "key: None is not a label key"),
        ({"matchExpressions": [{"key": "a", "operator": "Exists", "value": 1}]}, "matchExpressions[0].value: unknown"),
        ({"matchExpressions": ["a"]}, "matchExpressions[0]: must be an object"),
        ({"matchExpressions": {}, "x": 1}, "s.x: unknown field"),
    ],
)
def test_mistakes(selector: Json, said: str) -> None:
    with pytest.raises(CompileError) as caught:
        read_selector(selector, "s")
    assert said in str(caught.value)


def test_all_mistakes_at_once() -> None:
    with pytest.raises(CompileError) as caught:
        read_selector({"matchLabels": {"a": 1, "b/": "x"}, "matchExpressions": [{}], "y": 1}, "s")
    assert len(caught.value.problems) == 5
