"""Requests that come in parts: whether one is whole, and how much of all of them is kept.

A thread that waits for the rest of a request is a thread less for those that are here. So what came is kept, and nobody
waits. Whether it is all is found out here, in a loose way: what is wrong with a request, gunicorn says.
"""

import re
import threading
from typing import Final, Generic, TypeVar

from auditor.webhooks.decode import MAX_BODY

READ: Final = MAX_BODY + 1
"""Bytes of a body: as many does the app read to know that there are too many. For a longer one nobody waits."""
AHEAD: Final = 4096
"""Bytes. So much more than it is asked for gunicorn may want of a body in chunks."""
MAX_LINE: Final = 1 << 13
"""Bytes. gunicorn takes no longer ones, and says so; but trailers, which nobody sends."""
MAX_HEAD: Final = 1 << 20
"""Bytes. gunicorn refuses shorter ones."""
MAX_CHUNKS: Final = 1 << 14
"""Of the largest body, with 512 bytes each. To look at one takes microseconds, so nobody may send millions of them."""
MAX_ARRIVAL: Final = 2 * MAX_BODY
"""Bytes. Chunks add little to a body, as long as they say nothing but their sizes."""
MAX_KEPT: Final = 4 * MAX_BODY
"""Bytes, of all requests that are not whole: 32 MB. An API server sends what it has at once. Two of the largest can
come at the same time, or 250 of 64 KB, and as much again from those that stall."""

_HEAD_ENDS: Final = re.compile(rb"\r\n\r\n|(?<!\r)\n")
_VERSION: Final = re.compile(rb"HTTP/1\.[0-9]")
_LINES: Final = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n\0]*\r\n)*\r\n")
_FRAMING: Final = re.compile(rb"\r\n(content-length|transfer-encoding|expect):[ \t]*([^\r\n]*)", re.IGNORECASE)
_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,15}[ \t]*(?:;|$)")


class Arrival:
    """One request, and whatever came behind it."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.data = bytearray()
        self.whole = False
        """Nothing more has to come: it is all here, or it is wrong, or nobody would read the rest."""
        self.expects = False
        """The client wants to be told to go on."""
        self._lines = 0
        """Where the first line ends."""
        self._modern = False
        self._end: int | None = None
        """Of the whole request, once the head is here and tells it."""
        self._chunked = False
        self._at = 0
        """Of the next chunk."""
        self._body = 0
        """Bytes in the chunks before it."""
        self._chunks = 0

    def add(self, part: bytes) -> None:
        seen = len(self.data)
        self.data += part
        if self._end is None and not self._chunked:
            self._read_head(seen)
        if self._chunked:
            self._go_through_chunks()
        limit = MAX_ARRIVAL if self._end is None else self._end
        if len(self.data) >= limit:
            self.whole = True

    def _read_head(self, seen: int) -> None:
        if not self._lines:
            self._read_line(seen)
        found = _HEAD_ENDS.search(self.data, max(0, seen - 3))
        if found is None:
            self.whole = self.whole or len(self.data) > MAX_HEAD
            return
        if found[0] == b"\n" or _LINES.fullmatch(self.data, self._lines, found.end()) is None:
            self.whole = True  # a mistake
            return
        framing = [(name.lower(), value.strip(b" \t")) for name, value in _FRAMING.findall(self.data, 0, found.end())]
        lengths = [value for name, value in framing if name == b"content-length"]
        self._chunked = any(name == b"transfer-encoding" for name, _ in framing)
        expected = [value.lower() for name, value in framing if name == b"expect"]
        self.expects = expected == [b"100-continue"] and self._modern
        self.whole = self.whole or expected not in ([], [b"100-continue"])
        self._at = self._end = found.end()
        if self._chunked:
            self._end = None
            self.whole = self.whole or bool(lengths)  # a mistake
        elif lengths:
            (length, *more) = lengths
            if more or not length.isdigit() or len(length) > 15 or int(length) > READ:
                self.whole = True
            else:
                self._end += int(length)

    def _read_line(self, seen: int) -> None:
        begin = 2 if self.data.startswith(b"\r\n") else 0
        end = self.data.find(b"\r\n", max(begin, seen - 1))
        if end < 0:
            self.whole = self.whole or len(self.data) > MAX_LINE
            return
        self._lines = end + 2
        version = bytes(self.data[begin:end]).rpartition(b" ")[2]
        self._modern = version != b"HTTP/1.0"
        self.whole = self.whole or _VERSION.fullmatch(version) is None

    def _go_through_chunks(self) -> None:
        data = self.data
        while not self.whole:
            end = data.find(b"\r\n", self._at, self._at + MAX_LINE)
            if end < 0:
                self.whole = len(data) - self._at > MAX_LINE
                return
            size = _SIZE.match(data, self._at, end)
            if size is None:
                self.whole = True  # a mistake
                return
            length = int(size[0].rstrip(b"; \t"), 16)
            begin = end + 2
            if not length:
                # Trailers, as a rule none.
                last = _HEAD_ENDS.search(data, end)
                self.whole = last is not None or len(data) - end > MAX_LINE
                return
            if len(data) < begin + length + 2:
                self.whole = self._body + len(data) - begin > READ + AHEAD
                return
            self.whole = data[begin + length : begin + length + 2] != b"\r\n"  # a mistake
            self._at = begin + length + 2
            self._body += length
            self._chunks += 1
            self.whole = self.whole or self._body > READ + AHEAD or self._chunks > MAX_CHUNKS


Key = TypeVar("Key")


class Kept(Generic[Key]):
    """How many bytes are kept of requests that are not whole."""

    def __init__(self, limit: int = MAX_KEPT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._sizes: dict[Key, int] = {}
        self._total = 0

    @property
    def total(self) -> int:
        return self._total

    def keep(self, key: Key, size: int) -> list[Key]:
        """Which of them have to go, so that it is not too much: those that began first."""
        gone = []
        with self._lock:
            self._total += size - self._sizes.get(key, 0)
            self._sizes[key] = size
            while self._total > self._limit:
                oldest = next(iter(self._sizes))
                self._total -= self._sizes.pop(oldest)
                gone.append(oldest)
        return gone

    def release(self, key: Key) -> None:
        with self._lock:
            self._total -= self._sizes.pop(key, 0)
