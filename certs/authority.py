"""A certificate authority, and the leaf certificates that it issues for servers and clients."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from auditor.certs.pair import Pair

# Clocks of a client and ours may differ: a certificate that begins this much earlier is valid for both at once.
CLOCK_SKEW = timedelta(minutes=5)
AUTHORITY_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=365)

_SIGNING = {"key_cert_sign": True, "crl_sign": True}
_SIGNATURE = {"digital_signature": True}  # all that ECDSA key exchange in TLS 1.2 and 1.3 uses


@dataclass(frozen=True, slots=True)
class Authority:
    pair: Pair

    @classmethod
    def create(cls, name: str, *, lifetime: timedelta = AUTHORITY_LIFETIME, now: datetime | None = None) -> Self:
        now = now or datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name, ())
        builder = (
            _builder(subject, subject, key.public_key(), now, now + lifetime)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(_SIGNING), critical=True)
        )
        return cls(Pair(builder.sign(key, hashes.SHA256()), key))

    def issue(
        self,
        name: str,
        *,
        organizations: Sequence[str] = (),
        hosts: Sequence[str] = (),
        server: bool = False,
        client: bool = False,
        lifetime: timedelta = LEAF_LIFETIME,
        now: datetime | None = None,
    ) -> Pair:
        """A leaf certificate: for a server, `hosts` are the names and addresses that clients call it by.

        To Kubernetes, a client certificate's name is the user and its organizations are the groups.
        """
        if not (server or client):
            raise ValueError("a leaf certificate is for a server, a client, or both")
        if server and not hosts:
            raise ValueError("a server's certificate needs the hosts that clients call it by")
        now = now or datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.pair.certificate
        end = min(now + lifetime, issuer.not_valid_after_utc)  # longer would only fail later, and less clearly
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH] * server + [ExtendedKeyUsageOID.CLIENT_AUTH] * client
        signer = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            _builder(_name(name, organizations), issuer.subject, key.public_key(), now, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(_SIGNATURE), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
        return Pair(builder.sign(self.pair.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common_name: str, organizations: Sequence[str]) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in organizations]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(allowed: dict[str, bool]) -> x509.KeyUsage:
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names.split()})
