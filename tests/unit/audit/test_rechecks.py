"""Objects that are to be judged again at some time."""

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
