"""The socket of a connection as the worker sees it: reads that do not wait, joined writes, and a clock on the clients
that do not take them."""

import errno
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

PATIENCE: Final = 5.0
"""Seconds that a client may take to send a request, or to take its answer. An API server has all of it at hand."""
CROWDED_PATIENCE: Final = 0.5
"""Seconds to take an answer, where others wait for a thread, or all is to end."""

_GO_ON: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LATER: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class WatchedSocket:
    """For one connection, whose reads never wait. What came is fetched, and, when it is a whole request, offered to
    whoever calls `recv`. Writes wait for the client only where it has not taken what was written before; that time
    counts."""

    def __init__(self, sock: Any, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.sock = sock
        self._clock = clock
        self._offered, self._at = b"", 0
        self._told = False
        self._corked: list[bytes] | None = None
        self._since: float | None = None
        """When it began to wait for the client."""

    def fetch(self, size: int) -> bytes | None:
        """What is there; None: nothing; empty: the client has gone."""
        try:
            found: bytes = self.sock.recv(size)
        except _LATER:
            return None
        return found

    @property
    def offers(self) -> bool:
        return self._at < len(self._offered)

    def offer(self, data: bytes) -> None:
        self._offered, self._at = data, 0

    def recv(self, size: int) -> bytes:
        found = self._offered[self._at : self._at + size]
        if not found:
            raise ConnectionResetError(errno.ECONNRESET, "there is no more of the request")
        self._at += size
        return found

    def take_back(self) -> bytes:
        """What was offered, and is not of the request."""
        rest = self._offered[self._at :]
        self._offered, self._at = b"", 0
        return rest

    def tell_to_go_on(self) -> None:
        """The client wants to hear that before it sends the body; gunicorn tells it only when it is here."""
        self._told = True
        self.sendall(_GO_ON)

    def send(self, data: bytes) -> int:
        if data != _GO_ON or not self._told:
            self.sendall(data)
        self._told = False
        return len(data)

    def sendall(self, data: bytes) -> None:
        if self._corked is not None:
            self._corked.append(data)
            return
        sent = 0
        with suppress(*_LATER):
            while sent < len(data):
                sent += self.sock.send(data[sent:] if sent else data)
        if sent < len(data):
            self._wait_and_send(data[sent:])

    def _wait_and_send(self, data: bytes) -> None:
        self._since = self._clock()
        try:
            self.sock.setblocking(True)
            self.sock.sendall(data)
            self.sock.setblocking(False)
        finally:
            self._since = None

    def setblocking(self, flag: bool) -> None:
        """gunicorn does so for its reads."""

    def settimeout(self, value: float | None) -> None:
        """As well."""

    def cork(self) -> None:
        """What is written from now on goes out at the end, in one piece: one TLS record, one system call."""
        self._corked = []

    def uncork(self) -> None:
        parts, self._corked = self._corked, None
        if parts:
            self.sendall(parts[0] if len(parts) == 1 else b"".join(parts))

    def drop(self) -> None:
        """What was corked is not to be sent."""
        self._corked = None

    def overdue(self, patience: float) -> bool:
        since = self._since
        return since is not None and self._clock() - since > patience

    def cut(self) -> None:
        """From another thread: the one that waits sees the end of the connection."""
        with suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # not that of TLS, which would change its state

    def close(self) -> None:
        """gunicorn closes in the midst of a request. Whoever holds the connection still has to stop waiting for it,
        before another one gets its number: they close `sock`."""
        self.cut()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)


class Watch:
    """All connections of a worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[WatchedSocket] = set()
        self.cut = 0
        """How many clients were cut off."""

    def add(self, sock: WatchedSocket) -> None:
        with self._lock:
            self._open.add(sock)

    def remove(self, sock: WatchedSocket) -> None:
        with self._lock:
            self._open.discard(sock)

    def cut_overdue(self, *, crowded: bool) -> None:
        self._cut(CROWDED_PATIENCE if crowded else PATIENCE)

    def cut_all(self) -> None:
        """Those that still wait for their clients, at the end."""
        self._cut(0.0)

    def _cut(self, patience: float) -> None:
        with self._lock:
            overdue = [each for each in self._open if each.overdue(patience)]
        for each in overdue:
            each.cut()
        self.cut += len(overdue)
