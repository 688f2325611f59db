"""The pace of calls, by a clock of the test, and once with threads that wait."""

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.pace import MAX_PAUSE, Pace, Urgency


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def count_at_once(pace: Pace) -> int:
    count = 0
    while pace.take(timeout=0):
        count += 1
    return count


def test_burst_and_then_so_many_a_second(clock: Clock) -> None:
    pace = Pace(qps=10, burst=5, clock=clock)
    assert count_at_once(pace) == 5
    clock.now += 0.25
    assert count_at_once(pace) == 2
    clock.now += 1000
    assert count_at_once(pace) == 5


@given(st.lists(st.floats(0, 3), max_size=30), st.floats(0.5, 50), st.integers(1, 20))
def test_never_more_than_allowed(steps: list[float], qps: float, burst: int) -> None:
    clock = Clock()
    pace = Pace(qps=qps, burst=burst, clock=clock)
    made = count_at_once(pace)
    for step in steps:
        clock.now += step
        made += count_at_once(pace)
    assert made <= burst + sum(steps) * qps + 1e-6


def test_pause_that_the_server_asked_for_holds_for_all(clock: Clock) -> None:
    pace = Pace(qps=10, burst=5, clock=clock)
    pace.pause(3)
    pace.pause(1)
    assert not pace.take(Urgency.WAITED_FOR, timeout=0)
    clock.now += 2.9
    assert count_at_once(pace) == 0
    clock.now += 0.2
    assert count_at_once(pace) == 5
    pace.pause(1e9)
    clock.now += MAX_PAUSE
    assert pace.take(timeout=0)
    pace.pause(-1)
    assert pace.take(timeout=0)


def test_timeout_that_cannot_be_kept_is_not_waited_for(clock: Clock) -> None:
    pace = Pace(qps=0.001, burst=1, clock=clock)
    assert pace.take(timeout=5)
    assert not pace.take(timeout=5)  # a thousand seconds: said at once, the clock stands still


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_what_people_wait_for_goes_first(clock: Clock) -> None:
    pace = Pace(qps=10, burst=1, clock=clock)
    pace.pause(30)
    order: list[str] = []

    def call(name: str, urgency: Urgency) -> Callable[[], None]:
        def run() -> None:
            pace.take(urgency)
            order.append(name)

        return run

    threads = [threading.Thread(target=call(f"b{i}", Urgency.BACKGROUND)) for i in range(3)]
    threads += [threading.Thread(target=call("w", Urgency.WAITED_FOR))]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(pace._waiting) == 4)
    clock.now += 30
    pace.wake()
    threads[-1].join()
    assert order == ["w"]  # there was a token for one of them
    for left in (2, 1, 0):
        clock.now += 0.15  # a token, whatever floats make of it
        pace.wake()
        wait_until(lambda left=left: len(pace._waiting) == left)  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert sorted(order) == ["b0", "b1", "b2", "w"]


def test_of_many_that_wait_only_the_first_is_woken(clock: Clock) -> None:
    """Or the start of 500 informers costs 500 times 500 wakings: 2.5 s of a processor."""
    looked = 0

    def count() -> bool:
        nonlocal looked
        looked += 1
        return False

    pace = Pace(qps=10, burst=1, clock=clock)
    pace.pause(30)
    threads = [threading.Thread(target=lambda: pace.take(given_up=count)) for _ in range(50)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(pace._waiting) == 50 and looked == 50)
    for left in range(49, -1, -1):
        clock.now += 30
        with pace._lock:
            pace._waiting[0][2].notify()
        wait_until(lambda left=left: len(pace._waiting) == left)  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert looked <= 4 * 50


def test_one_that_gives_up_does_not_hold_up_the_others() -> None:
    pace = Pace(qps=20, burst=1)
    pace.take()
    gave_up = threading.Event()
    results: list[bool] = []

    def impatient() -> None:
        results.append(pace.take(Urgency.WAITED_FOR, timeout=0.001))
        gave_up.set()

    thread = threading.Thread(target=impatient)
    thread.start()
    assert pace.take(timeout=30)
    assert gave_up.wait(30)
    thread.join()
    assert results == [False]


@pytest.mark.parametrize(("qps", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_what_makes_no_sense_is_refused(qps: float, burst: int) -> None:
    with pytest.raises(ValueError, match="needs more than 0"):
        Pace(qps=qps, burst=burst)
