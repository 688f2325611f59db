"""Election and Sharding as threads: what a process sees of them, and that they end whatever happens."""

import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from prometheus_client import REGISTRY

from auditor.cluster.lease import Durations, Election, Sharding, Token
from auditor.cluster.lease.calls import Call, Create, Delete, Get, List, Update
from auditor.cluster.lease.record import read
from auditor.errors import LeaseLostError, UnreachableError, UsageError
from auditor.json import Json, JsonObject
from tests.unit.cluster.lease.world import Server

DURATIONS = Durations(retry=0.02)
SHARDS = Durations(lease=2, renew=1.8, retry=0.02)
"""Who joins waits for the time of a lease."""


@dataclass(slots=True)
class Memory:
    """Leases in memory. A call hangs while `open` is not set, and is then given up."""

    namespace: str = "default"
    server: Server = field(default_factory=Server)
    open: threading.Event = field(default_factory=threading.Event)
    hangs: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.open.set()
        spec = {"holderIdentity": "", "leaseDurationSeconds": 1}
        self.server.put({"metadata": {"name": "leader", "namespace": "default"}, "spec": spec}, uid="shipped")

    def _perform(self, call: Call, timeout: float) -> Json:
        if not self.open.is_set():
            self.hangs.set()
            self.open.wait(30)
            raise UnreachableError("no answer")
        with self._lock:
            return self.server.perform(call)

    def get(self, name: str, *, timeout: float) -> JsonObject:
        found: JsonObject = self._perform(Get(name), timeout)
        return found

    def list(self, labels: str, *, timeout: float) -> list[JsonObject]:
        found: list[JsonObject] = self._perform(List(labels), timeout)
        return [lease for lease in found if lease["metadata"].get("labels")]

    def create(self, lease: JsonObject, *, timeout: float) -> JsonObject:
        found: JsonObject = self._perform(Create(lease), timeout)
        return found

    def update(self, lease: JsonObject, *, timeout: float) -> JsonObject:
        found: JsonObject = self._perform(Update(lease), timeout)
        return found

    def delete(self, name: str, *, uid: str, version: str, timeout: float) -> None:
        self._perform(Delete(name, uid, version), timeout)


@dataclass(slots=True)
class Heard:
    """What callbacks said, to be waited for."""

    gained: threading.Event = field(default_factory=threading.Event)
    lost: threading.Event = field(default_factory=threading.Event)
    reasons: list[str] = field(default_factory=list)

    def on_gained(self, token: Token) -> None:
        self.gained.set()

    def on_lost(self, reason: str) -> None:
        self.reasons.append(reason)
        self.lost.set()


def test_leads_writes_and_gives_back() -> None:
    leases, heard = Memory(), Heard()
    election = Election(
        leases, "leader", identity="me", durations=DURATIONS, gained=heard.on_gained, lost=heard.on_lost
    )
    with pytest.raises(LeaseLostError, match="me does not lead by the lease leader"):
        election.check()
    election.start()
    assert heard.gained.wait(5)
    assert election.leading
    assert election.status.leader == "me"
    with election.guard() as permit:
        assert permit.token == election.check()
        assert 0 < permit.left() <= DURATIONS.renew
    election.stop()
    assert heard.reasons == ["it was stopped"]
    with pytest.raises(LeaseLostError, match="any more"):
        permit.left()
    assert read(leases.server.leases["leader"]).released


def test_lease_is_not_given_back_under_a_write() -> None:
    leases, heard = Memory(), Heard()
    election = Election(leases, "leader", durations=DURATIONS, gained=heard.on_gained)
    election.start()
    assert heard.gained.wait(5)
    with election.guard():
        election.stop()
        assert not read(leases.server.leases["leader"]).released
    assert not read(leases.server.leases["leader"]).released


def test_permit_is_of_one_term() -> None:
    """Led, lost, leads again: what was begun in the first term is not finished in the second."""
    leases, heard = Memory(), Heard()
    election = Election(leases, "leader", durations=DURATIONS, gained=heard.on_gained, lost=heard.on_lost)
    election.start()
    assert heard.gained.wait(5)
    with election.guard() as permit:
        heard.gained.clear()
        leases.server.edit("leader", lambda lease: lease["spec"].update(holderIdentity="", leaseDurationSeconds=1))
        assert heard.lost.wait(5)
        assert heard.gained.wait(5)
        election.check()
        with pytest.raises(LeaseLostError):
            permit.left()
    election.stop()


