import math
from typing import Any
from unittest.mock import patch

import pytest

from auditor.languages import jq
from auditor.languages.outcome import Outcome

NAMES = ("request", "old", "params", "namespace", "lookups")


def run(pool: jq.Pool, *texts: str, input: Any = None, **bindings: Any) -> list[Outcome]:  # noqa: A002 (as in jq.run)
    programs = [jq.compile(text, tuple(bindings), pool=pool) for text in texts]
    return jq.run([(program, {}) for program in programs], input=input, bindings=bindings, pool=pool)


def test_the_outputs_of_each_rule_come_in_order(shared: jq.Pool) -> None:
    found = run(shared, ".a[]", "empty", ".b", input={"a": [1, "x", None], "b": {"c": [True]}})
    assert found == [Outcome.of([1, "x", None]), Outcome.of([]), Outcome.of([{"c": [True]}])]


def test_no_rules_cost_no_question(shared: jq.Pool) -> None:
    assert jq.run([], input={}, bindings={}, pool=shared) == []


def test_an_error_is_of_its_rule_alone_and_takes_its_earlier_outputs(shared: jq.Pool) -> None:
    found = run(shared, "true", "true, error", '.a | error("no \\(.)")', ".a.b", "false", input={"a": 1})
    assert found == [
        Outcome.of([True]),
        Outcome.failed("threw an object, which is not shown: throw a text"),
        Outcome.failed("no 1"),
        Outcome.failed('Cannot index number with string ("b")'),
        Outcome.of([False]),
    ]


@pytest.mark.parametrize("thrown", ["null", '""', "{}", "{__jq: 0}", "{__jq: 1}", "[1]", "false"])
def test_whatever_a_rule_throws_is_an_error_and_never_an_end_of_the_others(thrown: str, shared: jq.Pool) -> None:
    found = run(shared, "true", f"true, error({thrown})", "false")
    assert found[0] == Outcome.of([True])
    assert found[1].error
    assert found[2] == Outcome.of([False])


def test_variables_are_bound_anew_for_each_request_and_each_policy(shared: jq.Pool) -> None:
    program = jq.compile("[$request.n, $params.max, .x]", NAMES, pool=shared)
    for n in range(3):
        found = jq.run(
            [(program, {"params": {"max": 1}}), (program, {"params": {"max": 2}}), (program, {})],
            input={"x": n},
            bindings={"request": {"n": n}, "params": {"max": 0}},
            pool=shared,
        )
        assert [outcome.value for outcome in found] == [[[n, 1, n]], [[n, 2, n]], [[n, 0, n]]]


def test_a_variable_that_nobody_binds_is_an_error_of_the_rules_that_use_it(shared: jq.Pool) -> None:
    programs = [jq.compile(text, NAMES, pool=shared) for text in ("$old == null", "true")]
    found = jq.run([(program, {}) for program in programs], input={}, bindings={}, pool=shared)
    assert found == [Outcome.failed("$old is not bound here"), Outcome.of([True])]


def test_a_rule_sees_neither_the_variables_nor_the_functions_of_another(shared: jq.Pool) -> None:
    found = run(shared, "def length: 42; 1 as $x | length", "length", ". as $x | 2 | $x", input="abc")
    assert [outcome.value for outcome in found] == [[42], [3], ["abc"]]


@pytest.mark.parametrize("end", ["#", "# \\", "# \\\\", "# \\\\\\", "#\r", "# \\\r", "\n", "\\\n#"[2:]])
def test_a_comment_at_the_end_does_not_swallow_the_next_rule(end: str, shared: jq.Pool) -> None:
    assert run(shared, f".a {end}", f".b{end}", "false", input={"a": True, "b": 1}) == [
        Outcome.of([True]),
        Outcome.of([1]),
        Outcome.of([False]),
    ]


@pytest.mark.parametrize(
    "number",
    [0, -1, 9007199254740993, -(2**63), 2**64 - 1, 0.1, 1e300, 5e-324, 1.7976931348623157e308, 1e17, -0.0],
)
def test_numbers_that_are_passed_on_keep_their_value(number: float, shared: jq.Pool) -> None:
    (outcome,) = run(shared, "{a: [.]}", input=number)
    value = outcome.value[0]["a"][0]
    assert value == number
    assert math.copysign(1, value) == math.copysign(1, number)


def test_literals_are_compared_exactly_and_computed_as_doubles(shared: jq.Pool) -> None:
    assert run(shared, ". == 9007199254740992", ". + 0", ". - 1 == 9007199254740992", input=9007199254740993) == [
        Outcome.of([False]),
        Outcome.of([9007199254740992]),
        Outcome.of([False]),
    ]


