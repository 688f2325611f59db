"""Our CRDs on the real API server, for all tests of this folder."""

import pytest

from auditor import crds
from tests.cluster.oracle import Oracle, Resource
from tests.unit.crds.schemas import KINDS, read_crd


@pytest.fixture(scope="session")
def resources(oracle: Oracle) -> dict[str, Resource]:
    """By the names of the CRDs: installed, and the server judges by them."""
    installed = {name: oracle.install(read_crd(name)) for name in crds.names()}
    for name, resource in installed.items():
        metadata = {"name": "probe"}
        probe = {"apiVersion": "auditor.dev/v1", "kind": KINDS[name], "metadata": metadata, "spec": 1}
        resource.wait("v1", probe, "spec in body must be of type object")
    return installed
