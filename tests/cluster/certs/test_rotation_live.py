"""A whole rotation on the real API server, with clients that call all the time: not one call fails.

Three replicas serve, each from what it read last. The registration is a real ValidatingWebhookConfiguration. Clients
trust what was registered now, and what was registered a moment before, as API servers do that have not seen the change.
"""

import base64
import random
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest

from auditor.certs import Action, Lifetimes, Step, Trust
from auditor.certs.bundle import fingerprint
from auditor.cluster import Client
from auditor.cluster.access import dig_list
from auditor.errors import ClusterError
from auditor.json import JsonObject
from auditor.webhooks.certificates.own import SecretKeeper
from auditor.webhooks.certificates.registered import VALIDATING, Registered
from auditor.webhooks.certificates.tls import TlsSource
from tests.cluster.certs.conftest import HOST, Clock, Replica
from tests.unit.webhooks.certificates.door import Door, call, open_door

SETTLE = timedelta(seconds=60)


class Registration:
    """One configuration with one webhook that matches nothing that there is."""

    def __init__(self, client: Client) -> None:
        self.client, self.name = client, f"certs-{uuid.uuid4().hex[:8]}"

    def write(self, authorities: bytes) -> None:
        webhook = {
            "name": "door.auditor.dev",
            "clientConfig": {"url": f"https://{HOST}/validate", "caBundle": base64.b64encode(authorities).decode()},
            "rules": [
                {"apiGroups": ["none.example.com"], "apiVersions": ["v1"], "resources": ["none"], "operations": ["*"]}
            ],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        meta = {"name": self.name}
        body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": VALIDATING.kind}
        self.client.apply(VALIDATING, body | {"metadata": meta, "webhooks": [webhook]}, force=True)

    def read(self) -> bytes:
        found = self.client.get(VALIDATING, self.name)
        return base64.b64decode(dig_list(found, "webhooks")[0]["clientConfig"]["caBundle"])

    def delete(self) -> None:
        self.client.delete(VALIDATING, self.name)


@pytest.fixture
def registration(client: Client) -> Iterator[Registration]:
    registration = Registration(client)
    yield registration
    registration.delete()


class Clients:
    """Call every door with every bundle that may be in use, until they are told to stop."""

    def __init__(self) -> None:
        self.doors: list[Door] = []
        self.bundles: list[bytes] = []
        self.calls = 0
        self.failures: list[str] = []
        self._round, self._stopping = threading.Condition(), False
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._thread.join()

    def wait_for_rounds(self, count: int) -> None:
        """So that what is true now has been called, by all of them."""
        with self._round:
            for _ in range(count):
                assert self._round.wait(30)

    def _run(self) -> None:
        while not self._stopping:
            bundles = list(self.bundles)
            for number, door in enumerate(self.doors):
                for bundle in bundles:
                    try:
                        call(door, bundle, any_time=True)
                    except OSError as error:  # those of TLS among them
                        self.failures.append(f"replica {number}: {error}")
                    self.calls += 1
            with self._round:
                self._round.notify_all()


def test_rotation_with_calls_all_the_time(
    client: Client, replica: Replica, clock: Clock, registration: Registration
) -> None:
    times = Lifetimes(authority=timedelta(days=30), serving=timedelta(days=9), settle=SETTLE)
    keepers = [replica(Registered(client, SETTLE, clock=clock).trust, times) for _ in range(3)]
    sources = [TlsSource() for _ in keepers]
    dice = random.Random(20260101)  # noqa: S311 the same order in every run
    taken: list[Action] = []
    authorities: set[str] = set()

    def look(number: int) -> None:
        keepers[number].refresh()
        taken.extend(step.action for step in keepers[number].taken)
        material, bundle = keepers[number].material, keepers[number].bundle
        assert material
        assert bundle
        assert bundle.current
        assert material.expiry > clock.now
        authorities.add(fingerprint(bundle.current.pair.certificate))
        sources[number].offer(material)

    def register() -> None:
        """By whoever has read the Secret just now."""
        look(0)
        material = keepers[0].material
        assert material
        assert material.authorities
        if material.authorities != registration.read():
            clients.bundles = [registration.read(), material.authorities]  # the old one is still in use
            registration.write(material.authorities)

    clients = Clients()
    for number in range(3):
        look(number)
    material = keepers[0].material
    assert material
    assert material.authorities
    registration.write(material.authorities)
    with open_door(sources[0]) as one, open_door(sources[1]) as two, open_door(sources[2]) as three:
        clients.doors, clients.bundles = [one, two, three], [registration.read()]
        clients.start()
        try:
            for _ in range(18):  # 54 days
                clock.advance(days=3)
                for number in dice.sample(range(3), 3):
                    look(number)
                    clients.wait_for_rounds(1)
                register()
                clients.wait_for_rounds(2)
                clock.now += SETTLE / 2
                for number in dice.sample(range(3), dice.randrange(1, 4)):  # some are late
                    look(number)
                clock.now += SETTLE / 2
                clients.bundles = [registration.read()]
        finally:
            clients.stop()
    assert clients.failures == []
    assert clients.calls > 100
    assert len(authorities) == 3
    steps = [a for a in taken if a is not Action.ISSUE]
    assert steps == [Action.START, Action.ADD, Action.SWITCH, Action.DROP, Action.ADD, Action.SWITCH, Action.DROP]


def test_what_is_registered_decides(client: Client, replica: Replica, clock: Clock, registration: Registration) -> None:
    registered = Registered(client, SETTLE, clock=clock)
    keeper = replica(registered.trust)
    keeper.refresh()
    keeper.refresh(force=Action.ADD)
    bundle = keeper.bundle
    assert bundle
    assert bundle.coming
    coming = bundle.coming.authority.pair.certificate

    known = bundle.authorities

    def trust() -> Trust:
        return registered.trust(coming, known)

    assert trust() is Trust.UNKNOWN  # nothing is registered that knows us
    old = [c for c in bundle.authorities if c != coming]
    registration.write(bundle.authorities_pem.replace(bundle.coming.authority.pair.certificate_pem, b""))
    assert trust() is Trust.MISSING
    assert registered.missing == [f"ValidatingWebhookConfiguration {registration.name} door.auditor.dev"]
    registration.write(bundle.authorities_pem)
    assert trust() is Trust.MISSING  # registered, and not yet seen by all
    clock.now += SETTLE - timedelta(seconds=1)
    assert trust() is Trust.MISSING
    clock.now += timedelta(seconds=1)
    assert trust() is Trust.HELD
    registration.write(bundle.authorities_pem.replace(bundle.coming.authority.pair.certificate_pem, b""))
    assert trust() is Trust.MISSING
    registration.write(bundle.authorities_pem)
    assert trust() is Trust.MISSING  # the time begins anew
    assert len(old) == 1


def test_registration_that_may_not_be_read_leaves_it_to_time(replica: Replica, clock: Clock) -> None:
    class Forbidden:
        def list(self, *_: object) -> Iterator[JsonObject]:
            raise ClusterError("forbidden")

    registered = Registered(Forbidden(), SETTLE, clock=clock)  # type: ignore[arg-type]  # that is all it calls
    keeper = replica(registered.trust)
    keeper.refresh()
    keeper.refresh(force=Action.ADD)
    assert keeper.taken == [Step(Action.ADD, "it was asked for")]
    assert keeper.step.action is Action.NOTHING
    clock.now += timedelta(hours=24)
    keeper.refresh()
    assert [s.action for s in keeper.taken] == [Action.SWITCH]


def test_pauses_are_until_the_next_thing_to_do(replica: Replica, clock: Clock) -> None:
    keeper: SecretKeeper = replica()
    assert keeper.refresh() == 30.0
    clock.now += timedelta(days=60, seconds=-10)
    assert 5 < keeper.refresh() < 15
