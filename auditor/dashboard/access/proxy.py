"""Behind a proxy that authenticates: it says who asks, in headers. That it is the proxy has to be proved, by a
certificate or by a secret; an address proves nothing, as every pod of a cluster may come from anywhere.
"""

import hmac
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from flask import Flask, Request

from auditor.dashboard.access.entrance import Refused, Visitor
from auditor.dashboard.access.rights import Rights, User
from auditor.errors import UsageError

USER_HEADER: Final = "X-Forwarded-User"
GROUPS_HEADER: Final = "X-Forwarded-Groups"
SECRET_HEADER: Final = "X-Auditor-Proxy-Secret"
SHORTEST: Final = 16
"""Characters of a secret: 96 bits where it is base64, which nobody guesses over a network."""
EVERYBODY: Final = "system:authenticated"


class Proof(Protocol):
    def proves(self, request: Request) -> bool:
        """That the request comes from the proxy."""


@dataclass(frozen=True, slots=True)
class Secret:
    """From a file, which may change: Secrets that are mounted do."""

    read: Callable[[], str]

    @classmethod
    def of_file(cls, path: Path) -> "Secret":
        """Raises UsageError where there is none to begin with."""
        secret = cls(lambda: path.read_text().strip())
        try:
            length = len(secret.read())
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the proxy's secret cannot be read from {path}: {error}") from error
        if length < SHORTEST:
            raise UsageError(f"the proxy's secret in {path} has {length} characters: it needs {SHORTEST} or more")
        return secret

    def proves(self, request: Request) -> bool:
        try:
            expected = self.read()
        except (OSError, UnicodeDecodeError):
            return False
        # By their hashes: then neither the content nor the length shows in the time.
        given = sha256(request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogatepass")).digest()
        return len(expected) >= SHORTEST and hmac.compare_digest(given, sha256(expected.encode()).digest())


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate that the TLS layer verified against the CA of the proxy; where there are names, of one of them."""

    names: frozenset[str] = frozenset()

    def proves(self, request: Request) -> bool:
        sock = request.environ.get("gunicorn.socket")
        certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
        # Unverified ones come as an empty mapping.
        return bool(certificate) and (not self.names or bool(self.names & _names_of(certificate or {})))


def _names_of(certificate: Mapping[str, object]) -> frozenset[str]:
    subject, alternatives = certificate.get("subject", ()), certificate.get("subjectAltName", ())
    common = (value for part in _pairs(subject) for key, value in _pairs(part) if key == "commonName")
    other = (value for key, value in _pairs(alternatives) if key in ("DNS", "URI"))
    return frozenset(str(each) for each in (*common, *other))


def _pairs(value: object) -> tuple[tuple[object, object], ...]:
    return value if isinstance(value, tuple) else ()


@dataclass(frozen=True, slots=True)
class ProxyEntrance:
    proof: Proof
    rights: Rights

    def identify(self, request: Request) -> Visitor:
        if self.proof.proves(request) is not True:
            raise Refused("This dashboard is reached through its proxy alone.")
        name = request.headers.get(USER_HEADER, "").strip()
        if not name or "," in name:  # WSGI joins headers of one name: of two, one is not the proxy's
            raise Refused(f"The proxy did not say who asks: {USER_HEADER} is to be there once.")
        told = (group.strip() for line in request.headers.getlist(GROUPS_HEADER) for group in line.split(","))
        # Who they are in the cluster is the API server's business: no proxy makes anybody one of its own.
        groups = sorted({group for group in told if group and not group.startswith("system:")})
        if name.startswith("system:"):
            raise Refused("Users of the cluster's own are not known to a proxy.")
        user = User(name=name, groups=(*groups, EVERYBODY))
        return Visitor(name=name, scope=self.rights.scope_of(user), may_get=self.rights.may_get(user))

    def mount(self, app: Flask) -> None:
        """It logs in and out elsewhere."""
