"""Processes fight for a Lease on the real API server: frozen, cut off, with wrong clocks. Never two that write."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.cluster import Client
from auditor.cluster.resource import LEASES
from tests.cluster.lease.conftest import Start, Written
from tests.cluster.lease.member import DURATIONS
from tests.cluster.lease.process import Member, wait_until
from tests.cluster.lease.proxy import Proxy

Log = Callable[[], list[Written]]
TAKEOVER = DURATIONS.lease + 2 * 1.2 * DURATIONS.retry + 1.0
"""The lease, one round until the last renewal was seen, one more to take it; and a second for a busy machine."""


def leader_of(members: list[Member], written: Log) -> Member:
    """Whoever writes."""
    wait_until(lambda: len(written()) > 0, "somebody writes")
    return next(m for m in members if m.name == written()[-1].member)


def check_order(log: list[Written]) -> None:
    """Terms follow each other: nobody writes once somebody of a later term has."""
    tokens = [w.token for w in log]
    assert tokens == sorted(tokens), [(w.member, w.token) for w in log]
    assert len({(w.member, w.token) for w in log}) == len(set(tokens)), "one term of two members"


@pytest.mark.parametrize("count", [2, 3])
def test_frozen_leader_writes_nothing_more(start: Start, written: Log, count: int) -> None:
    members = [start("elect", f"member-{n}") for n in range(count)]
    for _ in range(2):
        before = len(written())
        wait_until(lambda before=before: len(written()) > before, "somebody writes")  # type: ignore[misc]
        leader = leader_of(members, written)
        others = [m for m in members if m is not leader]
        heard = len(leader.said)
        leader.freeze()
        frozen = time.monotonic()
        wait_until(lambda leader=leader: written()[-1].member != leader.name, "another one writes")  # type: ignore[misc]
        assert time.monotonic() - frozen < TAKEOVER
        leader.thaw()
        assert "in time" in leader.await_word("lost", after=heard)
        assert any(written()[-1].member == m.name for m in others)
        more = len(written()) + 5
        wait_until(lambda more=more: len(written()) >= more, "the next one goes on")  # type: ignore[misc]
        check_order(written())


def test_wall_clocks_are_not_compared(start: Start, written: Log) -> None:
    """A day ahead and a day behind: neither is taken over from, nor waited for longer."""
    ahead = start("elect", "ahead", wall_offset=86_400)
    ahead.await_word("gained")
    behind = start("elect", "behind", wall_offset=-86_400)
    behind.await_word("started")
    count = len(written()) + 40  # some lease times
    wait_until(lambda: len(written()) >= count, "the first one goes on")
    assert {w.member for w in written()} == {"ahead"}
    ahead.kill()
    killed = time.monotonic()
    behind.await_word("gained")
    assert time.monotonic() - killed < TAKEOVER
    wait_until(lambda: written()[-1].member == "behind", "the other one writes")
    check_order(written())


def test_leader_that_is_cut_off_stops_by_itself(start: Start, written: Log, proxied: tuple[Proxy, Path]) -> None:
    proxy, kubeconfig = proxied
    cut = start("elect", "cut-off", kubeconfig=kubeconfig)
    cut.await_word("gained")
    other = start("elect", "other")
    other.await_word("started")
    wait_until(lambda: len(written()) > 5, "the first one writes")
    proxy.stall()
    stalled = time.monotonic()
    cut.await_word("lost")  # it can be told by nobody: its own clock says so
    assert time.monotonic() - stalled < DURATIONS.renew + 1.0
    other.await_word("gained")
    assert time.monotonic() - stalled < TAKEOVER
    wait_until(lambda: written()[-1].member == "other", "the other one writes")
    proxy.resume()
    count = len(written()) + 10
    wait_until(lambda: len(written()) >= count, "the other one goes on")
    check_order(written())
    proxy.stall()
    assert cut.stop() < 5.0


def test_stopped_leader_gives_the_lease_back(start: Start, written: Log, client: Client, namespace: str) -> None:
    first = start("elect", "first")
    first.await_word("gained")
    second = start("elect", "second")
    second.await_word("started")
    assert first.stop() < 2.0
    stopped = time.monotonic()
    second.await_word("gained")
    assert time.monotonic() - stopped < 2 * DURATIONS.retry + 0.5  # long before the lease would have run out
    wait_until(lambda: written()[-1].member == "second", "the second one writes")
    check_order(written())
    assert second.stop() < 2.0
    spec = client.get(LEASES, "leader", namespace=namespace)["spec"]
    assert spec["holderIdentity"] == ""
    assert spec["leaseDurationSeconds"] == 1
    assert spec["leaseTransitions"] == 2


def test_deleted_and_edited_leases(start: Start, written: Log, client: Client, namespace: str) -> None:
    """Who leads goes on when its lease was deleted; who finds another holder in it does not."""
    members = [start("elect", f"member-{n}") for n in range(2)]
    leader = leader_of(members, written)
    client.delete(LEASES, "leader", namespace=namespace)
    count = len(written()) + 30
    wait_until(lambda: len(written()) >= count, "somebody goes on")
    check_order(written())

    def give_away(lease: dict[str, object]) -> dict[str, object]:
        return lease | {"spec": {"holderIdentity": "stranger", "leaseDurationSeconds": 2}}

    heard = [len(m.said) for m in members]
    current = leader_of(members, written)
    client.edit(LEASES, "leader", give_away, namespace=namespace)
    current.await_word("lost", after=heard[members.index(current)])
    count = len(written()) + 10
    wait_until(lambda: len(written()) >= count, "somebody leads when the stranger does not renew")
    check_order(written())
    assert leader in members
