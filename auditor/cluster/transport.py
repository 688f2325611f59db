"""How requests reach an API server: paced, authorized, counted, repeated where that is safe, and ended when we stop."""

import logging
import platform
import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import Self
from urllib.parse import urlencode

import orjson
import urllib3

from auditor import __version__
from auditor.cluster import metrics
from auditor.cluster.connection import Access
from auditor.cluster.connection.settings import CONNECT_TIMEOUT, READ_TIMEOUT
from auditor.cluster.pace import Pace, Urgency
from auditor.cluster.pool import carrying, close_all, make_pool, set_tls
from auditor.cluster.status import read_error, read_warning
from auditor.cluster.stream import Stream
from auditor.errors import ApiError, UnauthorizedError, UnreachableError
from auditor.json import Json
from auditor.tracing import call

log = logging.getLogger(__name__)

Query = Iterable[tuple[str, str]]

ATTEMPTS = 5
"""Of one call, when the server asks for patience."""
PATIENCE = 30.0
"""Seconds that a call may spend on the server's wishes to wait; then whoever called hears of it."""
WARNINGS_KEPT = 200
"""Texts of warnings that were logged and are not logged again. An API server has some dozens of them."""


class Transport:
    """One for each API server. Safe to use from many threads."""

    def __init__(
        self,
        access: Access,
        *,
        pace: Pace | None = None,
        component: str = "",
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        if not (component.isascii() and component.isprintable()):
            raise ValueError(f"the component {component!r} goes into a header: printable ASCII alone")
        self.access = access
        self.server = access.server.rstrip("/")
        self.pace = pace or Pace()
        self.connect_timeout, self.read_timeout = connect_timeout, read_timeout
        system = f"{platform.system()}/{platform.machine()}".lower()
        self.user_agent = " ".join(filter(None, [f"auditor/{__version__}", f"({system})", component]))
        self._pool = make_pool(access.configuration)
        self._open: set[Stream] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._warned: set[str] = set()

    def ask(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Query = (),
        body: Json = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        urgency: Urgency = Urgency.WAITED_FOR,
        timeout: float | None = None,
    ) -> bytes:
        """The whole answer. `what` is for people and metrics: "create databases.db.example.com shop/orders".

        Repeated are: what the server did not take up (429, 503 with Retry-After, 401 after new credentials), and reads
        whose connection broke. A write that broke may have been done: whoever called has to look.
        """
        begun = time.monotonic()
        patience = begun + (PATIENCE if timeout is None else min(timeout, PATIENCE))
        attempt = 0
        while True:
            attempt += 1
            stream = self.stream(
                path,
                what=what,
                query=query,
                method=method,
                body=body,
                content_type=content_type,
                accept=accept,
                urgency=urgency,
                read_timeout=self.read_timeout if timeout is None else timeout,
                deadline=None if timeout is None else begun + timeout,
            )
            try:
                return stream.read()
            except UnreachableError:
                late = timeout is not None and time.monotonic() >= begun + timeout
                if method != "GET" or attempt > 1 or late or self._closing.is_set():
                    raise
            except ApiError as error:
                wish = self._patience(error)
                if wish is None or attempt >= ATTEMPTS or time.monotonic() + wish > patience:
                    raise
                self._wait(wish)

    def _patience(self, error: ApiError) -> float | None:
        """Seconds after which to ask again, or None where that makes no sense."""
        if error.code not in (429, 503) or (error.code == 503 and error.retry_after is None):
            return None
        wish = 1.0 if error.retry_after is None else error.retry_after
        return wish + random.uniform(0, wish / 10)  # noqa: S311 - so that not all come back at once

    def stream(
        self,
        path: str,
        *,
        what: str,
        query: Query = (),
        method: str = "GET",
        body: Json = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        urgency: Urgency = Urgency.BACKGROUND,
        read_timeout: float | None = None,
        deadline: float | None = None,
        begun: Callable[[], None] = lambda: None,
    ) -> Stream:
        """An answer to be read as it comes. Nothing is sent before its first line is asked for, nor after `deadline`
        (of time.monotonic). `begun` hears that the server has accepted: what it has to say may take a minute to come.
        """
        headers = {"Accept": accept, "User-Agent": self.user_agent}
        payload = None
        if body is not None:
            payload = body if isinstance(body, bytes) else orjson.dumps(body)
            headers["Content-Type"] = content_type
        text = urlencode(list(query))
        url = f"{self.server}{path}?{text}" if text else f"{self.server}{path}"
        limit = self.read_timeout if read_timeout is None else read_timeout

        def send(stream: Stream) -> urllib3.BaseHTTPResponse:
            return self._send(
                stream, method, url, headers, payload, what=what, urgency=urgency, timeout=limit, deadline=deadline
            )

        return Stream(
            self.server, what, send=send, read_timeout=limit, begun=begun, done=self._forget, wake=self.pace.wake
        )

    def _send(
        self,
        stream: Stream,
        method: str,
        url: str,
        headers: dict[str, str],
        payload: bytes | None,
        *,
        what: str,
        urgency: Urgency,
        timeout: float,
        deadline: float | None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, if it is a good one, not yet read."""
        with self._lock:
            if self._closing.is_set():
                raise self._stopped(what)
            self._open.add(stream)
        verb, _, rest = what.partition(" ")
        resource = rest.partition(" ")[0]
        with call(f"kubernetes {verb}", {"k8s.resource": resource, "server.address": self.server}) as current:
            renewed = False
            while True:
                begun = time.monotonic()
                limit = None if deadline is None else deadline - begun
                ready = self.pace.take(urgency, timeout=limit, given_up=lambda: stream.closed)
                sent = time.monotonic()
                if self._closing.is_set() or stream.closed:
                    raise self._stopped(what)
                if not ready:
                    raise UnreachableError(
                        f"{what}: not asked within the {timeout:g} s that there were: {self.server} has asked for a "
                        "pause, or more calls a second were wanted than we allow ourselves"
                    )
                left = None if deadline is None else deadline - sent
                if left is not None and left <= 0:
                    raise UnreachableError(f"{what}: not asked, because the time that there was for it is over")
                metrics.PACE_SECONDS.inc(sent - begun)
                code = 0
                try:
                    set_tls(self._pool, self.access.tls())
                    used = self.access.headers()
                    with carrying(stream):
                        response = self._pool.urlopen(
                            method,
                            url,
                            body=payload,
                            headers=headers | used,
                            timeout=urllib3.Timeout(
                                total=left, connect=min(self.connect_timeout, timeout), read=timeout
                            ),
                            preload_content=False,
                            retries=False,
                            redirect=False,
                        )
                    code = response.status
                finally:
                    metrics.CALLS.labels(verb, resource, code).inc()
                    metrics.CALL_SECONDS.labels(verb).observe(time.monotonic() - sent)
                    if current is not None:
                        current.set_attribute("http.response.status_code", code)
                self._log_warnings(response)
                if 200 <= code < 300:
                    return response
                said = response.read()
                if 300 <= code < 400:  # credentials do not go to an address that nobody has configured
                    where = response.headers.get("Location", "nowhere")
                    said = f"it redirects to {where}. Is the address in the kubeconfig that of an API server?".encode()
                error = read_error(what, code, said, response.headers.get("Retry-After", ""))
                if isinstance(error, UnauthorizedError) and not renewed and self.access.renew(used):
                    renewed = True
                    continue
                if error.code in (429, 503) and error.retry_after is not None:
                    metrics.PAUSES.inc()
                    self.pace.pause(error.retry_after)
                raise error

    def _stopped(self, what: str) -> UnreachableError:
        return UnreachableError(f"{what}: not asked, because the connection to {self.server} has been closed")

    def _log_warnings(self, response: urllib3.BaseHTTPResponse) -> None:
        for header in response.headers.getlist("Warning"):
            text = read_warning(header)
            with self._lock:
                known = text in self._warned or len(self._warned) >= WARNINGS_KEPT
                if not known:
                    self._warned.add(text)
            if not known:
                log.warning("the API server warns: %s", text)

    def _forget(self, stream: Stream) -> None:
        with self._lock:
            self._open.discard(stream)

    def close(self) -> None:
        """Ends everything that is under way, in whatever thread; later calls fail at once."""
        self._closing.set()
        self.pace.close()
        with self._lock:
            streams = list(self._open)
        for stream in streams:
            stream.close()
        close_all(self._pool)
        self.access.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
