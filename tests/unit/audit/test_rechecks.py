"""Objects that are to be judged again at some time."""

import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from auditor.audit.rechecks import Rechecks

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Asked:
    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []

    def __call__(self, kind: str, reason: str, *, keys: Collection[str]) -> None:
        assert reason == "time"
        self.calls.append((kind, sorted(keys)))


def test_what_is_due_is_asked_once_and_together() -> None:
    asked = Asked()
    rechecks = Rechecks(asked)
    rechecks.note("things", "a", NOW)
    rechecks.note("things", "b", NOW - timedelta(seconds=1))
    rechecks.note("things", "c", NOW + timedelta(seconds=1))
    rechecks.ask_due(NOW)
    assert asked.calls == [("things", ["a", "b"])]
    rechecks.ask_due(NOW)
    assert len(asked.calls) == 1
    rechecks.ask_due(NOW + timedelta(seconds=1))
    assert asked.calls[1:] == [("things", ["c"])]
    assert len(rechecks) == 0


def test_the_last_word_counts() -> None:
    asked = Asked()
    rechecks = Rechecks(asked)
    rechecks.note("things", "a", NOW)
    rechecks.note("things", "a", NOW + timedelta(hours=1))
    rechecks.note("things", "b", NOW)
    rechecks.note("things", "b", None)
    rechecks.note("things", "never", None)
    rechecks.ask_due(NOW)
    assert asked.calls == []
    assert len(rechecks) == 1


def test_a_kind_that_is_gone_is_forgotten() -> None:
    asked = Asked()
    rechecks = Rechecks(asked)
    rechecks.note("things", "a", NOW)
    rechecks.forget("things")
    rechecks.ask_due(NOW)
    assert asked.calls == []


def test_a_part_takes_nothing_back() -> None:
    """One exception ends at noon, another one later: who is asked of the second alone does not forget the first."""
    asked = Asked()
    rechecks = Rechecks(asked)
    rechecks.note("things", "a/x", NOW)
    rechecks.note("things", "a/x", NOW + timedelta(hours=1), part=True)
    rechecks.note("things", "a/x", None, part=True)
    rechecks.ask_due(NOW)
    assert asked.calls == [("things", ["a/x"])]
    rechecks.note("things", "a/x", NOW + timedelta(hours=2))
    rechecks.note("things", "a/x", NOW + timedelta(hours=1), part=True)
    rechecks.ask_due(NOW + timedelta(hours=1))
    assert len(asked.calls) == 2
    assert len(rechecks) == 0


def test_looking_costs_nothing_while_nothing_is_due() -> None:
    """There are five looks a second, and a hundred thousand objects may have an exception."""
    rechecks = Rechecks(Asked())
    for number in range(20_000):
        rechecks.note("things", f"a/{number}", NOW + timedelta(hours=1, seconds=number))
    begun = time.process_time()
    for _ in range(1000):
        rechecks.ask_due(NOW)
    assert time.process_time() - begun < 0.5
    rechecks.ask_due(NOW + timedelta(hours=1))
    assert len(rechecks) == 19_999
