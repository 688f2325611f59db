"""The ways between the parts are cut, slow, half open (accepted, and then nothing passes), or closed."""

from collections.abc import Callable

import pytest

from tests.faults.world import NOBODY, OURS, Run, World
from tests.proxy import Proxy

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

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
WAYS = ["API server to door", "door to API server", "watcher to API server", "watcher to PostgreSQL"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", WAYS)
def test_a_way_is(world: World, seed: int, name: str, fault: Callable[[Proxy, Run], None]) -> None:
    """The door judges by what it knows: without the API server it goes on, and without a database nobody notices."""
    way = world.ways[name]
    may = OURS if way is world.to_door else NOBODY
    with world.under(seed, may=may) as run:
        try:
            fault(way, run)
        finally:
            way.let_pass()
