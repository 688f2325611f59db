"""Informers with their threads, on list-watches that do what the test says."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest

from auditor.cluster.informer import Informers, Notice, wait_synced
from auditor.cluster.listwatch import Change, Scope
from auditor.cluster.listwatch.source import Client
from auditor.cluster.resource import NAMESPACES, Resource
from auditor.cluster.stores import DIGESTS, IDENTITY, WHOLE, Keep, content_of
from auditor.errors import ClusterError
from auditor.json import JsonObject
from tests.unit.cluster.informer.scripted import THINGS, Runner, Threaded

SOON = 10.0
"""Seconds that only pass where something is broken."""


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    informers: Informers
    lists: Threaded
    clock: Clock

    def next(self) -> Runner:
        return self.lists.begun.get(timeout=SOON)

    def put(self, *keys: str, value: str = "p") -> None:
        for key in keys:
            self.lists.server.put(key, value)


@pytest.fixture
def world() -> Iterator[World]:
    lists, clock = Threaded(), Clock()
    informers = Informers(NOBODY, follow=lists, clock=clock, now=clock)
    yield World(informers, lists, clock)
    assert informers.stop(SOON)


NOBODY = cast(Client, None)
"""The list-watches are scripted, so nobody is asked."""


@dataclass
class Listener:
    notices: list[Notice] = field(default_factory=list)

    def __call__(self, notice: Notice) -> None:
        self.notices.append(notice)

    def said(self) -> list[tuple[str, str]]:
        return [(notice.change.value, notice.key) for notice in self.notices]


def by_value(obj: JsonObject) -> list[str]:
    return [obj["spec"]["value"]]


def wait_for(condition: Callable[[], bool], runner: Runner) -> None:
    """Until all that the runner was given is done; then it has to be so."""
    done = threading.Event()
    runner.do(done.set)
    assert done.wait(SOON)
    assert condition()


def test_reads_what_the_list_watch_has_found(world: World) -> None:
    world.put("x/a", "x/b", "y/a")
    world.put("y/b", value="q")
    informer = world.informers.open(THINGS, keep=WHOLE, indexes={"value": by_value})
    assert not informer.wait_synced(0)
    world.next().sync()
    assert informer.wait_synced(SOON)
    assert informer.synced
    assert informer.get("a", namespace="x") == world.lists.server.objects["x/a"]
    assert informer.get("c", namespace="x") is None
    assert informer.get_key("y/b") == world.lists.server.objects["y/b"]
    assert sorted(informer.keys()) == ["x/a", "x/b", "y/a", "y/b"]
    assert sorted(informer.keys(namespace="x")) == ["x/a", "x/b"]
    assert len(informer) == 4
    assert "x/a" in informer
    assert "x/c" not in informer
    assert [obj["metadata"]["namespace"] for obj in informer.by_index("value", "q")] == ["y"]
    assert sorted(informer.keys_by_index("value", "p")) == ["x/a", "x/b", "y/a"]
    assert sorted(informer.index_values("value")) == ["p", "q"]
    assert informer.version("x/a") == "1 x/a-1"
    assert informer.version("x/c") is None


def test_lists_by_namespace_and_labels(world: World) -> None:
    world.put("x/a", "y/a")
    world.lists.server.put("x/b", "p", team="b")
    informer = world.informers.open(THINGS, keep=WHOLE)
    world.next().sync()
    assert informer.wait_synced(SOON)
    assert len(list(informer.list())) == 3
    assert [obj["metadata"]["name"] for obj in informer.list(namespace="x", labels="team!=b")] == ["a"]
    assert [obj["metadata"]["name"] for obj in informer.list(labels="team in (b, c)")] == ["b"]


def test_what_is_not_kept_is_not_said_to_be_absent(world: World) -> None:
    world.put("x/a")
    informer = world.informers.open(THINGS, keep=DIGESTS)
    some = world.informers.open(THINGS, keep=Keep(fields=frozenset({("spec",)})))
    world.next()
    with pytest.raises(ValueError, match="keep=WHOLE"):
        informer.get("a", namespace="x")
    with pytest.raises(ValueError, match="labels are not kept"):
        list(some.list(labels="team"))


def test_one_list_watch_for_the_same_need(world: World) -> None:
    first = world.informers.open(THINGS)
    second = world.informers.open(THINGS)
    world.next().sync()
    assert wait_synced([first, second], SOON)
    other = world.informers.open(THINGS, scope=Scope(namespace="x"))
    world.next().sync()
    assert other.wait_synced(SOON)
    assert world.lists.begun.empty()
    assert [(each.users, each.scope.namespace) for each in world.informers.status()] == [(2, ""), (1, "x")]


def test_the_last_user_ends_it(world: World) -> None:
    first, second = world.informers.open(THINGS), world.informers.open(THINGS)
    runner = world.next()
    runner.sync()
    first.close()
    first.close()
    assert second.wait_synced(SOON)
    assert not first.synced
    second.close()
    assert world.informers.status() == []
    assert runner.thread is not None
    runner.thread.join(SOON)
    assert not runner.thread.is_alive()
    again = world.informers.open(THINGS)
    assert world.next() is not runner
    assert not again.synced


def test_a_late_handler_is_told_of_all_that_is_there_and_then_of_changes(world: World) -> None:
    early, late = Listener(), Listener()
    world.put("x/a", "x/b")
    world.informers.open(THINGS, keep=WHOLE, handler=early)
    runner = world.next()
    runner.sync()
    wait_for(lambda: len(early.notices) == 2, runner)
    informer = world.informers.open(THINGS, keep=WHOLE, handler=late)
    assert informer.synced
    assert late.said() == [("added", "x/a"), ("added", "x/b")]
    assert all(notice.initial and notice.object for notice in late.notices)
    world.put("x/b", value="q")
    world.lists.server.delete("x/a")
    runner.sync()
    wait_for(lambda: late.said()[2:] == [("updated", "x/b"), ("deleted", "x/a")] == early.said()[2:], runner)
    world.put("x/c")
    runner.sync()
    wait_for(lambda: late.said()[4:] == [("added", "x/c")], runner)
    assert not late.notices[4].initial
    update = late.notices[2]
    assert (update.old or {})["spec"] == {"value": "p"}
    assert (update.object or {})["spec"] == {"value": "q"}
    assert not update.initial


def test_digests_tell_whether_something_has_changed(world: World) -> None:
    listener = Listener()
    world.put("x/a")
    informer = world.informers.open(THINGS, keep=DIGESTS, handler=listener)
    runner = world.next()
    runner.sync()
    assert informer.wait_synced(SOON)
    first = informer.digest("x/a")
    world.put("x/a")
    world.put("x/a", value="q")
    runner.sync()
    wait_for(lambda: len(listener.notices) == 3, runner)
    assert [notice.changed(content_of) for notice in listener.notices] == [True, False, True]
    assert first != informer.digest("x/a") is not None
    assert informer.digest("x/b") is None


def test_a_richer_need_lists_anew_and_the_others_notice_nothing(world: World) -> None:
    poor, rich = Listener(), Listener()
    world.put("x/a", "x/b")
    first = world.informers.open(THINGS, keep=DIGESTS, handler=poor)
    world.next().sync()
    assert first.wait_synced(SOON)
    second = world.informers.open(THINGS, keep=WHOLE, handler=rich)
    runner = world.next()
    assert first.synced
    assert not second.synced
    assert rich.notices == []
    assert first.digest("x/a") is not None
    with pytest.raises(ClusterError, match="not been read yet"):
        second.get("a", namespace="x")
    world.put("x/b", value="q")
    runner.sync()
    assert second.wait_synced(SOON)
    assert poor.said() == [("added", "x/a"), ("added", "x/b"), ("updated", "x/b")]
    assert rich.said() == [("added", "x/a"), ("added", "x/b")]
    assert all((notice.object or {})["spec"] for notice in rich.notices)
    assert second.get("b", namespace="x") == world.lists.server.objects["x/b"]
    assert str(second.status.keep) == "digests and whole objects"
    # Who comes now finds all there is.
    assert world.informers.open(THINGS, keep=WHOLE).synced
    assert world.lists.begun.empty()


def test_fresh_notices_carry_objects_that_nobody_keeps(world: World) -> None:
    early, late, fresh = Listener(), Listener(), Listener()
    world.put("x/a")
    first = world.informers.open(THINGS, handler=early)
    world.next().sync()
    assert first.wait_synced(SOON)
    world.informers.open(THINGS, handler=late)
    assert [notice.object for notice in late.notices] == [None]
    last = world.informers.open(THINGS, handler=fresh, fresh=True)
    world.next().sync()
    assert last.wait_synced(SOON)
    assert [notice.object for notice in fresh.notices] == [world.lists.server.objects["x/a"]]
    assert len(early.notices) == len(late.notices) == 1


def test_missed_deletions_leave_tombstones(world: World) -> None:
    kept, bare = Listener(), Listener()
    world.put("x/a", "x/b")
    world.informers.open(THINGS, handler=bare)
    runner = world.next()
    runner.sync()
    world.informers.open(THINGS, scope=Scope(namespace="x"), keep=WHOLE, handler=kept)
    other = world.next()
    other.sync()
    wait_for(lambda: len(bare.notices) == 2, runner)
    wait_for(lambda: len(kept.notices) == 2, other)
    last = world.lists.server.objects["x/a"]
    world.lists.server.delete("x/a")
    for each in (runner, other):
        each.do(each.script.list_anew)
        each.sync()
    wait_for(lambda: bare.said()[2:] == [("deleted", "x/a")], runner)
    wait_for(lambda: kept.said()[2:] == [("deleted", "x/a")], other)
    assert (bare.notices[2].missed, bare.notices[2].object, bare.notices[2].version) == (True, None, "1 x/a-1")
    assert (kept.notices[2].missed, kept.notices[2].object, kept.notices[2].old) == (True, last, last)


def test_a_handler_that_fails_does_not_stop_the_others(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def fail(notice: Notice) -> None:
        raise RuntimeError("broken")

    listener = Listener()
    world.put("x/a", "x/b", "x/c", "x/d", "x/e")
    broken = world.informers.open(THINGS, handler=fail)
    world.informers.open(THINGS, handler=listener)
    runner = world.next()
    runner.sync()
    wait_for(lambda: len(listener.notices) == 5, runner)
    assert broken.failures == 5
    assert broken.status.handler_failures == 5
    assert [record.getMessage() for record in caplog.records if "broken" in (record.exc_text or "")] == [
        f"things.example.com: a handler failed on x/{name}, for the {count}. time"
        for name, count in [("a", 1), ("b", 2), ("d", 4)]
    ]


def test_a_closed_one_is_told_nothing_more(world: World) -> None:
    listener, other = Listener(), Listener()
    informer = world.informers.open(THINGS, handler=listener)
    world.informers.open(THINGS, handler=other)
    runner = world.next()
    informer.close()
    world.put("x/a")
    runner.sync()
    wait_for(lambda: len(other.notices) == 1, runner)
    assert listener.notices == []


def test_a_handler_may_close_its_own_informer(world: World) -> None:
    closed = threading.Event()

    def close(notice: Notice) -> None:
        opened[0].close()
        closed.set()

    opened = [world.informers.open(THINGS, handler=close)]
    world.put("x/a", "x/b")
    world.next().sync()
    assert closed.wait(SOON)
    assert world.informers.status() == []


def test_resync_tells_all_again_spread_over_the_interval(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.cluster.informer.informers.TICK", SOON)  # the thread sleeps, the test ticks
    listener, other = Listener(), Listener()
    world.put(*(f"x/{number}" for number in range(10)))
    first = world.informers.open(THINGS, keep=WHOLE, handler=other)
    world.next().sync()
    assert first.wait_synced(SOON)
    world.informers.open(THINGS, keep=WHOLE, handler=listener, resync=10.0)
    assert len(listener.notices) == 10
    for passed in range(10):
        world.clock.now += 1
        world.informers.resync_due()
        assert len(listener.notices) == 10 + passed + 1
    again = listener.notices[10:]
    assert sorted(notice.key for notice in again) == sorted(first.keys())
    for notice in again:
        assert notice.change is Change.UPDATED
        assert notice.resync
        assert notice.object == notice.old == first.get_key(notice.key)
    assert len(other.notices) == 10


def test_resync_has_a_thread(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.cluster.informer.informers.TICK", 0.001)
    again = threading.Event()

    def listen(notice: Notice) -> None:
        if notice.resync:
            again.set()

    world.put("x/a")
    first = world.informers.open(THINGS)
    world.next().sync()
    assert first.wait_synced(SOON)
    world.informers.open(THINGS, handler=listen, resync=1.0)
    world.clock.now += 1
    assert again.wait(SOON)


def test_what_was_kept_for_one_who_left_goes(world: World) -> None:
    world.put("x/a")
    first = world.informers.open(THINGS, keep=DIGESTS)
    world.next().sync()
    with world.informers.open(THINGS, keep=WHOLE) as second:
        world.next().sync()
        assert second.wait_synced(SOON)
        assert first.status.keep == "digests and whole objects"
    assert first.status.keep == "digests"
    assert first.digest("x/a") is not None


def test_it_goes_with_the_next_event_if_a_handler_is_at_work(world: World) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def hang(notice: Notice) -> None:
        inside.set()
        go_on.wait(SOON)

    second = world.informers.open(THINGS, keep=WHOLE)
    first = world.informers.open(THINGS, handler=hang)
    runner = world.next()
    runner.sync()
    assert first.wait_synced(SOON)
    world.put("x/a")
    runner.sync()
    assert inside.wait(SOON)
    second.close()  # waits for nobody
    assert first.status.keep == "whole objects"
    go_on.set()
    world.put("x/b")
    runner.sync()
    wait_for(lambda: first.status.keep == "identity", runner)


def test_stopped_while_it_is_opened(world: World) -> None:
    def stop(notice: Notice) -> None:
        world.informers.stop(SOON)

    world.put("x/a")
    first = world.informers.open(THINGS)
    world.next().sync()
    assert first.wait_synced(SOON)
    second = world.informers.open(THINGS, handler=stop)
    assert not second.synced


def test_nothing_is_dropped_when_all_ends_anyway(world: World) -> None:
    world.informers.open(THINGS, keep=WHOLE | DIGESTS)
    first = world.informers.open(THINGS)
    world.next().sync()
    assert first.wait_synced(SOON)
    assert world.informers.stop(SOON)
    assert first.status.keep == "digests and whole objects"


def test_it_knows_how_old_its_knowledge_is(world: World) -> None:
    informer = world.informers.open(THINGS)
    runner = world.next()
    ages = [informer.age]
    runner.last_heard = world.clock.now - 42
    ages.append(informer.age)
    runner.last_heard = world.clock.now + 5
    ages.append(informer.age)
    assert ages == [None, 42, 0]  # the clock was set back
    world.informers.open(THINGS, keep=WHOLE)
    assert world.next().last_heard is None
    assert informer.age == 0  # what the first list-watch heard is not forgotten


def test_its_thread_has_the_name_of_the_resource(world: World) -> None:
    world.informers.open(THINGS, scope=Scope(namespace="x", labels="team=a"))
    names: list[str] = []
    runner = world.next()
    runner.do(lambda: names.append(threading.current_thread().name))
    wait_for(lambda: names == ["watch things.example.com x team=a"], runner)


def test_a_list_watch_that_breaks_is_started_again(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down() -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("auditor.cluster.informer.feed.PAUSE", 0.0)
    informer = world.informers.open(THINGS)
    world.next().do(break_down)
    world.next().sync()
    assert informer.wait_synced(SOON)
    assert "a fault of ours" in caplog.text


def test_stop_ends_waits_and_threads_and_what_is_opened_later(world: World) -> None:
    informer = world.informers.open(THINGS)
    runner = world.next()
    results: list[bool] = []
    waiting = threading.Thread(target=lambda: results.append(informer.wait_synced()))
    waiting.start()
    assert world.informers.stop(SOON)
    waiting.join(SOON)
    assert results == [False]
    assert runner.script.listed is False
    with pytest.raises(RuntimeError, match="stopped"):
        world.informers.open(THINGS)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("watch things")]


def test_stop_does_not_wait_for_a_handler_for_ever(world: World, caplog: pytest.LogCaptureFixture) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def hang(notice: Notice) -> None:
        inside.set()
        go_on.wait(SOON)

    world.put("x/a")
    world.informers.open(THINGS, handler=hang)
    world.next().sync()
    assert inside.wait(SOON)
    begun = time.monotonic()
    assert not world.informers.stop(0.05)
    assert time.monotonic() - begun < SOON / 2
    assert "a call that does not: things.example.com" in caplog.text
    go_on.set()


def test_many_who_come_and_go_at_once_are_told_of_everything_once(world: World) -> None:
    world.put(*(f"x/{number}" for number in range(50)))
    runners: list[Runner] = []
    ended = threading.Event()

    def drive() -> None:
        while not ended.is_set():
            runner = world.lists.begun.get(timeout=SOON)
            runners.append(runner)
            runner.sync()

    def live(keep: Keep, results: list[bool]) -> None:
        for _ in range(5):
            listener = Listener()
            with world.informers.open(THINGS, keep=keep, handler=listener, fresh=keep is DIGESTS) as informer:
                synced = informer.wait_synced(SOON)
                keys = [notice.key for notice in listener.notices]
                results.append(synced and len(keys) == 50 and len(set(keys)) == 50)

    driver = threading.Thread(target=drive, daemon=True)
    driver.start()
    with world.informers.open(THINGS):
        results: list[bool] = []
        threads = [threading.Thread(target=live, args=(keep, results)) for keep in (IDENTITY, DIGESTS, WHOLE) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON)
    ended.set()
    world.informers.open(THINGS)  # wakes the driver for the last time
    driver.join(SOON)
    assert results == [True] * 45


def test_a_handler_that_exits_does_not_end_the_watch(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """`sys.exit` in a thread says nothing to anybody: the informer would seem to be well for ever."""
    listener = Listener()

    def leave(notice: Notice) -> None:
        listener(notice)
        if notice.key == "x/a":
            sys.exit(1)

    world.put("x/a", "x/b")
    informer = world.informers.open(THINGS, handler=leave)
    world.next().sync()
    assert informer.wait_synced(SOON)
    assert [notice.key for notice in listener.notices] == ["x/a", "x/b"]
    assert informer.failures == 1
    assert "a handler failed on x/a" in caplog.text


@pytest.mark.parametrize(
    ("resource", "options", "said"),
    [
        (NAMESPACES, {"scope": Scope(namespace="x")}, "is not namespaced"),
        (THINGS, {"resync": -1.0}, "interval of more than 0"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_begins(
    world: World, resource: Resource, options: JsonObject, said: str
) -> None:
    """Not in the thread of the watch, whose end nobody would see."""
    with pytest.raises(ValueError, match=said):
        world.informers.open(resource, **options)
    assert world.informers.status() == []


def test_a_part_that_is_kept_for_others_is_never_given_for_the_whole(world: World) -> None:
    world.put("x/a")
    labels = Keep(fields=frozenset({("metadata", "labels")}))
    first = world.informers.open(THINGS, keep=labels)
    world.next().sync()
    assert first.wait_synced(SOON)
    second = world.informers.open(THINGS, keep=WHOLE)
    with pytest.raises(ClusterError, match="x/a has not been read yet"):
        second.get_key("x/a")
    assert first.get_key("x/a") == {"metadata": {"labels": {"team": "a"}}}
    world.next().sync()
    assert second.wait_synced(SOON)
    found = second.get_key("x/a")
    assert found is not None
    assert found["spec"] == {"value": "p"}
    second.close()
    with pytest.raises(ClusterError, match="has been closed"):
        second.get_key("x/a")


def test_an_index_that_is_not_there_is_told(world: World) -> None:
    informer = world.informers.open(THINGS, indexes={"team": lambda obj: [obj["metadata"]["labels"]["team"]]})
    with pytest.raises(ValueError, match=r"no index 'teams': it was opened with \['team'\]"):
        informer.keys_by_index("teams", "a")
