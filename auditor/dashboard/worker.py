"""gunicorn's worker with threads, so that no client holds it up.

gthread waits for handshake, head, body and readers in the thread that serves, and as long as they like: eight clients
that send one byte each would keep all others out. Here a thread is taken when something has come, there are many more
of them than pages that are made at once, a client has so many seconds, and where threads run out, whoever lets one
wait for longest is cut off. What ends is waited for in a thread, too: gthread does that in the one that accepts.
"""

import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from auditor.dashboard.app import BIGGEST

log = logging.getLogger(__name__)

PAGES: Final = 8
"""Made at once. One takes 0.1 s of a core: eight that wait for a disk or for the API server hold nobody up."""
THREADS: Final = 64
"""The others wait for clients, and cost nothing but their stacks."""
CONNECTIONS: Final = 512
"""Below the 1,024 open files that a process may have as a rule. A browser opens six."""
PATIENCE: Final = 5.0
"""Seconds for a client to begin, to shake hands, and to send a request: at most a form with a token of 16 KB."""
READING: Final = 60.0
"""Seconds to take an answer: a report of some megabytes on a slow line."""

HEALTH: Final = "/healthz"
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Connection(TConn):  # type: ignore[misc]
    def close(self, graceful: bool = False) -> None:
        """Never waits: what is to be waited for at its end, the thread has done that served it."""
        util.close(self.sock)


class Waits:
    """The threads that wait for a client: since when, and till when."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[TConn, float]] = {}
        """By thread; who began first is the first."""

    def begin(self, conn: TConn, seconds: float) -> None:
        """One of them is always left for who comes next: the client that has been waited for longest goes."""
        with self._lock:
            self._waiting[threading.get_ident()] = (conn, self._clock() + seconds)
            if len(self._waiting) >= self._most:
                thread = next(iter(self._waiting))
                _cut(self._waiting.pop(thread)[0])

    def end(self) -> TConn | None:
        """Whom it waited for; None: it was cut off."""
        with self._lock:
            return self._waiting.pop(threading.get_ident(), (None, 0.0))[0]

    def cut_overdue(self) -> None:
        with self._lock:
            for conn, until in self._waiting.values():
                if self._clock() > until:
                    _cut(conn)


def _cut(conn: TConn) -> None:
    """Whoever waits for it sees its end."""
    with suppress(OSError):
        socket.socket.shutdown(conn.sock, socket.SHUT_RDWR)  # not that of TLS, which would change its state


class DashboardWorker(ThreadWorker):  # type: ignore[misc]
    wsgi: App

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waits = Waits(THREADS)
        self._pages = threading.BoundedSemaphore(PAGES)

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.wsgi = partial(self._serve, self.wsgi)

    def _serve(self, app: App, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """In a thread that waits for its client, but for the time in which the page is made."""
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(BIGGEST + 1))
        conn = self.waits.end()
        try:
            if environ["PATH_INFO"] == HEALTH:  # whoever asks for that starts us again if it takes long
                return app(environ, start_response)
            with self._pages:
                return app(environ, start_response)
        finally:
            if conn is not None:
                self.waits.begin(conn, READING)

    def accept(self, listener: Any) -> None:
        """No thread is spent on it before something has come."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            log.debug("a connection was gone before it was accepted: %s", error)
            return
        conn = _Connection(self.cfg, sock, address, listener.getsockname())
        conn.timeout = time.monotonic() + PATIENCE
        self.nr_conns += 1
        self.pending_conns.append(conn)
        self.poller.register(sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
        if self.nr_conns >= self.worker_connections:
            self._make_room()

    def _make_room(self) -> None:
        """Those who open more and more do not lock others out."""
        for idle in (self.keepalived_conns, self.pending_conns):
            if idle:
                conn = idle.popleft()
                self.poller.unregister(conn.sock)
                self.nr_conns -= 1
                conn.close()
                return

    def murder_pending(self) -> None:
        """Every second, and after whatever has come."""
        super().murder_pending()
        self.waits.cut_overdue()

    def handle(self, conn: TConn) -> object:
        self.waits.begin(conn, PATIENCE)
        try:
            result: object = super().handle(conn)
            if not result:
                # The answer would be lost, were it closed while the client still sends.
                util.close_graceful(conn.sock)
            return result
        finally:
            self.waits.end()
