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
from auditor.json import JsonObject
from tests.cluster.audit.conftest import NAMESPACE
from tests.cluster.audit.running import wait
from tests.faults.clock import Clock
from tests.faults.disk import Disk
from tests.faults.load import SMALL, THINGS, heavy
from tests.faults.part import Part, free_port
from tests.faults.world import NOBODY, OURS, ROOT, THEIRS, World, gone, well
from tests.unit.report.history.cases import rows

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

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
    with world.under(seed, may=OURS if name == "door" else NOBODY) as run:
        process = part.child if name == "door" else part.process
        assert process is not None
        with limited(resource.RLIMIT_AS, process.memory_info().vms + ROOM, process):
            for number in range(6):
                world.put_anyhow(heavy(f"heavy{number}", size=SMALL, kilobytes=1200))
            run.hold(1, 2)
        if not process.is_running():  # as a kubelet would
            part.start()
    for number in range(6):
        world.delete(THINGS, f"heavy{number}")
    world.settle()


def test_the_disk_of_postgresql_is_full(world: World, seed: int) -> None:
    """Nobody at the door notices, and what could not be written is, as soon as there is room."""
    assert world.postgres is not None
    if world.postgres.disk is None:
        pytest.skip("a small disk for PostgreSQL could not be mounted")
    with world.under(seed, may=NOBODY) as run:
        with world.postgres.disk.full():
            wait(world.history_fails, well(), lambda: world.watcher.said)
            run.hold(2, 4)
        world.postgres.start()  # without room it may have ended


def test_the_disk_of_sqlite_is_full(world: World, seed: int) -> None:
    place = world.folder / "sqlite"
    disk = Disk.mount(place, megabytes=8)
    if disk is None:
        pytest.skip("a small disk could not be mounted")
    try:
        with world.remembering(f"sqlite:///{place / 'history.db'}"):
            world.settle()
            with world.under(seed, may=NOBODY) as run, disk.full():
                wait(world.history_fails, well(), lambda: world.watcher.said)
                run.hold(2, 4)
    finally:
        disk.end()
        place.rmdir()


def test_etcd_is_at_its_quota(world: World, seed: int) -> None:
    """It takes nothing but deletions, until somebody makes room: neither findings of ours nor the leases to write."""
    etcd = world.plane.etcd
    with world.under(seed, may=THEIRS) as run:
        try:
            _start_etcd_with(world, "--quota-backend-bytes=4096")  # less than there is already
            wait(lambda: bool(_alarms(world)), well(), lambda: etcd.said)
            run.hold(3, 6)
            assert any("database space exceeded" in each.text for each in run.load.answers), run.load.tell()
        finally:
            _start_etcd_with(world)
            for alarm in _alarms(world):
                world.plane.ask_etcd("maintenance/alarm", action="DEACTIVATE", **alarm)


def _start_etcd_with(world: World, *options: str) -> None:
    etcd = world.plane.etcd
    etcd.end()
    etcd.options = options
    etcd.start()
    wait(lambda: _answers(world), well(), lambda: etcd.said)


def _answers(world: World) -> bool:
    try:
        _alarms(world)
    except OSError:
        return False
    return True


def _alarms(world: World) -> list[JsonObject]:
    found: list[JsonObject] = world.plane.ask_etcd("maintenance/alarm", action="GET").get("alarms", [])
    return found


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
                wait(lambda each=new[0]: each.ready, well())  # type: ignore[misc]
                run.hold(0.5, 2)
                world.lead_to(new[2])
                ending = (world.door, world.watcher)
                world.door, world.watcher = new[:2]
                for each in ending:
                    each.end()
            wait(lambda mark=new is not older: _is_newer(world) is mark, well())  # type: ignore[misc]
    finally:
        world.door, world.watcher, world.listen = older
        world.lead_to(world.listen)
        for each in (door, watcher):
            each.end()
        world.wait_well()


def _is_newer(world: World) -> bool:
    """The watcher that writes now, as the history tells."""
    told = rows(world.url, "releases")
    return bool(told) and str(told[-1]["version"]).startswith("9.")
