"""No text and no object makes it hang, crash or pass wrongly."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import CompileError, Problem
from auditor.languages import jq
from auditor.languages.jq.lexer import tokens
from auditor.languages.outcome import Outcome

WORDS = (  # noqa: SIM905 (ninety quoted words are hard to read)
    ". .. .a .b .[] [ ] { } ( ) | , : ; ? // + - * / % == != < and or not if then else elif end as $x $request reduce "
    "foreach try catch label break $out def f f: 1 1e400 0.5 true false null empty error limit first range(3) select "
    "map tojson fromjson path getpath input env $ENV now halt halt_error debug $__loc__ $__all __loc__ import include "
    '"a" "\\(" " \\ # #\\ @base64 @json @sh = |= += ?// length keys test("a") until(.;.) repeat(.) recurse(.) '
    "infinite nan -1 implode explode splits ltrimstr tostring ascii min_by(.a) group_by(.) walk(.) env.PATH"
).split()
texts = st.lists(st.sampled_from([*WORDS, "\n", "\r"]), max_size=12).map(" ".join) | st.text(max_size=20)
valid = st.recursive(
    st.sampled_from([".", ".a", ".b[]?", "1", "true", '"x"', "empty", "error", "$request.a", "..", "range(4)"]),
    lambda inner: st.builds(
        str.format,
        st.sampled_from(
            ["({0} | {1})", "[{0}, {1}]", "({0}) as $x | {1}", "try ({0}) catch {1}", "if {0} then {1} else . end",
             "({0} == {1})", "reduce ({0}) as $x (.; {1})", "label $out | {0}, break $out, {1}", '"a\\({0})b"',
             "def f: {0}; f, {1}", "{{a: ({0}), b: ({1})}}", "limit(3; {0})", "({0} // {1})", "path({0})?",
             "{0} # {1}\n",
             "error({0})", "({0} |= {1})", "{0} #\\\n{1}\n", "until({0}; {1})", "recurse({0})"]
        ),
        inner,
        inner,
    ),
    max_leaves=6,
)  # fmt: skip
strings = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | strings,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strings, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
SETTINGS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def pool() -> Iterator[jq.Pool]:
    with jq.Pool(processes=1, limits=jq.Limits(seconds=0.06)) as pool:
        yield pool


@given(st.text())
def test_the_tokens_of_a_text_are_all_of_it_but_space_and_comments(text: str) -> None:
    end = 0
    for token in tokens(text):
        assert text[token.offset : token.offset + len(token.text)] == token.text
        gap = text[end : token.offset]
        assert gap.strip() == "" or gap.lstrip().startswith("#")
        end = token.offset + len(token.text)


@SETTINGS
@given(texts)
def test_a_text_compiles_or_says_what_is_wrong_and_never_disturbs_its_neighbours(pool: jq.Pool, text: str) -> None:
    program, problems = compiled(text, pool)
    assert (program is None) == bool(problems)
    lines = text.split("\n")
    for problem in problems:
        assert problem.message.strip()
        assert 0 <= problem.line <= len(lines)
        assert problem.column <= max(map(len, lines)) + 1
    if program is not None:
        check_among_others(program, {"a": True}, pool)


@SETTINGS
@given(valid, values)
def test_a_program_answers_among_others_as_it_does_alone(pool: jq.Pool, text: str, value: Any) -> None:
    program, _ = compiled(text, pool)
    if program is not None:
        check_among_others(program, value, pool)


def compiled(text: str, pool: jq.Pool) -> tuple[jq.Program | None, list[Problem]]:
    try:
        return jq.compile(text, ("request",), pool=pool), []
    except CompileError as error:
        return None, error.problems


def check_among_others(program: jq.Program, value: Any, pool: jq.Pool) -> None:
    before, after, fails = (jq.compile(text, pool=pool) for text in ("true", "[.] | length", 'error("own")'))
    bindings = {"request": {"a": 1}}

    def run(*programs: jq.Program) -> list[Outcome]:
        return jq.run([(program, {}) for program in programs], input=value, bindings=bindings, pool=pool)

    found = run(before, program, after, program, fails)
    assert [found[0], found[2], found[4]] == [Outcome.of([True]), Outcome.of([1]), Outcome.failed("own")]
    (alone,) = run(program)
    for outcome in (found[1], found[3]):
        if "stopped" in f"{outcome.error}{alone.error}" or "took longer" in f"{outcome.error}{alone.error}":
            assert outcome.error  # which of the two it is depends on how often it was tried
        else:
            assert repr(outcome) == repr(alone)


@SETTINGS
@given(values)
def test_every_json_value_comes_back_as_it_went(pool: jq.Pool, value: Any) -> None:
    identity, bound = jq.compile(".", pool=pool), jq.compile("$request", ("request",), pool=pool)
    found = jq.run([(identity, {}), (bound, {})], input=value, bindings={"request": value}, pool=pool)
    for outcome in found:
        assert outcome.error is None
        assert same(outcome.value, [value])


def same(a: Any, b: Any) -> bool:
    """libjq may write a double that is whole as an integer, and then in the fewest digits that mean that double."""
    if isinstance(a, float) or isinstance(b, float):
        return not isinstance(a, bool | str | None) and float(a) == float(b)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and bool(a == b)
