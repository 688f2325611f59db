"""The bound on the cost of an expression: never too low, and low enough for what people write."""

import math
import random
import time
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from auditor.errors import CompileError
from auditor.json import Json
from auditor.languages import cel
from auditor.languages.cel import program as programs
from auditor.languages.cel.ast import Call, Node, children
from auditor.languages.cel.cost import bound, reading, reckon
from auditor.languages.cel.libraries import IMPLEMENTED
from auditor.languages.cel.prices import PRICES
from tests.unit.languages.cel import recorded
from tests.unit.languages.cel.test_fuzz import calls

SCOPE = cel.admission_scope()
S = 10_000
RANDOM = random.Random(1)  # noqa: S311 (the same each time)
WORST: dict[str, Json] = {
    "s": "a" * S,
    "t": "a" * (S // 2) + "b",
    "u": "é" * (S // 2),
    "r": "".join(RANDOM.choice("ab") for _ in range(S)),
    "p": "/" * S,
    "q": "?" + "a=1&" * (S // 4),
    "l": ["a"] * (S // 4),
    "i": [0] * (S // 2),
    "n": [str(n) for n in range(S // 6)],
    "m": [{"a": str(n)} for n in range(S // 12)],
    "k": {str(n): n for n in range(S // 10)},
    "d": ["1s"] * (S // 5),
}
EXPENSIVE = """
object.s.size() == 0
object.s.contains(object.t)
object.s.indexOf(object.t) == 0
object.s.lastIndexOf(object.t) == 0
object.s.startsWith(object.s + 'b')
object.s == object.s
object.r.matches('[ab]*a[ab]{200}c')
object.r.matches('(a?){50}a{50}c')
object.s.matches('^[a-z]{1,63}(,[a-z0-9.]{1,253})*$')
object.r.find('[ab]*a[ab]{200}c') == ''
object.s.findAll('a').size() == 0
object.s.substring(0, 3000).findAll('a(.*b)?').size() == 0
object.s.replace('a', 'bb') == ''
object.s.replace('', 'b') == ''
object.s.split('').size() == 0
object.s.split('a').size() == 0
object.u.substring(2000) == ''
object.u.charAt(2000) == ''
object.s.lowerAscii().upperAscii().trim() == ''
(object.s + object.s) == ''
string(bytes(object.s)) == ''
strings.quote(object.s) == ''
duration(object.d.join('')) == duration('1s')
timestamp(object.s) == timestamp('2020-01-01T00:00:00Z')
int(object.s) == 0
quantity(object.s).isInteger()
isQuantity(object.s)
isSemver('1.2.3-' + object.n.join('.'))
isIP(object.s)
isCIDR(object.s)
isURL('http://a' + object.p)
url('http://a/' + object.q).getQuery().size() == 0
format.dns1123Subdomain().validate(object.s).hasValue()
format.uri().validate(object.s).hasValue()
'%s'.format([object]) == ''
'%s'.format([[object.u]]) == ''
object == object
object.l + object.l == object.i
'z' in object.l
object.l.join(',') == ''
object.m.distinct().size() == 0
object.l.distinct().size() == 0
object.n.sort().size() == 0
object.l.reverse().slice(0, 1000).size() == 0
[object.l, object.l].flatten().size() == 0
lists.range(300000).size() == 0
object.l.all(x, x == 'a')
object.l.slice(0, 1500).map(x, x).size() == 0
object.l.slice(0, 1500).filter(x, x == 'a').size() == 0
object.l.slice(0, 900).transformMap(i, v, v).size() == 0
object.n.slice(0, 900).sortBy(x, x).size() == 0
lists.range(1500).map(x, x).size() == 0
lists.range(900).transformList(i, v, v).size() == 0
lists.range(400).all(x, quantity('1Gi').isGreaterThan(quantity('2Mi')))
lists.range(2000).all(x, 'aaaa'.matches('^[a-z]{1,63}$'))
object.l.isSorted()
object.n.min() == ''
object.i.sum() == 0
object.k.all(k, v, v >= 0)
sets.contains(object.m, object.m)
sets.intersects(object.n, object.l)
object.l.slice(0, 500).all(x, x.matches('^[a-z]{1,63}(,[a-z0-9.]{1,253})*$'))
object.n.slice(0, 500).all(x, quantity(x).isLessThan(quantity('1Gi')))
object.n.slice(0, 500).all(x, cidr('10.0.0.0/8').containsIP('10.1.2.3'))
object.n.slice(0, 90).all(x, object.n.slice(0, 90).exists_one(y, y == x))
object.l.slice(0, 90).all(x, !object.s.contains(x + 'b'))
object.l.all(x, timestamp('2020-01-01T00:00:00Z').getHours('Europe/Berlin') == 1)
object.l.all(x, object.?k.?a.orValue('') == '')
""".strip().splitlines()
# Nanoseconds are those of the machine that was measured; another may be slower, and others run on it.
SLOWER = 5.0
MARGIN = 2_000_000


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything in this process."""
    monkeypatch.setattr(programs, "MAX_COST", math.inf)
    monkeypatch.setattr(programs, "bound", lambda *_, **__: 0.0)


def shape(value: Json) -> tuple[int, int]:
    bindings = cel.Bindings(object=value)
    return len(orjson.dumps(value)), bindings.count_items(["object"])


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("source", EXPENSIVE)
def test_the_bound_is_not_too_low(source: str) -> None:
    program = cel.compile(source, SCOPE)
    bindings = cel.Bindings(object=WORST)
    cel.compile("object.s == ''", SCOPE).run(bindings)  # converts them
    _, limit = reckon(program._tree, *shape(WORST))
    begun = time.thread_time_ns()
    program.run(bindings)
    assert time.thread_time_ns() - begun < SLOWER * limit + MARGIN


@pytest.mark.usefixtures("unlimited")
def test_the_bound_on_reading_the_request_is_not_too_low() -> None:
    program = cel.compile("object.s == ''", SCOPE)
    bindings = cel.Bindings(object=WORST)
    begun = time.thread_time_ns()
    program.run(bindings)
    assert time.thread_time_ns() - begun < SLOWER * reading(*shape(WORST)) + MARGIN


ATOMS = """
object object.a object.b object.d object.n object.t 1 2.5 'a' 'ab' null true [] {} [1,2] {'k':1} x
"""
expressions = st.recursive(st.sampled_from(ATOMS.split()), calls, max_leaves=8)
keys = st.sampled_from(["a", "b", "d", "e", "n", "t"])
objects = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text("ab1,.", max_size=20),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.usefixtures("unlimited")
@settings(max_examples=80)
@given(expressions, st.dictionaries(keys, objects))
def test_no_result_is_larger_than_its_bound(source: str, value: Json) -> None:
    try:
        program = cel.compile(source, SCOPE, cel.ANY)
    except CompileError:
        reject()
    check_size(program, value)


def check_size(program: cel.Program, value: Json) -> bool:
    outcome = program.run(cel.Bindings(object=value))
    extent, _ = reckon(program._tree, *shape(value))
    if outcome.error is not None:
        return False
    sizes = list(_sizes(outcome.value))
    assert len(sizes) - 1 <= extent.items
    # Base64 takes 4/3, and the type of what is no JSON stands in front of it.
    assert sum(sizes) <= 4 / 3 * extent.bytes + 64
    return True


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize(
    "source",
    [
        "object.split('')",
        "object.split('a')",
        "object.split('aa')",
        "object.replace('', 'xyz')",
        "object.replace('a', 'xyz')",
        "object.replace('aa', object)",
        "[object, object, object].join(object)",
        "strings.quote(object)",
        "strings.quote(strings.quote('\\n' + object))",
        "object + object + object",
        "object.findAll('a')",
        "object.findAll('')",
        "object.find('a*')",
        "'%s %s'.format([object, [object, [object]]])",
        "'%x'.format([object])",
        "lists.range(10).map(i, '%.1000f'.format([1e300]))",
        "lists.range(10).map(i, object)",
        "lists.range(10).map(i, [object, object]).flatten()",
        "{'a': object, 'b': object}.transformList(k, v, {k: v})",
        "{'a': object}.transformMap(k, v, [v, v, v])",
        "[object].map(x, x + x).map(x, x + x).map(x, x + x)",
        "url('http://a/?' + object + '&a&b&c').getQuery()",
        "object.upperAscii().lowerAscii().substring(1).trim()",
    ],
)
@pytest.mark.parametrize("value", ["a" * 3000, "ab,/&=\n\x01é" * 300], ids=["plain", "escaped"])
def test_results_that_grow_are_not_larger_than_their_bounds(source: str, value: str) -> None:
    assert check_size(cel.compile(source, SCOPE, cel.ANY), value) or value != "a" * 3000


def _sizes(value: Json) -> Iterator[int]:
    match value:
        case str():
            yield len(value.encode())
        case list():
            yield 2
            for each in value:
                yield from _sizes(each)
        case dict():
            yield 2 + sum(len(key.encode()) for key in value)
            for each in value.values():
                yield from _sizes(each)
        case _:
            yield len(str(value))


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # many of them do not compile
@given(expressions, st.integers(0, 3_000_000), st.integers(0, 1_500_000), st.integers(1, 1_500_000))
def test_larger_requests_never_cost_less(source: str, size: int, items: int, more: int) -> None:
    try:
        program = cel.compile(source, SCOPE, cel.ANY)
    except CompileError:
        reject()
    cost = bound(program._tree, size, items)
    assert not bound(program._tree, size + more, items) < cost
    assert not bound(program._tree, size, items + more) < cost


@pytest.mark.parametrize(
    ("source", "size", "items"),
    [
        # What policies say, on objects as large as few are: 32 KiB in 1,000 values; and on the largest.
        ("object.spec.replicas % 2 == 1", 2 << 20, 40_000),
        ("object.spec.image.startsWith('registry.example.com/')", 2 << 20, 40_000),
        ("has(object.metadata.labels) && 'app' in object.metadata.labels", 2 << 20, 40_000),
        ("object.spec.members.all(m, m.cpu <= 16 && has(m.memory))", 2 << 20, 40_000),
        ("object.spec.pods.all(p, p.containers.all(c, c.image.startsWith('a/')))", 2 << 20, 40_000),
        ("object.spec == oldObject.spec", 2 << 20, 40_000),
        ("object.spec.image.matches('^[a-z0-9./-]+:[a-z0-9.]+$')", 1 << 18, 10_000),
        ("object.spec.members.all(m, m.name.matches('^[a-z]+$'))", 32 << 10, 1000),
        ("object.spec.members.filter(m, m.cpu > 3).size() < 2", 32 << 10, 500),
        ("quantity(object.spec.memory).isLessThan(quantity('4Gi'))", 32 << 10, 1000),
        ("'%s has %d'.format([object.metadata.name, object.spec.replicas]) != ''", 32 << 10, 1000),
        ("object.spec.members.exists_one(m, object.spec.members.exists_one(n, n.name == m.name))", 2 << 10, 70),
        ("object.spec.members.all(m, quantity(m.memory).isLessThan(quantity('4Gi')))", 8 << 10, 250),
        ("object.spec.hosts.all(h, h in object.spec.allowed)", 8 << 10, 250),
    ],
)
def test_what_policies_say_is_short(source: str, size: int, items: int) -> None:
    assert bound(cel.compile(source, SCOPE)._tree, size, items) <= programs.MAX_COST


@pytest.mark.parametrize(
    ("source", "size", "items"),
    [
        ("object.l.all(a, object.l.all(b, (a + b).matches('...')))", 8 << 10, 250),
        ("object.s.contains(object.t)", 1 << 20, 10),
        ("object.s.matches(object.t)", 2 << 10, 10),
        ("lists.range(object.n).map(x, x).size() == 0", 100, 5),
        ("object.l.map(x, x).size() == 0", 1 << 20, 10_000),
        ("object.a == 1", 3 << 20, 1_500_000),
        ("'%s'.format([object]) == ''", 1 << 20, 30_000),
        ("object.l.all(a, object.l.all(b, object.l.all(c, object.l.all(d, object.l.all(e, a != e)))))", 2 << 10, 60),
    ],
)
def test_what_may_take_long_is_not_short(source: str, size: int, items: int) -> None:
    assert not bound(cel.compile(source, SCOPE)._tree, size, items) <= programs.MAX_COST


def test_variables_count_with_what_they_are() -> None:
    scope = SCOPE.with_variable("v0", cel.compile("object.s + object.s", SCOPE, cel.ANY))
    for n in range(1, 18):
        scope = scope.with_variable(f"v{n}", cel.compile(f"variables.v{n - 1} + variables.v{n - 1}", scope, cel.ANY))
        program = cel.compile(f"variables.v{n} != ''", scope)
        assert bound(program._tree, 1000, 10) > 1000 * 2**n
    assert not bound(program._tree, 1000, 10) <= programs.MAX_COST


def test_looking_at_an_expression_is_bounded_too() -> None:
    inner = " && ".join(f"a != {n}" for n in range(20))
    for name in "abcdef":
        inner = f"object.l.all({name}, {inner})"
    begun = time.thread_time()
    assert bound(cel.compile(inner, SCOPE)._tree, 100, 10) == math.inf
    assert time.thread_time() - begun < 1


def test_every_function_has_a_price() -> None:
    assert not {name for name in IMPLEMENTED if name not in PRICES}
    unknown = set()
    for source in (each for section in recorded.load()["sections"].values() for each in section):
        try:
            program = cel.compile(source, recorded.SCOPE, cel.ANY)
        except CompileError:
            continue
        unknown |= {name for name in _functions(program._tree) if name not in PRICES}
    assert not unknown


def _functions(node: Node) -> Iterator[str]:
    if isinstance(node, Call):
        yield node.function
    for child in children(node):
        yield from _functions(child)
