"""Telling again: every object once in an interval, and never many at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.informer.resync import LATE, Round


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def make(keys: list[str], interval: float) -> tuple[Round, Clock]:
    clock = Clock()
    return Round(interval, lambda: keys, clock), clock


@given(count=st.integers(0, 500), interval=st.integers(1, 100), data=st.data())
def test_each_once_in_a_round_and_evenly(count: int, interval: int, data: st.DataObject) -> None:
    keys = [str(number) for number in range(count)]
    rounds, clock = make(keys, float(interval))
    told: list[str] = []
    passed = 0
    while passed < interval:
        step = data.draw(st.integers(1, min(int(LATE), interval - passed)))
        passed += step
        clock.now += step
        due = list(rounds.due())
        told += due
        assert len(due) <= count * step / interval + 1
    assert sorted(told) == sorted(keys)


def test_the_next_round_has_those_that_are_there_then() -> None:
    keys = ["a"]
    rounds, clock = make(keys, 1.0)
    keys.append("b")
    clock.now += 1
    assert list(rounds.due()) == ["a"]
    clock.now += 1
    assert sorted(rounds.due()) == ["a", "b"]


def test_nothing_is_due_at_once_nor_when_the_clock_stands() -> None:
    rounds, clock = make(["a", "b"], 10.0)
    assert list(rounds.due()) == []
    clock.now -= 50
    assert list(rounds.due()) == []


def test_a_gap_is_not_caught_up_in_a_burst() -> None:
    rounds, clock = make([str(number) for number in range(1000)], 1000.0)
    clock.now += 900
    assert len(list(rounds.due())) == LATE


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        make([], 0.0)
