"""From the events of the list-watch to those who subscribe; tests/cluster/discovery does it on a real API server."""

import logging
import threading

import pytest

from auditor.cluster.discovery import KindChange, Kinds, Turn
from auditor.cluster.listwatch import Change, Event
from auditor.json import JsonObject
from tests.unit.cluster.discovery.making import Server, make_crd

NAME = "databases.db.example.com"


@pytest.fixture
def kinds() -> Kinds:
    return Kinds(Server().client)


def tell(kinds: Kinds, change: Change, crd: JsonObject | None = None) -> None:
    kinds.hear(Event(change, "" if change is Change.SYNCED else NAME, crd))


def test_what_is_heard_is_known_and_told(kinds: Kinds) -> None:
    told: list[KindChange] = []
    kinds.subscribe(told.append)
    assert (kinds.get(NAME), kinds.find("db.example.com", "Database"), kinds.synced) == (None, None, False)
    tell(kinds, Change.ADDED, make_crd("v1"))
    tell(kinds, Change.SYNCED)
    assert kinds.synced
    kind = kinds.get(NAME)
    assert kind is not None
    assert kinds.find("db.example.com", "Database") is kind
    tell(kinds, Change.UPDATED, make_crd("v1"))  # nothing that matters
    tell(kinds, Change.UPDATED, make_crd("v1", "v2"))
    tell(kinds, Change.DELETED)
    assert [change.turn for change in told] == [Turn.ADDED, Turn.CHANGED, Turn.GONE]
    assert kinds.kinds() == {}


def test_whoever_comes_late_hears_of_what_is_there(kinds: Kinds) -> None:
    tell(kinds, Change.ADDED, make_crd("v1"))
    told: list[KindChange] = []
    kinds.subscribe(told.append)
    assert [(change.turn, change.kind.name) for change in told] == [(Turn.ADDED, NAME)]


def test_the_end_of_a_subscription(kinds: Kinds) -> None:
    told: list[KindChange] = []
    others: list[KindChange] = []
    end = kinds.subscribe(told.append)
    kinds.subscribe(others.append)
    end()
    tell(kinds, Change.ADDED, make_crd("v1"))
    assert (told, len(others)) == ([], 1)


def test_a_handler_that_fails_does_not_keep_it_from_others(kinds: Kinds, caplog: pytest.LogCaptureFixture) -> None:
    def fail(change: KindChange) -> None:
        raise ValueError("no")

    told: list[KindChange] = []
    kinds.subscribe(fail)
    kinds.subscribe(told.append)
    with caplog.at_level(logging.ERROR):
        tell(kinds, Change.ADDED, make_crd("v1"))
    assert len(told) == 1
    assert "databases.db.example.com added" in caplog.text


def test_a_handler_may_ask_and_end_itself(kinds: Kinds) -> None:
    seen: list[object] = []

    def once(change: KindChange) -> None:
        seen.append(kinds.get(change.kind.name))
        end()

    end = kinds.subscribe(once)
    tell(kinds, Change.ADDED, make_crd("v1"))
    tell(kinds, Change.DELETED)
    assert len(seen) == 1


def test_a_handler_may_end_that_of_another(kinds: Kinds) -> None:
    told: list[KindChange] = []
    kinds.subscribe(lambda _: end())
    end = kinds.subscribe(told.append)
    tell(kinds, Change.ADDED, make_crd("v1"))
    assert told == []


def test_each_subscription_ends_by_itself(kinds: Kinds) -> None:
    told: list[KindChange] = []
    end = kinds.subscribe(told.append)
    kinds.subscribe(told.append)
    end()
    end()
    tell(kinds, Change.ADDED, make_crd("v1"))
    assert len(told) == 1


def test_of_two_that_claim_a_kind_the_established_one_has_it(kinds: Kinds) -> None:
    rival = make_crd("v1")
    rival["metadata"]["name"] = "aaa.db.example.com"
    del rival["status"]
    kinds.hear(Event(Change.ADDED, "aaa.db.example.com", rival))
    claim = kinds.find("db.example.com", "Database")
    assert claim is not None
    assert claim.name == "aaa.db.example.com"
    tell(kinds, Change.ADDED, make_crd("v1"))
    found = kinds.find("db.example.com", "Database")
    assert found is not None
    assert found.name == NAME


def test_waiting_for_a_kind(kinds: Kinds) -> None:
    assert kinds.wait_until(lambda known: NAME in known, 0) is False
    assert kinds.wait_synced(0) is False
    waiting = threading.Event()
    found: list[bool] = []

    def wait() -> None:
        waiting.set()
        found.append(kinds.wait_until(lambda known: NAME in known, 10))
        found.append(kinds.wait_synced(10))

    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(10)
    tell(kinds, Change.ADDED, make_crd("v1"))
    tell(kinds, Change.SYNCED)
    thread.join(10)
    assert found == [True, True]


def test_nobody_waits_for_one_that_is_stopped(kinds: Kinds) -> None:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(kinds.wait_until(lambda known: NAME in known, 60)))
    thread.start()
    kinds.stop()
    thread.join(10)
    assert found == [False]
