"""gunicorn's worker with threads, made for a door: less to do for each request, and nothing that a client can hold up.

gthread waits for the next request of a kept connection in its main thread, and hands it to another one when it comes:
two changes of thread for each review. It writes headers and body apart: two TLS records, and two system calls. And it
waits for slow clients, for some of them in the main thread, by which the master sees whether the worker lives.
"""

import logging
import select
import signal
import sys
import threading
import time
from collections import deque
from functools import partial
from selectors import EVENT_READ
from types import FrameType
from typing import Any, Final, Protocol

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from auditor.webhooks.serving.sockets import PATIENCE, Watch, WatchedSocket

log = logging.getLogger(__name__)

LINGER: Final = 10
"""Milliseconds that a thread waits for the next request of its connection, if no other connection waits for a thread.
Under load it comes within these, and finds a thread that is there already."""
SWITCH_INTERVAL: Final = 0.0005
"""Seconds after which a thread lets another one run: a review takes as long. The default, ten times that, is what a
short request waits when it comes beside a long one."""
TICK: Final = 0.25
"""Seconds between two looks for clients that do not go on."""
LAST_WORDS: Final = 0.25
"""Seconds for a client to close a connection whose end it has been told of: an API server does so at once."""
FIRST_POLICIES: Final = 3.0
"""Seconds that the first requests wait, unread, for the policies; who comes after that is told to come again."""


class Serves(Protocol):
    """What the worker needs of the service that it runs."""

    def wait_ready(self, timeout: float) -> bool: ...

    def drain(self) -> None:
        """No more duties, and not ready: whoever sends requests is to send them elsewhere."""

    def stop(self) -> None: ...


class DoorConnection(TConn):  # type: ignore[misc]
    def __init__(self, watch: Watch, *args: Any) -> None:
        self.sock: Any
        super().__init__(*args)
        self._watch = watch

    def init(self) -> None:
        if self.initialized:
            return
        super().init()
        self.sock = WatchedSocket(self.sock)
        self.parser.unreader.sock = self.sock
        self._watch.add(self.sock)

    def close(self, graceful: bool = False) -> None:
        """Never waits: this may be the main thread."""
        sock = self._let_go()
        if sock is not None:
            util.close(sock)

    def close_politely(self) -> None:
        sock = self._let_go()
        if sock is not None:
            util.close_graceful(sock, timeout=LAST_WORDS)

    def _let_go(self) -> Any:
        sock, self.sock = self.sock, None
        if isinstance(sock, WatchedSocket):
            self._watch.remove(sock)
        return sock


class DoorWorker(ThreadWorker):  # type: ignore[misc]
    """Its application has `service`, and `drain`, the seconds from a signal to the last new connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watch = Watch()
        self._drainer: threading.Thread | None = None

    def init_process(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL)
        super().init_process()

    def init_signals(self) -> None:
        super().init_signals()
        # Ctrl-C reaches all processes of a terminal. The master hears it, and tells the workers to end in good order.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def run(self) -> None:
        service: Serves = self.app.service
        until = time.monotonic() + FIRST_POLICIES
        try:
            while self.alive and time.monotonic() < until and not service.wait_ready(TICK):
                self.notify()
            super().run()
        finally:
            self.watch.cut_all()
            service.stop()

    # -- the end -------------------------------------------------------------------------------------------------------

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First others have to hear that this one ends; till then all goes on, but no connection is kept."""
        if self._drainer is not None:
            return
        self.max_keepalived = 0  # so each answer says that the connection ends with it
        self._drainer = threading.Thread(target=self._drain, args=(sig, frame), name="drain", daemon=True)
        self._drainer.start()

    def _drain(self, sig: int, frame: FrameType | None) -> None:
        begun = time.monotonic()
        try:
            self.app.service.drain()
        except Exception:
            log.exception("what only one replica does could not be ended in good order")
        threading.Event().wait(max(0.0, self.app.drain - (time.monotonic() - begun)))
        super().handle_exit(sig, frame)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    # -- connections ---------------------------------------------------------------------------------------------------

    def accept(self, listener: Any) -> None:
        """Without a byte from the client no thread is spent on it."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            log.debug("a connection was gone before it was accepted: %s", error)
            return
        self.nr_conns += 1
        conn = DoorConnection(self.watch, self.cfg, sock, address, listener.getsockname())
        conn.timeout = time.monotonic() + PATIENCE
        self.pending_conns.append(conn)
        self.poller.register(sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
        if self.nr_conns >= self.worker_connections:
            self._make_room()

    def _make_room(self) -> None:
        """The connection that has been idle for longest goes: those who open more and more do not lock others out."""
        idle: deque[Any] = self.keepalived_conns or self.pending_conns
        if idle:
            conn = idle.popleft()
            self.poller.unregister(conn.sock)
            self.nr_conns -= 1
            conn.close()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(min(timeout, TICK))
        self.watch.cut_overdue(crowded=self._others_wait() or not self.alive)

    def _others_wait(self) -> bool:
        return bool(self.tpool._work_queue.qsize())

    def handle(self, conn: DoorConnection) -> object:
        while True:
            if conn.initialized:
                conn.sock.end_request()
            result = super().handle(conn)
            if not result:
                conn.close_politely()
                return result
            if result is not True or not self.alive or not self._next_is_here(conn):
                return result

    def handle_request(self, req: Any, conn: DoorConnection) -> object:
        sock: WatchedSocket = conn.sock
        sock.cork()
        try:
            result = super().handle_request(req, conn)
        except BaseException:
            sock.drop()
            raise
        sock.uncork()
        return result

    def _next_is_here(self, conn: DoorConnection) -> bool:
        if self._others_wait():
            return False
        if conn.parser.unreader.buf.getvalue() or conn.sock.pending():
            return True
        poll = select.poll()
        poll.register(conn.sock.fileno(), select.POLLIN)
        return bool(poll.poll(LINGER))
