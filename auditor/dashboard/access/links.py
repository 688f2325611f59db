"""On a laptop: a link that works once, shown to whoever sees the terminal. All is shown, as the file is theirs."""

import logging
import secrets
import threading
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from flask import Flask, Request, Response, redirect, render_template, request

from auditor.dashboard.access.entrance import Refused, Visitor
from auditor.dashboard.access.sessions import Sessions
from auditor.report.compliance import Scope

log = logging.getLogger(__name__)

LIFETIME: Final = 300.0
"""Seconds from the terminal to the browser."""
PAUSE: Final = 5.0
"""Seconds between two links: who can reach the port may ask for one, but not flood the terminal."""


class Links:
    """One at a time: a new one ends the one before. Only its hash is kept."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._hash = b""
        self._made = -LIFETIME
        self._lock = threading.Lock()

    def make(self) -> str:
        """The secret of a link; empty: the last one is too young."""
        with self._lock:
            if self._hash and self._clock() - self._made < PAUSE:
                return ""
            secret = secrets.token_urlsafe(32)
            self._hash, self._made = _hash(secret), self._clock()
            return secret

    def redeem(self, secret: str) -> bool:
        """Once, within its time."""
        with self._lock:
            good = secrets.compare_digest(self._hash, _hash(secret)) and self._clock() - self._made < LIFETIME
            if good:
                self._hash = b""
            return good


def _hash(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _may(*_: object) -> bool:
    """It is read by the rights of who started it, and that is who looks."""
    return True


class LinkEntrance:
    def __init__(
        self, *, url: str, tell: Callable[[str], None], sessions: Sessions[None], clock: Callable[[], float]
    ) -> None:
        """`tell` shows a link in the terminal."""
        self._url, self._tell, self._sessions = url, tell, sessions
        self._links = Links(clock)

    def offer(self) -> None:
        secret = self._links.make()
        if secret:
            self._tell(f"{self._url}/enter?link={secret}")

    def identify(self, request: Request) -> Visitor:
        found = self._sessions.find(request)
        if found is None:
            raise Refused("Open the link that the terminal shows.")
        return Visitor(name="", scope=Scope(), may_get=_may, session=found[0])

    def mount(self, app: Flask) -> None:
        app.add_url_rule("/enter", "enter", self._enter, methods=["GET"])
        app.add_url_rule("/enter", "offer", self._offer, methods=["POST"])

    def _enter(self) -> Response | tuple[str, int]:
        secret = request.args.get("link")
        if secret is None or not self._links.redeem(secret):
            return render_template("enter.html", told=False, spent=secret is not None), 401
        response = redirect("/", 303)
        assert isinstance(response, Response)  # noqa: S101 - Flask's own, which the types do not say
        self._sessions.begin(None, response)
        return response

    def _offer(self) -> str:
        self.offer()
        return render_template("enter.html", told=True, spent=False)
