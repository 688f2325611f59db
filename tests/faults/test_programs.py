"""Each program is killed, and each is frozen, at a moment that nobody chose."""

import pytest

from tests.cluster.audit.running import wait
from tests.faults.world import NOBODY, OURS, THEIRS, World, gone, well

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("name", ["etcd", "api"])
def test_the_control_plane_is_killed(world: World, seed: int, name: str) -> None:
    part = getattr(world.plane, name)
    with world.under(seed, may=THEIRS) as run:
        part.kill()
        run.hold(0.5, 3)
        part.start()


@pytest.mark.parametrize("name", ["etcd", "api"])
def test_the_control_plane_is_frozen(world: World, seed: int, name: str) -> None:
    part = getattr(world.plane, name)
    with world.under(seed, may=THEIRS) as run:
        part.freeze()
        run.hold(2, 6)
        part.thaw()


def test_postgresql_is_killed(world: World, seed: int) -> None:
    assert world.postgres is not None
    with world.under(seed, may=NOBODY) as run:
        world.postgres.kill()
        run.hold(0.5, 3)
        world.postgres.start()


def test_postgresql_is_frozen(world: World, seed: int) -> None:
    assert world.postgres is not None
    with world.under(seed, may=NOBODY) as run:
        world.postgres.freeze()
        run.hold(2, 6)
        world.postgres.thaw()


def test_the_worker_of_the_door_is_killed(world: World, seed: int) -> None:
    with world.under(seed, may=OURS):
        killed = world.door.child
        assert killed is not None
        killed.kill()
        wait(lambda: world.door.child not in (None, killed) and world.door.ready, well())


def test_the_door_is_killed(world: World, seed: int) -> None:
    with world.under(seed, may=OURS) as run:
        assert gone(world.door.kill()), "its processes outlive it"
        run.hold(0.5, 3)
        world.door.start()


@pytest.mark.parametrize("which", ["worker", "all"])
def test_the_door_is_frozen(world: World, seed: int, which: str) -> None:
    with world.under(seed, may=OURS) as run:
        if which == "worker":
            assert world.door.child is not None
            world.door.child.suspend()
        else:
            world.door.freeze()
        run.hold(2, 6)
        world.door.thaw()


def test_the_watcher_is_killed(world: World, seed: int) -> None:
    with world.under(seed, may=NOBODY) as run:
        assert gone(world.watcher.kill()), "its processes outlive it"
        run.hold(0.5, 3)
        world.watcher.start()


def test_the_watcher_is_frozen(world: World, seed: int) -> None:
    with world.under(seed, may=NOBODY) as run:
        world.watcher.freeze()
        run.hold(2, 6)
        world.watcher.thaw()


def test_all_are_killed_at_once(world: World, seed: int) -> None:
    assert world.postgres is not None
    with world.under(seed, may=THEIRS) as run:
        left = [*world.watcher.kill(), *world.door.kill()]
        for each in (world.plane.api, world.plane.etcd, world.postgres):
            each.kill()
        assert gone(left)
        run.hold(0.5, 2)
        world.postgres.start()
        world.plane.start()
