"""The clock on clients that do not go on, and writes that go out together."""

import socket
import threading

import pytest

from auditor.webhooks.serving.sockets import CROWDED_PATIENCE, PATIENCE, Watch, WatchedSocket


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Slow:
    """A socket in whose calls time passes."""

    def __init__(self, clock: Clock, seen: list[bool]) -> None:
        self.clock, self.seen = clock, seen
        self.sent: list[bytes] = []
        self.watched: WatchedSocket | None = None

    def recv(self, size: int) -> bytes:
        self.clock.now += 3.0
        assert self.watched is not None
        self.seen.append(self.watched.overdue(PATIENCE))
        return b"x"

    def sendall(self, data: bytes) -> None:
        self.sent.append(data)


@pytest.fixture
def slow() -> Slow:
    clock = Clock()
    found = Slow(clock, [])
    found.watched = WatchedSocket(found, clock=clock)
    return found


def watched(slow: Slow) -> WatchedSocket:
    assert slow.watched is not None
    return slow.watched


def test_the_time_counts_from_the_first_wait_of_a_request(slow: Slow) -> None:
    sock = watched(slow)
    sock.recv(1)
    sock.recv(1)
    assert slow.seen == [False, True]
    sock.end_request()
    sock.recv(1)
    assert slow.seen == [False, True, False]


def test_who_is_judged_is_not_waited_for(slow: Slow) -> None:
    sock = watched(slow)
    sock.recv(1)
    slow.clock.now += 60.0
    assert not sock.overdue(PATIENCE)


def test_what_is_written_while_corked_goes_out_in_one_piece(slow: Slow) -> None:
    sock = watched(slow)
    sock.sendall(b"0")
    sock.cork()
    sock.sendall(b"1")
    sock.sendall(b"2")
    assert slow.sent == [b"0"]
    sock.uncork()
    sock.sendall(b"3")
    assert slow.sent == [b"0", b"12", b"3"]
    sock.cork()
    sock.sendall(b"4")
    sock.drop()
    sock.uncork()
    assert slow.sent == [b"0", b"12", b"3"]


@pytest.mark.parametrize(("crowded", "after"), [(False, PATIENCE), (True, CROWDED_PATIENCE)])
def test_a_client_that_waits_for_too_long_is_cut_off(crowded: bool, after: float) -> None:
    clock, watch = Clock(), Watch()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sock = WatchedSocket(ours, clock=clock)
        watch.add(sock)
        ended: list[bytes] = []
        reader = threading.Thread(target=lambda: ended.append(sock.recv(1)))
        reader.start()
        while not sock.overdue(-1.0):
            reader.join(0.001)
        clock.now += after - 0.1
        watch.cut_overdue(crowded=crowded)
        assert watch.cut == 0
        clock.now += 0.2
        watch.cut_overdue(crowded=crowded)
        reader.join(5)
        assert (ended, watch.cut) == ([b""], 1)
        watch.remove(sock)
        watch.cut_all()
        assert watch.cut == 1