@pytest.mark.parametrize("make", [lambda m: Election(m, "leader"), lambda m: Sharding(m, "shards")])
def test_stops_within_a_second_while_a_call_hangs(make: Callable[[Memory], Election | Sharding]) -> None:
    leases = Memory()
    leases.open.clear()
    subject = make(leases)
    subject.start()
    assert leases.hangs.wait(5)
    begun = time.monotonic()
    subject.stop()
    assert time.monotonic() - begun < 1.5
    leases.open.set()
    assert subject._loop.stop()  # and the thread ends with its call


def test_stops_before_it_was_started() -> None:
    Election(Memory(), "leader").stop()
    Sharding(Memory(), "shards").stop()


def test_callback_that_fails_does_not_end_the_election(caplog: pytest.LogCaptureFixture) -> None:
    leases, called = Memory(), threading.Event()

    def fail(token: Token) -> None:
        called.set()
        raise ValueError("oh")

    election = Election(leases, "leader", durations=DURATIONS, gained=fail)
    election.start()
    assert called.wait(5)
    election.check()
    election.stop()
    assert "a callback failed" in caplog.text


def test_two_shards_hand_over_when_the_write_has_ended() -> None:
    """One who comes gets its keys only when the permit of the other one was given back."""
    leases, keys = Memory(), [f"key-{n}" for n in range(50)]
    changed = threading.Condition()

    def tell(*_: object) -> None:
        with changed:
            changed.notify_all()

    def wait_for(true: Callable[[], bool]) -> bool:
        with changed:
            return changed.wait_for(true, 10)

    one = Sharding(leases, "shards", identity="one", durations=SHARDS, changed=tell)
    two = Sharding(leases, "shards", identity="two", durations=SHARDS, changed=tell)
    one.start()
    assert wait_for(lambda: all(one.owns(key) for key in keys))
    with pytest.raises(LeaseLostError, match="two does not own"), two.guard("key-1"):
        raise AssertionError("not to be reached")
    permits = [one.guard(key) for key in keys]
    held = [guard.__enter__() for guard in permits]
    two.start()
    assert wait_for(lambda: not all(one.owns(key) for key in keys))  # it begins no more writes for some
    assert all(permit.left() > 0 for permit in held)  # but ends those that it has begun
    assert not any(two.owns(key) for key in keys)
    for guard in permits:
        guard.__exit__(None, None, None)
    assert wait_for(lambda: all(one.owns(key) != two.owns(key) for key in keys))
    assert len(one.status.members) == 2
    one.stop()
    assert wait_for(lambda: all(two.owns(key) for key in keys))
    assert not one.owns(keys[0])
    two.stop()


@pytest.mark.parametrize(
    ("lease", "renew", "retry", "said"),
    [
        (0, 1.0, 0.1, "lease duration 0"),
        (3601, 10.0, 2.0, "lease duration 3601"),
        (1.5, 1.0, 0.1, "whole seconds"),
        (15, 14.0, 2.0, "at most 13.5 s"),
        (15, 0.0, 2.0, "more than 0"),
        (15, 10.0, 9.0, "less than 8.33333 s"),
        (15, 10.0, 0.0, "retry period 0"),
    ],
)
def test_durations_have_to_fit(lease: int, renew: float, retry: float, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Durations(lease=lease, renew=renew, retry=retry)


@pytest.mark.parametrize("name", ["", "Bad Name", "a/b", "-a", "x" * 254])
def test_names_that_no_lease_can_have_are_refused_at_once(name: str) -> None:
    with pytest.raises(UsageError, match="the lease of an election"):
        Election(Memory(), name)
    with pytest.raises(UsageError, match="the group of a sharding"):
        Sharding(Memory(), name)
    with pytest.raises(UsageError, match="1 to 63 characters"):
        Sharding(Memory(), "x" * 64)  # it is the value of a label


def test_a_callback_that_exits_does_not_end_the_election() -> None:
    leases, again = Memory(), threading.Event()

    def leave(_: Token) -> None:
        sys.exit(1)

    election = Election(leases, "leader", durations=DURATIONS, gained=leave)
    election.start()
    deadline = time.monotonic() + 5
    while not election.leading and time.monotonic() < deadline:
        again.wait(0.01)
    version = read(leases.server.leases["leader"]).version
    while read(leases.server.leases["leader"]).version == version and time.monotonic() < deadline:
        again.wait(0.01)
    assert read(leases.server.leases["leader"]).version != version
    assert REGISTRY.get_sample_value("auditor_cluster_leading", {"lease": "leader"}) == 1
    election.stop()
    assert REGISTRY.get_sample_value("auditor_cluster_leading", {"lease": "leader"}) == 0


def test_the_metrics_do_not_keep_an_election_that_is_over() -> None:
    election = Election(Memory(), "leader", durations=DURATIONS)
    election.start()
    election.stop()
    kept = weakref.ref(election)
    del election
    gc.collect()
    assert kept() is None
