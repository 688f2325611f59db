"""What is told of what the server says: the cases that a script of faults meets seldom."""

import pytest

from auditor.cluster.listwatch import Change, Event, Versions
from auditor.cluster.listwatch.decode import identify
from auditor.cluster.listwatch.status import Counts
from auditor.cluster.listwatch.tracker import Tracker
from auditor.json import JsonObject

ADDED, UPDATED, DELETED, SYNCED = Change.ADDED, Change.UPDATED, Change.DELETED, Change.SYNCED


def make(name: str, version: int | str, uid: str = "u") -> JsonObject:
    return {"metadata": {"name": name, "uid": uid, "resourceVersion": str(version)}}


class Heard(list[Event]):
    """What was told, shortly."""

    def __call__(self, event: Event) -> None:
        self.append(event)

    def take(self) -> list[tuple[Change, str, str]]:
        taken: list[tuple[Change, str, str]] = [(event.change, event.key, event.version) for event in self]
        self.clear()
        return taken


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def store() -> Versions:
    return Versions()


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def tracker(heard: Heard, store: Versions, counts: Counts) -> Tracker:
    return Tracker(store, heard, name="widgets", counts=counts)


def see(tracker: Tracker, *objects: JsonObject) -> None:
    tracker.begin_list()
    for obj in objects:
        tracker.see(identify(obj), obj)
    tracker.end_list()


def stream(tracker: Tracker, kind: str, obj: JsonObject) -> None:
    tracker.see_streamed(kind, identify(obj), obj)


def follow(tracker: Tracker, kind: str, obj: JsonObject, last: int | str) -> None:
    tracker.follow(kind, identify(obj), obj, last=str(last))


def test_second_list_tells_what_differs(tracker: Tracker, heard: Heard, store: Versions) -> None:
    see(tracker, make("a", 1), make("b", 2), make("c", 3, "old"), make("d", 4))
    assert [change for change, _, _ in heard.take()] == [ADDED] * 4 + [SYNCED]
    see(tracker, make("b", 2), make("c", 9, "new"), make("d", 8))
    assert [event.missed for event in heard] == [True, False, False, True, False]
    assert all(event.listed for event in heard)
    assert heard.take() == [
        (DELETED, "c", "3 old"),
        (ADDED, "c", "9 new"),
        (UPDATED, "d", "8 u"),
        (DELETED, "a", "1 u"),
        (SYNCED, "", ""),
    ]
    assert sorted(store.keys()) == ["b", "c", "d"]


def test_object_that_was_deleted_while_the_list_was_streamed(tracker: Tracker, heard: Heard, counts: Counts) -> None:
    tracker.begin_list()
    stream(tracker, "ADDED", make("a", 3))
    stream(tracker, "DELETED", make("a", 7))
    stream(tracker, "ADDED", make("a", 3))  # heard before
    stream(tracker, "MODIFIED", make("a", 7))
    assert counts.repeated == 2
    stream(tracker, "ADDED", make("a", 8, "new"))
    tracker.end_list()
    assert heard.take() == [(ADDED, "a", "3 u"), (DELETED, "a", "7 u"), (ADDED, "a", "8 new"), (SYNCED, "", "")]


def test_first_word_of_a_streamed_list_holds_whatever_was_known(tracker: Tracker, heard: Heard) -> None:
    see(tracker, make("a", 9))
    heard.take()
    tracker.begin_list()
    stream(tracker, "ADDED", make("a", 5))  # etcd was restored
    stream(tracker, "MODIFIED", make("a", 6))
    stream(tracker, "ADDED", make("a", 5))
    tracker.end_list()
    assert heard.take() == [(UPDATED, "a", "5 u"), (UPDATED, "a", "6 u"), (SYNCED, "", "")]


def test_deletion_of_what_was_never_seen_is_not_told(tracker: Tracker, heard: Heard) -> None:
    tracker.begin_list()
    stream(tracker, "DELETED", make("a", 7))
    tracker.end_list()
    follow(tracker, "DELETED", make("b", 9), last=7)
    assert heard.take() == [(SYNCED, "", "")]


def test_watch_tells_each_change_once(tracker: Tracker, heard: Heard, counts: Counts) -> None:
    follow(tracker, "ADDED", make("a", 10), last=9)
    follow(tracker, "ADDED", make("a", 10), last=10)
    follow(tracker, "MODIFIED", make("a", 100), last=10)
    follow(tracker, "MODIFIED", make("a", 99), last=100)
    follow(tracker, "ADDED", make("b", 100), last=100)
    follow(tracker, "DELETED", make("a", 101), last=100)
    follow(tracker, "MODIFIED", make("a", 100), last=101)
    assert heard.take() == [(ADDED, "a", "10 u"), (UPDATED, "a", "100 u"), (DELETED, "a", "101 u")]
    assert counts.repeated == 4


def test_object_only_moves_forward(tracker: Tracker, heard: Heard) -> None:
    """Where the watch begins before the list, because pages were of several versions."""
    see(tracker, make("a", 9))
    follow(tracker, "MODIFIED", make("a", 7), last=5)
    follow(tracker, "MODIFIED", make("a", 9), last=7)
    assert heard.take() == [(ADDED, "a", "9 u"), (SYNCED, "", "")]


def test_recreated_without_a_deletion_between(tracker: Tracker, heard: Heard) -> None:
    follow(tracker, "ADDED", make("a", 10, "old"), last=9)
    follow(tracker, "MODIFIED", make("a", 12, "new"), last=11)
    assert [event.missed for event in heard] == [False, True, False]
    assert heard.take() == [(ADDED, "a", "10 old"), (DELETED, "a", "10 old"), (ADDED, "a", "12 new")]


def test_versions_that_are_no_numbers_are_told_apart(tracker: Tracker, heard: Heard) -> None:
    follow(tracker, "ADDED", make("a", "x"), last="w")
    follow(tracker, "MODIFIED", make("a", "x"), last="x")
    follow(tracker, "MODIFIED", make("a", "b"), last="x")
    assert heard.take() == [(ADDED, "a", "x u"), (UPDATED, "a", "b u")]


def test_missed_deletion_carries_what_the_store_has(heard: Heard, counts: Counts) -> None:
    class Whole(Versions):
        def get(self, key: str) -> JsonObject | None:
            return make(key, 1)

    tracker = Tracker(Whole(), heard, name="widgets", counts=counts)
    see(tracker, make("a", 1))
    see(tracker)
    assert [event.object for event in heard if event.change is DELETED] == [make("a", 1)]


def test_listener_that_fails_is_counted_and_logged(
    store: Versions, counts: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: Event) -> None:
        raise ValueError("a defect")

    see(Tracker(store, fail, name="widgets", counts=counts), make("a", 1))
    assert counts.sink_errors == 2
    assert store.version("a") == "1 u"
    assert "widgets: whoever listens failed on added of a" in caplog.text
    assert "ValueError: a defect" in caplog.text
