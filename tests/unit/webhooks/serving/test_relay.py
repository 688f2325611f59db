"""One thread serves all kept connections; another one goes on when it is held up."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from auditor.webhooks.serving.relay import BUSY, HELD_UP, IDLE, Relay

SECONDS = 10.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Connection:
    """Echoes what comes. `!` ends it, `?` waits until somebody lets it go on, `*` is a defect."""

    def __init__(self, clock: Clock) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.theirs.settimeout(SECONDS)
        self.waits, self.may_go_on = threading.Event(), threading.Event()
        self.ended = threading.Event()
        self.threads: list[int] = []
        self.clock = clock
        self.timeout = 0.0

    def fileno(self) -> int:
        return self.ours.fileno()

    def set_timeout(self) -> None:
        self.timeout = self.clock() + 60.0

    def serve(self) -> bool:
        self.threads.append(threading.get_ident())
        data = self.ours.recv(100)
        if data == b"?":
            self.waits.set()
            assert self.may_go_on.wait(SECONDS)
        if data == b"*":
            raise KeyError("a defect")
        self.ours.sendall(data)
        return data not in (b"", b"!")

    def ask(self, data: bytes) -> bytes:
        self.theirs.sendall(data)
        return self.theirs.recv(100)

    def close(self) -> None:
        self.ended.set()


class Stage:
    def __init__(self) -> None:
        self.clock = Clock()
        self.pool = ThreadPoolExecutor(4)
        self.relay: Relay[Connection] = Relay(
            Connection.serve, end=Connection.close, submit=lambda work: self.pool.submit(work), clock=self.clock
        )
        self.made: list[Connection] = []

    def connect(self) -> Connection:
        made = Connection(self.clock)
        self.made.append(made)
        self.relay.add(made)
        return made

    def stop(self) -> None:
        self.relay.stop()
        for each in self.made:
            each.may_go_on.set()
        self.pool.shutdown()
        for each in self.made:
            each.ours.close()
            each.theirs.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    found = Stage()
    found.relay.start()
    yield found
    found.stop()


def wait(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < until
        threading.Event().wait(0.001)


def test_one_thread_serves_all(stage: Stage) -> None:
    connections = [stage.connect() for _ in range(5)]
    for _ in range(3):
        for each in connections:
            assert each.ask(b"x") == b"x"
    assert len({thread for each in connections for thread in each.threads}) == 1


def test_when_it_is_held_up_another_one_goes_on(stage: Stage) -> None:
    slow, other = stage.connect(), stage.connect()
    assert other.ask(b"1") == b"1"
    slow.theirs.sendall(b"?")
    assert slow.waits.wait(SECONDS)
    assert stage.relay.look() == HELD_UP
    other.theirs.sendall(b"2")
    stage.clock.now += HELD_UP / 2
    stage.relay.look()
    assert len(other.threads) == 1, "it is not held up yet"
    stage.clock.now += 2 * HELD_UP
    stage.relay.look()
    assert other.theirs.recv(100) == b"2"
    assert other.threads[1] != slow.threads[0]
    slow.theirs.sendall(b"3")  # is not read by whoever serves now
    for _ in range(5):
        assert other.ask(b"4") == b"4"
    assert len(slow.threads) == 1
    slow.may_go_on.set()
    assert slow.theirs.recv(1) == b"?"
    assert slow.theirs.recv(1) == b"3"
    assert slow.threads[1] == other.threads[1]


def test_several_can_be_held_up(stage: Stage) -> None:
    slow = [stage.connect() for _ in range(3)]
    for each in slow:
        each.theirs.sendall(b"?")
        assert each.waits.wait(SECONDS)
        stage.clock.now += 2 * HELD_UP
        stage.relay.look()
    assert stage.connect().ask(b"x") == b"x"
    for each in slow:
        each.may_go_on.set()
        assert each.theirs.recv(100) == b"?"
        assert each.ask(b"y") == b"y"


@pytest.mark.parametrize("late", [False, True])
def test_a_connection_ends(stage: Stage, late: bool) -> None:
    one, other = stage.connect(), stage.connect()
    if late:
        other.theirs.sendall(b"?")
        assert other.waits.wait(SECONDS)
        stage.clock.now += 2 * HELD_UP
        stage.relay.look()
    assert one.ask(b"!") == b"!"
    assert one.ended.wait(SECONDS)
    other.may_go_on.set()
    if late:
        assert other.theirs.recv(100) == b"?"
    assert other.ask(b"x") == b"x"
    other.theirs.close()
    assert other.ended.wait(SECONDS)


def test_a_defect_ends_one_connection_only(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    one, other = stage.connect(), stage.connect()
    one.theirs.sendall(b"*")
    assert one.ended.wait(SECONDS)
    assert other.ask(b"x") == b"x"
    assert "a defect" in caplog.text


def test_idle_connections_end_in_time(stage: Stage) -> None:
    one, other = stage.connect(), stage.connect()
    stage.clock.now += 50.0
    assert other.ask(b"x") == b"x"
    wait(lambda: other.timeout == 210.0)
    stage.clock.now += 20.0
    assert other.ask(b"x") == b"x", "which also wakes whoever serves"
    assert one.ended.wait(SECONDS)
    assert not other.ended.is_set()
    stage.relay.cap(stage.clock.now + 5.0)
    assert other.ask(b"x") == b"x"
    assert not other.ended.is_set()
    stage.clock.now += 5.0
    assert other.ended.wait(SECONDS)


def test_the_one_that_is_idle_for_longest_can_be_dropped(stage: Stage) -> None:
    assert stage.relay.drop_oldest() is None
    first = stage.connect()
    stage.clock.now += 1.0
    second, third = stage.connect(), stage.connect()
    stage.clock.now += 1.0
    assert first.ask(b"x") == b"x"
    third.theirs.sendall(b"?")
    assert third.waits.wait(SECONDS)
    assert stage.relay.drop_oldest() is second
    assert stage.relay.drop_oldest() is first, "what is being answered is not idle"
    assert stage.relay.drop_oldest() is None
    third.may_go_on.set()
    assert third.theirs.recv(1) == b"?"
    assert third.ask(b"x") == b"x"


def test_how_often_to_look(stage: Stage) -> None:
    one = stage.connect()
    assert stage.relay.look() == IDLE
    for _ in range(BUSY):
        assert one.ask(b"x") == b"x"
    # One more request tells that the last one is done with.
    assert one.ask(b"x") == b"x"
    assert stage.relay.look() == HELD_UP
    wait(lambda: stage.relay.look() == IDLE)


@pytest.mark.parametrize(
    ("error", "why"),
    [(ValueError("as it was asked to"), "a defect of auditor"), (MemoryError(), "there was no memory")],
)
def test_whoever_serves_is_replaced_if_it_fails(
    stage: Stage, caplog: pytest.LogCaptureFixture, error: Exception, why: str
) -> None:
    one = stage.connect()

    def fail() -> None:
        raise error

    one.set_timeout = fail  # type: ignore[method-assign]
    assert one.ask(b"x") == b"x"
    server = stage.relay._server
    assert server is not None
    wait(server.done)
    del one.set_timeout
    stage.clock.now += 1.0
    wait(lambda: stage.relay.look() >= 0.0 and "has failed" in caplog.text)
    assert one.ask(b"y") == b"y"
    stage.relay.look()
    assert caplog.text.count(f"has failed: {why}") == 1


def test_after_the_end_nobody_serves(stage: Stage) -> None:
    one = stage.connect()
    assert one.ask(b"x") == b"x"
    stage.relay.stop()
    stage.pool.shutdown()  # waits for whoever serves
    stage.clock.now += 100.0
    stage.relay.look()
    assert len(one.threads) == 1
