"""A small server behind a TlsSource, and clients that are what an API server is, or are not."""

import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from auditor.certs import Authority, Pair
from auditor.webhooks.certificates.material import Material
from auditor.webhooks.certificates.tls import TlsSource

HOST = "door.auditor.svc"


def make_material(authority: Authority, pair: Pair | None = None) -> Material:
    pair = pair or authority.issue("door", hosts=[HOST], server=True)
    return Material(
        certificate=pair.certificate_pem,
        key=pair.key_pem,
        expiry=datetime(2030, 1, 1, tzinfo=UTC),
        authorities=authority.pair.certificate_pem,
    )


class Door:
    """As a gthread worker: one thread accepts, a few do the handshakes and answer."""

    def __init__(self, source: TlsSource, threads: int) -> None:
        self.source = source
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.address = self.listener.getsockname()
        self.errors: list[Exception] = []
        self.pool = ThreadPoolExecutor(threads)

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.pool.submit(self.answer, connection)

    def answer(self, connection: socket.socket) -> None:
        try:
            # gunicorn wraps without a handshake, and does it then.
            with self.source.context().wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as tls:
                tls.do_handshake()
                assert tls.gettimeout() is None
                tls.sendall(tls.recv(100))
        except (OSError, ValueError) as error:
            self.errors.append(error)
            connection.close()


@contextmanager
def open_door(source: TlsSource, threads: int = 2) -> Iterator[Door]:
    door = Door(source, threads)
    acceptor = threading.Thread(target=door.serve)
    acceptor.start()
    try:
        yield door
    finally:
        door.listener.shutdown(socket.SHUT_RDWR)
        door.listener.close()
        acceptor.join()
        door.pool.shutdown()


NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python's names leave out."""


def call(
    door: Door, trusted: bytes, client: tuple[Path, Path] | None = None, *, any_time: bool = False
) -> ssl.SSLSocket:
    """One request on a new connection; gives the closed connection, which knows its peer.

    `any_time`: for tests with a clock of their own, which TLS has not.
    """
    context = ssl.create_default_context(cadata=trusted.decode())
    if any_time:
        context.verify_flags |= NO_CHECK_TIME
    if client:
        context.load_cert_chain(*client)
    with (
        socket.create_connection(door.address, timeout=20) as raw,
        context.wrap_socket(raw, server_hostname=HOST) as tls,
    ):
        tls.sendall(b"hello")
        if tls.recv(100) != b"hello":
            raise ConnectionError("no answer")
        return tls
