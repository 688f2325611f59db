"""The operations port beside clients that do not go on."""

import contextlib
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from auditor.operations.server import CONNECTIONS, OperationsServer


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("it is broken")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]


@pytest.fixture
def port() -> Iterator[int]:
    sock = socket.create_server(("127.0.0.1", 0))
    server = OperationsServer(sock, app)
    server.start()
    yield sock.getsockname()[1]
    server.stop()


def get(port: int, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        found = b""
        while part := client.recv(1000):
            found += part
    return found


def test_it_answers(port: int) -> None:
    assert get(port, "/healthz").endswith(b"\r\n\r\n/healthz")


def test_a_failure_is_an_answer_and_no_end(port: int) -> None:
    assert b"500 Internal Server Error" in get(port, "/broken")
    assert get(port, "/healthz").endswith(b"/healthz")


def test_where_there_are_too_many_the_oldest_goes(port: int) -> None:
    with contextlib.ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            for _ in range(CONNECTIONS + 2)
        ]
        for each in slow:
            each.sendall(b"GET /")
        assert get(port, "/readyz").endswith(b"/readyz")
        assert slow[0].recv(1) == b""
        slow[-1].sendall(b"last HTTP/1.0\r\n\r\n")
        assert slow[-1].recv(1000).startswith(b"HTTP/1.0 200 OK")
