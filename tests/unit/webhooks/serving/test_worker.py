"""gunicorn with our worker, in a process of its own: what a client of it sees."""

import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from auditor.webhooks.serving.arrivals import MAX_KEPT
from auditor.webhooks.serving.sockets import PATIENCE
from tests.unit.webhooks.serving.bare import SECONDS, BareServer


@pytest.fixture(scope="module")
def server() -> Iterator[BareServer]:
    found = BareServer.start()
    yield found
    found.stop()


def exchange(sock: ssl.SSLSocket, body: bytes = b"{}", path: str = "/echo") -> tuple[bytes, bytes]:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    sock.sendall(head + body)
    return read(sock)


def read(sock: ssl.SSLSocket) -> tuple[bytes, bytes]:
    """Head and body."""
    found = b""
    while True:
        part = sock.recv(65536)
        if not part:
            return found, b""
        found += part
        head, end, rest = found.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if end and len(rest) >= length:
            return head, rest


def test_a_connection_is_kept_for_many_requests(server: BareServer) -> None:
    with server.connect() as sock:
        for i in range(50):
            head, body = exchange(sock, str(i).encode() * 1000)
            assert body == str(i).encode() * 1000
            assert b"Connection: keep-alive" in head


def test_requests_that_come_together_are_answered_one_by_one(server: BareServer) -> None:
    with server.connect() as sock:
        one = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
        sock.sendall(one + b"1" + one + b"2")
        found = read(sock)[1]
        assert found.startswith(b"1")
        while found[-1:] != b"2":
            found += read(sock)[1]


def test_an_answer_is_one_record(server: BareServer) -> None:
    with server.connect() as sock:
        for _ in range(3):
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            assert sock.recv(65536).endswith(b"abc")  # one call gives one record


def test_a_body_may_come_in_pieces(server: BareServer) -> None:
    body = b"0123456789" * 6_000
    with server.connect() as sock:
        for _ in range(3):
            sock.sendall(f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            for at in range(0, len(body), 7_000):
                sock.sendall(body[at : at + 7_000])
            assert read(sock)[1] == body


def test_who_is_answered_slowly_holds_nobody_up(server: BareServer) -> None:
    with server.connect() as slow, server.connect() as other:
        assert exchange(slow, b"1")[1] == exchange(other, b"1")[1] == b"1"
        begun = time.monotonic()
        slow.sendall(b"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nslow")
        for _ in range(20):
            assert exchange(other, b"fast")[1] == b"fast"
        assert time.monotonic() - begun < 0.9, "the slow one takes a second"
        assert read(slow)[1] == b"slow"
        assert exchange(slow, b"again")[1] == b"again"


def test_clients_that_stop_in_a_request_hold_nobody_up(server: BareServer) -> None:
    with server.connect() as first, server.connect() as second, server.connect() as other:
        for each in (first, second, other):
            assert exchange(each, b"1")[1] == b"1"
        begun = time.monotonic()
        first.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nst")
        second.sendall(b"POST /echo HT")
        for _ in range(20):
            assert exchange(other, b"fast")[1] == b"fast"
        assert time.monotonic() - begun < 2.0, "the others are cut off after 5"
        first.sendall(b"op")
        assert read(first)[1] == b"stop"
        second.sendall(b"TP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
        assert read(second)[1] == b"ok"


def test_two_hundred_bodies_that_drip_hold_nobody_up(server: BareServer) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(server.connect()) for _ in range(200)]  # of 4 threads
        for each in slow:
            each.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        kept = stack.enter_context(server.connect())
        begun = time.monotonic()
        for _ in range(10):
            for each in slow:
                each.sendall(b" ")
            assert exchange(kept, b"fast")[1] == b"fast"
            with server.connect() as new:
                assert exchange(new, b"fast")[1] == b"fast"
        assert time.monotonic() - begun < PATIENCE, "none of them has been cut off yet"
        slow[7].sendall(b"x" * 989)
        assert read(slow[7])[1] == b"{" + b" " * 10 + b"x" * 989


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"])
def test_handshakes_that_stall_hold_nobody_up(server: BareServer, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port))).sendall(sent)
        begun = time.monotonic()
        with server.connect() as sock:
            assert exchange(sock, b"fast")[1] == b"fast"
        assert time.monotonic() - begun < PATIENCE, "none of them has been cut off yet"


