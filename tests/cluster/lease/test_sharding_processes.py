"""Processes share keys on the real API server: each key has one owner after every change, and never two."""

import itertools
from collections.abc import Callable

import pytest

from auditor.cluster import Client
from auditor.cluster.lease.membership import GROUP
from auditor.cluster.resource import LEASES
from tests.cluster.lease.conftest import Start, Written
from tests.cluster.lease.process import Member, wait_until

KEYS = [f"key-{n}" for n in range(6)]
Log = Callable[[], list[Written]]


def settled(members: list[Member]) -> Callable[[], bool]:
    """Each key has one owner among these, and none of them owns nothing that another one claims."""
    return lambda: sorted(itertools.chain(*(m.owned for m in members))) == KEYS


def check_changes(log: list[Written], *, changes: int) -> None:
    """Two that own a key at one time would write by turns; who hands over once is one change of the writer."""
    for key in KEYS:
        writers = [w.member for w in log if w.key == key]
        turns = [name for name, _ in itertools.groupby(writers)]
        assert len(turns) <= changes + 1, f"{key}: {turns}"


@pytest.mark.timeout(180)
def test_members_come_freeze_and_go(start: Start, written: Log, client: Client, namespace: str) -> None:
    first = start("share", "first", wall_offset=5000)
    wait_until(settled([first]), "the first one owns all")
    assert first.owned == KEYS
    second = start("share", "second", wall_offset=-5000)
    third = start("share", "third")
    both = [first, second, third]
    wait_until(lambda: settled(both)() and len(client_members(client, namespace)) == 3, "three share")
    wait_until(lambda: settled(both)() and bool(second.owned or third.owned), "those who came own some")

    second.freeze()
    wait_until(settled([first, third]), "two share what three had")
    count = len(written()) + 20
    wait_until(lambda: len(written()) >= count, "they write")
    said = len(second.said)
    second.thaw()
    assert second.await_word("owns", after=said)
    wait_until(lambda: settled(both)() and bool(second.owned), "three share again")

    assert third.stop() < 3.0
    wait_until(settled([first, second]), "two share after one has stopped")
    check_changes(written(), changes=5)

    client.delete(LEASES, names_of(client, namespace, "second")[0], namespace=namespace)
    wait_until(lambda: second.owned == [], "who has lost its lease owns nothing")
    wait_until(lambda: settled([first, second])() and bool(second.owned), "it comes again")
    check_changes(written(), changes=7)


def client_members(client: Client, namespace: str) -> list[str]:
    return [lease["metadata"]["name"] for lease in client.list(LEASES, namespace=namespace, labels=f"{GROUP}=shards")]


def names_of(client: Client, namespace: str, holder: str) -> list[str]:
    leases = client.list(LEASES, namespace=namespace, labels=f"{GROUP}=shards")
    return [lease["metadata"]["name"] for lease in leases if lease["spec"]["holderIdentity"] == holder]
