"""Sessions of browsers, in memory: a restart ends them all. What the cookie has is only kept as its hash."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Final, Generic, TypeVar

from flask import Request, Response

LIFETIME: Final = 12 * 3600.0
"""Seconds: a working day. After that one comes in anew."""
IDLE: Final = 3600.0
"""Seconds without a request. A page that is open asks for news, so it stays."""
MOST: Final = 1000
"""A session has less than 3 KB (a token has 1 to 2)."""

Held = TypeVar("Held")


class Sessions(Generic[Held]):
    def __init__(self, clock: Callable[[], float], *, secure: bool) -> None:
        """`secure`: browsers come by TLS. `__Host-` keeps other hosts of the domain from setting the cookie."""
        self._clock, self._secure = clock, secure
        self.cookie: Final = "__Host-auditor" if secure else "auditor"
        self._open: OrderedDict[str, tuple[float, float, Held]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, held: Held, response: Response) -> None:
        identity = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            self._open[_hash(identity)] = (now, now, held)
            while len(self._open) > MOST:
                self._open.popitem(last=False)  # the one that was unused for longest
        response.set_cookie(
            self.cookie,
            identity,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=self._secure,
            max_age=int(LIFETIME),
        )

    def find(self, request: Request) -> tuple[str, Held] | None:
        """What stands for the session in forms, and what it holds."""
        key = _hash(request.cookies.get(self.cookie, ""))
        now = self._clock()
        with self._lock:
            found = self._open.get(key)
            if found is None:
                return None
            began, used, held = found
            if now - began > LIFETIME or now - used > IDLE:
                del self._open[key]
                return None
            self._open[key] = (began, now, held)
            self._open.move_to_end(key)
        return _hash(f"form {key}"), held

    def end(self, request: Request, response: Response) -> None:
        with self._lock:
            self._open.pop(_hash(request.cookies.get(self.cookie, "")), None)
        response.delete_cookie(self.cookie, path="/", httponly=True, samesite="Strict", secure=self._secure)


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
