"""A TCP proxy that does what networks do: cut, delay, stall, truncate, refuse. It knows nothing of what it carries,
so it works under TLS as well.

    with Proxy("127.0.0.1", 6443) as proxy:
        client = connect_to(proxy.port)
        proxy.cut()                  # all connections, now, with a reset
        proxy.stall()                # from now on nothing passes; connections are accepted all the same
        proxy.abandon()              # the connections of now pass nothing any more, and nobody is told; new ones do
        proxy.delay(0.2)             # from now on each piece that the server sends comes that much later
        proxy.truncate(1000)         # each connection, old and new, ends after that many more bytes from the server
        proxy.refuse()               # from now on nobody can connect; `cut` ends those who are
        proxy.let_pass()             # all is well again; what was held back comes
"""

import contextlib
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self

PIECE = 1 << 16
HOST = "127.0.0.1"


class Proxy:
    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._changed = threading.Condition()
        self._connections: set[_Connection] = set()
        self._listener: socket.socket | None = None
        self._stalled = self._closed = False
        self._delay = 0.0
        self._limit: int | None = None
        self.port = 0
        self.accepted = 0
        """Connections, ever."""
        self.passed = 0
        """Bytes from the server, ever."""
        self._listen()

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def open(self) -> int:
        """Connections of this moment."""
        with self._changed:
            return len(self._connections)

    # -- faults

    def cut(self) -> None:
        with self._changed:
            connections = list(self._connections)
        for connection in connections:
            connection.cut()
        with self._changed:
            self._changed.notify_all()  # what a stall holds back for them goes nowhere

    def stall(self) -> None:
        with self._changed:
            self._stalled = True

    def abandon(self) -> None:
        """As by a firewall that has forgotten them."""
        with self._changed:
            for connection in self._connections:
                connection.abandoned = True

    def lead_to(self, host: str, port: int) -> None:
        """Who connects from now on comes there."""
        with self._changed:
            self._target = (host, port)

    def delay(self, seconds: float) -> None:
        with self._changed:
            self._delay = seconds

    def truncate(self, after: int) -> None:
        with self._changed:
            self._limit = after
            for connection in self._connections:
                connection.left = after

    def refuse(self) -> None:
        with self._changed:
            listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()

    def let_pass(self) -> None:
        with self._changed:
            self._stalled, self._delay, self._limit = False, 0.0, None
            for connection in self._connections:
                connection.left = None
            self._changed.notify_all()
        if self._listener is None:
            self._listen()

    # -- what it is made of

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=10)
            except OSError:
                _reset(client)
                continue
            server.settimeout(None)
            with self._changed:
                if self._closed:
                    client.close()
                    server.close()
                    return
                connection = _Connection(client, server, left=self._limit)
                self._connections.add(connection)
                self.accepted += 1
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(connection, source, target), daemon=True).start()

    def _carry(self, connection: "_Connection", source: socket.socket, target: socket.socket) -> None:
        from_server = source is connection.server
        try:
            while piece := source.recv(PIECE):
                with self._changed:
                    self._changed.wait_for(
                        lambda: self._closed or connection.ended or not (self._stalled or connection.abandoned)
                    )
                    delay = self._delay if from_server else 0.0
                if delay:
                    time.sleep(delay)
                left = connection.left
                if from_server and left is not None:
                    target.sendall(piece[:left])
                    self.passed += len(piece[:left])
                    connection.left = left - len(piece)
                    if connection.left <= 0:
                        connection.end()
                        break
                    continue
                target.sendall(piece)
                self.passed += len(piece) if from_server else 0
        except OSError:
            pass
        connection.end()
        with self._changed:
            self._connections.discard(connection)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.refuse()
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Connection:
    def __init__(self, client: socket.socket, server: socket.socket, *, left: int | None) -> None:
        self.client, self.server, self.left = client, server, left
        self.ended = self.abandoned = False
        self._lock = threading.Lock()

    def end(self) -> None:
        """Both sides see the end of the stream. Both threads come here, in any order."""
        with self._lock:
            if self.ended:
                return
            self.ended = True
            for side in (self.client, self.server):
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
                side.close()

    def cut(self) -> None:
        with self._lock:
            if self.ended:
                return
            self.ended = True
            for side in (self.client, self.server):
                _reset(side)


def _reset(side: socket.socket) -> None:
    """RST, not FIN: the other side gets an error, not an end."""
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        # A thread that is in recv keeps the socket alive, so that closing alone would say nothing to anyone.
        side.shutdown(socket.SHUT_RD)
    side.close()
