"""What is in use is deleted, or comes in numbers and sizes that nobody planned for."""

import contextlib
import json
import time
import uuid
from base64 import b64encode

import pytest

from auditor.cluster.resource import CRDS, NAMESPACES
from auditor.errors import ApiError, NotFoundError
from auditor.json import JsonObject
from tests.cluster.audit.conftest import ODD, POLICIES, make_crd, policy
from tests.cluster.audit.running import wait
from tests.faults.conftest import Worlds
from tests.faults.load import GADGETS, LARGE, SHOP, SMALL, THINGS, WRONG, Outcome, heavy
from tests.faults.world import NOBODY, World, well

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

TRANSACTION = 128
"""Of etcd: as many puts as it takes at once."""


def test_a_policy_is_deleted_while_it_is_asked(world: World, seed: int) -> None:
    """No request is refused for that. The policies come back: what got in meanwhile is found, and is no bypass."""
    may = frozenset({Outcome.ADMITTED})  # of what is large, while nobody says that it may not be
    with world.under(seed, may=may) as run:
        for name in ("fence", "audited", "screen"):
            world.client.delete(POLICIES, name)
            run.hold(0.1, 1)
        world.put_policies()
        run.hold(0.1, 1)


def test_a_policy_is_deleted_while_the_watcher_is_away(world: World, seed: int) -> None:
    """It was the only one for its kind: nobody follows that any more, and yet its findings have to go."""
    named = {"name": "named", "cel": "object.metadata.name == 'never'", "message": "must have another name"}
    lonely = policy("lonely", named)
    lonely["spec"]["match"]["resourceRules"] = [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]
    with world.under(seed, may=NOBODY) as run:
        world.put_policy(lonely)
        wait(lambda: any(row[0] == "lonely" for rows in world.rows().values() for row in rows), well())
        world.watcher.kill()
        world.client.delete(POLICIES, "lonely")
        run.hold(0.2, 1)
        world.watcher.start()


def test_a_crd_is_deleted_while_its_objects_are_written(world: World, seed: int) -> None:
    """Its findings go with it, and come again with it."""
    with world.under(seed, may=frozenset({Outcome.TROUBLE})) as run:
        world.client.delete(CRDS, GADGETS.name)
        run.hold(0.2, 2)
        wait(lambda: _gone(world), well())
        run.hold(0.2, 2)
        world.client.apply(CRDS, make_crd(GADGETS.plural, kind=GADGETS.kind), force=True)
        wait(lambda: _served(world), well())


def test_a_hundred_policies_at_once(world: World, seed: int) -> None:
    names = [f"many-{number}" for number in range(100)]
    with world.under(seed, may=NOBODY) as run:
        for number, name in enumerate(names):
            rule = {"name": "each", "cel": f"object.spec.replicas != {number % 12}", "message": "must be another"}
            world.client.apply(POLICIES, policy(name, rule, resources=("things", "gadgets")), force=True)
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
    with world.under(seed, may=NOBODY) as run:
        begun = time.monotonic()
        with pytest.raises(ApiError, match="fence/size"):
            world.client.create(THINGS, heavy("large", size=LARGE, kilobytes=1390))
        created = world.client.create(THINGS, heavy("heavy", size=SMALL, kilobytes=1390))
        assert time.monotonic() - begun < 10
        world.wait_reported(created)
        run.hold(0.5, 1)
    world.client.delete(THINGS, "heavy", namespace=SHOP)
    world.settle()


def test_ten_thousand_namespaces(world: World, worlds: Worlds, seed: int) -> None:
    """They are known to door and watcher, for selectors, and cost no more than that."""
    worlds.broken = True  # nobody waits for so many deletions: the next test has a new world
    with world.under(seed, may=NOBODY):
        names = [f"n{each}" for each in range(10_000)]
        for first in range(0, len(names), TRANSACTION):
            world.plane.ask_etcd(
                "kv/txn", success=[_put_namespace(each) for each in names[first : first + TRANSACTION]]
            )
        wait(lambda: len(list(world.client.list(NAMESPACES))) >= len(names), well())
        far = {"name": "far", "namespace": names[-1]}
        thing = {"apiVersion": THINGS.api_version, "kind": THINGS.kind, "metadata": far}
        created = world.client.create(THINGS, {**thing, "spec": {"size": SMALL, "replicas": WRONG}})
        world.wait_reported(created)


def _put_namespace(name: str) -> JsonObject:
    """Right into etcd, as by a restore of a backup: API servers that share two cores take minutes for so many."""
    metadata = {
        "name": name,
        "uid": str(uuid.uuid4()),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"kubernetes.io/metadata.name": name},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "status": {"phase": "Active"}}
    namespace["spec"] = {"finalizers": ["kubernetes"]}
    key, value = f"/registry/namespaces/{name}".encode(), json.dumps(namespace).encode()
    return {"requestPut": {"key": b64encode(key).decode(), "value": b64encode(value).decode()}}


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
