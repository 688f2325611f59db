"""TLS for a server that clients cannot stop: new certificates without a restart, and handshakes that need not wait.

gunicorn asks for the context of each connection: that costs an attribute. A new one is made for a new certificate.
"""

import logging
import os
import ssl
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.webhooks.certificates.material import Material

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Who is let in. The API server's client certificate comes from the kubeconfig of its admission configuration."""

    authorities: Path
    """PEM. It is read again at each refresh."""
    names: frozenset[str] = frozenset()
    """Common names or DNS names, of which the client needs one. Empty: whoever has a certificate by the authorities."""


class Handshakes:
    """Of this process: what became of those that failed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.failures: Counter[str] = Counter()
        """By reason: `stalled`, `refused` (the client does not trust our certificate), `client` (we do not let the
        client in), `other`."""

    def fail(self, reason: str, text: str) -> ssl.SSLError:
        """As of a client that went away: servers log no stack trace of these."""
        with self._lock:
            self.failures[reason] += 1
            seen = self.failures[reason]
        # What an operator has to see is told at 1, 2, 4, 8 ...: a client repeats it with every request.
        loud = reason in ("refused", "client") and seen & (seen - 1) == 0
        log.log(
            logging.WARNING if loud else logging.DEBUG, "TLS handshake failed (%s, %d so far): %s", reason, seen, text
        )
        return ssl.SSLError(ssl.SSL_ERROR_EOF, f"TLS handshake: {text}")


class DoorSocket(ssl.SSLSocket):
    """Its handshake can be done step by step, whenever something has come: SSLWantReadError says that more has to."""

    context: "DoorContext"

    def do_handshake(self, block: bool = False) -> None:
        handshakes, wanted = self.context.handshakes, self.context.names
        try:
            super().do_handshake(block)
            names = _names_of(self) if wanted else set()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except (OSError, ValueError) as error:  # ValueError: the client has gone already
            raise handshakes.fail(_reason(error), str(error)) from error
        if wanted and not wanted & names:
            self.close()
            raise handshakes.fail(
                "client", f"{', '.join(sorted(names)) or 'nobody'} is not among those that are let in"
            )

    def give_up(self) -> None:
        """The client does not go on with the handshake."""
        self.context.handshakes.fail("stalled", "not done in time")
        self.close()


class DoorContext(ssl.SSLContext):
    sslsocket_class = DoorSocket
    handshakes: Handshakes
    names: frozenset[str]


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
