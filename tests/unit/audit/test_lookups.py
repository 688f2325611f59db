"""What others look up: who is told of its changes, and when it can be looked up at all."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from auditor.audit.lookups import Lookups, Pair, Values
from auditor.cluster import Resource
from auditor.cluster.informer import Change, Notice
from auditor.json import JsonObject

HOSTS = Resource("example.com", "v1", "hosts", "Host", namespaced=True)
NEWER = Resource("example.com", "v2", "hosts", "Host", namespaced=True)
PAIR = ("example.com", "hosts")


class FakeInformer:
    def __init__(self, handler: Callable[[Notice], None]) -> None:
        self.tell, self.synced, self.closed = handler, False, False

    def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self) -> None:
        self.opened: list[FakeInformer] = []
        self.touched: list[tuple[str, str, dict[str, set[str]]]] = []
        self.known: set[Pair] = set()
        informers: Any = SimpleNamespace(open=self.open)
        self.lookups = Lookups(informers, self.touch, known=lambda: self.known)

    def open(self, _: Resource, *, keep: object, handler: Callable[[Notice], None]) -> FakeInformer:
        self.opened.append(FakeInformer(handler))
        return self.opened[-1]

    def touch(self, resource: Resource, key: str, values: Values) -> None:
        self.touched.append((resource.version, key, {pointer: set(each) for pointer, each in values.items()}))

    def follow(self, resource: Resource = HOSTS, *pointers: str) -> FakeInformer:
        self.lookups.follow({resource: frozenset(pointers)})
        return self.opened[-1]


def added(name: str, *, initial: bool = False, **spec: object) -> Notice:
    obj: JsonObject = {"metadata": {"name": name}, "spec": spec}
    return Notice(Change.ADDED, name, obj, initial=initial)


def test_who_asked_too_early_hears_when_it_can_be_looked_up() -> None:
    bench = Bench()
    informer = bench.follow()
    informer.tell(added("a", initial=True))
    assert list(bench.lookups.settle()) == []
    informer.synced = True
    assert list(bench.lookups.settle()) == [], "rules do not find it yet"
    bench.known = {PAIR}
    assert list(bench.lookups.settle()) == [PAIR]
    assert list(bench.lookups.settle()) == []
    assert bench.touched == []


def test_what_a_later_list_brings_is_a_change() -> None:
    """After a break of the watch nothing else tells of it."""
    bench = Bench()
    informer = bench.follow(HOSTS, "/spec/host")
    informer.synced, bench.known = True, {PAIR}
    bench.lookups.settle()
    informer.tell(added("a", initial=True, host="h"))
    assert bench.touched == [("v1", "a", {"/spec/host": {'"h"'}})]


def test_what_cannot_be_looked_up_any_more_is_told_too() -> None:
    """Rules that asked for it passed, and would be errors now."""
    bench = Bench()
    informer = bench.follow()
    informer.synced, bench.known = True, {PAIR}
    bench.lookups.settle()
    bench.lookups.follow({})
    assert informer.closed
    assert list(bench.lookups.settle()) == [PAIR]
    informer = bench.follow()
    informer.synced = True
    assert list(bench.lookups.settle()) == [PAIR]
    bench.known = set()
    assert list(bench.lookups.settle()) == [PAIR]


def test_another_version_is_followed_anew_and_its_first_list_touches_nobody() -> None:
    bench = Bench()
    old = bench.follow()
    old.synced, bench.known = True, {PAIR}
    bench.lookups.settle()
    new = bench.follow(NEWER)
    assert old.closed
    new.tell(added("a", initial=True))
    assert bench.touched == []
    new.synced = True
    bench.lookups.settle()
    new.tell(added("b"))
    assert bench.touched == [("v2", "b", {})]


def test_pointers_may_change_without_a_new_list() -> None:
    bench = Bench()
    informer = bench.follow()
    informer.synced, bench.known = True, {PAIR}
    bench.lookups.settle()
    assert bench.follow(HOSTS, "/spec/n") is informer
    informer.tell(added("a", n=1))
    assert bench.touched == [("v1", "a", {"/spec/n": {"1"}})]
