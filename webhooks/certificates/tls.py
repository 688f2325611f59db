"""TLS for a server that clients cannot stop: new certificates without a restart, and handshakes that end.

gunicorn asks for the context of each connection: that costs an attribute. A new one is made for a new certificate.
"""

import contextlib
import logging
import os
import socket
import ssl
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.webhooks.certificates.material import Material

log = logging.getLogger(__name__)

HANDSHAKE_TIMEOUT = 5.0
"""Seconds. An API server takes two round trips, milliseconds; it gives up a webhook after 10 s by default."""
CROWD = 3
"""Handshakes at once beyond which patience ends: the threads of a worker are 4 to 8, and some have to be left."""
CROWDED_TIMEOUT = 0.5
"""Seconds, in a crowd: still a hundred times what an API server takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Who is let in. The API server's client certificate comes from the kubeconfig of its admission configuration."""

    authorities: Path
    """PEM. It is read again at each refresh."""
    names: frozenset[str] = frozenset()
    """Common names or DNS names, of which the client needs one. Empty: whoever has a certificate by the authorities."""


class Handshakes:
    """How many are under way in this process, and what became of those that failed."""

    def __init__(self, *, timeout: float = HANDSHAKE_TIMEOUT, crowded_timeout: float = CROWDED_TIMEOUT) -> None:
        self._timeout, self._crowded_timeout = timeout, min(timeout, crowded_timeout)
        self._under_way, self._lock = 0, threading.Lock()
        self.failures: Counter[str] = Counter()
        """By reason: `stalled`, `refused` (the client does not trust our certificate), `client` (we do not let the
        client in), `other`."""

    @contextlib.contextmanager
    def begin(self) -> Iterator[float]:
        """The seconds that this one may take."""
        with self._lock:
            self._under_way += 1
            crowd = self._under_way > CROWD
        try:
            yield self._crowded_timeout if crowd else self._timeout
        finally:
            with self._lock:
                self._under_way -= 1

    def count(self, reason: str) -> None:
        with self._lock:
            self.failures[reason] += 1


class DoorContext(ssl.SSLContext):
    """A server's context whose handshakes are done in `wrap_socket`, within a time, whatever the caller says.

    The time is for the whole handshake, so that bytes that drip in one by one do not prolong it.
    """

    handshakes: Handshakes
    names: frozenset[str]

    def wrap_socket(  # the signature is that of the standard library
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """A failure is an SSLError as of a client that went away: servers log no stack trace of these."""
        before = sock.gettimeout()
        with self.handshakes.begin() as seconds:
            try:
                sock.settimeout(seconds)
                wrapped = super().wrap_socket(
                    sock,
                    server_side=server_side,
                    do_handshake_on_connect=True,
                    suppress_ragged_eofs=suppress_ragged_eofs,
                    server_hostname=server_hostname,
                    session=session,
                )
                names = _names_of(wrapped) if self.names else set()
            except TimeoutError as error:
                raise self._failure("stalled", f"not done within {seconds} s") from error
            except (OSError, ValueError) as error:  # ValueError: the client has gone already
                raise self._failure(_reason(error), str(error)) from error
        if self.names and not self.names & names:
            wrapped.close()
            raise self._failure("client", f"{', '.join(sorted(names)) or 'nobody'} is not among those that are let in")
        wrapped.settimeout(before)
        return wrapped

    def _failure(self, reason: str, text: str) -> ssl.SSLError:
        self.handshakes.count(reason)
        seen = self.handshakes.failures[reason]
        # What an operator has to see is told at 1, 2, 4, 8 ...: a client repeats it with every request.
        loud = reason in ("refused", "client") and seen & (seen - 1) == 0
        log.log(
            logging.WARNING if loud else logging.DEBUG, "TLS handshake failed (%s, %d so far): %s", reason, seen, text
        )
        return ssl.SSLError(ssl.SSL_ERROR_EOF, f"TLS handshake: {text}")


class TlsSource:
    """The context in force. `offer` is for one thread, `context` for all."""

    def __init__(self, *, clients: ClientSettings | None = None, handshakes: Handshakes | None = None) -> None:
        self.handshakes = handshakes or Handshakes()
        self._clients = clients
        self._loaded: tuple[bytes, bytes, bytes] | None = None
        self._context: DoorContext | None = None

    def context(self) -> ssl.SSLContext:
        if self._context is None:
            raise InputError("there is no serving certificate yet")
        return self._context

    def offer(self, material: Material) -> None:
        """Serves it from the next connection on. InputError where it does not load.

        Then what was in force stays; each half by itself, for a certificate must not run out because the file of the
        clients' authorities is broken.
        """
        try:
            trusted = b"" if self._clients is None else _read(self._clients.authorities)
            self._load(material, trusted)
        except InputError:
            if self._loaded is not None:
                self._load(material, self._loaded[2])
            raise

    def _load(self, material: Material, trusted: bytes) -> None:
        wanted = (material.certificate, material.key, trusted)
        if wanted == self._loaded:
            return
        context = DoorContext(ssl.PROTOCOL_TLS_SERVER)
        context.handshakes = self.handshakes
        context.names = frozenset() if self._clients is None else self._clients.names
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.num_tickets = 0  # an API server keeps its connections, and takes no session up again
        load_pair(context, material)
        if self._clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            try:
                context.load_verify_locations(cadata=trusted.decode("ascii"))
            except (ssl.SSLError, ValueError) as error:
                raise InputError(f"{self._clients.authorities}: holds no certificates in PEM: {error}") from error
        self._context, self._loaded = context, wanted


def load_pair(context: ssl.SSLContext, material: Material) -> None:
    """OpenSSL reads files only: here one without a name, or, where a system has no such thing, one that soon goes."""
    content = material.key + b"\n" + material.certificate
    try:
        if hasattr(os, "memfd_create"):
            with os.fdopen(os.memfd_create("certificate"), "wb") as file:
                file.write(content)
                file.flush()
                context.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password=_no_password)
        else:
            with tempfile.NamedTemporaryFile() as named:
                named.write(content)
                named.flush()
                context.load_cert_chain(named.name, password=_no_password)
    except (OSError, ValueError) as error:
        raise InputError(f"the serving certificate and its key cannot be used: {error}") from error


def _no_password() -> str:
    """Without it, OpenSSL would ask on the terminal."""
    raise ValueError("the key asks for a password")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: without it, no client can be let in") from error


def _names_of(connection: ssl.SSLSocket) -> set[str]:
    """Common names and DNS names of the peer. Its chain has been verified."""
    found: dict[str, object] = dict(connection.getpeercert() or {})
    names: set[str] = set()
    for entry in found.get("subject") or ():  # type: ignore[attr-defined]  # nested tuples, which typeshed cannot say
        names |= {value for key, value in entry if key == "commonName"}
    for key, value in found.get("subjectAltName") or ():  # type: ignore[attr-defined]
        names |= {value} if key == "DNS" else set()
    return names


def _reason(error: Exception) -> str:
    text = str(getattr(error, "reason", "") or "")
    if "ALERT" in text and ("CERTIFICATE" in text or "UNKNOWN_CA" in text):
        return "refused"
    if text in ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "CERTIFICATE_VERIFY_FAILED"):
        return "client"
    return "other"
