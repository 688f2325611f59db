"""A certificate with its private key, in memory and as files."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


@dataclass(frozen=True, slots=True)
class Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def read(cls, certificate: Path, key: Path) -> Self:
        """ValueError says which of the files is not what it should be."""
        try:
            loaded = load_pem_private_key(key.read_bytes(), password=None)
        except (TypeError, ValueError) as error:  # TypeError: the key asks for a password
            raise ValueError(f"{key}: not a private key in PEM without a password: {error}") from error
        try:
            parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
        except ValueError as error:
            raise ValueError(f"{certificate}: not a certificate in PEM: {error}") from error
        if not isinstance(loaded, ec.EllipticCurvePrivateKey) or parsed.public_key() != loaded.public_key():
            raise ValueError(f"{key}: not the key of {certificate}")
        return cls(parsed, loaded)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public_key_pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def write(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Writes `name.crt` and `name.key`, and returns their paths."""
        certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
        write_private(key, self.key_pem)
        write_private(certificate, self.certificate_pem)
        return certificate, key


def write_private(path: Path, content: bytes) -> None:
    """Readable by its owner alone from the first moment, and whole or not at all: a reader never sees half a file."""
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
