"""The ways between the parts are cut, slow, half open (accepted, and then nothing passes), closed, or forgotten."""

from collections.abc import Callable

import pytest

from auditor.cluster import WriteOptions
from auditor.cluster.listwatch.listwatch import STALL_AFTER
from auditor.errors import InvalidError
from tests.cluster.audit.conftest import POLICIES, policy
from tests.cluster.audit.running import wait
from tests.faults.load import SMALL, THINGS, make
from tests.faults.world import NOBODY, OURS, Run, World, well
from tests.proxy import Proxy

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

SLOW = 0.15
"""Seconds for each piece: the door still answers in time."""


def cut(way: Proxy, run: Run) -> None:
    for _ in range(4):
        way.cut()
        run.hold(0.1, 1)


def slow(way: Proxy, run: Run) -> None:
    way.delay(SLOW)
    run.hold(2, 4)


def half_open(way: Proxy, run: Run) -> None:
    way.stall()
    run.hold(2, 6)


def lost(way: Proxy, run: Run) -> None:
    """Half open until somebody's patience ends: what was on its way never comes."""
    way.stall()
    run.hold(2, 5)
    way.cut()


def closed(way: Proxy, run: Run) -> None:
    way.refuse()
    way.cut()
    run.hold(1, 4)


def truncated(way: Proxy, run: Run) -> None:
    """Each connection ends in the middle of something."""
    for _ in range(4):
        way.truncate(run.draw.randrange(1, 6000))
        run.hold(0.2, 1)


FAULTS: list[Callable[[Proxy, Run], None]] = [cut, slow, half_open, lost, closed, truncated]
OUT = ("door to API server", "watcher to API server", "watcher to PostgreSQL")


@pytest.mark.parametrize("fault", FAULTS)
def test_the_way_to_the_door_is(world: World, seed: int, fault: Callable[[Proxy, Run], None]) -> None:
    with world.under(seed, may=OURS) as run:
        _meet(world.to_door, fault, run)


@pytest.mark.parametrize("fault", FAULTS)
def test_our_ways_are(world: World, seed: int, fault: Callable[[Proxy, Run], None]) -> None:
    """One after the other. The door judges by what it knows: without the API server it goes on, and without a database
    nobody notices."""
    with world.under(seed, may=NOBODY) as run:
        for name in run.draw.sample(OUT, len(OUT)):
            _meet(world.ways[name], fault, run)


def _meet(way: Proxy, fault: Callable[[Proxy, Run], None], run: Run) -> None:
    try:
        fault(way, run)
    finally:
        way.let_pass()


def test_connections_are_forgotten(world: World, seed: int) -> None:
    """Nobody is told that nothing will ever come on them. Only its silence tells a watch, and a quiet one is silent for
    a minute anyhow; until then nobody hears of what is new."""
    none = {"name": "none", "cel": "object.metadata.name != 'forbidden'", "message": "must have another name"}
    with world.under(seed, may=NOBODY, patience=STALL_AFTER) as run:
        world.door_to_api.abandon()
        world.watcher_to_api.abandon()
        run.hold(1, 3)
        world.put_policy(policy("late", none, resources=("things",), enforcement="Deny"))
        try:
            wait(lambda: _is_refused(world), STALL_AFTER + well(), lambda: world.door.said)
        finally:
            world.client.delete(POLICIES, "late")


def _is_refused(world: World) -> bool:
    dry = WriteOptions(dry_run=True, field_manager="tests")
    try:
        world.client.create(THINGS, make(THINGS, "forbidden", size=SMALL, replicas=1), options=dry)
    except InvalidError:
        return True
    return False
