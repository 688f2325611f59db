"""Our CRDs on the real API server, for all tests of this folder."""

import contextlib
import ssl
from collections.abc import Iterator

import pytest

from auditor import crds
from auditor.sandbox import Sandbox
from tests.cluster.schema.oracle import Oracle, Resource
from tests.unit.crds.schemas import KINDS, read_crd


@pytest.fixture(scope="session")
def oracle(control_plane: Sandbox) -> Iterator[Oracle]:
    pki = control_plane.record.directory / "pki"
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    with contextlib.closing(Oracle(control_plane.record.url, context)) as oracle:
        yield oracle


@pytest.fixture(scope="session")
def resources(oracle: Oracle) -> dict[str, Resource]:
    """By the names of the CRDs: installed, and the server judges by them."""
    installed = {name: oracle.install(read_crd(name)) for name in crds.names()}
    for name, resource in installed.items():
        metadata = {"name": "probe"}
        resource.wait("v1", {"apiVersion": "auditor.dev/v1", "kind": KINDS[name], "metadata": metadata, "spec": 1})
    return installed
