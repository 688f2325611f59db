"""Heads of requests that a connection has sent before: an API server sends the same ones again and again.

gunicorn reads a head in Python, and makes an environ of it: 0.05 ms. Here it does so once for each connection and head.
What comes with exactly the same bytes but for the digits of Content-Length means the same, and is not read again.
Whatever is unusual in the least is left to gunicorn.
"""

import io
import re
from typing import Any, Final

from gunicorn.http.body import LengthReader
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create

Environ = dict[str, Any]

RECORD: Final = 1 << 14
"""Bytes: the most that a TLS record holds."""
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
    """Of one connection; `server` is the address at our end."""

    def __init__(self, cfg: Any, sock: Any, client: Any, *, server: Any) -> None:
        super().__init__(cfg, sock, client)
        self.mesg: Any  # set by gunicorn, to None at first
        self._server = server
        self._known: dict[bytes, tuple[Request, Environ]] = {}

    def __next__(self) -> Request | FamiliarRequest:
        if self.mesg is not None and (self.mesg.should_close() or not self.finish_body()):
            raise StopIteration
        if self.unreader.buf.tell():
            return super().__next__()
        data: bytes = self.unreader.sock.recv(RECORD)
        end = data.find(_END, 0, MAX_HEAD)
        length = _LENGTH.search(data, 0, end + 2) if end > 0 else None
        if length is None:
            return self._read(data)
        head = data[: length.start(1)] + data[length.end(1) : end]
        known = self._known.get(head)
        if known is None:
            found = self._read(data)
            self._learn(head, found)
            return found
        first, environ = known
        body = self._complete(data, end + len(_END), int(length[1]))
        if body is None:
            return super().__next__()
        environ = environ.copy()
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        self.mesg = FamiliarRequest(first, environ)
        return self.mesg

    next = __next__

    def finish_body(self, deadline: float | None = None, max_bytes: int | None = None) -> bool:
        if isinstance(self.mesg, FamiliarRequest):
            return True
        done: bool = super().finish_body(deadline, max_bytes)
        return done

    def _read(self, data: bytes) -> Request:
        if not data:
            raise StopIteration  # the client has gone
        self.unreader.unread(data)
        return super().__next__()

    def _learn(self, head: bytes, request: Request) -> None:
        usual = request.method == "POST" and request.version == (1, 1) and isinstance(request.body.reader, LengthReader)
        if not usual or request.should_close() or request._expected_100_continue or len(self._known) >= MAX_HEADS:
            return
        _, environ = create(request, self.unreader.sock, self.source_addr, self._server, self.cfg)
        for name in _OF_ONE:
            del environ[name]
        self._known[head] = request, {**environ, "wsgi.multithread": True}

    def _complete(self, data: bytes, start: int, length: int) -> bytes | None:
        """The body, of which more may have to come. None: it is not ours; all that came is there to be read again."""
        parts, missing = [data], length - (len(data) - start)
        while missing > 0 and length <= MAX_BODY:
            part: bytes = self.unreader.sock.recv(RECORD)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        data = data if len(parts) == 1 else b"".join(parts)
        if missing > 0:
            self.unreader.unread(data)
            return None
        if missing < 0:
            self.unreader.unread(data[start + length :])
        return data[start : start + length]
