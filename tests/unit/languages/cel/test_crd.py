"""The scope of CRD rules: `self` with the types of its schema."""

import pytest

from auditor.errors import CompileError
from auditor.languages import cel
from auditor.model.json import Json

ITEM = cel.object_of({"name": cel.STRING, "size": cel.INT, "at": cel.TIMESTAMP}, escaped=True)
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
        "spec": cel.object_of({"max": cel.INT}, escaped=True),
        "free": cel.object_of({"known": cel.INT}, open=True, escaped=True),
    },
    escaped=True,
)
VALUE = {
    "replicas": 3,
    "paused": True,
    "name": "x",
    "foo-bar": 1,
    "namespace": "n",
    "a__b": 2,
    "x.y/z": 4,
    "at": "2020-01-01T00:00:00Z",
    "wait": "90s",
    "data": "YWJj",
    "port": "http",
    "items": [
        {"name": "a", "size": 1, "at": "2020-01-01T00:00:00Z"},
        {"name": "b", "size": 2, "at": "2021-01-01T00:00:00Z"},
    ],
    "byName": {"k": {"name": "a", "size": 1}},
    "labels": {"foo__dash__bar": "1"},
    "spec": {"max": 5},
    "free": {"known": 1, "unknown": 2},
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
        "self.free.known == 1 && self.free.unknown == 2",
        "self.spec == self.spec",
        "self.items.map(i, i.size).sum() == 3",
        "!has(self.spec.max) || self.spec.max > 1",
        "self != null",
        "self.items.all(self, self.size > 0)",
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


def test_old_self() -> None:
    scope = cel.crd_scope(SELF, old=True)
    program = cel.compile("self.replicas >= oldSelf.replicas", scope)
    assert program.run(cel.Bindings(self=VALUE, oldSelf={**VALUE, "replicas": 4})).value is False


@pytest.mark.parametrize(("old", "value"), [([], True), ([{"replicas": 5}], False), ([{"replicas": 1}], True)])
def test_optional_old_self_is_bound_as_a_list_of_one_or_none(old: Json, value: bool) -> None:
    scope = cel.crd_scope(SELF, optional_old=True)
    program = cel.compile("!oldSelf.hasValue() || self.replicas >= oldSelf.value().replicas", scope)
    assert program.run(cel.Bindings(self=VALUE, oldSelf=old)).value is value
