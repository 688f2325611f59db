"""The tree of an expression: every part has the value that it has in the whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engine.explain.expression import Expressions
from auditor.engine.explain.parts import State, Step
from auditor.engine.explain.spans import SpanError, read_spans
from auditor.engine.veil import Veil
from auditor.json import Json, JsonObject
from auditor.languages import cel
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request

OBJECT: JsonObject = {
    "spec": {
        "n": 3,
        "many": list(range(1000)),
        "name": "it's",
        "items": [{"a": 1, "tags": ["x"]}, {"a": 5, "tags": []}, {"tags": ["y", "z"]}],
        "labels": {"one": "1", "two": "2"},
        "started": "2026-01-01T00:00:00Z",
        "token": "s3cr3t-value",
        "env": [{"name": "DB_PASSWORD", "value": "another-secret"}, {"name": "HOST", "value": "db"}],
        "copy": "has s3cr3t-value in it",
    }
}


def explain(text: str) -> Step:
    scope = cel.admission_scope()
    bindings = cel.Bindings(object=OBJECT, oldObject=None)
    request = Request(
        operation=Operation.CREATE,
        kind=GroupVersionKind("example.com", "v1", "Gadget"),
        resource=GroupVersionResource("example.com", "v1", "gadgets"),
        object=OBJECT,
    )
    program = cel.compile(text, scope, cel.ANY)
    return Expressions(scope, bindings, Veil(request), frozenset()).explain(text, program.run(bindings))


def flat(step: Step) -> dict[str, Step]:
    found = {step.text: step}
    for each in step.steps:
        found.update(flat(each))
    return found


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("object.spec.n > 2 && !(object.spec.n == 3)", {"object.spec.n > 2": True, "!(object.spec.n == 3)": False}),
        ("object.spec.n > 9 ? 'a' in ['a'] : object.spec.n in [1, 3]", {"object.spec.n in [1, 3]": True}),
        ("object.spec.items.all(i, i.a < 3)", {"i": OBJECT["spec"]["items"][1], "i.a < 3": False, "i.a": 5}),
        ("object.spec.items.exists(i, i.a > 3)", {"i.a > 3": True, "i.a": 5}),
        ("object.spec.labels.all(k, k != 'two')", {"k": "two", "k != 'two'": False}),
        ("object.spec.labels.all(k, v, v != '2')", {"v": "2", "v != '2'": False}),
        ("object.spec.items.all(i, v, i < 1)", {"i": 1, "i < 1": False}),
        ("object.spec.items.exists(i, i.tags.all(t, t == 'y'))", {"i.tags.all(t, t == 'y')": True}),
        ("object.spec.items.all(i, i.tags.all(t, t == 'x'))", {"t == 'x'": False, "t": "y"}),
        ("timestamp(object.spec.started) < timestamp('2027-01-01T00:00:00Z')", {}),
        ("object.spec.items.map(i, size(i.tags))[2] == 2", {"object.spec.items.map(i, size(i.tags))[2]": 2}),
        ("object.spec.?none.orValue('x') == \"x\" // why", {"object.spec.?none.orValue('x')": "x"}),
        ("object.spec.many.all(m, m < 900)", {"m": 900, "m < 900": False}),
        ("object.spec.many.exists(i, m, i == 901 && m > 5)", {"m": 901, "i == 901": True}),
        ("(object.spec.n + 1) * 2 == 8", {"(object.spec.n + 1) * 2": 8, "object.spec.n + 1": 4}),
    ],
)
def test_values_of_parts(text: str, parts: dict[str, Json]) -> None:
    step = explain(text)
    found = flat(step)
    for part, value in parts.items():
        assert found[part].state is State.VALUE, (part, found.keys())
        assert found[part].value == value
        assert type(found[part].value) is type(value)


def test_errors_and_what_is_not_evaluated() -> None:
    found = flat(explain("object.spec.items.all(i, i.a < 10)"))
    assert found["i"].note == "element 2"
    assert found["i.a < 10"].note == "no such key: a"
    found = flat(explain("object.spec.n > 2 || object.spec.gone"))
    assert found["object.spec.gone"].note == "does not count, another side decides: no such key: gone"
    found = flat(explain("object.spec.n > 2 ? true : object.spec.gone"))
    assert found["object.spec.gone"].state is State.SKIPPED


@pytest.mark.parametrize(
    "text",
    [
        "object.spec.token != ''",
        "object.spec.env.all(e, e.value != 'db')",
        "object.spec.env.exists(e, e.value.startsWith('another'))",
        "object.spec.copy + '!' == ''",
        "object.spec.env.map(e, e.value) == []",
        "[object.spec.token].all(t, t == '')",
        "string(object.spec.token.size()) == object.spec.token",
        "object.spec == null",
    ],
)
def test_secrets(text: str) -> None:
    said = repr(explain(text))
    assert "s3cr3t" not in said
    assert "another-secret" not in said


ATOMS = st.sampled_from(
    ["object.spec.n == 3", "object.spec.n > 5", "has(object.spec.n)", "has(object.spec.gone)", "true", "false",
     "object.spec.gone == 1", "object.spec.items.exists(i, i.a == 5)", "object.spec.items.all(i, has(i.a))",
     "'x' in object.spec.items[0].tags", "object.spec.name == r'it' || object.spec.name == \"it's\""]
)  # fmt: skip
TREES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]}) ? ({t[1]}) : ({t[2]})"),
        inner.map(lambda each: f"!({each})"),
    ),
    max_leaves=5,
)


def check(step: Step) -> None:
    """A part follows from its parts as the sign between them says, errors included."""
    kind = read_spans(step.text).kind
    values = [each.value if each.state is State.VALUE else None for each in step.steps]
    value = step.value if step.state is State.VALUE else None
    if kind in ("and", "or") and len(values) == len(read_spans(step.text).parts):
        decides = kind == "or"
        expected = decides if decides in values else None if None in values else not decides
        assert value is expected, step
    elif kind == "not" and values:
        assert value is (None if values[0] is None else not values[0]), step
    elif kind == "choice" and len(values) == 3 and step.steps[0].state is State.VALUE:
        assert value is values[1 if values[0] else 2], step
    for each in step.steps:
        check(each)


@given(TREES)
@settings(max_examples=40)
def test_parts_make_the_whole(text: str) -> None:
    check(explain(text))


@pytest.mark.parametrize("text", ["a &&", "a b", "(a", "[1, ", "a ? b", "a.", "'open"])
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(SpanError):
        read_spans(text)
