"""How a door is asked: plain HTTP, no redirects, no proxy of the environment; so long and so large, and no more."""

import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from auditor.audit.doors.page import Page, read_page
from auditor.errors import ClusterError, MalformedError, UnreachableError, UsageError

PORT: Final = 8081
"""Of the operations, as `auditor webhook` has it by default."""
LIMIT: Final = 250
"""Decisions that are asked for at once: 250 KB usually, and some 8 MB if each names all the findings that it may."""
LARGEST: Final = 16 << 20
"""Bytes of one answer: twice of that. What is larger is not read, so that no door can fill our memory."""
SECONDS: Final = 5.0
"""For one answer as a whole. A door makes it in milliseconds; one that takes longer is asked again next time."""
CHUNK: Final = 1 << 16


class Line:
    """To one door. `ask` is for one thread; `cut` for any, and ends what `ask` waits for."""

    def __init__(self, url: str, *, seconds: float = SECONDS, largest: int = LARGEST) -> None:
        """Raises UsageError for what is no such address."""
        self.url = url
        self._seconds, self._largest = seconds, largest
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UsageError(f"door {url!r}: {error}") from error
        if parts.scheme != "http" or not host or parts.username is not None or parts.query or parts.fragment:
            raise UsageError(f"door {url!r}: the address of its operations port, as http://10.1.2.3:{PORT}")
        self._host, self._port, self._path = host, 80 if port is None else port, parts.path.rstrip("/")
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self._cut = False

    def ask(self, since: int) -> Page:
        """Raises ClusterError, which says why there is no answer."""
        connection = HTTPConnection(self._host, self._port, timeout=self._seconds)
        self._cut = False
        # The timeout of a socket is for each piece of an answer; who sends one byte a second never exceeds it.
        timer = threading.Timer(self._seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            connection.connect()
            with self._lock:
                self._sock = connection.sock  # http.client forgets it while it still reads from it
            return read_page(self._read(connection, f"{self._path}/decisions?since={since}&limit={LIMIT}"))
        except (OSError, HTTPException) as error:
            why = f"no answer within {self._seconds:g} s" if self._cut or isinstance(error, TimeoutError) else error
            raise UnreachableError(f"{self.url}: {why or type(error).__name__}") from error
        except ClusterError as error:
            raise type(error)(f"{self.url}: {error}") from error
        finally:
            timer.cancel()
            with self._lock:
                self._sock = None
            connection.close()

    def cut(self) -> None:
        with self._lock:
            self._cut = True
            if self._sock is not None:
                with suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)

    def _read(self, connection: HTTPConnection, path: str) -> bytes:
        connection.request("GET", path, headers={"Accept": "application/json", "User-Agent": "auditor-watch"})
        response = connection.getresponse()
        if response.status != 200:
            raise UnreachableError(f"it answered {response.status} {response.reason}, not 200")
        body = bytearray()
        while chunk := response.read1(CHUNK):
            body += chunk
            if len(body) > self._largest:
                raise MalformedError(f"its answer is larger than {self._largest} bytes")
        if self._cut:  # reading ends without a word where the connection does
            raise TimeoutError
        if response.length:
            raise UnreachableError("its answer has ended too early")
        return bytes(body)
