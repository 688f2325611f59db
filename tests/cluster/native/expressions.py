"""Expressions that nobody would write, of all that people do write."""

from typing import Final

from hypothesis import strategies as st

_FIELDS: Final = ("object.spec.n", "object.spec.s", "object.spec.flag", "object.spec.l", "object.spec.m")
_NUMBERS: Final = ("0", "1", "3", "-2", "10", "2.5", "object.spec.n", "object.spec.?n.orValue(4)")
_TEXTS: Final = ("''", "'a'", "'prod'", "'10'", "object.spec.s", "object.spec.?s.orValue('none')")
_LISTS: Final = ("object.spec.l", "[1, 2, 3]", "object.spec.?l.orValue([])", "object.spec.items.map(i, i.cpu)")


def _one_of(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


def _call(pattern: str, **parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.fixed_dictionaries(parts).map(lambda filled: pattern.format(**filled))


_ORDER = _one_of("<", "<=", ">", ">=")
_ANY = _one_of(*_FIELDS, "object.spec.x", "null", "object.spec.m.a", "object.spec.l[0]", "object.spec.m['b']")
_NUMBER = st.recursive(
    _one_of(*_NUMBERS),
    lambda inner: st.one_of(
        _call("({a} {op} {b})", a=inner, op=_one_of("+", "-", "*", "/", "%"), b=inner),
        _call("size({a})", a=_one_of(*_TEXTS, *_LISTS, "object.spec.m")),
        _call("int({a})", a=_one_of(*_TEXTS, "object.spec.n", "object.spec.flag", "2.9")),
        _call("({c} ? {a} : {b})", c=_one_of("object.spec.flag", "has(object.spec.n)"), a=inner, b=inner),
        _call("object.spec.s.indexOf({a})", a=_one_of(*_TEXTS)),
    ),
    max_leaves=3,
)
_TEXT = st.recursive(
    _one_of(*_TEXTS),
    lambda inner: st.one_of(
        _call("({a} + {b})", a=inner, b=inner),
        _call("string({a})", a=st.one_of(_one_of(*_NUMBERS), _ANY)),
        _call("{a}.{f}()", a=inner, f=_one_of("lowerAscii", "upperAscii", "trim")),
        _call("{a}.substring({n})", a=inner, n=_one_of("0", "1", "5")),
        _call("{a}.replace('a', 'b')", a=inner),
    ),
    max_leaves=3,
)
_ATOM = st.one_of(
    _call("{a} {op} {b}", a=_NUMBER, op=_ORDER, b=_NUMBER),
    _call("{a} {op} {b}", a=_TEXT, op=_ORDER, b=_TEXT),
    _call("{a} {op} {b}", a=_ANY, op=_one_of("==", "!="), b=st.one_of(_ANY, _NUMBER, _TEXT)),
    _call("has({a})", a=_one_of(*_FIELDS, "object.spec.m.a", "object.spec.n.x", "object.spec.x")),
    _call("{a} in {b}", a=st.one_of(_NUMBER, _TEXT), b=_one_of(*_LISTS, "object.spec.m", "object.spec.s")),
    _call("{a}.{f}({b})", a=_TEXT, f=_one_of("startsWith", "endsWith", "contains"), b=_TEXT),
    _call("{a}.matches({b})", a=_TEXT, b=_one_of("'^[a-z]+$'", "'.*'", "'a|b'")),
    _call("{l}.{f}(x, x {op} {n})", l=_one_of(*_LISTS), f=_one_of("all", "exists", "exists_one"), op=_ORDER, n=_NUMBER),
    _call("{l}.filter(x, x {op} {n}).size() > 0", l=_one_of(*_LISTS), op=_ORDER, n=_NUMBER),
    _call("object.spec.items.{f}(i, i.cpu {op} {n})", f=_one_of("all", "exists"), op=_ORDER, n=_NUMBER),
    _call("object.spec.m.all(k, object.spec.m[k] {op} {n})", op=_one_of("==", "!=", "<"), n=_NUMBER),
    _call("type({a}) == {t}", a=_ANY, t=_one_of("int", "double", "string", "bool", "list", "map", "null_type")),
    _call("{l}.isSorted()", l=_one_of("[3, 1]", "object.spec.items.map(i, int(i.cpu))")),
    _call("{l}.{f}() {op} {n}", l=_one_of("[3, 1]", "object.spec.items.map(i, int(i.cpu))"),
          f=_one_of("sum", "min", "max"), op=_ORDER, n=_one_of("1", "3", "10")),
    _call("object.?spec.{a}.hasValue()", a=_one_of("n", "?n", "?x", "?m.?a")),
    _call("object.spec.?l[?{n}].orValue({n}) == {n}", n=_one_of("0", "1")),
    _call("quantity(object.spec.s).isGreaterThan(quantity('{a}'))", a=_one_of("1", "100m", "1Ki")),
)  # fmt: skip
BOOLEANS: Final = st.recursive(
    _ATOM,
    lambda inner: st.one_of(
        _call("({a} && {b})", a=inner, b=inner),
        _call("({a} || {b})", a=inner, b=inner),
        _call("!({a})", a=inner),
        _call("({c} ? {a} : {b})", c=inner, a=inner, b=inner),
        _call("({c} && object.spec.flag)", c=inner),
    ),
    max_leaves=4,
)
