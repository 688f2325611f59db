"""For which objects the glass was broken is known again after a restart, if a history knows of it."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.audit.doors import Pardons
from auditor.audit.doors.pardons import Key
from auditor.audit.recall import Recall
from auditor.report.history import DoorDecision, Fault, History, HistoryError

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
KIND = ("example.com", "Thing")
SECONDS = 5.0


def decide(name: str, *, days: int = 0, broke_glass: bool = True, dry_run: bool = False) -> DoorDecision:
    return DoorDecision(
        id=f"{name}-{days}",
        at=NOW - timedelta(days=days),
        webhook="validate",
        operation="CREATE",
        group="example.com",
        version="v1",
        kind="Thing",
        namespace="shop",
        name=name,
        outcome="allowed",
        allowed=True,
        broke_glass=broke_glass,
        dry_run=dry_run,
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'history.db'}"
    decisions = [decide("a"), decide("a", days=3), decide("b", broke_glass=False), decide("c", dry_run=True)]
    for cluster, told in (("x", decisions), ("y", [decide("d")])):
        history = History.open(url, cluster=cluster)
        history.write([*told, decide("")])
        history.close()
    return url


def known() -> Pardons:
    return Pardons(now=lambda: NOW, kept=timedelta(days=90))


class Heard:
    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.came = threading.Event()

    def __call__(self, keys: Sequence[Key]) -> None:
        self.keys += keys
        self.came.set()


def recall(open_history: Callable[[], History], pardons: Pardons, heard: Heard) -> Recall:
    return Recall(open_history, pardons, heard, retry=0.01)


def test_known_when_the_start_goes_on(url: str) -> None:
    pardons, heard = known(), Heard()
    recall(lambda: History.open(url, cluster="x"), pardons, heard).start(SECONDS)
    assert pardons.times(*KIND, "shop/a") == (NOW - timedelta(days=3), NOW)
    assert len(pardons) == 2
    assert heard.keys == [(*KIND, "shop/a")]


def test_a_history_that_is_away_holds_up_nothing_and_is_asked_again(url: str) -> None:
    pardons, heard, back = known(), Heard(), threading.Event()

    def open_history() -> History:
        if not back.is_set():
            raise HistoryError(Fault.AWAY, "there", "no answer")
        return History.open(url, cluster="x")

    found = recall(open_history, pardons, heard)
    found.start(SECONDS)
    assert len(pardons) == 0
    back.set()
    assert heard.came.wait(SECONDS)
    assert heard.keys == [(*KIND, "shop/a")]


def test_one_that_hangs_holds_up_the_start_for_its_patience_and_no_longer(url: str) -> None:
    pardons, heard, back = known(), Heard(), threading.Event()

    def open_history() -> History:
        assert back.wait(SECONDS)
        return History.open(url, cluster="x")

    found = recall(open_history, pardons, heard)
    found.start(0.0)
    assert len(pardons) == 0
    back.set()
    assert heard.came.wait(SECONDS)
    assert len(pardons) == 2


def test_the_newest_if_there_are_too_many(url: str) -> None:
    history = History.open(url, cluster="x")
    assert [each.id for each in history.broken_glass(1)] == ["a-0"]
    assert [each.id for each in history.broken_glass(10)] == ["a-0", "a-3"]
    history.close()
