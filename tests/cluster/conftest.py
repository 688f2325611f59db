"""The real API server as an oracle, for all tests that ask it whether we are right."""

import contextlib
import sys
from collections.abc import Iterator

import pytest

from auditor.sandbox import Sandbox
from tests import nursery
from tests.cluster.oracle import Oracle

nursery.opened = sys.platform == "linux"  # elsewhere it is not safe to fork


@pytest.fixture(scope="session")
def oracle(control_plane: Sandbox) -> Iterator[Oracle]:
    with contextlib.closing(Oracle(control_plane)) as oracle:
        yield oracle
