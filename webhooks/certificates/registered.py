"""Whether every API server trusts an authority that has signed nothing yet: read from what is registered with them."""

import base64
import binascii
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509

from auditor.certs import Trust, read_authorities
from auditor.certs.bundle import fingerprint
from auditor.cluster.access import dig, dig_list, dig_text
from auditor.cluster.client import Client
from auditor.cluster.resource import CRDS, Resource
from auditor.errors import ClusterError
from auditor.json import JsonObject

log = logging.getLogger(__name__)

_ADMISSION = "admissionregistration.k8s.io"
VALIDATING = Resource(
    _ADMISSION, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", namespaced=False
)
MUTATING = Resource(_ADMISSION, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", namespaced=False)

CRDS_A_PAGE = 20
"""A CRD is 30 KB as a rule and 1 MB at most, and several times that once it is decoded: a page stays below 100 MB."""


class Registered:
    """For keepers. Which registrations are ours is found by what they trust: no name or label can be forgotten.

    All of them have to hold the next authority, and to have done so for `settle`: API servers watch them.
    """

    def __init__(
        self, client: Client, settle: timedelta, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._client, self._settle, self._clock = client, settle, clock
        self._held: tuple[str, datetime] | None = None
        self.missing: list[str] = []
        """Registrations that lacked the next authority when last asked."""
        self.last = Trust.UNKNOWN
        """The last answer."""

    def known(self, authorities: Sequence[x509.Certificate]) -> list[str]:
        """The registrations that trust one of these."""
        ours = {fingerprint(c) for c in authorities}
        return [title for title, trusted in self._registrations() if trusted & ours]

    def trust(self, coming: x509.Certificate, known: Sequence[x509.Certificate]) -> Trust:
        """UNKNOWN where nothing that is registered trusts any of the known ones, or where we may not read it."""
        self.last = self._ask(coming, known)
        return self.last

    def _ask(self, coming: x509.Certificate, known: Sequence[x509.Certificate]) -> Trust:
        wanted, ours = fingerprint(coming), {fingerprint(c) for c in known}
        try:
            held = [(title, wanted in trusted) for title, trusted in self._registrations() if trusted & ours]
        except ClusterError as error:
            log.warning("whether the next authority is trusted cannot be read: %s", error)
            held = []
        self.missing = [title for title, holds in held if not holds]
        if not held or self.missing:
            self._held = None
            return Trust.MISSING if self.missing else Trust.UNKNOWN
        now = self._clock()
        if self._held is None or self._held[0] != wanted:
            self._held = wanted, now
        return Trust.HELD if now - self._held[1] >= self._settle else Trust.MISSING

    def _registrations(self) -> Iterator[tuple[str, set[str]]]:
        for resource in (VALIDATING, MUTATING):
            for each in self._client.list(resource):
                for webhook in dig_list(each, "webhooks"):
                    yield f"{_title(each)} {dig_text(webhook, 'name')}", _trusted(dig(webhook, "clientConfig"))
        for each in self._client.list(CRDS, limit=CRDS_A_PAGE):
            config = dig(each, "spec", "conversion", "webhook", "clientConfig")
            if config is not None:
                yield _title(each), _trusted(config)


def _title(obj: JsonObject) -> str:
    return f"{dig_text(obj, 'kind')} {dig_text(obj, 'metadata', 'name')}"


def _trusted(config: JsonObject) -> set[str]:
    """Fingerprints of the authorities in a caBundle. What cannot be read trusts nobody."""
    try:
        text = base64.b64decode(dig_text(config, "caBundle"), validate=True)
    except binascii.Error:
        return set()
    return {fingerprint(c) for c in read_authorities(text)[0]}
