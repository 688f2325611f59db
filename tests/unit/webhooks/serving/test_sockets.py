"""Reads that do not wait, the clock on clients that do not take their answers, and writes that go out together."""

import socket
import ssl
import threading

import pytest

from auditor.webhooks.serving.sockets import CROWDED_PATIENCE, PATIENCE, Watch, WatchedSocket


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Taking:
    """A socket that takes so many bytes without waiting; while it waits, time passes."""

    def __init__(self, clock: Clock, room: int = 1000) -> None:
        self.clock, self.room = clock, room
        self.sent: list[bytes] = []
        self.came: list[bytes] = []
        self.blocking = False
        self.seen: list[bool] = []
        self.watched: WatchedSocket | None = None

    def recv(self, size: int) -> bytes:
        if not self.came:
            raise ssl.SSLWantReadError
        return self.came.pop(0)

    def send(self, data: bytes) -> int:
        if not self.room:
            raise ssl.SSLWantWriteError
        self.sent.append(data[: self.room])
        self.room -= len(self.sent[-1])
        return len(self.sent[-1])

    def sendall(self, data: bytes) -> None:
        assert self.blocking
        assert self.watched is not None
        self.seen.append(self.watched.overdue(PATIENCE))
        self.clock.now += PATIENCE + 1.0
        self.seen.append(self.watched.overdue(PATIENCE))
        self.sent.append(data)

    def setblocking(self, flag: bool) -> None:
        self.blocking = flag


def watch(room: int = 1000) -> tuple[WatchedSocket, Taking]:
    clock = Clock()
    taking = Taking(clock, room)
    taking.watched = WatchedSocket(taking, clock=clock)
    return taking.watched, taking


def test_reads_do_not_wait() -> None:
    sock, taking = watch()
    assert sock.fetch(10) is None
    taking.came = [b"x", b""]
    assert (sock.fetch(10), sock.fetch(10)) == (b"x", b"")


def test_what_is_offered_is_read_and_no_more() -> None:
    sock, taking = watch()
    taking.came = [b"next"]
    sock.offer(b"abcde")
    assert (sock.recv(2), sock.recv(1), sock.offers) == (b"ab", b"c", True)
    assert (sock.take_back(), sock.offers) == (b"de", False)
    with pytest.raises(ConnectionResetError):
        sock.recv(1)


def test_the_time_counts_while_a_client_does_not_take_its_answer() -> None:
    sock, taking = watch(room=3)
    sock.sendall(b"12345")
    assert taking.sent == [b"123", b"45"]
    assert taking.seen == [False, True]
    assert not taking.blocking
    taking.clock.now += 60.0
    assert not sock.overdue(PATIENCE), "who is judged is not waited for"


def test_a_client_is_told_once_to_go_on() -> None:
    sock, taking = watch()
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    sock.send(go_on)
    assert taking.sent == [go_on]
    sock.tell_to_go_on()
    assert sock.send(go_on) == len(go_on)
    assert taking.sent == [go_on] * 2
    sock.send(go_on)
    assert taking.sent == [go_on] * 3


def test_what_is_written_while_corked_goes_out_in_one_piece() -> None:
    sock, taking = watch()
    sock.sendall(b"0")
    sock.cork()
    sock.sendall(b"1")
    sock.sendall(b"2")
    assert taking.sent == [b"0"]
    sock.uncork()
    sock.sendall(b"3")
    assert taking.sent == [b"0", b"12", b"3"]
    sock.cork()
    sock.sendall(b"4")
    sock.drop()
    sock.uncork()
    assert taking.sent == [b"0", b"12", b"3"]


@pytest.mark.parametrize(("crowded", "after"), [(False, PATIENCE), (True, CROWDED_PATIENCE)])
def test_a_client_that_waits_for_too_long_is_cut_off(crowded: bool, after: float) -> None:
    clock, watch = Clock(), Watch()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        sock = WatchedSocket(ours, clock=clock)
        watch.add(sock)
        ended: list[str] = []

        def write() -> None:
            try:
                sock.sendall(bytes(10_000_000))
            except BrokenPipeError:
                ended.append("cut")

        writer = threading.Thread(target=write)
        writer.start()
        while not sock.overdue(-1.0):
            writer.join(0.001)
        clock.now += after - 0.1
        watch.cut_overdue(crowded=crowded)
        assert watch.cut == 0
        clock.now += 0.2
        watch.cut_overdue(crowded=crowded)
        writer.join(5)
        assert (ended, watch.cut) == (["cut"], 1)
        watch.remove(sock)
        watch.cut_all()
        assert watch.cut == 1
