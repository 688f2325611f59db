import subprocess

import pytest

from auditor.errors import AuditorError, CompileError, Problem
from auditor.languages import jq
from auditor.languages.jq.program import MAX_TEXT
from auditor.languages.jq.refusals import NAMES


def problems(text: str, pool: jq.Pool, names: tuple[str, ...] = ()) -> list[Problem]:
    with pytest.raises(CompileError) as raised:
        jq.compile(text, names, pool=pool)
    return raised.value.problems


def test_a_program_knows_the_variables_that_it_uses(shared: jq.Pool) -> None:
    program = jq.compile(
        '.a == $request.b and "\\($params.x)" != "$old"', ("request", "old", "params", "lookups"), pool=shared
    )
    assert program.uses == ("request", "params")


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (".a b", 1, 4, "syntax error, unexpected a name, expecting the end of the program\n    .a b\n       ^"),
        (
            ".a\n| .b c",
            2,
            6,
            "syntax error, unexpected a name, expecting the end of the program\n    | .b c\n         ^",
        ),
        ('"é" | foo(1)', 1, 7, 'foo/1 is not defined\n    "é" | foo(1)\n          ^'),
        (".a |", 1, 4, "syntax error, unexpected the end of the program\n    .a |\n       ^"),
        ("$old", 1, 1, "$old is not defined\n    $old\n    ^"),
        ("", 0, 0, "the program is empty"),
        ("# all good", 0, 0, "the program is empty"),
        (".a\0.b", 0, 0, "the program has a NUL character: libjq would ignore all that follows"),
        ('"\ud800"', 0, 0, "the program has half of a surrogate pair, which is no character"),
    ],
)
def test_what_is_wrong_is_shown_where_it_is(text: str, line: int, column: int, message: str, shared: jq.Pool) -> None:
    assert problems(text, shared, ("request",)) == [Problem(message, line, column)]


def test_a_long_line_is_cut_around_the_place(shared: jq.Pool) -> None:
    (problem,) = problems("." + "a" * 3000 + " b" + " " * 3000, shared)
    _, excerpt, caret = problem.message.split("\n")
    assert problem.column == 3003
    assert len(excerpt) < 130
    assert excerpt[caret.index("^")] == "b"


def test_a_text_without_end_is_refused_before_libjq_sees_it(shared: jq.Pool) -> None:
    assert "bytes" in problems("1" * (MAX_TEXT + 1), shared)[0].message


def test_every_word_that_reaches_outside_is_refused_with_its_place(shared: jq.Pool) -> None:
    for name, reason in NAMES.items():
        text = f"true and\n  (try {name} catch false)"
        assert Problem(f"{name} is not allowed: {reason}", 2, 8) in problems(text, shared), name
    assert [p.column for p in problems("[$ENV, env, now]", shared)] == [2, 8, 13]


@pytest.mark.parametrize(
    "text",
    [
        'import "a" as a; .',
        'include "a" {search: "/etc"}; .',
        "module {}; .",
        '"\\("\\(env)")"',
        '@json "x \\(input)"',
        "{a: if . then 1, env else 2 end}",
        "{if: 1}, env, 1",
        "{a: [1, env]}",
        "{(env): 1}",
        "def env: 1; true",
        "def f(now): now; f(1)",
        "$__loc__",
        "{$__loc__}",
        "# \\\n comment \n env",
    ],
)
def test_no_spelling_hides_what_reaches_outside(text: str, shared: jq.Pool) -> None:
    assert "is not allowed" in problems(text, shared)[0].message


@pytest.mark.parametrize(
    "text",
    [
        "{env: 1, now}",
        ".env.now.input",
        '."env"',
        '"env now $ENV"',
        "# env\ntrue",
        ". as {env: $env} | $env",
        "# env \\\n env\ntrue",
    ],
)
def test_the_same_letters_elsewhere_are_allowed(text: str, shared: jq.Pool) -> None:
    assert jq.compile(text, pool=shared).text == text


