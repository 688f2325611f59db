"""Several conditions at once: the same as one after the other, wherever it says that all of them hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.json import Json
from auditor.languages import cel
from auditor.languages.cel import conjunction
from auditor.languages.cel.build import depth

CONDITIONS = [
    "object.l.all(x, x > object.low)",
    "!object.l.exists(x, x == object.low)",
    "int(object.n) > 4",
    "object.?text.orValue('none') != 'prod'",
    "object.m.exists(k, v, v > 1) || has(object.text)",
    "object.missing.field == 1 || object.l.size() < 3",
    "variables.total < 3",
    "variables.total == object.l.size()",
    "[object.low + 1].all(y, object.l.all(x, x >= y))",
    "true",
]


def scope() -> cel.Scope:
    plain = cel.admission_scope()
    return plain.with_variable("total", cel.compile("object.l.map(x, x * 2).size()", plain, cel.ANY))


def bind(thing: Json) -> cel.Bindings:
    return cel.Bindings(object=thing, oldObject=None)


OBJECTS = st.fixed_dictionaries(
    {
        "l": st.lists(st.integers(0, 6), max_size=4),
        "low": st.integers(-1, 3),
        "n": st.sampled_from(["5", "9", "3", "x"]),
        "m": st.dictionaries(st.sampled_from("ab"), st.integers(0, 3), max_size=2),
    },
    optional={"text": st.sampled_from(["prod", "dev", None]), "missing": st.sampled_from([None, {"field": 1}, 7])},
)


@given(st.lists(st.sampled_from(CONDITIONS), min_size=2, max_size=6), st.lists(OBJECTS, min_size=1, max_size=5))
def test_it_holds_where_each_does_and_nowhere_else(texts: list[str], things: list[Json]) -> None:
    programs = [cel.compile(text, scope()) for text in texts]
    together = cel.Conjunction(programs)
    for _ in range(conjunction._WORTH_IT):
        together.holds(bind(things[0]))
    for thing in things:
        assert together.holds(bind(thing)) is all(each.run(bind(thing)).value is True for each in programs)


def test_it_is_made_only_when_it_is_worth_it() -> None:
    """A scan of one file would pay for it and gain nothing."""
    together = cel.Conjunction([cel.compile("true", scope()), cel.compile("object.n == 1", scope())])
    assert [together.holds(bind({"n": 1})) for _ in range(conjunction._WORTH_IT + 1)] == [False] * 3 + [True]


def test_what_nests_too_deeply_together_is_asked_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "object.n == 1"
    for _ in range(10):
        deep = f"(object.n == 2 ? false : {deep})"
    programs = [cel.compile(deep, scope()) for _ in range(2)]
    monkeypatch.setattr("auditor.languages.cel.program.MAX_DEPTH", max(depth(each.tree) for each in programs))
    together = cel.Conjunction(programs)
    assert [together.holds(bind({"n": 1})) for _ in range(conjunction._WORTH_IT + 2)] == [False] * 5
    assert all(each.run(bind({"n": 1})).value is True for each in programs)


def test_what_may_take_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One rule that runs away must not take the time of the others with it."""
    slow = cel.compile("object.many.all(x, object.many.all(y, object.many.all(z, x + y + z >= 0)))", scope())
    together = cel.Conjunction([slow, cel.compile("object.low == 1", scope())])
    monkeypatch.setattr("auditor.languages.cel.apart.run", lambda *_: pytest.fail("it went to another process"))
    thing: Json = {"many": list(range(3000)), "low": 1}
    assert [together.holds(bind(thing)) for _ in range(conjunction._WORTH_IT + 2)] == [False] * 5
