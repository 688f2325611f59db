import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import CompileError
from auditor.report.delivery.template import check, fill, fill_json


def test_words_are_replaced() -> None:
    assert fill("${cluster}: ${count} of $5, $${cluster}, ${gone}.", {"cluster": "prod", "count": 3}) == (
        "prod: 3 of $5, ${cluster}, ."
    )


def test_what_is_in_a_word_is_no_template() -> None:
    assert fill("${a}", {"a": "${b}", "b": "secret"}) == "${b}"


def test_a_whole_string_becomes_the_value() -> None:
    assert json.loads(fill_json('{"n": "${n}", "t": "n is ${n}", "none": "${none}"}', {"n": 3, "none": None})) == {
        "n": 3,
        "t": "n is 3",
        "none": None,
    }


@given(st.text(), st.text())
def test_no_word_leaves_its_string(first: str, second: str) -> None:
    found = json.loads(fill_json('{"text": "a ${first}", "more": ["${second}"]}', {"first": first, "second": second}))
    assert found == {"text": f"a {first}", "more": [second]}


def test_all_mistakes_are_told() -> None:
    with pytest.raises(CompileError) as told:
        check('{"a": ${b}, "c": "${d}"}', ["a"], is_json=True)
    said = str(told.value)
    assert "no word ${b}: there are ${a}" in said
    assert "no word ${d}" in said
    assert "no JSON" in said


def test_nothing_is_wrong() -> None:
    check('{"text": "${a} $${x}"}', ["a"], is_json=True)
