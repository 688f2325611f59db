"""The scope of CRD rules: `self` with the types of its schema."""

import gc
import sys

import pytest

from auditor.errors import CompileError
from auditor.json import Json
from auditor.languages import cel
from auditor.languages.cel.escaping import escape, unescape

START_2020, START_2021 = cel.timestamp(1_577_836_800, 0), cel.timestamp(1_609_459_200, 0)
ITEM = cel.object_of({"name": cel.STRING, "size": cel.INT, "at": cel.TIMESTAMP, "c-d": cel.object_of({"e-f": cel.INT})})
SELF = cel.object_of(
    {
        "replicas": cel.INT,
        "paused": cel.BOOL,
        "name": cel.STRING,
        "foo-bar": cel.INT,
        "namespace": cel.STRING,
        "a__b": cel.INT,
        "x.y/z": cel.INT,
        "at": cel.TIMESTAMP,
        "wait": cel.DURATION,
        "data": cel.BYTES,
        "port": cel.DYN,
        "items": cel.list_of(ITEM),
        "byName": cel.map_of(cel.STRING, ITEM),
        "labels": cel.map_of(cel.STRING, cel.STRING),
        "dates": cel.list_of(cel.TIMESTAMP),
        "waits": cel.map_of(cel.STRING, cel.DURATION),
        "absent": cel.object_of({"a-b": cel.INT, "c": cel.STRING}),
        "spec": cel.object_of({"max": cel.INT}),
    }
)
VALUE = {
    "replicas": 3,
    "paused": True,
    "name": "x",
    "foo-bar": 1,
    "namespace": "n",
    "a__b": 2,
    "x.y/z": 4,
    "at": START_2020,
    "wait": cel.duration(90 * 10**9),
    "data": b"abc",
    "port": "http",
    "items": [
        {"name": "a", "size": 1, "at": START_2020, "c-d": {"e-f": 1}},
        {"name": "b", "size": 2, "at": START_2021},
    ],
    "byName": {"k": {"name": "a", "size": 1}},
    "labels": {"foo__dash__bar": "1"},
    "dates": [START_2020, START_2021],
    "waits": {"a": cel.duration(1)},
    "spec": {"max": 5},
}
SCOPE = cel.crd_scope(SELF)


@pytest.mark.parametrize(
    "source",
    [
        "self.replicas <= self.spec.max",
        "self.paused",
        "has(self.paused) && self.paused",
        "self.foo__dash__bar == 1",
        "has(self.foo__dash__bar)",
        "self.__namespace__ == 'n'",
        "self.a__underscores__b == 2",
        "self.x__dot__y__slash__z == 4",
        "self.labels.foo__dash__bar == '1'",
        "self.at < timestamp('2020-06-01T00:00:00Z')",
        "self.at.getFullYear() == 2020",
        "self.wait == duration('90s') && self.wait.getSeconds() == 90",
        "self.data == b'abc'",
        "self.port == 'http' || self.port == 80",
        "self.items.all(i, i.size > 0 && i.at.getFullYear() >= 2020)",
        "self.items.filter(i, i.at < timestamp('2020-06-01T00:00:00Z')).size() == 1",
        "self.items[0].at == self.at",
        "self.items.exists(i, has(i.at) && i.name == 'b')",
        "self.byName.all(k, self.byName[k].size == 1)",
        "self.spec == self.spec",
        "self.items.map(i, i.size).sum() == 3",
        "!has(self.spec.max) || self.spec.max > 1",
        "self != null",
        "self.items.all(self, self.size > 0)",
        "self.dates.all(d, d >= self.at) && self.dates == [self.at, timestamp('2021-01-01T00:00:00Z')]",
        "self.dates.max() == self.dates[1] && self.at in self.dates && self.dates.exists(d, d == self.items[1].at)",
        "self.waits['a'] == duration('1ns') && self.waits.a < self.wait",
        "self.waits.all(k, self.waits[k] < self.wait) && self.waits.all(k, v, v < self.wait)",
        "self.?foo__dash__bar.hasValue() && self.?foo__dash__bar.value() == 1",
        "self.?at.orValue(timestamp('2000-01-01T00:00:00Z')).getFullYear() == 2020",
        "!self.?absent.?a__dash__b.hasValue() && self.?absent.a__dash__b.orValue(7) == 7",
        "self.?spec.max.optMap(m, m + 1).value() == 6",
        "self.?items[?0].c__dash__d.?e__dash__f.orValue(0) == 1",
        "self.items.all(i, i.name == 'b' || has(i.c__dash__d.e__dash__f))",
        "self.items.all(i, i.?c__dash__d.?e__dash__f.orValue(1) == 1)",
        "self.items.filter(i, has(i.c__dash__d)).map(i, i.c__dash__d).all(c, c.e__dash__f == 1)",
        "self.items.filter(i, has(i.c__dash__d))[0].c__dash__d.e__dash__f == 1",
        "optional.of(self.items[0]).c__dash__d.e__dash__f.value() == 1",
        "self.items[?0].optMap(i, has(i.c__dash__d)).orValue(false)",
        "(self.replicas > 2 ? self.items[0] : self.items[1]).c__dash__d.e__dash__f == 1",
        "(self.items + self.items)[2].c__dash__d.e__dash__f == 1",
    ],
)
def test_rules_hold(source: str) -> None:
    outcome = cel.compile(source, SCOPE).run(cel.Bindings(self=VALUE))
    assert (outcome.value, outcome.error) == (True, None)


