import threading
import time
from collections.abc import Callable

from auditor.cluster.listwatch.turns import Turns

SOON = 10.0


def never() -> bool:
    return False


class Taker(threading.Thread):
    def __init__(self, turns: Turns, stopped: Callable[[], bool] = never) -> None:
        super().__init__(daemon=True)
        self._turns, self._stopped = turns, stopped
        self.turn: object = None
        self.start()

    def run(self) -> None:
        self.turn = self._turns.take(self._stopped)

    def waits(self) -> bool:
        self.join(0.05)
        return self.is_alive()

    def ends(self) -> object:
        self.join(SOON)
        assert not self.is_alive()
        return self.turn


def test_one_after_the_other() -> None:
    turns = Turns(patience=SOON * 10)
    first = turns.take(never)
    second, third = Taker(turns), Taker(turns)
    assert second.waits()
    assert third.waits()
    turns.give_back(first)
    deadline = time.monotonic() + SOON
    while second.is_alive() and third.is_alive() and time.monotonic() < deadline:
        second.waits()
    assert second.is_alive() != third.is_alive()
    turns.give_back(second.turn or third.turn)
    assert second.ends()
    assert third.ends()


def test_one_that_hangs_holds_nobody_for_long() -> None:
    turns = Turns(patience=0.01)
    hanging = turns.take(never)
    turn = Taker(turns).ends()
    assert turn
    assert turn is not hanging


def test_what_has_passed_to_another_cannot_be_given_back() -> None:
    now = [0.0]
    turns = Turns(patience=1.0, clock=lambda: now[0])
    hanging = turns.take(never)
    now[0] = 1.0
    turn = turns.take(never)
    turns.give_back(hanging)
    third = Taker(turns)
    assert third.waits()
    turns.give_back(turn)
    assert third.ends()


def test_whoever_stops_waits_no_longer_and_takes_nothing() -> None:
    turns, stopping = Turns(patience=SOON * 10), threading.Event()
    first = turns.take(never)
    stopped, other = Taker(turns, stopping.is_set), Taker(turns)
    assert stopped.waits()
    stopping.set()
    turns.wake()
    assert stopped.ends() is None
    turns.give_back(first)
    assert other.ends()


def test_giving_back_nothing_is_nothing() -> None:
    turns = Turns()
    turns.give_back(None)
    assert turns.take(never)
