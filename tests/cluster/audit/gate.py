"""A way to the API server that speaks HTTP, and so can do what servers do on a bad day: 429, 500, watches that end with
410, in the middle of a line, that tell everything twice or late.

It asks the API server as its administrator and listens without TLS, so `tests.proxy.Proxy` can stand before it, and do
what networks do. `let_pass` makes all well again.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import orjson

HOST = "127.0.0.1"
EXPIRED = {
    "type": "ERROR",
    "object": {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": "too old resource version",
        "reason": "Expired",
        "code": 410,
    },
}


class Gate:
    def __init__(self, url: str, pki: Path) -> None:
        self._tls = ssl.create_default_context(cafile=pki / "ca.crt")
        self._tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._lock = threading.Lock()
        self._streams: set[_Stream] = set()
        self._open: set[socket.socket] = set()
        self._faults: list[tuple[int, str]] = []
        self.url = url
        """Of the API server that is asked; it may be changed at any time."""
        self.requests: list[tuple[str, str]] = []
        """Methods and paths, of all that came."""
        self.twice = False
        """Events of watches are told twice."""
        self.late = 0.0
        """Seconds by which they are."""
        gate = self

        class Handler(_Handler):
            def setup(self) -> None:
                self.gate = gate
                super().setup()

        self._server = _Server((HOST, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    # -- faults --------------------------------------------------------------------------------------------------------

    def fail(self, code: int, times: int, *, path: str = "") -> None:
        """The next requests whose path has this in it are answered so."""
        with self._lock:
            self._faults += [(code, path)] * times

    def expire(self) -> None:
        """All watches end with 410: their versions are gone."""
        for stream in self._all():
            stream.end(orjson.dumps(EXPIRED) + b"\n")

    def halve(self) -> None:
        """All watches end in the middle of a line."""
        for stream in self._all():
            stream.end(b'{"type":"MODIFIED","object":{"kind":"Thing","metadata":{"na')

    def cut(self) -> None:
        """All connections."""
        with self._lock:
            found = list(self._open)
        for sock in found:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def let_pass(self) -> None:
        with self._lock:
            self._faults.clear()
        self.twice, self.late = False, 0.0

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        for stream in self._all():
            stream.end()
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- what it is made of --------------------------------------------------------------------------------------------

    def _all(self) -> list["_Stream"]:
        with self._lock:
            return list(self._streams)

    def note(self, method: str, path: str) -> int:
        """0, or the code with which it is to be answered."""
        with self._lock:
            self.requests.append((method, path))
            for index, (code, part) in enumerate(self._faults):
                if part in path:
                    del self._faults[index]
                    return code
        return 0

    def connect(self) -> http.client.HTTPSConnection:
        parts = urlsplit(self.url)
        return http.client.HTTPSConnection(parts.hostname or "", parts.port, context=self._tls, timeout=70)

    @contextlib.contextmanager
    def streaming(self, stream: "_Stream") -> Any:
        with self._lock:
            self._streams.add(stream)
        try:
            yield
        finally:
            with self._lock:
                self._streams.discard(stream)

    @contextlib.contextmanager
    def opened(self, sock: socket.socket) -> Any:
        with self._lock:
            self._open.add(sock)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(sock)


class _Stream:
    """One watch: its lines come from one thread, its end from another."""

    def __init__(self, handler: "_Handler", upstream: socket.socket) -> None:
        self._handler, self._upstream = handler, upstream
        self._lock = threading.Lock()
        self._ended = False

    def send(self, line: bytes) -> None:
        with self._lock:
            if not self._ended:
                self._chunk(line)

    def end(self, last: bytes = b"") -> None:
        with self._lock:
            if self._ended:
                return
            self._ended = True
            with contextlib.suppress(OSError):
                if last:
                    self._chunk(last)
                self._handler.wfile.write(b"0\r\n\r\n")
            with contextlib.suppress(OSError):
                self._upstream.shutdown(socket.SHUT_RDWR)

    def _chunk(self, data: bytes) -> None:
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break are what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gate: Gate

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the standard library has it
        pass

    def handle(self) -> None:
        with self.gate.opened(self.connection), contextlib.suppress(OSError):
            super().handle()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        code = self.gate.note(self.command, self.path)
        if code:
            self._refuse(code)
            return
        upstream = self.gate.connect()
        answer: http.client.HTTPResponse | None = None
        try:
            passed = {name: value for name, value in self.headers.items() if name in ("Accept", "Content-Type")}
            upstream.request(self.command, self.path, body or None, passed)
            answer = upstream.getresponse()
            if "watch" in parse_qs(urlsplit(self.path).query) and answer.status == 200:
                assert upstream.sock is not None
                self._stream(answer, upstream.sock)
            else:
                self._answer(answer)
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # as if that server had closed it
        finally:
            if answer is not None:
                answer.close()  # it holds the connection, too
            upstream.close()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _answer(self, answer: http.client.HTTPResponse) -> None:
        body = answer.read()
        self.send_response(answer.status)
        for name in ("Content-Type", "Retry-After", "Warning"):
            if answer.getheader(name):
                self.send_header(name, answer.getheader(name) or "")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, code: int) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "a bad day"}
        body = orjson.dumps(status)
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, answer: http.client.HTTPResponse, upstream: socket.socket) -> None:
        self.send_response(200)
        self.send_header("Content-Type", answer.getheader("Content-Type") or "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        stream = _Stream(self, upstream)
        with self.gate.streaming(stream):
            try:
                while line := answer.readline():
                    if self.gate.late:
                        time.sleep(self.gate.late)
                    for _ in range(2 if self.gate.twice else 1):
                        stream.send(line)
            finally:
                stream.end()
