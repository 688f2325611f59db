"""While 20 things a second change the watcher is killed, its disk is full, its database goes: afterwards reports,
history and a fresh look agree, and nothing is told twice."""

import os
import random
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster.audit.churn import Churn
from tests.cluster.audit.conftest import FEW, ODD, POLICIES, Stage, Start, policy
from tests.cluster.audit.past import check_turns, open_findings, read_turns, reported, tell_apart
from tests.cluster.audit.running import Watch, wait
from tests.cluster.history.conftest import create_database, make_server
from tests.cluster.history.server import Server

STATIC = 6
"""Objects that nobody changes: their findings are opened once, whatever happens."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # Not in pytest's own folder: that is closed to the user nobody.
    with tempfile.TemporaryDirectory(prefix="auditor-pg-") as place:
        Path(place).chmod(0o755)
        found = make_server(Path(place) / "server")
        try:
            yield found
        finally:
            if found.running:
                found.stop("immediate")


def fill(stage: Stage) -> set[str]:
    """The uids of those that nobody changes."""
    stage.put(POLICIES, policy("one", ODD, FEW))
    return {stage.write(f"static{number}", replicas=2 * number) for number in range(STATIC)}


def settle(stage: Stage, url: str, static: set[str], *programs: Watch) -> None:
    """All three agree, and each finding has the turns that it can have."""
    stage.wait_equal(*programs)
    said = programs[-1]
    wait(lambda: open_findings(url) == reported(stage), why=lambda: f"{tell_apart(stage, url)}\n{said.text[-3000:]}")
    stage.wait_equal(*programs)
    check_turns(url)
    turns = read_turns(url)
    there_to_stay = {row[4] for uid, rows in stage.rows(checks=True).items() if uid in static for row in rows}
    assert len(there_to_stay) >= STATIC
    assert {each: turns[each] for each in there_to_stay} == {each: ["opened"] for each in there_to_stay}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'history.db'}"
    return create_database(request.getfixturevalue("server"))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment(stage: Stage, start: Start, url: str, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 to be repeated
    static = fill(stage)
    with Churn(stage, seed=seed) as churn:
        for _ in range(4):
            program = start("--database-url", url, quick=True, ready=draw.random() < 0.7)
            churn.rest(draw.uniform(0, 3))
            program.kill()
        program = start("--database-url", url, quick=True)
        churn.rest(1)
    settle(stage, url, static, program)
    assert program.stop() < 10
    assert open_findings(url) == reported(stage)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgresql_is_restarted(stage: Stage, start: Start, server: Server, mode: str) -> None:
    url = create_database(server)
    static = fill(stage)
    with Churn(stage) as churn:
        program = start("--database-url", url)
        churn.rest(2)
        for pause in (0.0, 3.0):
            server.stop(mode)
            churn.rest(pause)
            server.start()
            churn.rest(2)
    settle(stage, url, static, program)
    metrics = program.metrics()
    assert metrics["auditor_history_dropped_total"] == 0
    assert metrics["auditor_history_failing"] == 0
    assert program.stop() < 10


@pytest.mark.timeout(120)
def test_it_starts_and_ends_while_postgresql_is_away(stage: Stage, start: Start, server: Server) -> None:
    url = create_database(server)
    static = fill(stage)
    server.stop()
    try:
        program = start("--database-url", url, quick=True)
        stage.wait_equal(program)
        wait(lambda: program.metrics()["auditor_history_failing"] == 1)
        assert program.stop() < 10
        program = start("--database-url", url, quick=True)
        stage.wait_equal(program)
    finally:
        server.start()
    settle(stage, url, static, program)


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def disk(tmp_path: Path, ends: ExitStack) -> Path:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "auditor-test", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    ends.callback(subprocess.run, ["umount", "--lazy", str(place)], check=True)
    return place


def fill_disk(place: Path) -> Path:
    found = place / "filler"
    with found.open("wb", buffering=0) as sink:
        try:
            while True:
                sink.write(bytes(4096))
        except OSError:
            return found


@pytest.mark.timeout(120)
def test_the_disk_is_full(stage: Stage, start: Start, disk: Path) -> None:
    url = f"sqlite:///{disk / 'history.db'}"
    static = fill(stage)
    with Churn(stage) as churn:
        program = start("--database-url", url, quick=True)
        wait(lambda: reported(stage) & open_findings(url) != set())
        filler = fill_disk(disk)
        wait(lambda: program.metrics()["auditor_history_failing"] == 1, why=lambda: program.text[-3000:])
        assert "Make room on its disk" in program.text
        churn.rest(2)
        filler.unlink()
        churn.rest(1)
    settle(stage, url, static, program)
    assert program.metrics()["auditor_history_dropped_total"] == 0

    # Killed while the disk is full; who comes next finds it full.
    with Churn(stage, seed=2) as churn:
        filler = fill_disk(disk)
        wait(lambda: program.metrics()["auditor_history_failing"] == 1)
        program.kill()
        program = start("--database-url", url, quick=True)
        churn.rest(2)
        filler.unlink()
    settle(stage, url, static, program)
    assert program.stop() < 10


@pytest.mark.timeout(120)
def test_no_file_may_grow(stage: Stage, start: Start, tmp_path: Path) -> None:
    """A quota that the kernel keeps: also for who is not root."""
    url = f"sqlite:///{tmp_path / 'history.db'}"
    static = fill(stage)
    with Churn(stage) as churn:
        program = start("--database-url", url)
        wait(lambda: reported(stage) & open_findings(url) != set())
        _, hard = resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
        wait(lambda: program.metrics()["auditor_history_failing"] == 1, why=lambda: program.text[-3000:])
        churn.rest(2)
        resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    begun = time.monotonic()
    settle(stage, url, static, program)
    assert time.monotonic() - begun < 30, "it comes back by itself"
    assert program.stop() < 10
