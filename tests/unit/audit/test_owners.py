"""Owners that are there, that are not, and of which nobody knows."""

from datetime import UTC, datetime
from typing import Any

from auditor.audit import owners as module
from auditor.audit.owners import COLLECTED, READ, Owners
from auditor.json import JsonObject

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Follows:
    trouble = ""

    def __init__(self, *, found: bool | None) -> None:
        self.found = found

    def exists(self, name: str, namespace: str, uid: str) -> bool | None:
        assert (name, namespace, uid) == ("o", "ns", "u")
        return self.found


def owner(uid: str = "u") -> JsonObject:
    return {"apiVersion": "example.com/v1", "kind": "Owner", "name": "o", "uid": uid}


class Bench:
    def __init__(self, follower: Any) -> None:
        self.follower, self.now = follower, NOW
        self.owners = Owners(self.find, clock=lambda: self.now)

    def find(self, group: str, kind: str) -> Any:
        assert (group, kind) == ("example.com", "Owner")
        return self.follower

    def ask(self, uid: str = "u") -> object:
        return self.owners.exists(owner(uid), "ns")


def test_of_a_kind_that_is_not_followed_nothing_is_known() -> None:
    assert Bench(None).ask() is None


def test_one_that_is_there() -> None:
    assert Bench(Follows(found=True)).ask() is True


def test_one_that_is_missing_is_so_for_certain_after_a_while() -> None:
    bench = Bench(Follows(found=False))
    assert bench.ask() == NOW + COLLECTED
    bench.now = NOW + COLLECTED
    assert bench.ask() is False
    bench.follower.found = True
    assert bench.ask() is True
    bench.follower.found = False
    assert bench.ask() == bench.now + COLLECTED, "it was there again"


def test_while_its_kind_is_read_it_is_asked_again_later() -> None:
    """Else nobody would: which of two kinds is read first is chance."""
    assert Bench(Follows(found=None)).ask() == NOW + READ


def test_a_kind_that_cannot_be_read_is_not_asked_for_all_the_time() -> None:
    follows = Follows(found=None)
    follows.trouble = "forbidden"
    assert Bench(follows).ask() is None


def test_only_so_many_are_remembered(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MISSING", 2)

    class All(Follows):
        def exists(self, name: str, namespace: str, uid: str) -> bool | None:
            return False

    bench = Bench(All(found=False))
    for uid in "abc":
        bench.ask(uid)
    bench.now = NOW + COLLECTED
    assert bench.ask("c") is False
    assert bench.ask("a") == bench.now + COLLECTED
