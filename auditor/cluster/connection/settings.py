"""What a person may say about how a cluster is reached. Everything has a default."""

from dataclasses import dataclass

from auditor.cluster.pace import BURST, QPS

CONNECT_TIMEOUT = 4.0
"""Seconds. A handshake across continents takes one. A thread that connects cannot be woken, and we end within 5 s."""
READ_TIMEOUT = 60.0
"""Seconds without a byte of the answer. API servers end ordinary calls after 60 themselves (--request-timeout)."""


@dataclass(frozen=True, slots=True)
class Settings:
    kubeconfig: str = ""
    """A path, or several joined by ":". Empty: $KUBECONFIG, ~/.kube/config, the service account of this pod."""
    context: str = ""
    as_user: str = ""
    """Takes the place of the user that the kubeconfig may impersonate, and of that one's groups and uid."""
    as_groups: tuple[str, ...] = ()
    as_uid: str = ""
    connect_timeout: float = CONNECT_TIMEOUT
    read_timeout: float = READ_TIMEOUT
    exec_timeout: float = 60.0
    """Seconds that an exec plugin may take that talks to nobody: it asks an identity provider once or twice.
    One that may ask at the terminal has ten minutes, because people log in by another device."""
    qps: float = QPS
    burst: int = BURST
