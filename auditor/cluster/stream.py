"""One request and its answer, read as it comes, which any thread may end at any time."""

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import urllib3
import urllib3.exceptions
from urllib3.connection import HTTPConnection

from auditor.cluster import metrics
from auditor.cluster.pool import cut
from auditor.errors import ApiError, UnreachableError

CHUNK = 1 << 16
"""Bytes read at a time: what TLS has ready is at most 16 KB, and pages of a list come faster in larger pieces."""
MAX_LINE = 1 << 25
"""Bytes. The largest object that etcd takes is 1.5 MB, three times that as JSON: who sends more is no API server."""
BROKEN = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
"""All that a broken connection raises."""


class Stream:
    def __init__(
        self,
        server: str,
        what: str,
        *,
        send: Callable[["Stream"], urllib3.BaseHTTPResponse],
        read_timeout: float,
        begun: Callable[[], None],
        done: Callable[["Stream"], None],
        wake: Callable[[], None],
    ) -> None:
        self._begun, self._wake = begun, wake
        self._server, self._what, self._send, self._read_timeout, self._done = server, what, send, read_timeout, done
        self._lock = threading.Lock()
        self._closed = False
        self._connection: HTTPConnection | None = None

    def read(self) -> bytes:
        """The whole answer. Raises ApiError where it is a refusal, UnreachableError where it does not come in full."""
        with self._telling():
            return self._send(self).read()

    def lines(self) -> Iterator[bytes]:
        """Whole lines, without their ends, as they come. Ends when the server has ended it, or `close` was called."""
        try:
            yield from self._lines()
        except UnreachableError:
            if not self._closed:
                raise

    def _lines(self) -> Iterator[bytes]:
        parts: list[bytes] = []
        size = 0
        with self._telling():
            response = self._send(self)
            self._begun()
            with metrics.STREAMS.track_inprogress():
                while chunk := response.read1(CHUNK):
                    if b"\n" not in chunk:
                        parts.append(chunk)
                        size += len(chunk)
                        if size > MAX_LINE:
                            raise UnreachableError(f"{self._what}: a line of more than {MAX_LINE} bytes came")
                        continue
                    whole = (b"".join(parts) + chunk).split(b"\n")
                    rest = whole.pop()
                    parts, size = [rest] if rest else [], len(rest)
                    yield from whole
        if parts:
            raise UnreachableError(f"{self._what}: {self._server} cut the answer in the middle of a line")

    def take(self, connection: HTTPConnection) -> None:
        """Called by the connection that carries it, in the thread that asks."""
        with self._lock:
            self._connection = connection
            if self._closed:
                raise UnreachableError(f"{self._what}: ended, because we stop")

    def close(self) -> None:
        """From any thread: whoever reads it is woken, and its iteration ends."""
        with self._lock:
            self._closed = True
            cut(self._connection, self)
        self._wake()

    @property
    def closed(self) -> bool:
        return self._closed

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What breaks is told in our words, and nothing stays open behind it. What ends well goes back to the pool."""
        try:
            yield
            with self._lock:
                self._connection = None
        except ApiError:
            # Read to its end: the connection is in the pool again, and may be another thread's by now.
            with self._lock:
                self._connection = None
            raise
        except BROKEN as error:
            if self._closed:
                raise UnreachableError(f"{self._what}: ended, because we stop") from error
            raise UnreachableError(f"{self._what}: {self._server} {explain(error, self._read_timeout)}") from error
        except ValueError as error:
            if not self._closed:
                raise
            # Closed by the other thread between two reads.
            raise UnreachableError(f"{self._what}: ended, because we stop") from error
        finally:
            with self._lock:
                connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(*BROKEN):
                    connection.close()
            self._done(self)


def explain(error: BaseException, read_timeout: float) -> str:
    """What broke, and what a person can look at. The text stands behind the server's name."""
    inner = error
    while (deeper := _inside(inner)) is not None:
        inner = deeper
    text = str(inner).strip() or type(inner).__name__
    # The order matters: what a proxy has refused is no refusal of the server, and to urllib3 all that fails while
    # connecting is a ConnectTimeoutError, too.
    if isinstance(error, urllib3.exceptions.ProxyError):
        return f"cannot be reached through the proxy: {text}. Is proxy-url in the kubeconfig, or HTTPS_PROXY, right?"
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "has a name that cannot be resolved. Is the address in the kubeconfig right, and does DNS work here?"
    if isinstance(inner, ConnectionRefusedError):
        return "refuses connections. Is the API server running, and is the address in the kubeconfig right?"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return f"cannot be reached: {text}. Is the address in the kubeconfig right, and is there a way to it from here?"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return "does not answer: connecting took too long. Is the address right, and does a firewall let it through?"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError) or isinstance(inner, TimeoutError):
        return f"has sent nothing for {read_timeout:g} s"
    if isinstance(inner, ssl.SSLCertVerificationError):
        return (
            f"shows a certificate that is not trusted: {inner.verify_message.rstrip('.')}. Is its authority the one "
            "in the kubeconfig (certificate-authority), and its name the one in the address?"
        )
    if isinstance(inner, ssl.SSLEOFError):  # a handshake that was refused, or any cut while we write
        return (
            f"broke the connection: {text}. If it does so each time: is the client certificate valid, and is that a "
            "TLS port?"
        )
    if isinstance(inner, ssl.SSLError):
        return f"broke off TLS: {text}. Is the client certificate valid, and is that a TLS port?"
    if isinstance(inner, http.client.BadStatusLine) and not isinstance(inner, ConnectionError):
        return f"answers with something that is no HTTP: {text[:50]!r}. Is that the port of an API server?"
    return f"broke the connection: {text}"


def _inside(error: BaseException) -> BaseException | None:
    """urllib3 wraps what happened in its own exceptions, as an argument or as the cause."""
    for candidate in (getattr(error, "original_error", None), error.__cause__, *error.args):
        if isinstance(candidate, BaseException) and candidate is not error:
            return candidate
    return None