def test_who_takes_too_long_is_cut_off_and_who_is_idle_is_not() -> None:
    server = BareServer.start(patience=0.3)
    try:
        with server.connect() as idle, server.connect() as slow, ExitStack() as stack:
            stalled = [
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS))
                for _ in range(2)
            ]
            stalled[0].sendall(b"\x16\x03\x01\x02\x00\x01")
            assert exchange(idle, b"1")[1] == b"1"
            slow.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nst")
            assert slow.recv(1) == b""
            assert [each.recv(1) for each in stalled] == [b"", b""]
            assert exchange(idle, b"2")[1] == b"2"
    finally:
        server.stop()


def test_of_too_much_that_is_not_whole_the_oldest_goes(server: BareServer) -> None:
    part = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6000000\r\n\r\n" + b"x" * 5_999_999
    with ExitStack() as stack:
        many = []
        for _ in range(MAX_KEPT // len(part) + 1):
            many.append(stack.enter_context(server.connect()))
            many[-1].sendall(part)
        assert many[0].recv(1) == b""
        many[-1].sendall(b"y")
        assert read(many[-1])[1][-2:] == b"xy"


def test_a_body_may_come_in_chunks(server: BareServer) -> None:
    with server.connect() as sock:
        for _ in range(2):
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for each in (b"3\r", b"\nabc\r\n1", b"0\r\n0123456789abcdef\r\n0\r\n", b"\r\n"):
                sock.sendall(each)
            assert read(sock)[1] == b"abc0123456789abcdef"


def test_who_asks_whether_to_go_on_is_told(server: BareServer) -> None:
    with server.connect() as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        head, body = read(sock)
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert body == b"abc"
        assert exchange(sock, b"again")[1] == b"again"


def test_who_does_not_take_the_answers_holds_nobody_up(server: BareServer) -> None:
    body = b"x" * 60_000
    one = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with server.connect() as slow, server.connect() as other:
        slow.settimeout(0.2)
        with suppress(TimeoutError):
            while True:
                slow.sendall(one)
        begun = time.monotonic()
        for _ in range(20):
            assert exchange(other, b"fast")[1] == b"fast"
        assert time.monotonic() - begun < 2.0, "it is cut off after 5"


def test_many_idle_connections_take_no_thread(server: BareServer) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(server.connect()) for _ in range(12)]  # of 4 threads
        for each in idle:
            assert exchange(each, b"1")[1] == b"1"
        for each in reversed(idle):
            assert exchange(each, b"2")[1] == b"2"


def test_an_application_that_fails_is_an_answer_and_the_connection_ends(server: BareServer) -> None:
    with server.connect() as sock:
        head, _ = exchange(sock, path="/fail")
        assert b"500 Internal Server Error" in head
        assert sock.recv(1) == b""
    with server.connect() as sock:
        for _ in range(3):
            assert exchange(sock, b"again")[1] == b"again"
        head, _ = exchange(sock, b"fail")
        assert b"500 Internal Server Error" in head
        assert sock.recv(1) == b""


def test_garbage_gets_an_answer_and_holds_nobody_up(server: BareServer) -> None:
    for _ in range(10):
        with server.connect() as sock:
            sock.sendall(b"nonsense\r\n\r\n")
            assert b"400" in read(sock)[0]
    with server.connect() as sock:
        assert exchange(sock, b"again")[1] == b"again"


def test_at_the_end_each_answer_closes_its_connection_and_none_is_lost() -> None:
    server = BareServer.start(drain=0.4)
    answers: list[bytes] = []
    try:
        with server.connect() as kept, server.connect() as slow:
            assert b"keep-alive" in exchange(kept)[0]
            waiting = threading.Thread(target=lambda: answers.append(exchange(slow, b"late", "/wait")[1]))
            waiting.start()
            server.wait_line("waiting")
            os.kill(server.pid, signal.SIGTERM)
            server.wait_line("drain")
            assert b"Connection: close" in exchange(kept, b"during")[0]
            with server.connect() as new:
                assert exchange(new, b"new")[1] == b"new"
            waiting.join(10)
            assert answers == [b"late"]
        assert server.wait() == 0
    finally:
        server.stop()


def test_a_client_that_says_nothing_does_not_delay_the_end() -> None:
    server = BareServer.start(drain=0.0)
    try:
        with socket.create_connection(("127.0.0.1", server.port)), server.connect() as silent:
            silent.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
            os.kill(server.pid, signal.SIGINT)
            assert server.wait() == 0
    finally:
        server.stop()
