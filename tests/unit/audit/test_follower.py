"""One kind: what informers tell, passes read and settings change, in any order."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.audit import judge as judging
from auditor.audit.follower import Follower
from auditor.audit.judge import judge
from auditor.audit.ledger import Diff, KindLedger, widen
from auditor.audit.setting import ON_POLICIES, Setting, compare
from auditor.cluster import Resource
from auditor.cluster.informer import Change, Notice
from auditor.cluster.listwatch import Version, make_version
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.engine import Engine
from auditor.errors import ClusterError
from auditor.json import JsonObject
from tests.unit.audit.making import policy, setting, thing, without_checks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
V1 = Resource("example.com", "v1", "things", "Thing", namespaced=True)
V2 = replace(V1, version="v2")


class FakeInformer:
    """What it knows, and whom it tells. As the real one it may tell what was on its way when it was closed."""

    def __init__(self, handler: Callable[[Notice], None], indexes: Mapping[str, object]) -> None:
        self.handler, self.indexes = handler, indexes
        self.known: dict[str, Version] = {}
        self.synced = False
        self.status = SimpleNamespace(last_error=None)
        self.broken = False

    def tell(self, obj: JsonObject, *, change: Change = Change.ADDED, initial: bool = False) -> None:
        metadata = obj["metadata"]
        key = f"{metadata['namespace']}/{metadata['name']}"
        version = make_version(uid=metadata["uid"], resource_version=metadata["resourceVersion"])
        entry: Any = SimpleNamespace(version=version)
        if change is Change.DELETED:
            self.known.pop(key, None)
        else:
            self.known[key] = version
        self.handler(Notice(change, key, obj, after=entry, initial=initial))

    def version(self, key: str) -> Version | None:
        return self.known.get(key)

    def keys(self) -> list[str]:
        return list(self.known)

    def keys_by_index(self, pointer: str, value: str) -> Collection[str]:
        if self.broken:
            raise ClusterError("it failed on an object")
        if pointer not in self.indexes:
            raise ValueError(pointer)
        return [key for key in self.known if key.endswith(value)]

    def __len__(self) -> int:
        return len(self.known)

    def close(self) -> None:
        pass


class FakeInformers:
    def __init__(self) -> None:
        self.opened: list[FakeInformer] = []

    def open(self, _: Resource, *, handler: Callable[[Notice], None], indexes: Any, **__: object) -> FakeInformer:
        self.opened.append(FakeInformer(handler, indexes))
        return self.opened[-1]


class Audience:
    def __init__(self) -> None:
        self.told: list[tuple[Diff, bool]] = []
        self.rechecks: list[tuple[str, datetime | None, bool]] = []
        self.reasons: list[str] = []
        self.fails = False

    def tell(self, _: Follower, diff: Diff, *, initial: bool) -> None:
        if self.fails:
            raise RuntimeError("nobody thought of this")
        self.told.append((diff, initial))

    def recheck(self, _: Follower, key: str, at: datetime | None, *, part: bool = False) -> None:
        self.rechecks.append((key, at, part))

    def count(self, _: Follower, reason: str, evaluations: int) -> None:
        self.reasons.append(reason)


class Bench:
    def __init__(self, made: Setting) -> None:
        self.audience, self.informers = Audience(), FakeInformers()
        self.follower = Follower("things.example.com", V1, made, self.audience, clock=lambda: NOW)
        self.open(V1)

    def open(self, resource: Resource, *pointers: str) -> FakeInformer:
        informers: Any = self.informers
        self.follower.open(informers, resource, {each: lambda _: () for each in pointers})
        return self.informers.opened[-1]

    @property
    def informer(self) -> FakeInformer:
        return self.informers.opened[-1]

    def settle(self) -> None:
        self.informer.synced = True
        assert self.follower.settle()

    @property
    def held(self) -> dict[str, set[str]]:
        return {key: {each.source for each in held.findings} for key, held in self.follower.ledger.held()}


@pytest.fixture
def bench() -> Bench:
    return Bench(setting(policy("p"), policy("q", "object.spec.n < 5"), kind=without_checks()))


def test_what_a_former_informer_still_tells_is_of_no_interest(bench: Bench) -> None:
    """It speaks of the former version, and might have the last word."""
    old = bench.informer
    bench.settle()
    new = bench.open(V2)
    new.tell({**thing(n=1), "apiVersion": "example.com/v2"}, initial=True)
    old.tell(thing(n=2), change=Change.UPDATED)
    assert bench.held == {}
    old.tell(thing(n=1), change=Change.DELETED)
    assert len(bench.follower.ledger) == 1


def test_an_informer_that_cannot_be_opened_leaves_the_former_one_at_work(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> FakeInformer:
        raise RuntimeError("nobody thought of this")

    old = bench.informer
    bench.settle()
    with monkeypatch.context() as context:
        context.setattr(bench.informers, "open", fail)
        with pytest.raises(RuntimeError):
            bench.open(V2)
    old.tell(thing(n=2), change=Change.UPDATED)
    assert bench.held == {"default/t": {"p"}}
    assert (bench.follower.resource, bench.follower.settled) == (V1, True)


def test_an_object_read_in_a_former_version_is_not_judged(bench: Bench) -> None:
    new = bench.open(V2)
    new.tell({**thing(n=1), "apiVersion": "example.com/v2"}, initial=True)
    assert not bench.follower.judge_again(thing(n=2), "policy", frozenset({"p"}))
    assert bench.held == {}


def test_what_is_known_stays_till_the_new_version_is_read_and_what_is_gone_goes_then(bench: Bench) -> None:
    bench.informer.tell(thing("a", n=2), initial=True)
    bench.informer.tell(thing("b", n=2), initial=True)
    bench.settle()
    new = bench.open(V2)
    assert not bench.follower.settle()
    assert set(bench.held) == {"default/a", "default/b"}
    new.tell({**thing("a", n=2), "apiVersion": "example.com/v2"}, initial=True)
    bench.settle()
    assert set(bench.held) == {"default/a"}
    assert bench.audience.told[-1][0].gone


def test_a_kind_that_was_never_read_whole_has_no_number_of_objects(bench: Bench) -> None:
    bench.informer.tell(thing(n=1), initial=True)
    assert bench.follower.state.present is None
    bench.settle()
    bench.informer.tell(thing(n=1), change=Change.DELETED)
    bench.open(V2)
    assert bench.follower.state.present == 0, "there were none when it was last read"


def test_a_pass_before_all_is_known_is_not_complete(bench: Bench) -> None:
    bench.follower.complete(NOW)
    assert bench.follower.state.last_complete_pass is None
    bench.settle()
    bench.follower.complete(NOW + timedelta(hours=1))
    assert bench.follower.state.last_complete_pass == NOW + timedelta(hours=1)


def test_only_what_was_there_at_the_start_is_told_as_such(bench: Bench) -> None:
    """What comes by a later list, after a break of the watch, came while somebody looked."""
    bench.informer.tell(thing("a", n=2), initial=True)
    bench.settle()
    bench.informer.tell(thing("b", n=2), initial=True)
    assert [initial for _, initial in bench.audience.told] == [True, False]


def test_a_listener_that_fails_loses_nothing_but_what_it_did_not_take(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "abc":
        bench.informer.tell(thing(name, n=2), initial=True)
    bench.audience.fails = True
    bench.follower.set(setting(policy("q", "object.spec.n < 5"), kind=without_checks()), {"p"})
    assert bench.held == {}
    assert len(caplog.records) == 3


def test_the_log_names_rules_and_no_messages(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "auditor.audit.follower"):
        bench.informer.tell(thing("a", n=2))
    (line,) = caplog.messages
    assert line.endswith(": opened p/r")
    assert "is even" not in line


def test_who_could_not_be_judged_at_all_is_judged_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of such an object only one policy would have an answer, and the others would be forgotten."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("nobody thought of this")

    with monkeypatch.context() as context:
        context.setattr(judging, "judge_stored", fail)
        bench.informer.tell(thing(n=8))
    assert bench.held == {"default/t": {"Check/judging"}}
    assert bench.follower.judge_again(thing(n=8), "policy", frozenset({"p"}))
    assert bench.held == {"default/t": {"p", "q"}}
    assert caplog.records


def test_what_a_part_wants_to_be_asked_again_takes_nothing_from_the_others(bench: Bench) -> None:
    bench.informer.tell(thing(n=1))
    bench.follower.judge_again(thing(n=1), "policy", frozenset({"p"}))
    assert bench.audience.rechecks == [("default/t", None, False), ("default/t", None, True)]


def test_where_an_index_cannot_tell_it_may_be_all(bench: Bench) -> None:
    informer = bench.open(V1, "/spec/host")
    informer.tell(thing("a", n=1))
    assert bench.follower.keys_with("/spec/host", ["a"]) == {"default/a"}
    assert bench.follower.keys_with("/spec/host", ["b"]) == set()
    assert bench.follower.keys_with("/spec/other", ["a"]) is None
    informer.broken = True
    assert bench.follower.keys_with("/spec/host", ["a"]) is None


def test_where_a_policy_sees_another_version_an_index_does_not_tell() -> None:
    bench = Bench(setting(policy("p", versions="v2"), kind=without_checks()))
    bench.open(V1, "/spec/host")
    assert bench.follower.keys_with("/spec/host", ["a"]) is None


def test_nothing_is_judged_after_the_end(bench: Bench) -> None:
    bench.informer.tell(thing(n=2))
    bench.follower.close()
    bench.informer.tell(thing(n=1), change=Change.UPDATED)
    assert not bench.follower.judge_again(thing(n=1), "policy")
    assert bench.held == {"default/t": {"p"}}


# -- parts and the whole -----------------------------------------------------------------------------------------------


def make_variants() -> dict[str, list[CompiledPolicy]]:
    def mutating(jq: str) -> JsonObject:
        return {"rules": [], "mutate": [{"name": "m", "jq": jq}]}

    texts: dict[str, list[dict[str, Any]]] = {
        "odd": [
            {"cel": "object.spec.n % 2 == 1"},
            {"cel": "object.spec.n % 2 == 0"},
            {"cel": "object.spec.nothing == 1"},
        ],
        "few": [{"cel": "object.spec.n < 2"}, {"cel": "object.spec.n < 3", "enforcement": "Warn"}],
        "other": [{"cel": "object.spec.n < 2", "versions": "v2"}, {"cel": "true", "versions": "v1"}],
        "first": [mutating('.spec.a = "set"'), mutating(".spec.n |= (. + 0)"), {"cel": "object.spec.n != 1"}],
        "second": [mutating('if .spec.a == "set" then .spec.b = "too" else . end'), mutating("error")],
    }
    return {
        name: [each for spec in specs for each in Engine.compile([policy(name, **spec)]).policies]
        for name, specs in texts.items()
    }


VARIANTS = make_variants()
OBJECTS = [thing(f"t{n}", n=n) for n in range(4)]
EDITS = st.lists(
    st.one_of(
        st.sampled_from([(name, index) for name, them in VARIANTS.items() for index in [None, *range(len(them))]]),
        st.tuples(st.just("again"), st.sets(st.sampled_from([*VARIANTS]), min_size=1).map(frozenset)),
        st.tuples(st.just("object"), st.integers(0, 3)),
    ),
    max_size=10,
)


def now_in_force(chosen: Mapping[str, int]) -> Setting:
    class Nowhere:
        def storage_version(self, kind: Any) -> str:
            return str(kind.version)

        def convert(self, *_: object) -> JsonObject:
            raise ClusterError("there is no way")

    engine = Engine.of([VARIANTS[name][index] for name, index in sorted(chosen.items())])
    return setting(engine=engine, ways=Nowhere())


def what_is_known(ledger: KindLedger) -> object:
    held = {key: sorted(map(repr, each.findings)) for key, each in ledger.held()}
    return held, dict(ledger.tally()), len(ledger)


@settings(max_examples=max(1, settings().max_examples // 3), deadline=None)
@given(EDITS)
def test_after_any_edits_parts_add_up_to_the_whole(edits: list[tuple[Any, Any]]) -> None:
    """Only what an edit touches is judged again; at each moment all is as if everything had been judged anew."""
    chosen = {"odd": 0, "first": 0, "second": 0}
    bench = Bench(now_in_force(chosen))
    for each in OBJECTS:
        bench.informer.tell(each, initial=True)
    bench.settle()
    for name, what in edits:
        if name == "object":
            bench.informer.tell(OBJECTS[what], change=Change.UPDATED)
        elif name == "again":
            pass_over(bench.follower, what)
        else:
            if what is None:
                chosen.pop(name, None)
            else:
                chosen[name] = what
            edit(bench.follower, now_in_force(chosen))
        fresh = KindLedger()
        for each in OBJECTS:
            key, uid = f"default/{each['metadata']['name']}", each["metadata"]["uid"]
            fresh.put(key, uid, judge(bench.follower.setting, each, NOW).judged)
        assert what_is_known(bench.follower.ledger) == what_is_known(fresh)
    assert told(bench.audience.told) == {
        key: {each.fingerprint for each in held.findings} for key, held in bench.follower.ledger.held()
    }


def edit(follower: Follower, after: Setting) -> None:
    """As the steering does."""
    consequence = compare(follower.setting, after)
    follower.set(after, widen(consequence.gone, ON_POLICIES) - widen(after.policies, ON_POLICIES))
    assert not consequence.all
    if consequence.changed:
        pass_over(follower, consequence.changed)


def pass_over(follower: Follower, sources: frozenset[str]) -> None:
    for each in OBJECTS:
        follower.judge_again(each, "policy", sources)


def told(diffs: list[tuple[Diff, bool]]) -> dict[str, set[str]]:
    """What was told adds up to what is known."""
    found: dict[str, set[str]] = {}
    for diff, _ in diffs:
        mine = found.setdefault(diff.key, set())
        for each in diff.resolved:
            mine.remove(each.fingerprint)
        for each in diff.opened:
            assert each.fingerprint not in mine
            mine.add(each.fingerprint)
    return {key: mine for key, mine in found.items() if mine}


def test_the_property_above_is_about_something() -> None:
    """The second mutation speaks only after the first."""

    def rules(them: Iterator[str]) -> set[str]:
        return {each for each in them if each.startswith("second")}

    alone = judge(now_in_force({"second": 0}), OBJECTS[0], NOW).judged.findings
    both = judge(now_in_force({"first": 0, "second": 0}), OBJECTS[0], NOW).judged.findings
    assert rules(each.rule for each in alone) == set()
    assert rules(each.rule for each in both) == {"second/m"}
