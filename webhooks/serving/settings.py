"""What can be set of the service. Everything has a default but how the API server reaches it."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from auditor.cluster import Settings as ClusterSettings
from auditor.cluster.lease import Durations
from auditor.errors import UsageError
from auditor.operations.listen import EVERYWHERE, Listen
from auditor.webhooks.certificates.files import FilesSettings
from auditor.webhooks.certificates.tls import ClientSettings

THREADS: Final = 16
"""Of a worker. They share one interpreter, so more make nothing faster; but each client that does not go on holds one,
until it is cut off."""
DRAIN: Final = 4.0
"""Seconds from the signal to stop to the last new connection: kube-proxy and other API servers hear by then, which
takes a second or two, that this replica is not ready any more."""
AFTERMATH: Final = 5.0
"""Seconds that requests in hand, and connections that may be about to bring one, get after that."""
WATCHDOG: Final = 10
"""Seconds after which a worker whose main thread shows no sign of life is ended: a review that has waited for so long
has failed anyway (the timeout of a webhook is 10 s by default)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """How the API server reaches the service: by a Service of the cluster, or by a URL."""

    namespace: str = "auditor-system"
    """Ours: of the Service, the Secret and the Lease, and where exceptions for cluster-scoped objects count."""
    service: str = "auditor-webhook"
    port: int = 443
    url: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if self.url and (parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment):
            raise UsageError(f"{self.url!r} is no URL by which an API server calls: https://HOST[:PORT][/PATH]")

    @classmethod
    def read(cls, text: str, *, namespace: str, url: str = "") -> "Target":
        """`text` is NAME or NAME:PORT of the Service."""
        name, _, port = text.partition(":")
        if not name or (port and not (port.isdecimal() and 0 < int(port) < 65536)):
            raise UsageError(f"{text!r} is no Service: NAME or NAME:PORT")
        return cls(namespace=namespace, service=name, port=int(port or 443), url=url)

    @property
    def hosts(self) -> tuple[str, ...]:
        """For which the serving certificate has to be, the one that is called first."""
        if self.url:
            return (urlsplit(self.url).hostname or "",)
        name = f"{self.service}.{self.namespace}.svc"
        return (name, f"{name}.cluster.local")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSettings:
    """A log of whole decisions, with their objects: see DecisionLog."""

    path: Path
    share: float = 0.0
    redact: tuple[str, ...] = ()


class CrdReview(StrEnum):
    """What an update of a CRD gets that would harm stored objects."""

    OFF = "off"
    WARN = "warn"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingSettings:
    listen: Listen = field(default_factory=lambda: Listen(EVERYWHERE, 8443))
    operations: Listen = field(default_factory=lambda: Listen(EVERYWHERE, 8081))
    """With several workers each has its own operations port: this one and the next."""
    target: Target = field(default_factory=Target)
    certificates: FilesSettings | None = None
    """None: our own authority, in a Secret."""
    clients: ClientSettings | None = None
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    name: str = "auditor"
    """Of what is registered and of the Lease: beside another installation, another one."""
    break_glass_group: str = ""
    crd_impact: CrdReview = CrdReview.OFF
    decisions: DecisionSettings | None = None
    workers: int = 1
    threads: int = THREADS
    drain: float = DRAIN
    watchdog: int = WATCHDOG
    traces: bool = False
    events: bool = True
    duties: bool = True
    """Whether this replica takes part in the election of the one that registers and writes status."""
    lease: Durations = field(default_factory=Durations)
    owner: str = ""
    """KIND/NAME of the cluster-wide object that owns what is registered: with it, that goes."""
