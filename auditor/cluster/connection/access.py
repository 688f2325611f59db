"""An open way to one API server: who it is, who we are to it now, and the TLS context for it."""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self

from auditor.cluster.connection.content import Content, Fixed, pem_of
from auditor.cluster.connection.credential import Credential, Source
from auditor.cluster.connection.tls import Material, check_time, make_context
from auditor.errors import ConnectionConfigError, UnreachableError

if TYPE_CHECKING:
    from kubernetes.client import Configuration
    from urllib3 import HTTPHeaderDict

log = logging.getLogger(__name__)

RENEW_SECONDS = 5.0
"""Two hundred watches that get a 401 at once are one reason to log in again, not two hundred."""


class Access:
    """Safe to use from many threads. Whoever asks while a credential is being renewed waits for it."""

    def __init__(
        self,
        *,
        configuration: "Configuration",
        context: str,
        namespace: str,
        user: str,
        source: Source,
        authority: Content | Fixed,
        impersonation: tuple[tuple[str, str], ...] = (),
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.configuration = configuration
        self.server: str = configuration.host
        self.context, self.namespace, self.user = context, namespace, user
        self._source, self._authority, self._impersonation = source, authority, impersonation
        self._clock, self._wall_clock = clock, wall_clock
        self._lock = threading.Lock()
        self._closed = False
        self._tls: ssl.SSLContext | None = None
        self._material = self._refused = Material()
        self._renewed_at = -RENEW_SECONDS - 1 + clock()
        self._renewed = False

    def __repr__(self) -> str:
        return f"Access({self.server!r}, context={self.context!r}, user={self.user!r})"

    def headers(self) -> "HTTPHeaderDict":
        """Who asks, and for whom. A mapping that keeps several lines of one name, which several groups are: merge it
        as `other | access.headers()`."""
        from urllib3 import HTTPHeaderDict

        with self._lock:
            token = self._credential().token
        headers = HTTPHeaderDict()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        for name, value in self._impersonation:
            headers.add(name, value)
        return headers

    def tls(self) -> ssl.SSLContext:
        """The same object until the authority, the certificate or the key is another."""
        with self._lock:
            credential = self._credential()
            material = Material(pem_of(self._authority), credential.certificate, credential.key)
            if self._tls is None:
                check_time(material.certificate, now=self._wall_clock())
                self._tls, self._material = self._make(material), material
            elif material not in (self._material, self._refused):
                self._replace(material)
            return self._tls

    def renew(self, used: Mapping[str, str] | None = None) -> bool:
        """After a 401: True if asking once more makes sense. `used` are the headers that were refused: where they are
        no longer those of now, another thread has renewed them. Raises ConnectionConfigError where logging in fails."""
        with self._lock:
            if used is not None and self._authorization() != used.get("Authorization", ""):
                return True
            if self._clock() - self._renewed_at < RENEW_SECONDS:
                return self._renewed
            self._authority.reread()
            self._renewed = self._source.renew()
            self._renewed_at = self._clock()
            return self._renewed

    def close(self) -> None:
        """Whoever waits for a credential ends. Nothing is left on disk, because nothing was put there."""
        self._closed = True
        self._source.close()

    def _credential(self) -> Credential:
        if self._closed:
            raise UnreachableError(f"the connection to {self.server} has been closed")
        return self._source.get()

    def _authorization(self) -> str:
        token = self._credential().token
        return f"Bearer {token}" if token else ""

    def _make(self, material: Material) -> ssl.SSLContext:
        return make_context(material, verify=self.configuration.verify_ssl)

    def _replace(self, material: Material) -> None:
        """What does not load may be half written: what was before stays until there is something that does."""
        try:
            self._tls, self._material = self._make(material), material
        except ConnectionConfigError as error:
            self._refused = material
            log.warning("%s; what was there before is used on", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
