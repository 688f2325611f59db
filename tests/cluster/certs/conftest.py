"""What the tests of certificates share: a client of the real API server, and keepers with a clock of their own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from auditor.certs import Lifetimes
from auditor.cluster import Client, Settings, connect
from auditor.sandbox import Sandbox
from auditor.webhooks.certificates.material import Trusting
from auditor.webhooks.certificates.own import SecretKeeper, SecretSettings

HOST = "door.auditor.svc"


class Clock:
    """Certificates are checked by TLS at the real time: this one begins there."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture(scope="session")
def client(control_plane: Sandbox) -> Iterator[Client]:
    client = connect(Settings(kubeconfig=str(control_plane.kubeconfig)))
    yield client
    client.transport.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Replica = Callable[..., SecretKeeper]


@pytest.fixture
def replica(client: Client, namespace: str, clock: Clock) -> Replica:
    """Another keeper of this test's Secret; without memory, as after a restart."""

    def start(
        trust: Trusting | None = None, times: Lifetimes | None = None, hosts: tuple[str, ...] = (HOST,)
    ) -> SecretKeeper:
        settings = SecretSettings(namespace=namespace, hosts=hosts, times=times or Lifetimes())
        return SecretKeeper(client, settings, trust=trust, clock=clock)

    return start
