"""One world for all faults; after a failure the next one begins in a new one."""

import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.faults.world import World, rounds

FIRST = int(os.environ.get("FAULT_SEED", "1"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(FIRST, FIRST + rounds()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and (worlds := item.session.stash.get(WORLDS, None)) is not None:
        worlds.broken = True
    return report


class Worlds:
    def __init__(self) -> None:
        self.broken = False
        self._world: World | None = None
        self._place: tempfile.TemporaryDirectory[str] | None = None

    def get(self) -> World:
        if self.broken:
            self.end()
        if self._world is None:
            # Not in pytest's own folder: that is closed to the user of PostgreSQL.
            self._place = tempfile.TemporaryDirectory(prefix="auditor-faults-")
            Path(self._place.name).chmod(0o755)
            self._world = World(Path(self._place.name))
            self._world.build()
        return self._world

    def end(self) -> None:
        if self._world is not None:
            self._world.end()
        if self._place is not None:
            self._place.cleanup()
        self._world, self._place, self.broken = None, None, False


WORLDS = pytest.StashKey[Worlds]()


@pytest.fixture(scope="session")
def worlds(request: pytest.FixtureRequest) -> Iterator[Worlds]:
    found = request.session.stash[WORLDS] = Worlds()
    yield found
    found.end()


@pytest.fixture
def world(worlds: Worlds) -> World:
    return worlds.get()
