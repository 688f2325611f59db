"""gunicorn's worker with threads, made for a door: less to do for each request, and nothing that a client can hold up.

gthread waits for the next request of a kept connection in its main thread, and hands it to another one when it comes:
two changes of thread for each review, and as many threads as there are connections fight for the interpreter (`relay`).
It reads each head anew (`heads`). It writes headers and body apart: two TLS records, and two system calls (`sockets`).
And it waits for slow clients, with a thread for each of them. Here what is not there is not waited for: handshakes and
closings go on in the main thread whenever something has come, and a request is served when all of it is there
(`arrivals`).
"""

import logging
import signal
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from types import FrameType
from typing import Any, Final, Protocol

from gunicorn.http.wsgi import Response
from gunicorn.workers.gthread import ThreadWorker

from auditor.webhooks.serving.arrivals import Kept
from auditor.webhooks.serving.connection import DoorConnection
from auditor.webhooks.serving.heads import FamiliarRequest
from auditor.webhooks.serving.relay import Relay
from auditor.webhooks.serving.sockets import PATIENCE, Watch, WatchedSocket

log = logging.getLogger(__name__)

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


class DoorWorker(ThreadWorker):  # type: ignore[misc]
    """Its application has `service`, and `drain`, the seconds from a signal to the last new connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watch = Watch()
        self.kept: Kept[DoorConnection] = Kept()
        self.leaving: deque[DoorConnection] = deque()
        """Half closed, till their clients close as well."""
        self.relay: Relay[DoorConnection] = Relay(
            self.handle, end=self._end, submit=lambda work: self.tpool.submit(work)
        )
        self._drainer: threading.Thread | None = None

    def init_process(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL)
        super().init_process()

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """One of them serves the kept connections."""
        return ThreadPoolExecutor(max_workers=self.cfg.threads + 1)

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
            self.relay.start()
            super().run()
        finally:
            self.relay.stop()
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
        self.relay.cap(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    # -- connections ---------------------------------------------------------------------------------------------------

    def accept(self, listener: Any) -> None:
        """No thread is spent on it before it is a connection."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            log.debug("a connection was gone before it was accepted: %s", error)
            return
        self.nr_conns += 1
        conn = DoorConnection(self.watch, self.cfg, sock, address, listener.getsockname())
        conn.timeout = time.monotonic() + PATIENCE
        self.pending_conns.append(conn)
        self.poller.register(conn, EVENT_READ, partial(self.on_pending_socket_readable, conn))
        if self.nr_conns >= self.worker_connections:
            self._make_room()

    def on_pending_socket_readable(self, conn: DoorConnection, client: Any) -> None:
        """The handshake goes on."""
        try:
            if not conn.shake_hands():
                return
        except Exception as error:
            if not isinstance(error, OSError):  # those of TLS are counted where they happen
                log.exception("no connection: a defect of auditor")
            conn.initialized = True  # it has not stalled
            self._forget(self.pending_conns, conn)
            conn.close()
            return
        self.pending_conns.remove(conn)
        self.poller.unregister(conn)
        self.relay.add(conn)

    def _forget(self, where: "deque[DoorConnection]", conn: DoorConnection) -> None:
        where.remove(conn)
        with suppress(OSError, KeyError, ValueError):  # its socket is closed
            self.poller.unregister(conn)
        self.nr_conns -= 1

    def _make_room(self) -> None:
        """The connection that has been idle for longest goes: those who open more and more do not lock others out."""
        conn = self.relay.drop_oldest()
        if conn is None and self.pending_conns:
            conn = self.pending_conns.popleft()
            self.poller.unregister(conn.sock)
        if conn is not None:
            self.nr_conns -= 1
            self.kept.release(conn)
            conn.close()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Looks after the relay all the while; what gunicorn does beside takes longer, and is not due as often."""
        until = time.monotonic() + min(timeout, TICK)
        while True:
            left = until - time.monotonic()
            super().wait_for_and_dispatch_events(max(0.0, min(left, self.relay.look())))
            if left <= 0.0 or not self.alive:
                break
        self.watch.cut_overdue(crowded=self._others_wait() or not self.alive)
        while self.leaving and self.leaving[0].timeout <= time.monotonic():
            self._leave(self.leaving[0])

    def _others_wait(self) -> bool:
        return bool(self.tpool._work_queue.qsize())

    def handle(self, conn: DoorConnection) -> bool:
        """Answers what came in full. Whether the connection is kept."""
        while True:
            try:
                whole = self._receive(conn)
            except OSError as error:
                log.debug("a connection ends: %s", error)
                return False
            if not whole:
                return whole is not None
            if super().handle(conn) is not True:
                return False
            if not conn.holds_more():
                return True

    def _receive(self, conn: DoorConnection) -> bool | None:
        """Whether a request is here in full. None: the client has gone."""
        waited = conn.parser.arrival is not None
        whole: bool | None = conn.parser.receive()
        arrival = conn.parser.arrival
        if arrival is not None and whole is False:
            for each in self.kept.keep(conn, len(arrival.data)):
                each.cut()
        elif waited:
            self.kept.release(conn)
        return whole

    def _end(self, conn: DoorConnection) -> None:
        """From any thread: the client may take its time."""
        self.kept.release(conn)
        self.method_queue.defer(self._half_close, conn)

    def _half_close(self, conn: DoorConnection) -> None:
        self.leaving.append(conn)
        if conn.half_close():
            conn.timeout = time.monotonic() + LAST_WORDS
            self.poller.register(conn, EVENT_READ, lambda _: self._hear(conn))
        else:
            self._leave(conn)

    def _hear(self, conn: DoorConnection) -> None:
        if not conn.hear():
            self._leave(conn)

    def _leave(self, conn: DoorConnection) -> None:
        self._forget(self.leaving, conn)
        conn.close()

    def handle_request(self, req: Any, conn: DoorConnection) -> object:
        sock: WatchedSocket = conn.sock
        sock.cork()
        try:
            result = self._answer(req, conn) if isinstance(req, FamiliarRequest) else super().handle_request(req, conn)
        except BaseException:
            sock.drop()
            raise
        sock.uncork()
        return result

    def _answer(self, req: FamiliarRequest, conn: DoorConnection) -> bool:
        """As gunicorn does it, without what only other settings need. Whether the connection is kept."""
        response = Response(req, conn.sock, self.cfg)
        if not self.alive or self.max_keepalived <= 0:
            response.force_close()
        parts = self.wsgi(req.environ, response.start_response)
        try:
            for part in parts:
                response.write(part)
            response.close()
        finally:
            if hasattr(parts, "close"):
                parts.close()
        return not response.should_close()
