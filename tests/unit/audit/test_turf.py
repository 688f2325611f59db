"""Turf as the watcher uses it: what it owns, whether it may write, and that it hears when that changes."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from auditor.audit.turf import Leading, Shared, Turf, TurfStatus
from auditor.cluster.lease import Durations
from auditor.errors import LeaseLostError
from tests.unit.cluster.lease.test_threads import Memory

KINDS = [f"kind{n}s.example.com" for n in range(40)]
QUICK = Durations(retry=0.02)
SHARDS = Durations(lease=2, renew=1.8, retry=0.02)
"""Who joins waits for the time of a lease."""


@dataclass(slots=True)
class Ear:
    """To be waited with until something that is told of is true."""

    count: int = 0
    _heard: threading.Condition = field(default_factory=threading.Condition)

    def hear(self) -> None:
        with self._heard:
            self.count += 1
            self._heard.notify_all()

    def wait_for(self, true: Callable[[], bool]) -> bool:
        with self._heard:
            return self._heard.wait_for(true, 10)


def owned(turf: Turf) -> list[str]:
    return [kind for kind in KINDS if turf.owns(kind)]


def refuses(turf: Turf) -> bool:
    try:
        with turf.guard(KINDS[0]):
            return False
    except LeaseLostError:
        return True


def test_one_leads_and_the_next_takes_over() -> None:
    leases, ear = Memory(), Ear()
    one = Leading(leases, "leader", identity="one", durations=QUICK)
    two = Leading(leases, "leader", identity="two", durations=QUICK)
    for turf in (one, two):
        turf.subscribe(ear.hear)
        assert owned(turf) == []
        assert refuses(turf)
    one.start()
    assert ear.wait_for(lambda: owned(one) == KINDS)
    two.start()
    with one.guard(KINDS[0]) as permit:
        assert 0 < permit.left() <= QUICK.renew
    assert owned(two) == []
    assert refuses(two)
    assert one.status == TurfStatus(leading=True, holder="one", members=(), error="")
    one.stop()
    assert ear.wait_for(lambda: owned(two) == KINDS)
    assert owned(one) == []
    assert refuses(one)
    assert two.status.holder == "two"
    two.stop()
    assert ear.wait_for(lambda: ear.count == 4)  # each gained and lost


def test_two_share_and_one_inherits() -> None:
    leases, ear = Memory(), Ear()
    one, two = Shared(leases, "shards", durations=SHARDS), Shared(leases, "shards", durations=SHARDS)
    for turf in (one, two):
        turf.subscribe(ear.hear)
    assert one.status == TurfStatus(leading=False, holder="", members=(), error="")
    one.start()
    assert ear.wait_for(lambda: owned(one) == KINDS)
    two.start()
    assert ear.wait_for(lambda: bool(owned(two)) and sorted(owned(one) + owned(two)) == sorted(KINDS))
    assert one.status.members == two.status.members == tuple(sorted([one.status.holder, two.status.holder]))
    mine = owned(two)[0]
    with two.guard(mine) as permit:
        assert 0 < permit.left() <= SHARDS.renew
    with pytest.raises(LeaseLostError), one.guard(mine):
        raise AssertionError("not to be reached")
    two.stop()
    assert owned(two) == []
    assert ear.wait_for(lambda: owned(one) == KINDS)
    one.stop()
    assert refuses(one)


def test_a_listener_that_fails_keeps_no_other_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    turf, ear = Leading(Memory(), "leader", durations=QUICK), Ear()

    def fail() -> None:
        raise ValueError("oh")

    turf.subscribe(fail)
    turf.subscribe(ear.hear)
    turf.start()
    assert ear.wait_for(lambda: ear.count == 1)
    assert turf.owns(KINDS[0])
    turf.stop()
    assert "a callback failed" in caplog.text


def test_error_of_the_lease_is_told() -> None:
    leases = Memory()
    leases.server.leases.clear()  # somebody has to create it, and waits for the time of a lease before it leads
    leases.open.clear()
    turf = Leading(leases, "leader", durations=QUICK)
    turf.start()
    assert leases.hangs.wait(5)
    leases.open.set()
    deadline = threading.Event()
    for _ in range(500):
        if turf.status.error:
            break
        deadline.wait(0.01)
    assert turf.status.error == "no answer"
    turf.stop()
