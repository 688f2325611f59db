"""Turf over the Leases of the real API server."""

import threading
from collections.abc import Callable, Iterator

import pytest

from auditor.audit.turf import NAME, Leading, Shared, Turf
from auditor.cluster import Client, Settings, connect
from auditor.cluster.lease import Durations, LeaseApi
from auditor.cluster.resource import LEASES
from auditor.errors import LeaseLostError
from auditor.sandbox import Sandbox

KINDS = [f"kind{n}s.example.com" for n in range(12)]
DURATIONS = Durations(lease=2, renew=1.4, retry=0.2)


@pytest.fixture
def client(control_plane: Sandbox) -> Iterator[Client]:
    found = connect(Settings(kubeconfig=str(control_plane.kubeconfig)))
    yield found
    found.transport.close()


class Team:
    """Watchers that run, and what they told."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._leases = LeaseApi(client.transport, namespace)
        self._changed = threading.Condition()
        self.members: list[Turf] = []

    def add(self, make: type[Leading] | type[Shared]) -> Turf:
        turf = make(self._leases, durations=DURATIONS)
        turf.subscribe(self._tell)
        turf.start()
        self.members.append(turf)
        return turf

    def wait_for(self, true: Callable[[], bool]) -> bool:
        with self._changed:
            return self._changed.wait_for(true, 30)

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()


@pytest.fixture
def team(client: Client, namespace: str) -> Iterator[Team]:
    team = Team(client, namespace)
    yield team
    for each in team.members:
        each.stop()


def owned(turf: Turf) -> list[str]:
    return [kind for kind in KINDS if turf.owns(kind)]


def test_one_leads_and_the_next_takes_over(team: Team, client: Client, namespace: str) -> None:
    one = team.add(Leading)
    assert team.wait_for(lambda: owned(one) == KINDS)
    two = team.add(Leading)
    lease = client.get(LEASES, NAME, namespace=namespace)
    assert lease["spec"]["holderIdentity"] == one.status.holder
    with one.guard(KINDS[0]) as permit:
        assert permit.left() > 0
    one.stop()
    assert team.wait_for(lambda: owned(two) == KINDS)
    assert owned(one) == []
    with pytest.raises(LeaseLostError):
        permit.left()


def test_two_share_and_one_inherits(team: Team, client: Client, namespace: str) -> None:
    one = team.add(Shared)
    assert team.wait_for(lambda: owned(one) == KINDS)
    two = team.add(Shared)
    assert team.wait_for(lambda: bool(owned(two)) and sorted(owned(one) + owned(two)) == sorted(KINDS))
    names = sorted(lease["metadata"]["name"] for lease in client.list(LEASES, namespace=namespace))
    assert tuple(names) == one.status.members
    one.stop()
    assert team.wait_for(lambda: owned(two) == KINDS)