@pytest.mark.parametrize(
    "text",
    [
        "true) | (true",
        "true) catch {error: .}), (true",
        "]",
        '"\\(1',
        "true #\n)",
        "def f: .;",
        "true as",
        "| true",
        ", 1",
        "$__all",
        "break $out",
    ],
)
def test_a_text_cannot_leave_its_place_in_the_program_around_it(text: str, shared: jq.Pool) -> None:
    assert problems(text, shared)


def test_names_that_jq_has_itself_cannot_be_bound(shared: jq.Pool) -> None:
    for name in ("ENV", "__loc__", "a-b", "", "1a"):
        with pytest.raises(ValueError, match="cannot be the name"):
            jq.compile("true", (name,), pool=shared)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000 + "1",
        "[" * 9000 + "1" + "]" * 9000,
        '"x" * 1000000000',
        "1+" * 30_000 + "1",
        ".a|" * 20_000 + ".a",
        "-" * 60_000 + "1",
    ],
    ids=["parentheses", "lists", "folded constant", "sum", "pipe", "minus"],
)
def test_a_hostile_text_does_not_get_through_nor_break_anything(text: str, pool: jq.Pool) -> None:
    try:
        program = jq.compile(text, pool=pool)
    except CompileError as error:
        messages = [problem.message for problem in error.problems]
    else:
        messages = [jq.condition(jq.run([(program, {})], input={}, bindings={}, pool=pool)[0]).error or ""]
    assert all(0 < len(message) < 1000 for message in messages)
    assert jq.compile("true", pool=pool).text == "true"


def test_what_is_no_fault_of_the_text_is_no_problem_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", fail)
    with (
        jq.Pool(processes=1) as pool,
        pytest.raises(AuditorError, match="cannot be started: no more processes") as raised,
    ):
        jq.compile("true", pool=pool)
    assert not isinstance(raised.value, CompileError)


REVIEWED = (
    "abs acos acosh add all any arrays ascii_downcase ascii_upcase asin asinh atan atan2 atanh booleans bsearch "
    "builtins capture cbrt ceil combinations contains copysign cos cosh debug del delpaths drem empty endswith "
    "env erf erfc error exp exp10 exp2 explode expm1 fabs fdim finites first flatten floor fma fmax fmin fmod "
    "format frexp from_entries fromdate fromdateiso8601 fromjson fromstream gamma get_jq_origin get_prog_origin "
    "get_search_list getpath gmtime group_by gsub halt halt_error has have_decnum have_literal_numbers hypot "
    "implode IN in INDEX index indices infinite input input_filename input_line_number inputs inside isempty "
    "isfinite isinfinite isnan isnormal iterables j0 j1 jn join JOIN keys keys_unsorted last ldexp length lgamma "
    "lgamma_r limit localtime log log10 log1p log2 logb ltrim ltrimstr map map_values match max max_by min min_by "
    "mktime modf modulemeta nan nearbyint nextafter nexttoward normals not now nth nulls numbers objects path "
    "paths pick pow range recurse remainder repeat reverse rindex rint round rtrim rtrimstr scalars scalb scalbln "
    "scan select setpath significand sin sinh skip sort sort_by split splits sqrt startswith stderr strflocaltime "
    "strftime strings strptime sub tan tanh test tgamma to_entries toboolean todate todateiso8601 tojson tonumber "
    "tostream tostring transpose trim trimstr trunc truncate_stream type unique unique_by until utf8bytelength "
    "values walk while with_entries y0 y1 yn "
)


def test_a_new_function_of_libjq_is_looked_at_before_rules_may_use_it(shared: jq.Pool) -> None:
    """When this fails: does the function reach outside of its input? Then it belongs into the refusals."""
    program = jq.compile('builtins | map(sub("/.*"; "")) | unique', pool=shared)
    (outcome,) = jq.run([(program, {})], input=None, bindings={}, pool=shared)
    assert set(outcome.value[0]) - set(REVIEWED.split()) == set()
