"""A server on a real socket that does what a test tells it to, byte by byte: also what no HTTP server would do."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Script = Callable[["Connection"], None]
"""What the server does on one connection. When it returns, the connection is closed."""

PATIENCE = 10.0
"""Seconds after which a server gives up: a test that needs them has failed."""


@dataclass(slots=True)
class Connection:
    sock: socket.socket
    server: "Scripted"

    def read(self) -> bytes:
        """One request, whole."""
        raw = b""
        while b"\r\n\r\n" not in raw:
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("the client has closed")
            raw += more
        head, _, body = raw.partition(b"\r\n\r\n")
        length = next(
            (int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length")), 0
        )
        while len(body) < length:
            body += self.sock.recv(65536)
        request = head + b"\r\n\r\n" + body
        with self.server.changed:
            self.server.requests.append(request)
            self.server.changed.notify_all()
        return request

    def send(self, raw: bytes) -> None:
        self.sock.sendall(raw)

    def answer(self, body: bytes = b"{}", *, code: int = 200, headers: str = "") -> None:
        head = f"HTTP/1.1 {code} Said\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self.send(head.encode() + body)

    def begin_chunks(self) -> None:
        self.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")

    def chunk(self, raw: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(raw), raw))

    def wait(self) -> None:
        """Until the client closes, or the test is over."""
        with suppress(OSError):
            while self.sock.recv(65536):
                pass


@dataclass(slots=True)
class Scripted:
    """Takes a script for each connection, in order; the last one for all further ones."""

    scripts: list[Script]
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _ended: bool = False

    def await_requests(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, PATIENCE)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            if self._ended:
                sock.close()
                return
            sock.settimeout(PATIENCE)
            script = self.scripts[min(self.connections, len(self.scripts) - 1)]
            self.connections += 1
            self._open.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, script: Script) -> None:
        try:
            with sock if self.tls is None else self.tls.wrap_socket(sock, server_side=True) as wrapped:
                self._open.append(wrapped)
                script(Connection(wrapped, self))
        except OSError:
            pass  # the client has gone, which is what some tests are about
        except Exception as error:  # told by the test
            self.errors.append(error)
        finally:
            sock.close()

    @contextmanager
    def serving(self) -> Iterator[None]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            accepting = threading.Thread(target=self._accept, args=(listener,), daemon=True)
            accepting.start()
            try:
                yield
            finally:
                self._ended = True
                with suppress(OSError):
                    socket.create_connection(("127.0.0.1", self.port), 1).close()  # wakes accept
                accepting.join(PATIENCE)
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        assert self.errors == []


def answering(*bodies: bytes) -> Script:
    """Each body for one request on the same connection, the last one for all further ones."""

    def script(connection: Connection) -> None:
        count = 0
        while True:
            connection.read()
            connection.answer(bodies[min(count, len(bodies) - 1)])
            count += 1

    return script
