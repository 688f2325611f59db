"""Clients of the door by somebody who means harm: no second request hides in the first one."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.security.smuggling import SMUGGLED, head
from tests.unit.webhooks.serving.bare import BareServer

HIDDEN = b"POST /hidden HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nhidden"
USUAL = b"POST /usual HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nusual"


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
