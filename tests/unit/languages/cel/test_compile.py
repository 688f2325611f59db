"""What compiles, and what an author is told of the rest."""

import pytest

from auditor.errors import CompileError, Problem
from auditor.languages import cel

SCOPE = cel.admission_scope()


def problems(source: str, scope: cel.Scope = SCOPE, result: cel.Type = cel.BOOL) -> list[Problem]:
    with pytest.raises(CompileError) as caught:
        cel.compile(source, scope, result)
    return caught.value.problems


@pytest.mark.parametrize(
    ("source", "message", "line", "column"),
    [
        ("object.spec.replicas >", "Syntax error", 1, 23),
        ("true &&\n  1 + 'a' == 2", "'(int, string)'", 2, 5),
        ("true &&\n\n   foo", "undeclared reference to 'foo'", 3, 4),
        ("objct.spec == 1", "undeclared reference to 'objct.spec'; did you mean 'object'?", 1, 6),
        ("varables.a == 1", "undeclared reference to 'varables.a'; did you mean 'variables'?", 1, 9),
        ("request.operation == 1", "'(string, int)'", 1, 19),
        ("request.operation == 'a' && request.name == 1", "'(string, int)'", 1, 42),
        ("request.nam == 'a'", "there is no field 'nam' here; did you mean 'name'?", 1, 9),
        ("has(request.nam)", "there is no field 'nam' here; did you mean 'name'?", 1, 13),
        ("request.userInfo.groups.exists(g, g == 1)", "'(string, int)'", 1, 37),
        ("request['name'] == 'a'", "an object with known fields has no index", 1, 8),
        ("params.max == 1", "params needs a paramKind in the policy", 1, 1),
        ("variables.a == 1", "variables.a is not declared above", 1, 10),
        ("variables == 1", "write variables.NAME", 1, 1),
        ("object.`a-b` == 1", "backquotes", 1, 7),
        ("[1, 'a'] == []", "list elements must be of one type: expected int, found string", 1, 5),
        ("{'a': 1, 'b': 'c'} == {}", "map values must be of one type", 1, 15),
        ("int('7.0') == 7", "cannot convert '7.0' to a number", 1, 4),
        ("duration('1d') > duration('1s')", "cannot convert '1d' to a duration", 1, 9),
        ("'a'.matches('(')", "invalid regular expression", 1, 13),
        ("'a'.find(r'\\C') == ''", "\\C is not known to Go", 1, 10),
        ("'%d'.format(['a']) == ''", "decimal clause can only be used on integers", 1, 12),
        ("[1].indexOf('a') == 0", "no matching overload for 'indexOf'", 1, 12),
        ("Object{a: 1} == 1", "there is no type 'Object' here", 1, 1),
        ("jsonpatch.escapeKey('a') == ''", "jsonpatch can be used in mutations only", 1, 20),
        ("cel.bind(x, 1, x) == 1", "undeclared reference to 'cel'", 1, 1),
        ("", "the expression is empty", 1, 1),
        (" \n", "the expression is empty", 1, 1),
        ("auditor__x == 1", "reserved", 1, 1),
    ],
)
def test_a_mistake_is_named_with_its_place(source: str, message: str, line: int, column: int) -> None:
    found = problems(source)
    assert [(p.line, p.column) for p in found if message in p.message] == [(line, column)], found


def test_all_mistakes_are_told_at_once() -> None:
    found = problems("request.nope == 1 && variables.nope == 2 && foo == 3")
    assert [p.column for p in found] == [9, 31, 45]


def test_names_of_our_own_making_are_in_no_message() -> None:
    for source in ("request.operation + 1 == 2", "object.spec.x.nope(request) == 1", "request.name.all(x, true)"):
        assert "auditor__" not in str(problems(source))


