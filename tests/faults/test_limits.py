"""What programs take for granted is not so: time, certificates, memory, room on disks, and being of one version."""

import base64
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from auditor.certs import read_data
from auditor.cluster.resource import SECRETS
from tests.cluster.audit.conftest import NAMESPACE
from tests.cluster.audit.running import wait
from tests.faults.clock import Clock
from tests.faults.load import SMALL, THINGS, make
from tests.faults.part import Part, free_port
from tests.faults.world import NOBODY, OURS, ROOT, WELL, World, gone

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

ROOM = 4 << 20
"""Bytes of addresses that are left: not enough for an object of a megabyte and what is made of it."""


@contextmanager
def limited(number: int, most: int, *processes: psutil.Process) -> Iterator[None]:
    """A limit that the kernel keeps, for each of them."""
    before = [resource.prlimit(each.pid, number) for each in processes]
    for each, (_, hard) in zip(processes, before, strict=True):
        resource.prlimit(each.pid, number, (most, hard))
    try:
        yield
    finally:
        for each, limits in zip(processes, before, strict=True):
            if each.is_running():
                resource.prlimit(each.pid, number, limits)


@pytest.mark.parametrize("hours", [7, -7])
def test_the_clock_is_moved_by_hours(world: World, seed: int, hours: int, tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    parts = (world.door, world.watcher)
    try:
        _start_with(world, clock.environment)
        with world.under(seed, may=NOBODY) as run:
            clock.move(hours)
            run.hold(2, 4)
            clock.move(0)
        assert all(each.alive for each in parts)
    finally:
        _start_with(world, {})
        world.wait_well()


def _start_with(world: World, environment: dict[str, str]) -> None:
    for each in (world.door, world.watcher):
        each.end()
        each.environment = {**os.environ, **environment}
        each.start()
    world.wait_well()


def test_the_certificate_has_expired(world: World, seed: int) -> None:
    """Nobody renewed it, as all of us were away; who starts does it, and nobody has to help."""
    with world.under(seed, may=OURS) as run:
        assert gone(world.door.kill())
        _expire(world)
        run.hold(0.2, 1)
        world.door.start()
    assert world.door.starts


def _expire(world: World) -> None:
    secret = world.client.get(SECRETS, "auditor-webhook-certificates", namespace=NAMESPACE)
    data = {name: base64.b64decode(value) for name, value in secret["data"].items()}
    authority = read_data(data).bundle.current
    assert authority is not None
    past = datetime.now(UTC) - timedelta(days=30)
    pair = authority.issue("webhook", hosts=["127.0.0.1"], server=True, now=past, lifetime=timedelta(days=29))
    for name, value in (("tls.crt", pair.certificate_pem), ("tls.key", pair.key_pem)):
        secret["data"][name] = base64.b64encode(value).decode()
    world.client.update(SECRETS, secret)


@pytest.mark.parametrize("name", ["door", "watcher"])
def test_memory_is_at_its_limit(world: World, seed: int, name: str) -> None:
    """What there is no memory for is an error under the failurePolicy, or is judged when there is some again."""
    part: Part = getattr(world, name)
    data = {f"k{number}": "y" * 1000 for number in range(1200)}
    with world.under(seed, may=OURS if name == "door" else NOBODY) as run:
        process = part.child if name == "door" else part.process
        assert process is not None
        with limited(resource.RLIMIT_AS, process.memory_info().vms + ROOM, process):
            for number in range(6):
                world.put_anyhow(make(THINGS, f"heavy{number}", size=SMALL, replicas=2, data=data))
            run.hold(1, 2)
        if not process.is_running():  # as a kubelet would
            part.start()
    for number in range(6):
        world.delete(THINGS, f"heavy{number}")
    world.settle()


def test_the_disk_of_postgresql_is_full(world: World, seed: int) -> None:
    """No file of it may grow, the log of what it writes included: it ends, and is started when there is room."""
    assert world.postgres is not None
    try:
        resource.prlimit(world.postgres.tree()[0].pid, resource.RLIMIT_FSIZE)
    except PermissionError:
        pytest.skip("the limits of processes of another user may not be set here")
    with world.under(seed, may=NOBODY) as run:
        with limited(resource.RLIMIT_FSIZE, 8192, *world.postgres.tree()):
            run.hold(2, 4)
        if world.postgres.running:
            world.postgres.kill()  # what it could not write it does not know either
        world.postgres.start()


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The same tree, of another version."""
    root = tmp_path / "newer"
    root.mkdir()
    for name in ("auditor", "certs", "policies", "webhooks", "tests"):
        shutil.copytree(ROOT / name, root / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    file = root / "auditor" / "__init__.py"
    text = file.read_text()
    file.write_text(text.replace('__version__ = "', '__version__ = "9.'))
    assert file.read_text() != text
    return root


def test_two_versions_side_by_side(world: World, seed: int, newer: Path) -> None:
    """An upgrade, replica by replica, while all goes on; and the way back."""
    listen = free_port()
    door, watcher = world.make_door("newer-door", listen, root=newer), world.make_watcher("newer-watcher", root=newer)
    older = (world.door, world.watcher, world.listen)
    try:
        for new in ((door, watcher, listen), older):
            with world.under(seed, may=OURS) as run:
                for each in new[:2]:
                    each.start()
                wait(lambda each=new[0]: each.ready, WELL)  # type: ignore[misc]
                run.hold(0.5, 2)
                world.lead_to(new[2])
                ending = (world.door, world.watcher)
                world.door, world.watcher = new[:2]
                for each in ending:
                    each.end()
            assert ("9." in world.watcher.get("/metrics")[1]) is (new is not older)
    finally:
        world.door, world.watcher, world.listen = older
        world.lead_to(world.listen)
        for each in (door, watcher):
            each.end()
        world.wait_well()
