"""Evaluation: variables, null, and all the ways in which it must not fail."""

import gc
import subprocess
import sys
import threading
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import CompileError
from auditor.json import Json
from auditor.languages import cel
from auditor.languages.cel import values
from auditor.languages.outcome import Outcome

SCOPE = cel.admission_scope(params=True)


def run(source: str, result: cel.Type = cel.ANY, scope: cel.Scope = SCOPE, **names: Json) -> Outcome:
    return cel.compile(source, scope, result).run(cel.Bindings(**names))


def with_variables(**variables: str) -> cel.Scope:
    scope = SCOPE
    for name, source in variables.items():
        scope = scope.with_variable(name, cel.compile(source, scope, cel.ANY))
    return scope


def test_one_bindings_object_serves_all_programs() -> None:
    bindings = cel.Bindings(object={"a": 1}, oldObject=None)
    programs = [cel.compile(source, SCOPE) for source in ("object.a == 1", "object.a == 2", "oldObject == null")]
    assert [p.run(bindings).value for p in programs] == [True, False, True]


@pytest.mark.parametrize(
    ("variables", "source", "value"),
    [
        ({"a": "object.x"}, "variables.a == 3", True),
        ({"a": "object.x", "b": "variables.a + 1"}, "variables.b == 4 && variables.a == 3", True),
        ({"a": "object.nope"}, "true || variables.a == 1", True),
        ({"a": "object.nope"}, "object.x == 4 && variables.a == 1", False),
        ({"a": "object.nope", "b": "variables.a", "c": "1"}, "variables.c == 1", True),
        ({"a": "object.?nope"}, "variables.a.orValue(7) == 7", True),
        ({"a": "[object.?x]"}, "variables.a[0].value() == 3", True),
        ({"a": "quantity('1Gi')"}, "variables.a.isGreaterThan(quantity('1M'))", True),
        ({"a": "timestamp('2020-01-01T00:00:00Z')"}, "variables.a.getFullYear() == 2020", True),
        ({"a": "object.list.filter(x, x > 1)"}, "variables.a.all(x, variables.a.size() == 2)", True),
        ({"a": "object.list.map(x, x * 2)"}, "[1].all(a, variables.a[0] == 2)", True),
        ({"a": "has(object.x)"}, "variables.a", True),
        ({"a": "object.x"}, "has(variables.a)", True),
        ({"a": "object.nope"}, "has(variables.a)", True),
        ({"a": "'text'"}, "variables.a.startsWith('t')", True),
    ],
)
def test_variables(variables: Mapping[str, str], source: str, value: bool) -> None:
    outcome = run(source, cel.BOOL, with_variables(**variables), object={"x": 3, "list": [1, 2, 3]})
    assert outcome == Outcome.of(value)


@pytest.mark.parametrize(
    "source",
    [
        "1",
        "1u",
        "1.5",
        "b'a'",
        "null",
        "[]",
        "{}",
        "[[1]]",
        "{'a': [1]}",
        "{1: 2u}",
        "{true: [null]}",
        "type(1)",
        "type(object.x)",
        "[type(1)]",
        "duration('1s')",
        "[timestamp('2020-01-01T00:00:00Z')]",
        "quantity('1')",
        "[ip('::1')]",
        "{'a': cidr('::1/8')}",
        "url('/a')",
        "semver('1.2.3')",
        "format.uuid()",
        "optional.of(1)",
        "optional.none()",
        "[optional.of(quantity('1'))]",
        "optional.of([optional.of(1)])",
        "request",
        "namespaceObject",
        "request.kind",
        "request.userInfo.extra",
        "google.protobuf.Timestamp",
    ],
)
def test_a_variable_may_be_of_any_type(source: str) -> None:
    request = {"kind": {"kind": "A"}, "userInfo": {"extra": {"a": ["b"]}}}
    scope = with_variables(a=source, b="[variables.a]", c="variables.b[0]")
    outcome = run("[variables.c].all(x, x == variables.a) && variables.c == variables.a", cel.BOOL, scope)
    assert outcome.error is None or "is not available here" in outcome.error
    names = {"object": {"x": 1}, "request": request, "namespaceObject": {"metadata": {}}}
    assert run("[variables.c].all(x, x == variables.a)", cel.BOOL, scope, **names) == Outcome.of(True)


def test_an_error_in_a_variable_that_is_used_is_its_error() -> None:
    outcome = run("variables.a == 1", scope=with_variables(a="object.nope"), object={})
    assert outcome.error == 'Key not found in map : "nope"'


def test_a_variable_is_typed_by_its_expression() -> None:
    with pytest.raises(CompileError) as caught:
        cel.compile("variables.a == 'x'", with_variables(a="object.list.size()"))
    assert "'(int, string)'" in caught.value.problems[0].message


