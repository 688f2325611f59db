"""A client of the real API server, a kind, and a namespace for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.cluster import Client, Settings, connect
from auditor.cluster.resource import NAMESPACES
from auditor.sandbox import Sandbox
from tests.cluster.listwatch.gadgets import Objects, install, make_namespace
from tests.proxy import Proxy


def connect_to(kubeconfig: Path, *, connect_timeout: float = 10.0) -> Client:
    return connect(Settings(kubeconfig=str(kubeconfig), qps=1000, burst=1000, connect_timeout=connect_timeout))


def connect_through(proxy: Proxy, control_plane: Sandbox, directory: Path, *, connect_timeout: float = 10.0) -> Client:
    kubeconfig = directory / f"kubeconfig-{proxy.port}"
    kubeconfig.write_text(control_plane.kubeconfig.read_text().replace(control_plane.record.url, proxy.url))
    return connect_to(kubeconfig, connect_timeout=connect_timeout)


@pytest.fixture(scope="session")
def client(control_plane: Sandbox) -> Iterator[Client]:
    client = connect_to(control_plane.kubeconfig)
    with client.transport:
        install(client)
        yield client


@pytest.fixture
def objects(client: Client) -> Iterator[Objects]:
    namespace = make_namespace(client)
    yield Objects(client, namespace)
    client.delete(NAMESPACES, namespace)


@pytest.fixture
def proxy(control_plane: Sandbox) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", control_plane.record.port) as proxy:
        yield proxy


@pytest.fixture
def proxied(proxy: Proxy, control_plane: Sandbox, tmp_path: Path, client: Client) -> Iterator[Client]:
    """A client whose connections are at the mercy of the proxy."""
    through = connect_through(proxy, control_plane, tmp_path)
    with through.transport:
        yield through
