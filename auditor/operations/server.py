"""The operations port: a small server with a thread for each connection, which no client can hold up.

Probes have to get in whatever else is going on: where there are too many connections, the oldest goes.
"""

import logging
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

log = logging.getLogger(__name__)

CONNECTIONS: Final = 16
"""At once: a kubelet, a Prometheus or two, and the watcher, with room to spare."""
PATIENCE: Final = 5.0
"""Seconds without a byte from a client."""


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE
    server_version = "auditor"
    sys_version = ""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the standard library has it
        log.debug(format, *args)

    def get_stderr(self) -> Any:
        return _Debug()


class _Debug:
    """A file for what WSGI has to say of broken connections."""

    def write(self, text: str) -> None:
        if text.strip():
            log.debug("%s", text.rstrip())

    def flush(self) -> None:
        pass


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, sock: socket.socket, app: Callable[..., Any]) -> None:
        super().__init__(("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        self.server_name, self.server_port = "localhost", sock.getsockname()[1]
        self.setup_environ()
        self.set_app(app)
        self._open: OrderedDict[int, Any] = OrderedDict()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open[id(request)] = request
            oldest = self._open.popitem(last=False)[1] if len(self._open) > CONNECTIONS else None
        if oldest is not None:
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(id(request), None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("operations port: a connection failed", exc_info=True)


class OperationsServer:
    """Takes the socket, which listens already."""

    def __init__(self, sock: socket.socket, app: Callable[..., Any]) -> None:
        self._server = _Server(sock, app)
        self._thread = threading.Thread(
            target=lambda: self._server.serve_forever(poll_interval=0.1), name="operations port", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(1.0)
        self._server.server_close()
