"""What all tests share: real data beside the checkout, a control plane for the session, a namespace for each test."""

import fcntl
import os
import re
import signal
import sys
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from auditor.sandbox import Sandbox
from auditor.sandbox.api import Api

# Machines are shared and slow at times; a test that hangs has the timeout of pytest. Forty examples find what is wrong
# often enough for what runs many times a day; `EXAMPLES=1000 pytest tests/unit` looks longer. What holds for two
# databases is one method of two classes.
settings.register_profile(
    "auditor",
    deadline=None,
    max_examples=int(os.environ.get("EXAMPLES", "40")),
    suppress_health_check=[HealthCheck.differing_executors],
)
settings.load_profile("auditor")

# Hundreds of programs are started by tests: where this is set, each of them compiles our modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Half of the time of all tests is that of API servers, and a quarter of theirs was Go's collector.
os.environ.setdefault("GOGC", "400")

# Who starts us in the background of a script has Ctrl-C ignored, and what we start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


class Room(pytest.Package):
    """A folder of tests. What a fixture of `scope="package"` started ends when the tests have left the folder.

    pytest does that for folders with an `__init__.py` alone, and ours have none. A control plane that nobody uses any
    more costs two per cent of a processor until it ends.
    """

    def setup(self) -> None:
        """There is no `__init__.py` to import."""


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector:
    return Room.from_parent(parent, path=path)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real CRDs and objects of public projects, which are no part of this repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the folder {SHARED_DATA.relative_to(Path(__file__).parents[2])} is not beside this checkout")
    return SHARED_DATA


def name_of_run(config: pytest.Config) -> tuple[str, int]:
    """Workers of pytest-xdist are children of the process that the person started."""
    run = os.getppid() if hasattr(config, "workerinput") else os.getpid()
    return f"tests-{run}", run


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """One for all workers of this run. It belongs to the process that the person started, and ends with it."""
    name, run = name_of_run(request.config)
    place = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):  # each worker has a folder in that of the run
        place = place.parent
    with (place / "control-plane.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first worker starts it, the others wait
        running = [s for s in Sandbox.all() if s.record.name == name and s.running]
        return running[0] if running else Sandbox.start(name, owner=run)


def pytest_unconfigure(config: pytest.Config) -> None:
    name, run = name_of_run(config)
    if run == os.getpid():
        for sandbox in Sandbox.all():
            if sandbox.record.name == name:
                sandbox.stop()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where `.ci/run` installed every tool, a test that skips is a test that is lost."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("NO_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def namespace(control_plane: Sandbox, request: pytest.FixtureRequest) -> str:
    """For this test alone.

    It ends with the control plane: deleting one costs the servers ten times what making it does. And no kubectl is
    started for it, which costs as much again.
    """
    stem = re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-")
    name = f"{stem}-{uuid.uuid4().hex[:6]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    Api(control_plane.record.url, control_plane.record.directory / "pki").create("/api/v1/namespaces", body)
    return name
