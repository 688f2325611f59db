"""Whatever is written as an expression: a program or problems, an outcome, and never anything else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import CompileError, Problem
from auditor.json import Json
from auditor.languages import cel

SCOPE = cel.admission_scope(params=True, mutation=True)
BINDINGS = cel.Bindings(
    object={"a": 1, "b": [1, 2, {"c": None}], "d": {"e": "f"}, "n": None, "t": "2020-01-01T00:00:00Z"},
    oldObject=None,
    request={"operation": "CREATE"},
    params={"x": 1.5},
)

ATOMS = """
object object.a object.b object.d object.n object.t oldObject params.x request.operation 1 2.5 3u 'a' b'x' null true
[] {} [1,2] {'k':1} x variables.v int duration('1s') timestamp('2020-01-01T00:00:00Z') quantity('1Gi') ip('::1')
optional.of(1)
"""
atoms = st.sampled_from(ATOMS.split())


def calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"])
    members = ["size()", "sum()", "min()", "max()", "isSorted()", "sort()", "first()", "distinct()", "flatten()"]
    members += ["hasValue()", "value()", "lowerAscii()", "a", "?a", "d.e", "c", "orValue(1)", "unwrapOpt()", "join()"]
    macros = ["all(x, {})", "exists(x, {})", "map(x, {})", "filter(x, {})", "exists_one(x, y, {})", "optMap(x, {})"]
    macros += ["transformMap(x, y, {})", "transformList(x, y, {})", "sortBy(x, {})", "indexOf({})", "format([{}])"]
    functions = ["string", "int", "double", "type", "dyn", "size", "has", "quantity", "isURL", "timestamp", "duration"]
    return st.one_of(
        st.builds(lambda a, o, b: f"({a} {o} {b})", inner, binary, inner),
        st.builds(lambda a, m: f"{a}.{m}", inner, st.sampled_from(members)),
        st.builds(lambda a, m, b: f"{a}.{m.format(b)}", inner, st.sampled_from(macros), inner),
        st.builds(lambda f, a: f"{f}({a})", st.sampled_from(functions), inner),
        st.builds(lambda a, b: f"{a}[{b}]", inner, inner),
        st.builds(lambda a, b, c: f"({a} ? {b} : {c})", inner, inner, inner),
        st.builds(lambda a, b: f"[{a}, {b}]", inner, inner),
        st.builds(lambda a, b: f"{{{a}: {b}}}", inner, inner),
        st.builds(lambda a: f"Object{{a: {a}}}", inner),
        st.builds(lambda a: f"!{a}", inner),
    )


expressions = st.recursive(atoms, calls, max_leaves=8)


def check(source: str) -> None:
    try:
        program = cel.compile(source, SCOPE, cel.ANY)
    except CompileError as refused:
        check_problems(source, refused.problems)
        return
    outcome = program.run(BINDINGS)
    assert outcome.error or is_json(outcome.value)


def check_problems(source: str, problems: list[Problem]) -> None:
    assert problems
    lines = source.split("\n")
    for problem in problems:
        assert problem.message
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert "auditor__" not in problem.message


def is_json(value: Json) -> bool:
    match value:
        case None | bool() | int() | float() | str():
            return True
        case list():
            return all(map(is_json, value))
        case dict():
            return all(isinstance(k, str) and is_json(v) for k, v in value.items())
    return False


@settings(max_examples=300, deadline=None)
@given(expressions)
def test_expressions_that_look_like_some(source: str) -> None:
    check(source)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40) | st.text("object.spec()[]{}:,?'\"`\\n \n1+=<>&|!", max_size=40))
def test_any_text(source: str) -> None:
    check(source)
