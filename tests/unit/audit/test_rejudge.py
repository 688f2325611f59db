"""What is asked for of a kind, until it is done."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit.rejudge import FEW, PATIENCE, Rejudger, Sources, Wanted
from auditor.cluster import Client, Resource
from auditor.errors import NotFoundError, UnreachableError
from auditor.json import JsonObject

RESOURCE = Resource("example.com", "v1", "things", "Thing", namespaced=True)
SOURCES = st.one_of(st.none(), st.frozensets(st.sampled_from("pqr"), min_size=1))
ASKS = st.tuples(
    SOURCES,
    st.one_of(st.none(), st.lists(st.sampled_from("ab"), min_size=1)),
    st.one_of(st.none(), st.lists(st.sampled_from(["a/x", "a/y", "b/x"]), min_size=1)),
)


def gather(asks: list[tuple[Sources, list[str] | None, list[str] | None]]) -> Wanted:
    wanted = Wanted()
    for sources, namespaces, keys in asks:
        wanted.add(sources, namespaces, keys, "test")
    return wanted


@given(st.lists(ASKS), st.lists(ASKS))
def test_all_that_was_asked_for_is_wanted_and_no_more(first: list[Any], second: list[Any]) -> None:
    wanted = gather(first)
    wanted.join(gather(second))
    for key in ("a/x", "a/y", "b/x"):
        namespace = key[0]
        asked = [
            sources
            for sources, namespaces, keys in (*first, *second)
            if (key in keys if keys is not None else namespaces is None or namespace in namespaces)
        ]
        expected = None if None in asked else frozenset(each for sources in asked for each in sources)
        assert wanted.sources_of(namespace, key) == expected


class Reads:
    """Stands in for a client, and counts; what it gives is not looked at by the stand-in of the follower."""

    def __init__(self, things: list[JsonObject]) -> None:
        self.things = things
        self.asked: list[str] = []
        self.fails = 0

    def list(self, _: Resource, *, namespace: str = "") -> Iterator[JsonObject]:
        self.asked.append(f"list {namespace}")
        for thing in self.things:
            if self.fails:
                self.fails -= 1
                raise UnreachableError("it is away")
            if namespace in ("", thing["metadata"]["namespace"]):
                yield thing

    def get(self, _: Resource, name: str, *, namespace: str = "") -> JsonObject:
        self.asked.append(f"get {namespace}/{name}")
        for thing in self.things:
            if thing["metadata"] == {"name": name, "namespace": namespace}:
                return thing
        raise NotFoundError("get thing", code=404)


class Judges:
    name, resource = "things.example.com", RESOURCE

    def __init__(self) -> None:
        self.closed = False
        self.judged: list[tuple[str, Sources]] = []
        self.completed = 0

    def judge_again(self, thing: JsonObject, _: str, sources: Sources) -> bool:
        self.judged.append((thing["metadata"]["name"], sources))
        return True

    def complete(self, _: object) -> None:
        self.completed += 1


def thing(namespace: str, name: str) -> JsonObject:
    return {"metadata": {"namespace": namespace, "name": name}}


class Bench:
    def __init__(self, *things: JsonObject) -> None:
        self.reads, self.judges, self.passed = Reads(list(things)), Judges(), 0
        self.known, self.now = True, 0.0
        self.follower: Judges | None = self.judges
        client: Any = self.reads
        find: Any = lambda _: self.follower  # noqa: E731
        self.rejudger = Rejudger(client, find, ready=lambda _: self.known, passed=self.note, clock=lambda: self.now)
        assert isinstance(client, Reads | Client)

    def note(self, _: object) -> None:
        self.passed += 1

    def work(self) -> None:
        self.rejudger._work("things.example.com")

    def ask(self, *args: Any, **kwargs: Any) -> None:
        self.rejudger.ask("things.example.com", "test", *args, **kwargs)


def test_ten_policies_are_one_list() -> None:
    bench = Bench(thing("a", "x"))
    for name in "pqr":
        bench.ask(frozenset({name}))
    bench.work()
    assert bench.reads.asked == ["list "]
    assert bench.judges.judged == [("x", frozenset("pqr"))]
    assert (bench.passed, bench.judges.completed) == (1, 0), "not all of all was judged"


def test_a_pass_over_everything_is_complete() -> None:
    bench = Bench(thing("a", "x"))
    bench.ask()
    bench.work()
    assert bench.judges.judged == [("x", None)]
    assert (bench.passed, bench.judges.completed) == (1, 1)


def test_a_namespace_is_listed_alone() -> None:
    bench = Bench(thing("a", "x"), thing("b", "y"))
    bench.ask(frozenset("p"), namespaces=["b"])
    bench.work()
    assert bench.reads.asked == ["list b"]
    assert bench.judges.judged == [("y", frozenset("p"))]
    assert bench.passed == 0


def test_a_few_objects_are_read_one_by_one_and_one_that_is_gone_is_none() -> None:
    bench = Bench(thing("a", "x"))
    bench.ask(keys=["a/x", "a/gone"])
    bench.work()
    assert sorted(bench.reads.asked) == ["get a/gone", "get a/x"]
    assert bench.judges.judged == [("x", None)]


def test_many_objects_are_listed_and_the_others_left_alone() -> None:
    bench = Bench(*(thing("a", str(i)) for i in range(100)))
    bench.ask(keys=[f"a/{i}" for i in range(FEW + 1)])
    bench.work()
    assert bench.reads.asked == ["list "]
    assert len(bench.judges.judged) == FEW + 1


def test_what_failed_is_done_again_together_with_what_came_since() -> None:
    bench = Bench(thing("a", "x"))
    bench.reads.fails = 1
    bench.ask(frozenset("p"))
    with pytest.raises(UnreachableError):
        bench.work()
    assert bench.rejudger.troubles == {"things.example.com": "it is away"}
    bench.ask(frozenset("q"))
    bench.work()
    assert bench.judges.judged == [("x", frozenset("pq"))]
    assert bench.rejudger.troubles == {}


def test_it_waits_for_what_rules_look_up() -> None:
    bench = Bench(thing("a", "x"))
    bench.known = False
    bench.ask()
    bench.work()
    assert bench.judges.judged == []
    bench.known = True
    bench.work()
    assert bench.judges.judged == [("x", None)]


def test_it_does_not_wait_for_ever_for_what_rules_look_up() -> None:
    """They say themselves what they could not look up; the other policies on the kind are not held up."""
    bench = Bench(thing("a", "x"))
    bench.known = False
    bench.ask()
    bench.work()
    bench.now = PATIENCE + 1
    bench.work()
    assert bench.judges.judged == [("x", None)]
    bench.ask()
    bench.work()
    assert len(bench.judges.judged) == 1, "the next one is given time, too"


def test_of_a_kind_that_is_gone_nothing_is_wanted_and_nothing_in_trouble() -> None:
    bench = Bench(thing("a", "x"))
    bench.reads.fails = 1
    bench.ask()
    with pytest.raises(UnreachableError):
        bench.work()
    bench.follower = None
    bench.work()
    assert bench.rejudger.troubles == {}
    bench.follower = bench.judges
    bench.work()
    assert bench.judges.judged == []


def test_a_kind_that_goes_while_it_is_passed_over_is_not_told_as_complete() -> None:
    bench = Bench(thing("a", "x"), thing("a", "y"))
    bench.ask()
    bench.judges.closed = True
    bench.work()
    assert (bench.judges.judged, bench.passed, bench.judges.completed) == ([], 0, 0)
