"""The TLS context of a connection: made of PEM in memory."""

import os
import re
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from auditor.cluster.connection.content import Pem
from auditor.errors import ConnectionConfigError

_CERTIFICATE = re.compile(b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(b"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----.+?-----END (?:[A-Z]+ )?PRIVATE KEY-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Material:
    """What a context is made of. Equal material needs no new context."""

    authority: Pem = field(default_factory=Pem)
    """Empty: those that this computer trusts."""
    certificate: Pem = field(default_factory=Pem)
    key: Pem = field(default_factory=Pem)


def make_context(material: Material, *, verify: bool) -> ssl.SSLContext:
    """ConnectionConfigError says which part is not what it should be."""
    context = ssl.create_default_context(cadata=_read_authorities(material.authority))
    # Python 3.13 refuses authorities without key identifiers, which old clusters have and Go accepts; and only since
    # then it trusts an intermediate authority that is named, as Go does.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if material.certificate.text or material.key.text:
        _load_pair(context, material.certificate, material.key)
    return context


def _read_authorities(pem: Pem) -> str | None:
    if not pem.text:
        return None
    text = b"\n".join(_CERTIFICATE.findall(pem.text)).decode("ascii", errors="ignore")  # without comments
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise _error(pem, "this is no certificate in PEM. Fetch the CA certificate of the cluster") from None
    return text


def _load_pair(context: ssl.SSLContext, certificate: Pem, key: Pem) -> None:
    if not key.text:
        raise _error(certificate, "there is no client-key for it. Name the key that belongs to the certificate")
    if not certificate.text:
        raise _error(key, "there is no client-certificate for it. Name the certificate that belongs to the key")
    chain, keys = _CERTIFICATE.findall(certificate.text), _KEY.findall(key.text)  # both may stand in one file
    if not chain:
        raise _error(certificate, "this is no certificate in PEM. Fetch it anew, or log in again")
    if b"ENCRYPTED" in key.text:
        raise _error(key, "the key asks for a password. Store it without one: openssl pkey -in KEY -out NEW")
    if not keys:
        raise _error(key, "this is no private key in PEM. Fetch it anew, or log in again")
    try:
        with _as_file(b"\n".join([*chain, keys[0]])) as path:
            context.load_cert_chain(path, password=b"")  # never ask for one at the terminal
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise _error(key, f"this is not the key of the certificate ({certificate.where}). Name its key") from None
        raise _error(certificate, f"it does not load with its key: {error.reason}. Fetch both anew") from None


def check_time(certificate: Pem, *, now: float) -> None:
    """`now` is seconds of the wall clock."""
    if not certificate.text:
        return
    from cryptography import x509

    try:
        leaf = x509.load_pem_x509_certificates(certificate.text)[0]
        begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    except ValueError:  # stricter than OpenSSL, which has taken it
        return
    today = datetime.fromtimestamp(now, UTC)
    if today > end:
        raise _error(certificate, f"the certificate expired at {_show(end)}. Renew it, or log in again")
    if today < begin:
        raise _error(
            certificate, f"the certificate is valid from {_show(begin)}, and it is {_show(today)}. Set the clock"
        )


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """OpenSSL reads a pair from files only. Where the system can do it, this one is in memory: keys stay off disks,
    and a pod with a read-only root needs no folder for it."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("pair"), "wb", buffering=0) as file:
            file.write(content)
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(buffering=0) as named:  # readable by us alone, gone with the block
            named.write(content)
            yield named.name


def _error(pem: Pem, problem: str) -> ConnectionConfigError:
    return ConnectionConfigError(f"{pem.where}: {problem}")


def _show(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")
