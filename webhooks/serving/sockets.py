"""The socket of a connection as the worker sees it: joined writes, and a clock on clients that do not go on."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

PATIENCE: Final = 5.0
"""Seconds that a client may take to send a request, or to take its answer. An API server has all of it at hand."""
CROWDED_PATIENCE: Final = 0.5
"""Seconds, where others wait for a thread, or all is to end."""


class WatchedSocket:
    """For one connection. The time counts while a thread waits for the client, from the first time in a request on."""

    def __init__(self, sock: Any, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.sock = sock
        self._clock = clock
        self._corked: list[bytes] | None = None
        self._since: float | None = None
        self._waits = False

    def recv(self, size: int) -> bytes:
        self._begin()
        try:
            found: bytes = self.sock.recv(size)
        finally:
            self._waits = False
        return found

    def sendall(self, data: bytes) -> None:
        if self._corked is not None:
            self._corked.append(data)
            return
        self._begin()
        try:
            self.sock.sendall(data)
        finally:
            self._waits = False

    def _begin(self) -> None:
        if self._since is None:
            self._since = self._clock()
        self._waits = True

    def cork(self) -> None:
        """What is written from now on goes out at the end, in one piece: one TLS record, one system call."""
        self._corked = []

    def uncork(self) -> None:
        parts, self._corked = self._corked, None
        if parts:
            self._since = None
            self.sendall(b"".join(parts))

    def drop(self) -> None:
        """What was corked is not to be sent."""
        self._corked = None

    def end_request(self) -> None:
        self._since = None

    def overdue(self, patience: float) -> bool:
        since = self._since
        return self._waits and since is not None and self._clock() - since > patience

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