def test_variables_that_double_are_evaluated_once_each() -> None:
    """Written out in full, the last one would have 2**30 terms."""
    variables = {"v0": "object.x"} | {f"v{i}": f"variables.v{i - 1} + variables.v{i - 1}" for i in range(1, 31)}
    assert run("variables.v30 == 1", scope=with_variables(**variables), object={"x": 0}).value is False


def test_too_many_variables_are_a_problem_not_a_crash() -> None:
    variables = {"v0": "object.x"} | {f"v{i}": f"variables.v{i - 1}" for i in range(1, 60)}
    with pytest.raises(CompileError, match="nests too deeply"):
        with_variables(**variables)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("has(object.nothing.x)", False),
        ("has(object.text.x)", False),
        ("has(object.nothing)", True),
        ("object.nothing.?x.hasValue()", False),
        ("object.?nothing.?x.?y.hasValue()", False),
        ("has(oldObject.spec)", False),
        ("has(oldObject.spec) || true", True),
        ("!has(oldObject.spec) && object.nothing == null", True),
    ],
)
def test_null_and_scalars_have_no_fields(source: str, value: bool) -> None:
    assert run(source, object={"nothing": None, "text": "a"}, oldObject=None) == Outcome.of(value)


@pytest.mark.parametrize(
    "source",
    [
        "object.missing.x == 1",
        "has(object.missing.x)",
        "1 / object.zero == 1",
        "object.list.all(x, object.list.all(y, object.list.all(z, x + y + z < 0 || true)))",
        "lists.range(9223372036854775807).size() == 1",
        "lists.range(object.big).size() == 1",
        "object.text.matches(object.bad)",
        "object.text.find(object.bad) == ''",
        "quantity(object.text) == quantity('1')",
        "timestamp(object.text) == timestamp(object.text)",
        "params == null",
        "'a\\u0000b'.find('a.b') == 'x'",
    ],
)
def test_every_failure_is_an_outcome(source: str) -> None:
    outcome = run(source, cel.BOOL, object={"zero": 0, "list": list(range(30)), "text": "a", "bad": "(", "big": 2**62})
    assert outcome.value is None
    assert outcome.error


def test_a_name_without_a_value_is_told() -> None:
    assert run("params == null").error == "params is not available here"
    assert run("object == null").error == "object is not available here"


@pytest.mark.parametrize("value", [None, 1, "true", "ERROR", [True], {"a": True}, 1.0])
def test_only_true_is_true(value: Json) -> None:
    outcome = run("object.x == true || object.x && true", cel.BOOL, object={"x": value})
    assert outcome.value is not True


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": "x\0y"}, "NUL"),
        ({"x\0y": 1}, "NUL"),
        ({"a": "\ud800"}, "surrogates"),
        ({"\ud800": 1}, "surrogates"),
        ({"a": {1, 2}}, "cannot be read"),
        ({"a": 10**400}, "too large for a double"),
        ({1: "a"}, "cannot be read"),
        ({"a": type("Text", (str,), {})("x")}, "cannot be read"),
    ],
)
def test_what_the_library_would_misread_is_an_error_of_those_who_use_it(value: Json, reason: str) -> None:
    bindings = cel.Bindings(object=value, params={"a": 1})
    assert reason in str(cel.compile("object.a == 'x'", SCOPE).run(bindings).error)
    assert cel.compile("params.a == 1", SCOPE).run(bindings).value is True


@pytest.mark.parametrize("levels", [300, 100_000])
def test_a_value_that_nests_too_deeply_is_an_error(levels: int) -> None:
    value: Json = 1
    for _ in range(levels):
        value = [value]
    assert "cannot be read" in str(run("object == 1", cel.BOOL, object=value).error)


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert run("object.a == '\\\\u0000'", cel.BOOL, object={"a": "\\u0000"}).value is True


