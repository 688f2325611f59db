"""The real API server as an oracle, for all tests that ask it whether we are right."""

import contextlib
from collections.abc import Iterator

import pytest

from auditor.sandbox import Sandbox
from tests.cluster.oracle import Oracle


@pytest.fixture(scope="session")
def oracle(control_plane: Sandbox) -> Iterator[Oracle]:
    with contextlib.closing(Oracle(control_plane)) as oracle:
        yield oracle
