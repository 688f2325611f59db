"""The proxy that the tests of faults rest on does what it says."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.proxy import HOST, Proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """Sends back what it gets; ends when the listener does."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection:
                try:
                    while piece := connection.recv(1000):
                        connection.sendall(piece)
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(HOST, echo) as proxy:
        yield proxy


@pytest.fixture
def connection(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, proxy.port), timeout=20) as connection:
        connection.sendall(b"hello")
        assert connection.recv(5, socket.MSG_WAITALL) == b"hello"
        yield connection


def test_cut_is_an_error_for_whoever_reads(proxy: Proxy, connection: socket.socket) -> None:
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_truncate_passes_so_many_bytes_and_ends(proxy: Proxy, connection: socket.socket) -> None:
    proxy.truncate(3)
    connection.sendall(b"again")
    assert connection.recv(10, socket.MSG_WAITALL) == b"aga"


def test_stall_holds_back_until_it_may_pass(proxy: Proxy, connection: socket.socket) -> None:
    proxy.stall()
    connection.sendall(b"again")
    with socket.create_connection((HOST, proxy.port), timeout=20):  # is accepted all the same
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        proxy.let_pass()
        connection.settimeout(20)
        assert connection.recv(5, socket.MSG_WAITALL) == b"again"


def test_delay_comes_later(proxy: Proxy, connection: socket.socket) -> None:
    proxy.delay(0.05)
    connection.sendall(b"again")
    connection.settimeout(0.01)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(20)
    assert connection.recv(5, socket.MSG_WAITALL) == b"again"


def test_refuse_and_let_pass(proxy: Proxy, connection: socket.socket) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, proxy.port), timeout=20)
    connection.sendall(b"still")
    assert connection.recv(5, socket.MSG_WAITALL) == b"still"
    proxy.let_pass()
    with socket.create_connection((HOST, proxy.port), timeout=20) as other:
        other.sendall(b"new")
        assert other.recv(3, socket.MSG_WAITALL) == b"new"
    assert proxy.accepted == 2