@pytest.mark.parametrize(
    ("source", "result", "hint"),
    [
        ("object.spec.enabled", cel.BOOL, "compare it"),
        ("!!object.spec.enabled", cel.BOOL, "compare it"),
        ("1", cel.BOOL, "this is int"),
        ("object.spec.name", cel.STRING, "write string(...)"),
        ("1", cel.STRING_OR_NULL, "this is int"),
        ("[1]", cel.OBJECT, "this is list(int)"),
        ("[]", cel.OBJECT, "this is list"),
        ("'a'", cel.JSON_PATCH, "this is string"),
    ],
)
def test_the_type_of_the_result_is_checked(source: str, result: cel.Type, hint: str) -> None:
    [problem] = problems(source, result=result)
    assert hint in problem.message


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("object.spec.enabled == true", cel.BOOL),
        ("object.spec.enabled && true", cel.BOOL),
        ("request.dryRun", cel.BOOL),
        ("request.operation", cel.STRING),
        ("namespaceObject.metadata.name", cel.STRING),
        ("namespaceObject == null", cel.BOOL),
        ("null", cel.STRING_OR_NULL),
        ("'a'", cel.STRING_OR_NULL),
        ("object.spec", cel.ANY),
        ("authorizer.requestResource.check('get').allowed()", cel.BOOL),
        ("// a comment\nrequest.operation == 'a' // another", cel.BOOL),
        ("request\n.operation == 'a'", cel.BOOL),
        ("(request).operation == 'a'", cel.BOOL),
        ("'request.nope' == 'a'", cel.BOOL),
        ("[1].exists(request, request == 1)", cel.BOOL),
        ("[{'a': 1}].all(variables, variables.a == 1)", cel.BOOL),
    ],
)
def test_what_is_right_compiles(source: str, result: cel.Type) -> None:
    assert cel.compile(source, SCOPE, result).source == source


def test_params_and_authorizer_depend_on_the_scope() -> None:
    cel.compile("params == null", cel.admission_scope(params=True))
    [problem] = problems("authorizer.path('/x').check('get').allowed()", cel.admission_scope(authorizer=False))
    assert problem.message == "authorizer cannot be used here"


@pytest.mark.parametrize(
    "source",
    [
        "[" * 40 + "]" * 40 + " == []",
        "(" * 200 + "true" + ")" * 200,
        "object" + ".a" * 100 + " == 1",
        "true" + " ? true : false" * 50,
        "1" + "+1" * 100 + " == 1",
    ],
)
def test_too_deep_is_a_problem_not_a_crash(source: str) -> None:
    [problem] = problems(source)
    assert "nests too deeply" in problem.message


def test_too_long_is_a_problem() -> None:
    [problem] = problems("true" + " && true" * 10_000)
    assert "at most 65536 characters" in problem.message


def test_long_chains_of_operators_are_fine() -> None:
    assert cel.compile("true" + " && true" * 1000, SCOPE).run(cel.Bindings()).value is True


def test_half_a_surrogate_pair_is_a_problem() -> None:
    assert problems("'\ud800' == ''")


def test_literal_paths_are_found_with_their_places() -> None:
    source = (
        "object.spec.a > 1 &&\n"
        " object.list.all(x, x.y == oldObject.z && object.w.v == 1) && has(object.q) && 'a.b' == ''"
    )
    program = cel.compile(source, SCOPE)
    assert program.selected == (
        cel.Selected("object", ("spec", "a"), 1, 1),
        cel.Selected("object", ("list",), 2, 2),
        cel.Selected("oldObject", ("z",), 2, 28),
        cel.Selected("object", ("w", "v"), 2, 43),
        cel.Selected("object", ("q",), 2, 67),
    )


def test_optional_selections_are_paths_too() -> None:
    program = cel.compile("object.?spec.?a.b.orValue(1) == 1 && object['x'].y == 1", SCOPE)
    assert [s.path for s in program.selected] == [("spec", "a", "b")]


def test_a_bound_name_is_no_path() -> None:
    assert cel.compile("[{'a': 1}].all(object, object.a == 1)", SCOPE).selected == ()
