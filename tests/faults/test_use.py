"""What is in use is deleted, or comes in numbers and sizes that nobody planned for."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from auditor.cluster.resource import CRDS, NAMESPACES
from auditor.errors import ApiError, NotFoundError
from tests.cluster.audit.conftest import ODD, POLICIES, make_crd, policy
from tests.cluster.audit.running import wait
from tests.faults.conftest import Worlds
from tests.faults.load import GADGETS, LARGE, SHOP, SMALL, THINGS, Outcome, connect_to, make
from tests.faults.world import NOBODY, WELL, World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

MEGABYTE = 1 << 20


def test_a_policy_is_deleted_while_it_is_asked(world: World, seed: int) -> None:
    """No request is refused for that. The policies come back: what got in meanwhile is found, and is no bypass."""
    may = frozenset({Outcome.ADMITTED})  # of what is large, while nobody says that it may not be
    with world.under(seed, may=may) as run:
        for name in ("fence", "audited", "screen"):
            world.client.delete(POLICIES, name)
            run.hold(0.1, 1)
        world.put_policies()
        run.hold(0.1, 1)


def test_a_crd_is_deleted_while_its_objects_are_written(world: World, seed: int) -> None:
    """Its findings go with it, and come again with it."""
    with world.under(seed, may=frozenset({Outcome.TROUBLE})) as run:
        world.client.delete(CRDS, GADGETS.name)
        run.hold(0.2, 2)
        wait(lambda: _gone(world), WELL)
        run.hold(0.2, 2)
        world.client.apply(CRDS, make_crd(GADGETS.plural, kind=GADGETS.kind), force=True)
        wait(lambda: _served(world), WELL)


def test_a_hundred_policies_at_once(world: World, seed: int) -> None:
    names = [f"many-{number}" for number in range(100)]
    with world.under(seed, may=NOBODY) as run:
        for number, name in enumerate(names):
            rule = {"name": "each", "cel": f"object.spec.replicas != {number % 12}", "message": "must be another"}
            world.client.apply(POLICIES, policy(name, ODD, rule, resources=("things", "gadgets")), force=True)
        run.hold(1, 3)
    with world.under(seed, may=NOBODY) as run:
        for name in names:
            world.client.delete(POLICIES, name)
        run.hold(1, 3)


def test_a_crd_of_a_megabyte(world: World, seed: int) -> None:
    schema = {
        "type": "object",
        "properties": {
            f"field{number}": {"type": "object", "description": "x" * 800, "properties": {"a": {"type": "string"}}}
            for number in range(1150)
        },
    }
    crd = make_crd("giants", spec=schema)
    with world.under(seed, may=NOBODY) as run:
        try:
            world.client.create(CRDS, crd)  # created, not applied: managed fields would double it
            run.hold(1, 3)
            world.client.apply(POLICIES, policy("of-giants", ODD, resources=("giants",)), force=True)
            run.hold(1, 3)
        finally:
            for resource, name in ((POLICIES, "of-giants"), (CRDS, "giants.example.com")):
                with contextlib.suppress(NotFoundError):
                    world.client.delete(resource, name)


def test_an_object_as_large_as_etcd_takes_them(world: World, seed: int) -> None:
    """1.4 MB: judged at the door, both ways, and followed; a moment later it is gone."""
    data = {f"k{number}": "y" * 1000 for number in range(1390)}
    with world.under(seed, may=NOBODY) as run:
        begun = time.monotonic()
        with pytest.raises(ApiError, match="fence/size"):
            world.client.create(THINGS, make(THINGS, "large", size=LARGE, replicas=2, data=data))
        created = world.client.create(THINGS, make(THINGS, "heavy", size=SMALL, replicas=2, data=data))
        assert time.monotonic() - begun < 10
        uid = created["metadata"]["uid"]
        wait(lambda: uid in world.rows(), WELL, lambda: world.watcher.said)
        run.hold(0.5, 1)
    world.client.delete(THINGS, "heavy", namespace=SHOP)
    world.settle()


def test_ten_thousand_namespaces(world: World, worlds: Worlds, seed: int) -> None:
    """They are known to door and watcher, for selectors, and cost no more than that."""
    worlds.broken = True  # nobody waits for so many deletions: the next test has a new world
    client = connect_to(world.plane.plan.kubeconfig, timeout=30)
    with world.under(seed, may=NOBODY), client.transport, ThreadPoolExecutor(8) as pool:
        made = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"n{each}"}} for each in range(10_000)]
        for _ in pool.map(lambda each: client.create(NAMESPACES, each), made):
            pass
        thing = {"apiVersion": "example.com/v1", "kind": "Thing", "spec": {"size": SMALL, "replicas": 2}}
        created = client.create(THINGS, {**thing, "metadata": {"name": "far", "namespace": "n9999"}})
        wait(lambda: created["metadata"]["uid"] in world.rows(), WELL, lambda: world.watcher.said)


def _gone(world: World) -> bool:
    try:
        world.client.get(CRDS, GADGETS.name)
    except NotFoundError:
        return True
    return False


def _served(world: World) -> bool:
    try:
        list(world.client.list(GADGETS))
    except ApiError:
        return False
    return True
