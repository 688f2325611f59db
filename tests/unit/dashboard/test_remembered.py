"""Answers hold for their time, are bounded, and errors are not kept."""

import threading

import pytest

from auditor.dashboard.remembered import Remembered


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_holds_for_its_time() -> None:
    clock, answers = Clock(), iter(range(1, 10))
    known: Remembered[str, int] = Remembered(seconds=30, most=10, clock=clock)
    for now, expected in ((0.0, 1), (29.9, 1), (30.0, 2)):
        clock.now = now
        assert known.get("a", lambda: next(answers)) == expected


def test_a_slow_answer_is_as_old_as_its_question() -> None:
    clock = Clock()
    known: Remembered[str, int] = Remembered(seconds=30, most=10, clock=clock)

    def ask() -> int:
        clock.now += 29
        return int(clock.now)

    assert known.get("a", ask) == 29
    clock.now = 30
    assert known.get("a", ask) == 59


def test_an_error_is_not_remembered() -> None:
    known: Remembered[str, int] = Remembered(seconds=30, most=10, clock=Clock())
    with pytest.raises(ZeroDivisionError):
        known.get("a", lambda: 1 // 0)
    assert known.get("a", lambda: 7) == 7


def test_the_oldest_go() -> None:
    known: Remembered[int, int] = Remembered(seconds=30, most=3, clock=Clock())
    for number in range(5):
        known.get(number, lambda: 1)
    assert known.get(4, lambda: 2) == 1
    assert known.get(0, lambda: 2) == 2


def test_one_asks_for_all_who_wait() -> None:
    known: Remembered[str, int] = Remembered(seconds=30, most=3, clock=Clock())
    asked, go, began = [], threading.Event(), threading.Event()

    def ask() -> int:
        asked.append(1)
        began.set()
        go.wait(10)
        return 7

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(known.get("a", ask))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert began.wait(10)
    go.set()
    for thread in threads:
        thread.join(10)
    assert found == [7] * 4
    assert len(asked) == 1
