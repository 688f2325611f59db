"""Whether requests should be sent to this replica: what the probe of Kubernetes asks for, every few seconds."""

import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Final

from auditor.operations import Listen
from auditor.webhooks.certificates.material import Material

log = logging.getLogger(__name__)

TIMEOUT: Final = 2.0
"""Seconds for the door to answer itself; it takes some milliseconds."""
GOOD_FOR: Final = 1.0
"""Seconds that an answer is used again: who asks for readiness all the time makes no load of it."""
PATH: Final = "/validate"


class DoorProbe:
    """Calls the admission port as an API server would: over TLS, by the name and the authority that it knows."""

    def __init__(
        self,
        listen: Listen,
        host: str,
        material: Callable[[], Material | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listen, self._host, self._material, self._clock = listen, host, material, clock
        self._lock = threading.Lock()
        self._last: tuple[float, str] | None = None

    def trouble(self) -> str:
        """Empty: it answers."""
        material = self._material()
        if material is None:
            return "there is no serving certificate yet"  # and nobody was asked, so the next one may ask at once
        with self._lock:
            now = self._clock()
            if self._last is None or now - self._last[0] > GOOD_FOR:
                self._last = now, self._ask(material)
            return self._last[1]

    def _ask(self, material: Material) -> str:
        place = f"port {self._listen.port}"
        try:
            with (
                socket.create_connection((self._listen.loopback, self._listen.port), timeout=TIMEOUT) as plain,
                _make_context(material).wrap_socket(plain, server_hostname=self._host) as secured,
            ):
                status = _get(secured, self._host)
        except ssl.SSLCertVerificationError as error:
            return f"{place}: API servers would not trust it as {self._host}: {error.verify_message}"
        except ssl.SSLError as error:
            if "CERTIFICATE_REQUIRED" in str(error.reason):
                return ""  # it lets nobody in without a certificate, as it was told: so it is at work
            return f"{place}: TLS: {error}"
        except (OSError, http.client.HTTPException) as error:
            return f"{place}: {type(error).__name__}: {error}"
        # It is no review, which would be counted as one: that it says so is an answer of the app.
        return "" if status == http.client.METHOD_NOT_ALLOWED else f"{place}: answered with HTTP status {status}"


def _make_context(material: Material) -> ssl.SSLContext:
    if material.authorities:
        return ssl.create_default_context(cadata=material.authorities.decode("ascii"))
    if material.authorities is not None:
        return ssl.create_default_context()
    # Which authority API servers are told of is known to another tool alone.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _get(sock: ssl.SSLSocket, host: str) -> int:
    sock.sendall(f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    response = http.client.HTTPResponse(sock)
    response.begin()
    response.read()
    return response.status
