"""A loop that ends early leaves nothing behind that a later part of the expression takes for a value of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.json import Json
from auditor.languages import cel

SCOPE = cel.admission_scope()
OBJECT: Json = {"l": [1, 2], "text": "prod", "number": "12", "m": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("object.l.all(x, x > 4) || int(object.number) == 12", True),
        ("object.l.all(x, x > 4) || int(object.number) == 2", False),
        ("object.l.all(x, x > 4) ? false : object.text.indexOf('o') == 2", True),
        ("[object.l.all(x, x > 4), duration(object.number + 's') == duration('12s')][1]", True),
        ("object.l.exists(x, x == 1) && object.?text.optMap(v, v + 'a').orValue('') == 'proda'", True),
        ("object.m.all(k, v, v > 4) || has(object.text.field) || object.l.sum() == 3", True),
        ("object.l.map(x, [x, object.l[0]].all(y, y > 9) ? 0 : int(object.number)) == [12, 12]", True),
    ],
)
def test_values_are_those_of_the_expression(expression: str, expected: bool) -> None:
    outcome = cel.compile(expression, SCOPE).run(cel.Bindings(object=OBJECT, oldObject=None))
    assert (outcome.error, outcome.value) == (None, expected)


@pytest.mark.parametrize("call", ["int(object.text) == 2", "timestamp(object.text) == timestamp(object.text)"])
@pytest.mark.parametrize("loop", ["object.l.all(x, x > 4)", "!object.l.exists(x, x < 4)", "object.m.all(k, v, v > 4)"])
def test_errors_stay_errors(loop: str, call: str) -> None:
    outcome = cel.compile(f"{loop} || {call}", SCOPE).run(cel.Bindings(object=OBJECT, oldObject=None))
    assert outcome.error is not None


def test_a_variable_that_is_not_needed_is_not_evaluated() -> None:
    """It would cost the whole budget of the evaluation."""
    large = cel.compile("object.many.all(x, object.many.all(y, x == x && y == y))", SCOPE)
    program = cel.compile("object.many.size() > 3 || variables.large", SCOPE.with_variable("large", large))
    bindings = cel.Bindings(object={"many": list(range(1000))}, oldObject=None)
    assert large.run(bindings).error is not None
    assert program.run(bindings).value is True


@given(st.lists(st.integers(0, 9), max_size=4), st.integers(0, 9))
def test_loops_before_change_nothing(numbers: list[int], limit: int) -> None:
    bindings = cel.Bindings(object={"l": numbers, "n": str(limit)}, oldObject=None)
    alone = cel.compile("int(object.n) > 4", SCOPE).run(bindings)
    after = cel.compile(f"[object.l.all(x, x > {limit}), int(object.n) > 4][1]", SCOPE).run(bindings)
    assert alone == after
