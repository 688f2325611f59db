"""The certificates of a running door: a thread that keeps them right, and what server and registration ask for."""

import logging
import ssl
import threading
from collections.abc import Callable

from auditor.cluster.client import Client
from auditor.errors import AuditorError, UsageError
from auditor.webhooks.certificates.files import FilesKeeper, FilesSettings
from auditor.webhooks.certificates.material import Keeper, Material
from auditor.webhooks.certificates.own import SecretKeeper, SecretSettings
from auditor.webhooks.certificates.registered import Registered
from auditor.webhooks.certificates.tls import ClientSettings, Handshakes, TlsSource

log = logging.getLogger(__name__)

RETRY = 5.0
"""Seconds after a failure. Certificates are renewed weeks before their end: there is no hurry, and no load."""


def open_keeper(settings: SecretSettings | FilesSettings, client: Client | None = None) -> Keeper:
    """The switch: our own authority in a Secret, or the files of somebody else. Files need no cluster."""
    trust = None if client is None else Registered(client, settings.times.settle).trust
    if isinstance(settings, FilesSettings):
        return FilesKeeper(settings, trust=trust)
    if client is None:
        raise UsageError("our own authority is kept in a Secret, and that needs a cluster")
    return SecretKeeper(client, settings, trust=trust)


class Certificates:
    """`start` in the process that serves, after any fork. All else is safe from any thread.

    `on_change` is told of what is in force once, in the thread that found it: it should be quick, and whoever has more
    to do reads `material` again.
    """

    def __init__(
        self,
        keeper: Keeper,
        *,
        clients: ClientSettings | None = None,
        handshakes: Handshakes | None = None,
        on_change: Callable[[Material], None] | None = None,
    ) -> None:
        self.tls = TlsSource(clients=clients, handshakes=handshakes)
        self.error = ""
        """Of the last refresh, as a sentence; empty if it went well."""
        self._keeper, self._on_change = keeper, on_change
        self._material: Material | None = None
        self._once = threading.Lock()
        self._wake, self._stopping = threading.Event(), False
        self._thread: threading.Thread | None = None

    @property
    def material(self) -> Material | None:
        """What is served, until when, and what has to be registered."""
        return self._material

    def context(self, *_: object) -> ssl.SSLContext:
        """Also as gunicorn's `ssl_context` hook, which gives it a configuration and a factory."""
        return self.tls.context()

    def refresh(self) -> float:
        """Now, in this thread. An AuditorError leaves in force what was in force."""
        failure, pause = None, RETRY
        with self._once:
            try:
                pause = self._keeper.refresh()
            except AuditorError as error:
                failure = error
            found = self._keeper.material  # it may have come some steps far before it failed
            try:
                if found is not None:
                    self.tls.offer(found)
            except AuditorError as error:
                failure = failure or error
            self.error = "" if failure is None else str(failure)
            changed, self._material = found != self._material, found
        if changed and found is not None and self._on_change is not None:
            self._on_change(found)
        if failure is not None:
            raise failure
        return pause

    def start(self) -> None:
        """The first refresh has to succeed: there is nothing to serve before it."""
        pause = self.refresh()
        self._thread = threading.Thread(target=self._run, args=(pause,), name="certificates", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look now, not at the next turn."""
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, pause: float) -> None:
        said = ""
        while True:
            self._wake.wait(pause)
            self._wake.clear()
            if self._stopping:
                return
            try:
                pause, said = self.refresh(), ""
            except AuditorError as error:
                log.log(logging.DEBUG if str(error) == said else logging.ERROR, "certificates: %s", error)
                pause, said = RETRY, str(error)
            except Exception:
                log.exception("certificates: a defect of auditor; it goes on with what is in force")
                pause = RETRY
