"""Clients of the door by somebody who means harm: no second request hides in the first one."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.unit.webhooks.serving.bare import BareServer

HIDDEN = b"POST /hidden HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nhidden"
USUAL = b"POST /usual HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nusual"


def head(*lines: bytes, start: bytes = b"POST /first HTTP/1.1") -> bytes:
    return b"\r\n".join([start, b"Host: x", *lines, b"", b""])


SMUGGLED = {
    "length and chunks": head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "chunks and length": head(b"Transfer-Encoding: chunked", b"Content-Length: 5") + b"0\r\n\r\n",
    "two lengths": head(b"Content-Length: 5", b"Content-Length: 0"),
    "a list of lengths": head(b"Content-Length: 0, 5"),
    "a length with a sign": head(b"Content-Length: +0"),
    "a negative length": head(b"Content-Length: -1"),
    "a length in hexadecimal": head(b"Content-Length: 0x0"),
    "a length with a space before the colon": head(b"Content-Length : 5"),
    "a length with an underscore": head(b"Content-Length: 1_0"),
    "a length beyond all": head(b"Content-Length: " + b"9" * 5_000),
    "chunks twice": head(b"Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n",
    "chunks in between": head(b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
    "an encoding that is none": head(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "an encoding on the next line": head(b"Transfer-Encoding:", b" chunked") + b"0\r\n\r\n",
    "a chunk of no size": head(b"Transfer-Encoding: chunked") + b"-1\r\n\r\n",
    "a chunk in other digits": head(b"Transfer-Encoding: chunked") + b"0x0\r\n\r\n",
    "a folded line": head(b"X: a", b" Content-Length: 0"),
    "a name that is none": head(b"Content-Length\x00: 5"),
    "no name": head(b": 5"),
    "a line without a colon": head(b"Content-Length 5"),
    "many lines": head(*[b"X-%d: y" % number for number in range(5_000)]),
    "a long line": head(b"X: " + b"y" * 200_000),
    "a long target": head(start=b"POST /" + b"x" * 200_000 + b" HTTP/1.1"),
    "another protocol": head(start=b"POST /first HTTP/9.9"),
    "an old protocol": head(b"Transfer-Encoding: chunked", start=b"POST /first HTTP/1.0") + b"0\r\n\r\n",
    "no protocol": b"POST /first\r\n\r\n",
}


@pytest.fixture(scope="module")
def server() -> Iterator[BareServer]:
    found = BareServer.start()
    yield found
    found.stop()


def exchange(server: BareServer, *parts: bytes, until: bytes = b"hidden") -> bytes:
    """What comes back: up to those words, or until the server ends the connection, as it has to where it refuses."""
    found = b""
    with server.connect() as sock:
        for part in parts:
            with suppress(OSError):  # it need not take all of what it refuses
                sock.sendall(part)
        with suppress(ConnectionError):
            while not found.endswith(until) and (part := sock.recv(65536)):
                found += part
    return found


@pytest.mark.parametrize("first", SMUGGLED.values(), ids=SMUGGLED)
def test_nothing_hides_behind_a_request_that_is_not_clear(first: bytes, server: BareServer) -> None:
    """Neither at the beginning of a connection, nor behind a request whose like has been seen before."""
    for before in ((), (USUAL, USUAL)):
        found = exchange(server, *before, first + HIDDEN)
        assert b"hidden" not in found
    assert b"usual" in exchange(server, USUAL, until=b"usual")


def test_an_answer_is_to_each_of_what_is_clear(server: BareServer) -> None:
    assert exchange(server, USUAL + HIDDEN).count(b"HTTP/1.1 200") == 2


def test_connections_that_end_at_any_byte_leave_it_well(server: BareServer) -> None:
    data = head(b"Transfer-Encoding: chunked") + b"5\r\nusual\r\n0\r\n\r\n"
    for size in range(0, len(data), 7):
        with server.connect() as sock:
            sock.sendall(data[:size])
            sock.shutdown(socket.SHUT_RDWR)
    assert b"usual" in exchange(server, USUAL, until=b"usual")