@pytest.mark.parametrize(
    ("source", "message", "column"),
    [
        ("self.replcas == 1", "there is no field 'replcas' here; did you mean 'replicas'?", 6),
        ("has(self.spec.maxx)", "there is no field 'maxx' here; did you mean 'max'?", 15),
        ("self.replicas == 'a'", "'(int, string)'", 15),
        ("self.items.all(i, i.sizes > 0)", "there is no field 'sizes' here; did you mean 'size'?", 21),
        ("self.items[0].nam == ''", "there is no field 'nam' here", 15),
        ("self.?spec.maxx.hasValue()", "there is no field 'maxx' here; did you mean 'max'?", 12),
        ("self.?replcas.hasValue()", "there is no field 'replcas' here; did you mean 'replicas'?", 7),
        ("self.?replicas.orValue('a') == 'a'", "no matching overload for 'orValue'", 23),
        ("self.port.a__dash__b == 1", "whether 'a__dash__b' stands for 'a-b' is not known here", 10),
        ("self.spec.all(k, k == 'max')", "an object with known fields cannot be gone through", 5),
        ("'max' in self.spec", "an object with known fields is no map; write has(...)", 7),
        ("self.port", "must evaluate to bool, this is dyn", 1),
        ("oldSelf.replicas == 1", "oldSelf cannot be used here", 1),
        ("object.spec == 1", "undeclared reference to 'object.spec'", 7),
    ],
)
def test_mistakes_are_found_by_the_schema(source: str, message: str, column: int) -> None:
    with pytest.raises(CompileError) as caught:
        cel.compile(source, SCOPE)
    assert [p.column for p in caught.value.problems if message in p.message] == [column], caught.value.problems


@pytest.mark.parametrize(("self_type", "value"), [(cel.INT, 3), (cel.STRING, "abc"), (cel.list_of(cel.INT), [1])])
def test_self_may_be_any_value(self_type: cel.Type, value: Json) -> None:
    program = cel.compile("self == self", cel.crd_scope(self_type))
    assert program.run(cel.Bindings(self=value)).value is True


@pytest.mark.parametrize(
    ("seconds", "nanos", "text"),
    [
        (-62_135_596_800, 0, "0001-01-01T00:00:00Z"),
        (253_402_300_799, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
        (-1, 1, "1969-12-31T23:59:59.000000001Z"),
    ],
)
def test_dates_have_nanoseconds_and_all_years(seconds: int, nanos: int, text: str) -> None:
    program = cel.compile(f"self == timestamp('{text}')", cel.crd_scope(cel.TIMESTAMP))
    assert program.run(cel.Bindings(self=cel.timestamp(seconds, nanos))).value is True


@pytest.mark.parametrize(("nanoseconds", "text"), [(-1, "-1ns"), (-1_500_000_000, "-1.5s"), (10**18, "1000000000s")])
def test_durations(nanoseconds: int, text: str) -> None:
    program = cel.compile(f"self == [duration('{text}')]", cel.crd_scope(cel.list_of(cel.DURATION)))
    assert program.run(cel.Bindings(self=[cel.duration(nanoseconds)])).value is True


def test_what_is_not_readable_is_an_error_of_all_that_see_it() -> None:
    bindings = cel.Bindings(self={"a": 1, "at": cel.timestamp(-(10**12), 0), "big": 2**64})
    for source in ("self.a == 1", "has(self.at)", "self != null", "self.at != timestamp('2020-01-01T00:00:00Z')"):
        scope = cel.crd_scope(cel.object_of({"a": cel.INT, "at": cel.TIMESTAMP, "big": cel.DYN}))
        outcome = cel.compile(source, scope).run(bindings)
        assert outcome.value is None
        assert "self cannot be read: a date in it is not within" in str(outcome.error)


def test_typed_values_leave_nothing_behind() -> None:
    program = cel.compile("self.at in self.dates && self.wait == self.waits.a", SCOPE)

    def run_often() -> None:
        for _ in range(1000):
            assert program.run(cel.Bindings(self={**VALUE, "wait": cel.duration(1)})).value is True

    run_often()
    gc.collect()
    before = sys.getallocatedblocks()
    run_often()
    gc.collect()
    assert sys.getallocatedblocks() - before < 500


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("a", "a"),
        ("a-b.c/d", "a__dash__b__dot__c__slash__d"),
        ("a__b", "a__underscores__b"),
        ("namespace", "__namespace__"),
        ("in", "__in__"),
        ("1a", None),
        ("a b", None),
        ("ü", None),
        ("", None),
    ],
)
def test_escaped_names(name: str, escaped: str | None) -> None:
    assert escape(name) == escaped
    assert escaped is None or unescape(escaped) == name


def test_old_self() -> None:
    scope = cel.crd_scope(SELF, old=True)
    program = cel.compile("self.replicas >= oldSelf.replicas && self.foo__dash__bar == oldSelf.foo__dash__bar", scope)
    assert program.run(cel.Bindings(self=VALUE, oldSelf={**VALUE, "replicas": 4})).value is False


@pytest.mark.parametrize(
    "old_replicas",
    ["oldSelf.value().replicas", "oldSelf.replicas.orValue(9)", "oldSelf.?replicas.orValue(9)"],
)
@pytest.mark.parametrize(("old", "value"), [([], True), ([{"replicas": 5}], False), ([{"replicas": 1}], True)])
def test_optional_old_self_is_bound_as_a_list_of_one_or_none(old: Json, value: bool, old_replicas: str) -> None:
    scope = cel.crd_scope(SELF, optional_old=True)
    program = cel.compile(f"!oldSelf.hasValue() || self.replicas >= {old_replicas}", scope)
    assert program.run(cel.Bindings(self=VALUE, oldSelf=old)).value is value
