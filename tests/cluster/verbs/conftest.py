"""Clients of the real API server: as its administrator, and as somebody who may do little."""

import secrets
from collections.abc import Iterator

import pytest

from auditor.cluster import Client, Settings, connect
from auditor.cluster.resource import NAMESPACES
from auditor.sandbox import Sandbox
from tests.cluster.verbs.kinds import PLANETS, WIDGETS, install, make_crd


@pytest.fixture(scope="session")
def client(control_plane: Sandbox) -> Iterator[Client]:
    client = connect(Settings(kubeconfig=str(control_plane.kubeconfig), qps=1000, burst=1000))
    with client.transport:
        install(control_plane, client, make_crd(WIDGETS, versions=("v1beta1", "v1")), WIDGETS)
        install(control_plane, client, make_crd(PLANETS), PLANETS)
        yield client


@pytest.fixture
def namespace(client: Client) -> Iterator[str]:
    """For this test alone, by our own client: kubectl takes half a second for it."""
    name = f"verbs-{secrets.token_hex(4)}"
    client.create(NAMESPACES, {"metadata": {"name": name}})
    yield name
    client.delete(NAMESPACES, name)
