"""Connections that can be ended from another thread, whatever the thread that uses them is waiting for.

The transport of the `kubernetes` package makes the pool, with its proxies and its TLS settings. Two things are put into
it: one TLS context for all connections, because by default each reads the authorities anew (50 KB and 1.5 ms each),
and connections that tell the request which they carry, so that it can be cut off.
"""

import socket
import ssl
import threading
from contextlib import suppress
from typing import Protocol

import urllib3
import urllib3.exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from auditor.json import Json

POOL_SIZE = 64
"""Connections that are kept for the next call; more may be open at a time. Those of watches end with them."""


class Carried(Protocol):
    """A request, as its connection sees it."""

    def take(self, connection: HTTPConnection) -> None:
        """It is on this connection now. Raises if it is not wanted any more."""


_now = threading.local()


class carrying:  # noqa: N801 - reads as the statement that it is
    """In this thread, connections that are used belong to this request."""

    def __init__(self, request: Carried) -> None:
        self._request = request

    def __enter__(self) -> None:
        _now.request = self._request

    def __exit__(self, *_: object) -> None:
        _now.request = None


def _tell(connection: HTTPConnection) -> None:
    request: Carried | None = getattr(_now, "request", None)
    connection.carried = request  # type: ignore[attr-defined]
    if request is not None:
        request.take(connection)


class _Plain(HTTPConnection):
    def connect(self) -> None:
        _tell(self)
        super().connect()
        _tell(self)  # whoever ended it in between found no socket to cut

    def request(self, *args: Json, **kwargs: Json) -> None:
        _tell(self)
        super().request(*args, **kwargs)


class _Tls(HTTPSConnection):
    handshaking: socket.socket | None = None
    """The same connection by another number: until the handshake is done, `sock` is neither the one nor the other."""

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self.handshaking = sock.dup()
        return sock

    def connect(self) -> None:
        _tell(self)
        try:
            super().connect()
        except TimeoutError as error:  # of the handshake: urllib3 would take it for an answer that does not come
            raise urllib3.exceptions.ConnectTimeoutError(self, "no TLS handshake") from error
        finally:
            if self.handshaking is not None:
                self.handshaking.close()
                self.handshaking = None

    def request(self, *args: Json, **kwargs: Json) -> None:
        _tell(self)
        super().request(*args, **kwargs)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


def make_pool(configuration: Json) -> urllib3.PoolManager:
    from kubernetes.client.rest import RESTClientObject  # 0.2 s: only who talks to a cluster pays

    pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
    pool.connection_pool_kw["maxsize"] = POOL_SIZE
    if "socks" not in type(pool).__name__.lower():  # those have connections of their own, which end by their timeouts
        pool.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
    return pool


_IN_CONTEXT = ("ca_certs", "ca_cert_data", "cert_file", "key_file")


def set_tls(pool: urllib3.PoolManager, context: ssl.SSLContext) -> None:
    """From now on for every new connection; those that are open stay until they end.

    Threads ask at the same time: they see the old settings or the new ones, never some of both. Connections under other
    settings are never mixed up, because the pool keeps them apart by their context.
    """
    settings = pool.connection_pool_kw
    if settings.get("ssl_context") is context:
        return
    kept = {key: value for key, value in settings.items() if key not in _IN_CONTEXT}
    pool.connection_pool_kw = kept | {"ssl_context": context, "cert_reqs": context.verify_mode}


def close_all(pool: urllib3.PoolManager) -> None:
    """By itself it waits for the collector: whoever keeps an error keeps its frames, and so the connections in them."""
    for key in pool.pools.keys():  # noqa: SIM118 - it has no iteration, because of threads
        found = pool.pools.get(key)
        if found is not None:
            found.close()
    pool.clear()


def cut(connection: HTTPConnection | None, request: Carried) -> None:
    """Wakes whoever reads from it, or writes to it, for this request: it may carry the next one by now.

    The thread that owns the connection closes it.
    """
    if connection is None or getattr(connection, "carried", None) is not request:
        return
    sock = getattr(connection, "handshaking", None) or connection.sock
    if sock is not None:
        with suppress(OSError):
            # Not SSLSocket.shutdown: that takes the TLS state away from under the thread that is reading.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
