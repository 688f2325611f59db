"""What a service has to prove who it is: who signs, what is served, whom its clients must trust meanwhile."""

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from auditor.certs.authority import CLOCK_SKEW, Authority
from auditor.certs.pair import Pair


@dataclass(frozen=True, slots=True)
class Coming:
    """The authority that will sign next: to be trusted since then, though it has signed nothing yet."""

    authority: Authority
    since: datetime


@dataclass(frozen=True, slots=True)
class Retired:
    """An authority that signs no more and whose key is gone; what it has signed may still be served.

    `since` is None where its key was lost: then it is trusted until it ends by itself, or until the next one signs.
    """

    certificate: x509.Certificate
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Every part may be absent: `plan` says what to do about it."""

    current: Authority | None = None
    serving: Pair | None = None
    coming: Coming | None = None
    retired: tuple[Retired, ...] = ()

    @property
    def authorities(self) -> tuple[x509.Certificate, ...]:
        """All that clients have to trust, in an order that stays when their roles change."""
        found = [r.certificate for r in self.retired]
        found += [a.pair.certificate for a in (self.current, self.coming and self.coming.authority) if a]
        return tuple(sorted(found, key=lambda c: (c.not_valid_before_utc, fingerprint(c))))

    @property
    def authorities_pem(self) -> bytes:
        return join_pem(self.authorities)


def join_pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


def fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def start_of(certificate: x509.Certificate) -> datetime:
    """When one of ours was made: it is valid from a little before that (see CLOCK_SKEW)."""
    return certificate.not_valid_before_utc + CLOCK_SKEW


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, UnsupportedAlgorithm, ValueError):
        return False
    return True


def hosts_of(certificate: x509.Certificate) -> frozenset[str]:
    """The names and addresses by which a server with this certificate may be called."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = names.get_values_for_type(x509.IPAddress)
    return frozenset(names.get_values_for_type(x509.DNSName)) | {str(a) for a in addresses}


def missing_hosts(certificate: x509.Certificate, hosts: Collection[str]) -> list[str]:
    held = hosts_of(certificate)
    return sorted(host for host in hosts if _normal(host) not in held)


def _normal(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host
