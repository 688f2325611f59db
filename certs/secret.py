"""A bundle as the data of a Secret, and back: what is read is checked, part by part.

    tls.crt, tls.key   what is served; the names that kubernetes.io/tls and all that reads it expect
    ca.crt             every authority that clients have to trust: what to register as caBundle
    ca.key             the key of the one that signs
    ca-next.key        the key of the one that will sign next
    rotation.json      fingerprint -> since when it waits to sign, or signs no more

Which certificate of ca.crt is which, its key says. So no two parts can contradict each other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from auditor.certs.authority import Authority
from auditor.certs.bundle import Bundle, Coming, Retired, fingerprint, is_issued_by, start_of
from auditor.certs.pair import Pair

CERTIFICATE, KEY = "tls.crt", "tls.key"
AUTHORITIES, AUTHORITY_KEY, COMING_KEY = "ca.crt", "ca.key", "ca-next.key"
TIMES = "rotation.json"
PARTS = (CERTIFICATE, KEY, AUTHORITIES, AUTHORITY_KEY, COMING_KEY, TIMES)

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fault:
    """A part that is not what it should be."""

    part: str
    what: str

    def __str__(self) -> str:
        return f"{self.part}: {self.what}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What is good of what was read, and what is not. Without faults, writing the bundle gives the same data."""

    bundle: Bundle
    faults: tuple[Fault, ...] = ()


def write_data(bundle: Bundle) -> dict[str, bytes]:
    data = {AUTHORITIES: bundle.authorities_pem}
    times = {fingerprint(r.certificate): r.since for r in bundle.retired if r.since}
    if bundle.serving is not None:
        data |= {CERTIFICATE: bundle.serving.certificate_pem, KEY: bundle.serving.key_pem}
    if bundle.current is not None:
        data[AUTHORITY_KEY] = bundle.current.pair.key_pem
    if bundle.coming is not None:
        data[COMING_KEY] = bundle.coming.authority.pair.key_pem
        times[fingerprint(bundle.coming.authority.pair.certificate)] = bundle.coming.since
    if times:
        data[TIMES] = orjson.dumps({k: v.astimezone(UTC) for k, v in times.items()}, option=orjson.OPT_SORT_KEYS)
    return data


def read_data(data: Mapping[str, bytes]) -> Reading:
    """Never an exception. A certificate whose key is lost is trusted still: what it signed is out there."""
    faults: list[Fault] = []
    authorities, wrong = read_authorities(data.get(AUTHORITIES, b""))
    faults += [Fault(AUTHORITIES, what) for what in wrong]
    times = _read_times(data.get(TIMES, b""), faults)
    current = _read_authority(data, AUTHORITY_KEY, authorities, faults)
    coming = _read_authority(data, COMING_KEY, authorities, faults)
    if coming is not None and current is not None and coming.pair.certificate == current.pair.certificate:
        faults.append(Fault(COMING_KEY, f"is the same key as {AUTHORITY_KEY}"))
        coming = None
    if authorities and not data.get(AUTHORITY_KEY) and coming is None:  # with a next one, it is being replaced
        faults.append(Fault(AUTHORITY_KEY, "is missing"))
    serving = _read_serving(data, authorities, faults)
    signing = [a.pair.certificate for a in (current, coming) if a is not None]
    return Reading(
        Bundle(
            current=current,
            serving=serving,
            coming=None if coming is None else Coming(coming, _time_of(coming.pair.certificate, times)),
            retired=tuple(Retired(c, times.get(fingerprint(c))) for c in authorities if c not in signing),
        ),
        tuple(faults),
    )


def read_authorities(text: bytes) -> tuple[list[x509.Certificate], tuple[str, ...]]:
    """The certificates of authorities in a text, and what is wrong with the rest.

    Block by block: one that is damaged does not take the others with it.
    """
    found: list[x509.Certificate] = []
    wrong: list[str] = []
    blocks = _BLOCK.findall(text)
    for number, block in enumerate(blocks, 1):
        try:
            certificate = x509.load_pem_x509_certificate(block)
            is_authority = _is_authority(certificate)
            certificate.public_key()
        except (UnsupportedAlgorithm, ValueError) as error:
            wrong.append(f"certificate {number} cannot be read: {error}")
            continue
        if not is_authority:
            wrong.append(f"certificate {number} is not of an authority")
        elif certificate not in found:
            found.append(certificate)
    if not blocks:
        wrong.append("holds no certificate in PEM" if text else "is missing")
    elif len(blocks) != text.count(b"-----BEGIN"):
        wrong.append("holds something besides whole certificates")
    return found, tuple(wrong)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _read_authority(
    data: Mapping[str, bytes], part: str, authorities: list[x509.Certificate], faults: list[Fault]
) -> Authority | None:
    key = _read_key(data, part, faults)
    if key is None:
        return None
    public = key.public_key()
    for certificate in authorities:
        if certificate.public_key() == public:
            return Authority(Pair(certificate, key))
    faults.append(Fault(part, f"fits no certificate of {AUTHORITIES}"))
    return None


def _read_serving(data: Mapping[str, bytes], authorities: list[x509.Certificate], faults: list[Fault]) -> Pair | None:
    faults += [Fault(part, "is missing") for part in (CERTIFICATE, KEY) if not data.get(part)]
    key = _read_key(data, KEY, faults)
    if not data.get(CERTIFICATE):
        return None
    try:
        certificate = x509.load_pem_x509_certificate(data[CERTIFICATE])
        public = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError) as error:
        faults.append(Fault(CERTIFICATE, f"is no certificate in PEM: {error}"))
        return None
    if key is None:
        return None
    if public != key.public_key():
        faults.append(Fault(KEY, f"is not the key of {CERTIFICATE}"))
    elif not any(is_issued_by(certificate, authority) for authority in authorities):
        faults.append(Fault(CERTIFICATE, f"was issued by no authority of {AUTHORITIES}"))
    else:
        return Pair(certificate, key)
    return None


def _read_key(data: Mapping[str, bytes], part: str, faults: list[Fault]) -> ec.EllipticCurvePrivateKey | None:
    if not data.get(part):
        return None
    try:
        key = load_pem_private_key(data[part], password=None)
    except (TypeError, ValueError) as error:  # TypeError: the key asks for a password
        faults.append(Fault(part, f"is no private key in PEM without a password: {error}"))
        return None
    except UnsupportedAlgorithm as error:
        faults.append(Fault(part, f"is a private key of an unknown kind: {error}"))
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        faults.append(Fault(part, "is not an ECDSA key, and so none of ours"))
        return None
    return key


def _read_times(text: bytes, faults: list[Fault]) -> dict[str, datetime]:
    if not text:
        return {}
    try:
        found = orjson.loads(text)
        # A time without a zone, written by hand, is in UTC as all others.
        times = {key: datetime.fromisoformat(value) for key, value in found.items()}
    except (AttributeError, TypeError, ValueError) as error:
        faults.append(Fault(TIMES, f"does not say since when an authority waits or signs no more: {error}"))
        return {}
    return {key: time if time.tzinfo else time.replace(tzinfo=UTC) for key, time in times.items()}


def _time_of(certificate: x509.Certificate, times: Mapping[str, datetime]) -> datetime:
    return times.get(fingerprint(certificate), start_of(certificate))
