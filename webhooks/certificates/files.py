"""Certificates that somebody else writes into files: cert-manager through a mounted Secret, or a person.

A new authority in `ca.crt` comes without warning. So that no request fails, it is announced beside the last one first,
and what it signed is served once all clients trust it; the last one stays announced until what it signed has ended.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from auditor.certs import Lifetimes, Trust, read_authorities
from auditor.certs.bundle import join_pem
from auditor.certs.directory import read_directory
from auditor.errors import InputError, UsageError
from auditor.webhooks.certificates.material import Material, Trusting

INJECT = "cert-manager.io/inject-ca-from"
POLL = 5.0
"""Seconds. Three small files; kubelet brings a change of a Secret within a minute or so."""


class AuthoritySource(Enum):
    """Where the caBundle of registrations comes from."""

    FILE = "file"
    """From the file beside the certificate; cert-manager writes it for its private issuers."""
    INJECTED = "injected"
    """cert-manager's cainjector writes it into the registrations, by an annotation."""
    SYSTEM = "system"
    """The certificate is by an authority that the API server's system trusts anyhow: none is registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesSettings:
    directory: Path
    certificate: str = "tls.crt"
    key: str = "tls.key"
    authorities: str = "ca.crt"
    source: AuthoritySource = AuthoritySource.FILE
    inject_from: str = ""
    """NAMESPACE/NAME of the cert-manager Certificate."""
    times: Lifetimes = field(default_factory=Lifetimes)
    poll: float = POLL

    def __post_init__(self) -> None:
        if (self.source is AuthoritySource.INJECTED) != bool(self.inject_from):
            raise UsageError("cainjector needs to be told the Certificate, NAMESPACE/NAME; other sources must not")


@dataclass(frozen=True, slots=True)
class _Loaded:
    certificate: bytes
    key: bytes
    leaf: x509.Certificate
    authorities: tuple[x509.Certificate, ...]


class FilesKeeper:
    """Keeper. `trust` as in SecretKeeper."""

    def __init__(
        self,
        settings: FilesSettings,
        *,
        trust: Trusting | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings, self._trust, self._clock = settings, trust, clock
        self._serving: _Loaded | None = None
        self._waiting: tuple[_Loaded, datetime] | None = None
        self._former: list[tuple[x509.Certificate, datetime]] = []
        """Authorities of what was served before, and when that ends."""

    @property
    def material(self) -> Material | None:
        if self._serving is None:
            return None
        settings, expiry = self._settings, self._serving.leaf.not_valid_after_utc
        found = Material(certificate=self._serving.certificate, key=self._serving.key, expiry=expiry, authorities=b"")
        if settings.source is AuthoritySource.SYSTEM:
            return found
        if settings.source is AuthoritySource.INJECTED:
            return replace(found, authorities=None, annotations={INJECT: settings.inject_from})
        first_to_end = min(c.not_valid_after_utc for c in self._serving.authorities)
        return replace(found, authorities=join_pem(self._announced()), authority_expiry=first_to_end)

    def refresh(self) -> float:
        now = self._clock()
        self._former = [(c, end) for c, end in self._former if end > now]
        loaded = self._load()
        if loaded == self._serving:
            self._waiting = None
            return self._settings.poll
        if self._waiting is None or self._waiting[0] != loaded:
            self._waiting = loaded, now
        if self._may_serve(loaded, self._waiting[1], now):
            if self._serving is not None:
                end = self._serving.leaf.not_valid_after_utc
                self._former += [(c, end) for c in self._serving.authorities if c not in loaded.authorities]
            self._serving, self._waiting = loaded, None
        return self._settings.poll

    def _may_serve(self, loaded: _Loaded, since: datetime, now: datetime) -> bool:
        serving = self._serving
        if serving is None or serving.leaf.not_valid_after_utc <= now + self._settings.times.settle:
            return True
        known = [*serving.authorities, *(c for c, _ in self._former)]
        news = [c for c in loaded.authorities if c not in known]
        if self._settings.source is not AuthoritySource.FILE or not news:
            return True
        answers = {self._trust(c, known) if self._trust else Trust.UNKNOWN for c in news}
        if answers == {Trust.HELD}:
            return True
        return Trust.MISSING not in answers and now >= since + self._settings.times.unseen

    def _announced(self) -> Sequence[x509.Certificate]:
        found = [] if self._serving is None else list(self._serving.authorities)
        found += [] if self._waiting is None else self._waiting[0].authorities
        found += [certificate for certificate, _ in self._former]
        return sorted(set(found), key=lambda c: (c.not_valid_before_utc, c.serial_number))

    def _load(self) -> _Loaded:
        settings = self._settings
        from_file = settings.source is AuthoritySource.FILE
        names = [settings.certificate, settings.key, *[settings.authorities] * from_file]
        files = read_directory(settings.directory, names)
        for name in names:
            if name not in files:
                raise InputError(f"{settings.directory / name}: is missing")
        certificate, key = files[settings.certificate], files[settings.key]
        titles = (str(settings.directory / name) for name in (settings.certificate, settings.key))
        leaf = check_pair(certificate, key, *titles)
        if not from_file:
            return _Loaded(certificate, key, leaf, ())
        authorities, wrong = read_authorities(files[settings.authorities])
        if wrong:
            raise InputError(f"{settings.directory / settings.authorities}: {'; '.join(wrong)}")
        return _Loaded(certificate, key, leaf, tuple(authorities))


def check_pair(certificate: bytes, key: bytes, certificate_title: str, key_title: str) -> x509.Certificate:
    """The leaf, of any kind of key. InputError says which of the two is not what it should be."""
    try:
        leaf = x509.load_pem_x509_certificates(certificate)[0]
        public = leaf.public_key()
    except (UnsupportedAlgorithm, ValueError) as error:
        raise InputError(f"{certificate_title}: not a certificate in PEM: {error}") from error
    try:
        held = load_pem_private_key(key, password=None).public_key()
    except (TypeError, UnsupportedAlgorithm, ValueError) as error:
        raise InputError(f"{key_title}: not a private key in PEM without a password: {error}") from error
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if held.public_bytes(*form) != public.public_bytes(*form):
        raise InputError(f"{key_title}: not the key of {certificate_title}; if both are being replaced, that will pass")
    return leaf
