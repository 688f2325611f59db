"""What a door serves, and what those who call it have to be told: the same from every source."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from cryptography import x509

from auditor.certs import Trust

Trusting: TypeAlias = Callable[[x509.Certificate, Sequence[x509.Certificate]], Trust]
"""Whether all who trust one of the authorities known so far trust this next one as well: see `Registered.trust`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    certificate: bytes
    """PEM: the leaf first, then what stands between it and the authority."""
    key: bytes
    expiry: datetime
    """Of the leaf."""
    authorities: bytes | None
    """PEM, to be registered as caBundle. Empty: the roots that the API server's system trusts. None: another tool
    writes the field, and we leave it alone."""
    authority_expiry: datetime | None = None
    """Of the one that issued the leaf, where it is known."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """For the configurations that are registered: by these the other tool finds them."""


class Keeper(Protocol):
    """A source of certificates that keeps them right. Not for several threads at once."""

    @property
    def material(self) -> Material | None:
        """What is in force: the last that was good. None until the first refresh."""

    def refresh(self) -> float:
        """One look, and whatever has to be done. Gives the seconds until the next.

        An AuditorError leaves the material as it was.
        """
