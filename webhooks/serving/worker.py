"""gunicorn's worker with threads, made for a door: less to do for each request, and nothing that a client can hold up.

gthread waits for the next request of a kept connection in its main thread, and hands it to another one when it comes:
two changes of thread for each review. It writes headers and body apart: two TLS records, and two system calls. And it
waits for slow clients, for some of them in the main thread, by which the master sees whether the worker lives.
"""

import logging
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from types import FrameType
from typing import Any, Final, Protocol

from gunicorn import util
from gunicorn.http.wsgi import Response
from gunicorn.workers.gthread import TConn, ThreadWorker

from auditor.webhooks.serving.heads import DoorParser, FamiliarRequest
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
        self.parser = DoorParser(self.cfg, self.sock, self.client, server=self.server)
        self._watch.add(self.sock)

    def fileno(self) -> int:
        number: int = self.sock.fileno()
        return number

    def holds_more(self) -> bool:
        """Bytes that have been read already, of which no poller would tell."""
        return bool(self.parser.unreader.buf.tell() or self.sock.pending())

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
            return sock.sock
        return sock


class DoorWorker(ThreadWorker):  # type: ignore[misc]
    """Its application has `service`, and `drain`, the seconds from a signal to the last new connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watch = Watch()
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
        conn = self.relay.drop_oldest()
        if conn is None and self.pending_conns:
            conn = self.pending_conns.popleft()
            self.poller.unregister(conn.sock)
        if conn is not None:
            self.nr_conns -= 1
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

    def _others_wait(self) -> bool:
        return bool(self.tpool._work_queue.qsize())

    def enqueue_req(self, conn: DoorConnection) -> None:
        """Its first bytes are here: the handshake waits for the client, so it takes a thread of its own."""
        self.tpool.submit(self._begin, conn)

    def _begin(self, conn: DoorConnection) -> None:
        try:
            conn.sock.setblocking(True)
            conn.init()
            self.relay.add(conn)
        except OSError as error:  # those of TLS are counted where they happen
            log.debug("no connection: %s", error)
            self._end(conn)
        except Exception as error:
            self.handle_error(None, conn.sock, conn.client, error)
            self._end(conn)

    def _end(self, conn: DoorConnection) -> None:
        """In a thread of its own: the client may take its time."""
        try:
            self.tpool.submit(self._close, conn)
        except RuntimeError:  # there are none any more
            conn.close()

    def _close(self, conn: DoorConnection) -> None:
        conn.close_politely()
        self.method_queue.defer(self._count_down)

    def _count_down(self) -> None:
        self.nr_conns -= 1

    def handle(self, conn: DoorConnection) -> bool:
        """Whether the connection is kept; then all that came has been answered."""
        while True:
            if conn.initialized:
                conn.sock.end_request()
            if super().handle(conn) is not True:
                return False
            if not conn.holds_more():
                return True

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
