"""The real API server as an oracle, for all tests of this folder."""

import contextlib
import ssl
from collections.abc import Iterator

import pytest

from auditor.sandbox import Sandbox
from tests.cluster.schema.oracle import Oracle


@pytest.fixture(scope="session")
def oracle(control_plane: Sandbox) -> Iterator[Oracle]:
    pki = control_plane.record.directory / "pki"
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    with contextlib.closing(Oracle(control_plane.record.url, context)) as oracle:
        yield oracle
