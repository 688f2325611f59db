"""Heads of requests that a connection has sent before: an API server sends the same ones again and again.

gunicorn reads a head in Python, and makes an environ of it: 0.05 ms. Here it does so once for each connection and head.
What comes with exactly the same bytes but for the digits of Content-Length means the same, and is not read again.
Whatever is unusual in the least is left to gunicorn, once all of it has come.
"""

import io
import re
import time
from collections.abc import Callable
from typing import Any, Final

from gunicorn.http.body import LengthReader
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create

from auditor.webhooks.serving.arrivals import Arrival
from auditor.webhooks.serving.sockets import WatchedSocket

Environ = dict[str, Any]

RECORD: Final = 1 << 14
"""Bytes: the most that a TLS record holds."""
RECORDS: Final = 16
"""Read of a connection, before it is the turn of the others: less than a millisecond."""
MAX_BODY: Final = 1 << 16
"""Bytes. With a larger body the head does not matter."""
MAX_HEAD: Final = 2048
"""Bytes. That of an API server has 300."""
MAX_HEADS: Final = 8
"""Of a connection: an API server calls one path for each failurePolicy and timeout. Each takes some 5 KB."""

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\nContent-Length: (0|[1-9][0-9]{0,7})(?=\r\n)")
_OF_ONE: Final = ("wsgi.input", "wsgi.early_hints", "CONTENT_LENGTH")
"""What in an environ is of one request alone. (Of 103 Early Hints, nobody here has any to send.)"""


class FamiliarRequest:
    """Is to the worker what gunicorn's own is; its head has been read, and its body is here."""

    __slots__ = ("_first", "environ")

    def __init__(self, first: Request, environ: Environ) -> None:
        self._first = first
        self.environ = environ

    def should_close(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._first, name)


class DoorParser(RequestParser):  # type: ignore[misc]
    """Of one connection; `server` is the address at our end. It has a next request when `receive` says so."""

    def __init__(
        self, cfg: Any, sock: WatchedSocket, client: Any, *, server: Any, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(cfg, sock, client)
        self.mesg: Any  # set by gunicorn, to None at first
        self.arrival: Arrival | None = None
        """What has come of a request that is not whole."""
        self._server = server
        self._clock = clock
        self._known: dict[bytes, tuple[Request, Environ]] = {}
        self._next: FamiliarRequest | None = None
        self._new: bytes | None = None
        """Head of the next request, if it is to be learnt."""

    @property
    def ahead(self) -> bool:
        """Whether more has been read than the requests that were answered."""
        return bool(self.unreader.buf.tell() or self.unreader.sock.offers)

    def receive(self) -> bool | None:
        """Reads what has come, and never waits. Whether the next request is whole; None: the client has gone."""
        sock = self.unreader.sock
        for _ in range(RECORDS):
            part: bytes | None = self.unreader.take_buffered() + sock.take_back() if self.ahead else sock.fetch(RECORD)
            if not part:
                return None if part is not None else False
            if self.arrival is None:
                if self._recognize(part):
                    return True
                self.arrival = Arrival(self._clock())
            self.arrival.add(part)
            if self.arrival.whole:
                data, self.arrival = bytes(self.arrival.data), None
                if len(data) == len(part) or not self._recognize(data):
                    sock.offer(data)
                return True
            if self.arrival.expects:
                self.arrival.expects = False
                sock.tell_to_go_on()
        return False

    def __next__(self) -> Request | FamiliarRequest:
        if self.mesg is not None and (self.mesg.should_close() or not self.finish_body()):
            raise StopIteration
        if self._next is not None:
            self.mesg, self._next = self._next, None
            return self.mesg
        request = super().__next__()
        if self._new is not None:
            self._learn(self._new, request)
        return request

    next = __next__

    def finish_body(self, deadline: float | None = None, max_bytes: int | None = None) -> bool:
        if isinstance(self.mesg, FamiliarRequest):
            return True
        done: bool = super().finish_body(deadline, max_bytes)
        return done

    def _recognize(self, data: bytes) -> bool:
        """Whether it is a familiar request, all of it: the next one."""
        self._new = None
        end = data.find(_END, 0, MAX_HEAD)
        length = _LENGTH.search(data, 0, end + 2) if end > 0 else None
        if length is None:
            return False
        head = data[: length.start(1)] + data[length.end(1) : end]
        known = self._known.get(head)
        if known is None:
            self._new = head
            return False
        begin, size = end + len(_END), int(length[1])
        if size > MAX_BODY or len(data) < begin + size:
            return False
        if len(data) > begin + size:
            self.unreader.sock.offer(data[begin + size :])
        first, environ = known
        environ = environ.copy()
        environ["CONTENT_LENGTH"] = str(size)
        environ["wsgi.input"] = io.BytesIO(data[begin : begin + size])
        self._next = FamiliarRequest(first, environ)
        return True

    def _learn(self, head: bytes, request: Request) -> None:
        usual = request.method == "POST" and request.version == (1, 1) and isinstance(request.body.reader, LengthReader)
        if not usual or request.should_close() or request._expected_100_continue or len(self._known) >= MAX_HEADS:
            return
        _, environ = create(request, self.unreader.sock, self.source_addr, self._server, self.cfg)
        for name in _OF_ONE:
            del environ[name]
        self._known[head] = request, {**environ, "wsgi.multithread": True}
