"""What the history is told to be all that is wrong with a kind: by whom who knows, and at the time when it asks."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.audit.chronicle import Chronicle
from auditor.audit.follower import Follower
from auditor.audit.judge import judge
from auditor.cluster import Resource
from auditor.errors import AuditorError
from auditor.model.finding import Finding
from auditor.model.subject import Subject
from tests.unit.audit.making import policy, setting, thing, without_checks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
THINGS = Resource("example.com", "v1", "things", "Thing", namespaced=True)
PAIR = ("example.com", "things")
Held = Callable[[], Iterable[tuple[Subject, Finding]] | None]


class FakeSpool:
    def __init__(self) -> None:
        self.chores: dict[tuple[str, str], Held] = {}

    def put(self, *_: object) -> None:
        raise AssertionError("nobody puts anything here")

    def reconcile(self, group: str, resource: str, held: Held) -> None:
        self.chores[group, resource] = held

    def ask(self) -> list[str] | None:
        """As the database does when it is there again."""
        found = self.chores.pop(PAIR)()
        return None if found is None else [subject.name for subject, _ in found]


def follow(*, settled: bool = True) -> Follower:
    made = setting(policy("p"), kind=without_checks())
    audience: Any = SimpleNamespace()
    follower = Follower(THINGS.name, THINGS, made, audience)
    follower.ledger.put("default/t", "u", judge(made, thing(n=2), NOW).judged)
    follower._settled = settled
    return follower


class Bench:
    def __init__(self, *gone: list[tuple[str, str]] | Exception | None) -> None:
        self.followers: dict[str, Follower] = {}
        self.spool = FakeSpool()
        self.answers: Iterator[list[tuple[str, str]] | Exception | None] = iter(gone)
        self.chronicle = Chronicle(
            self.spool,
            followers=lambda: self.followers,
            situation=lambda: None,
            gone=self.gone,
            length=timedelta(hours=1),
            tick=timedelta(minutes=5),
        )

    def gone(self) -> list[tuple[str, str]] | None:
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_what_a_kind_holds_is_told_when_the_database_asks() -> None:
    bench = Bench()
    follower = bench.followers[THINGS.name] = follow()
    bench.chronicle.reconcile(follower)
    assert bench.spool.ask() == ["t"]


def test_a_kind_that_somebody_else_has_taken_over_is_left_to_him() -> None:
    """The database may have been away for an hour: what we held then would undo what he has written."""
    bench = Bench()
    follower = bench.followers[THINGS.name] = follow()
    bench.chronicle.reconcile(follower)
    bench.followers.clear()
    assert bench.spool.ask() is None


def test_a_kind_that_is_not_read_whole_is_not_told_as_whole() -> None:
    bench = Bench()
    bench.followers[THINGS.name] = follow(settled=False)
    bench.chronicle.lost(None)
    assert bench.spool.ask() is None


def test_a_kind_that_is_gone_is_over_unless_it_has_come_again() -> None:
    bench = Bench()
    former = follow()
    bench.chronicle.end(former)
    assert bench.spool.ask() == []
    bench.chronicle.end(former)
    bench.followers[THINGS.name] = follow(settled=False)
    assert bench.spool.ask() is None
    bench.chronicle.end(former)
    bench.followers[THINGS.name] = follow()
    assert bench.spool.ask() == ["t"]


def test_kinds_that_went_while_nobody_led_are_found_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    """Who waits for its turn owns nothing at its start, so that one look would be none."""
    bench = Bench(None, AuditorError("away"), RuntimeError("nobody thought of this"), [], [PAIR])
    assert [bench.chronicle._settle_gone() for _ in range(5)] == [False, False, False, True, True]
    assert bench.spool.ask() == []
    assert "nobody thought of this" in caplog.text
