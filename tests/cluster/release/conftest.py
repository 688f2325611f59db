"""What the tests of a release share."""

import fcntl
import os

import pytest

from tests.cluster.release.alone import Installed, install


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """One for all workers of this run."""
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a folder in that of the run
        place = place.parent
    directory = place / "installed"
    with (place / "installed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first worker makes it, the others wait
        if not (directory / "dist").is_dir():
            install(directory)
    return Installed(directory, next((directory / "dist").glob("*.whl")))