@pytest.mark.parametrize(
    ("number", "source"),
    [
        (2**63, "type(object.n) == double"),
        (2**64, "type(object.n) == double"),
        (-(2**63) - 1, "type(object.n) == double"),
        (2**63 - 1, "type(object.n) == int"),
        (-(2**63), "type(object.n) == int"),
        (2**53 + 1, "object.n == 9007199254740993"),
    ],
)
def test_integers_beyond_64_bits_are_doubles(number: int, source: str) -> None:
    assert run(source, cel.BOOL, object={"n": number, "list": [number]}) == Outcome.of(True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def has_nul(value: Json) -> bool:
    return "\\u0000" in ascii(value).replace("\\x00", "\\u0000")


@given(json_values)
def test_json_comes_out_as_it_went_in(value: Json) -> None:
    outcome = run("object.x", object={"x": value})
    if has_nul(value):
        assert outcome.error
        return
    assert outcome == Outcome.of(value)
    assert repr(outcome.value) == repr(value) or isinstance(value, dict | list)


def test_a_result_of_too_many_values_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_VALUES", 1000)
    assert run("[object, object]", object=[1] * 490).value == [[1] * 490] * 2
    assert run("[object, object]", object=[1] * 510).error == "the result has more than 1000 values"


def test_nulls_that_pass_through_python_do_not_use_up_none() -> None:
    """The library forgets to count them; before Python 3.12 some thousands would end the process."""
    program = cel.compile("object.transformMap(k, v, v).size() == 1 && '%s'.format([object]) != ''", SCOPE)
    bindings = cel.Bindings(object={"a": [None] * 1000})
    program.run(bindings)
    before = sys.getrefcount(None)
    for _ in range(20):
        assert program.run(bindings).value is True
    assert sys.getrefcount(None) > before - 1000


@pytest.mark.parametrize(
    "source",
    [
        "isIP(object.text)",
        "quantity(object.text).isLessThan(quantity('2Gi'))",
        "'%s'.format([object.map]) == ''",
        "object.map.transformMap(k, v, v).size() == 1",
        "quantity('no' + object.text).isInteger()",
    ],
)
def test_calls_of_python_leave_nothing_behind(source: str) -> None:
    """The library forgets to release arguments and results."""
    program = cel.compile(source, SCOPE)

    def run_often() -> None:
        for _ in range(500):
            program.run(cel.Bindings(object={"text": "1Gi", "map": {"a": [1.5, None]}}))

    run_often()
    gc.collect()
    before = sys.getallocatedblocks()
    run_often()
    gc.collect()
    assert sys.getallocatedblocks() - before < 200


def test_bindings_serve_another_thread_too() -> None:
    bindings = cel.Bindings(object={"ip": "::1"})
    program = cel.compile("isIP(object.ip)", SCOPE)
    outcomes = [program.run(bindings)]
    thread = threading.Thread(target=lambda: outcomes.append(program.run(bindings)))
    thread.start()
    thread.join()
    assert outcomes == [Outcome.of(True)] * 2


def test_a_failure_in_python_is_an_error_like_others() -> None:
    """A logical operator may swallow it, and the reason is its own."""
    assert run("quantity('x').isInteger() || true").value is True
    assert "regular expression" in str(run("quantity('x').isInteger() || false").error)
    assert run("{}['a'] == 1").error == 'Key not found in map : "a"'


HIDDEN_OPTIONALS = (
    "{'a': 1}.transformMap(k, v, optional.of(v)).size() == 1",
    "{'a': 1}.transformMap(k, v, [optional.of(v)]).size() == 1",
    "{'a': 1}.transformMap(k, v, dyn(optional.of(v))).size() == 1",
    "{'a': 1}.transformMap(k, v, true ? dyn(1) : optional.of(1)).size() == 1",
    "{'a': 1}.transformMap(k, v, {'x': object.?y}).size() == 1",
    "{'a': 1}.transformMapEntry(k, v, {k: object.?x}).size() == 1",
    "'%s'.format([[optional.of(1)]]) == ''",
    "'%s'.format([dyn([optional.of(1)])]) == ''",
    "'%s'.format([variables.hidden]) == ''",
    "'%s'.format([variables.list]) == ''",
    "'%s'.format(variables.list) == ''",
    "'%s'.format([[variables.list, [object]]]) == ''",
    "'%s'.format([object.?a.orValue(object.?b)]) == ''",
    "'%s'.format([object.list.map(x, object.?a)]) == ''",
    "'%s'.format([object.list.map(x, x == 1, object.?a)]) == ''",
    "'%s'.format([object.list + [object.?a]]) == ''",
    "'%s'.format([(true ? [object.?a] : object.list)]) == ''",
    "'%s'.format([[[object.?a], object.list][0]]) == ''",
    "'%s'.format([object.list.transformList(i, v, object.?a)]) == ''",
    "'%s'.format([[optional.of(1)].sort()]) == ''",
    "'%s'.format([[[optional.of(1)]].flatten()]) == ''",
)


def test_an_optional_never_gets_to_python_within_a_value() -> None:
    """It would end the process: so this is tried in another one."""
    script = f"""
from auditor.errors import CompileError
from auditor.languages import cel
from auditor.languages.cel import values
scope = cel.admission_scope()
scope = scope.with_variable("hidden", cel.compile("dyn(optional.of(1))", scope, cel.ANY))
scope = scope.with_variable("list", cel.compile("[optional.of(1)]", scope, cel.ANY))
for source in {HIDDEN_OPTIONALS!r}:
    print(source, end=": ", flush=True)
    try:
        outcome = cel.compile(source, scope).run(cel.Bindings(object={{"a": 1, "list": [1]}}))
    except CompileError as error:
        print("refused")
    else:
        print("error" if outcome.error else "evaluated")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-200:]
    results = done.stdout.splitlines()
    assert len(results) == len(HIDDEN_OPTIONALS)
    assert [r for r in results if not r.endswith((": refused", ": error"))] == []