def test_numbers_that_json_cannot_give_back_are_errors(shared: jq.Pool) -> None:
    found = run(shared, "1e400", "1", "nan", "infinite", "100000000000000000000000", "-0")
    assert found[0].error
    assert [outcome.value for outcome in found[1:]] == [[1], [None], [1.7976931348623157e308], [1e23], [0]]


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        [math.inf],
        {"a": {"b": -math.inf}},
        2**64,
        "\ud800",
        {"\udfff": 1},
        {1: 2},
        (lambda d: [d(d, 300)])(lambda d, n: [d(d, n - 1)] if n else 0),
    ],
    ids=["nan", "infinity", "deep infinity", "too large", "surrogate", "surrogate key", "number as key", "too deep"],
)
def test_an_object_that_is_no_json_is_an_error_for_all_its_rules(value: Any, shared: jq.Pool) -> None:
    for outcome in run(shared, "true", ".a", input=value):
        assert outcome.error
        assert outcome.error.startswith("the object cannot be given to jq")


def test_a_variable_that_is_no_json_is_an_error_for_those_that_use_it(shared: jq.Pool) -> None:
    found = run(shared, "true", "$params.a", "$request", input=1, params={"a": math.nan}, request=2)
    assert found[0] == Outcome.of([True])
    assert found[1].error
    assert found[2] == Outcome.of([2])


def test_strings_of_all_kinds_survive(shared: jq.Pool) -> None:
    value = {"": '\0\x01\x7f\u2028\U0001f600é"\\', "a\0b": "#)\\("}
    assert run(shared, ".", '."a\\u0000b"', input=value) == [Outcome.of([value]), Outcome.of(["#)\\("])]


def test_a_large_object_is_read_once_and_given_back(shared: jq.Pool) -> None:
    value = {"items": [{"name": f"item-{n}", "text": "x" * 1000} for n in range(1400)]}
    found = run(shared, ".items | length", ".", input=value)
    assert found == [Outcome.of([1400]), Outcome.of([value])]


def nested(depth: int) -> str:
    return f"reduce range({depth}) as $i (1; [.])"


def test_outputs_that_are_nested_too_deeply_are_an_error_and_spoil_no_other(shared: jq.Pool) -> None:
    found = run(shared, "true", nested(1100), nested(20_000), nested(900), "false")
    assert found[0] == Outcome.of([True])
    assert found[1].error
    assert found[2].error
    assert found[3].error is None
    assert found[4] == Outcome.of([False])


def test_a_flood_of_outputs_is_an_error(shared: jq.Pool) -> None:
    found = run(shared, "range(1000)", "range(1001)", "true")
    assert found[0] == Outcome.of(list(range(1000)))
    assert found[1:] == [Outcome.failed("yields 1001 outputs, 1000 are allowed"), Outcome.of([True])]


def test_outputs_that_are_too_large_are_an_error_of_their_rule() -> None:
    with jq.Pool(processes=1, limits=jq.Limits(seconds=5)) as pool:
        found = run(pool, "true", '("x" * 9000000) as $x | $x', "false")
    assert found == [Outcome.of([True]), Outcome.failed("its outputs are larger than 8 MiB"), Outcome.of([False])]


def test_a_message_that_is_too_long_is_cut(shared: jq.Pool) -> None:
    (outcome,) = run(shared, 'error("x" * 100000)')
    assert outcome.error is not None
    assert len(outcome.error) == 500


def test_the_clock_and_the_place_do_not_show(shared: jq.Pool) -> None:
    found = run(shared, "0 | localtime | mktime", '0 | strflocaltime("%H %Z")', '"10:00" | strptime("%H:%M") | mktime')
    assert [outcome.value for outcome in found][:2] == [[0], ["00 UTC"]]


def test_a_regex_that_backtracks_for_ever_is_an_error(shared: jq.Pool) -> None:
    (outcome,) = run(shared, 'test("(a+)+$")', input="a" * 40 + "b")
    assert outcome.error


def test_hundreds_of_rules_are_one_question(shared: jq.Pool) -> None:
    texts = [f'.n == {n} and (.a | length) > {n} or all(.b[]?; .c == "x{n}") and {n} < 300' for n in range(300)]
    rules: list[jq.Call] = [(jq.Program(text, ()), {}) for text in texts]
    with patch.object(shared, "ask", wraps=shared.ask) as ask:
        found = jq.run(rules, input={"n": 1}, bindings={}, pool=shared)
    assert found == [Outcome.of([True])] * 300
    assert ask.call_count == 1
