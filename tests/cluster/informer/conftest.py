"""Clients of the real API server: straight to it, and through a proxy that breaks when a test wants it."""

import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit

import orjson
import pytest
import yaml

from auditor.cluster import Client, Settings, connect
from auditor.cluster.resource import NAMESPACES
from auditor.sandbox import Sandbox
from tests.proxy import Proxy


@pytest.fixture(scope="session")
def client(control_plane: Sandbox) -> Iterator[Client]:
    client = connect(Settings(kubeconfig=str(control_plane.kubeconfig), qps=1000, burst=1000))
    with client.transport:
        yield client


@pytest.fixture
def namespace(client: Client) -> Iterator[str]:
    """For this test alone, by our own client: kubectl takes half a second for it."""
    name = f"informer-{secrets.token_hex(4)}"
    client.create(NAMESPACES, {"metadata": {"name": name}})
    yield name
    client.delete(NAMESPACES, name)


@pytest.fixture
def proxy(control_plane: Sandbox) -> Iterator[Proxy]:
    address = urlsplit(control_plane.record.url)
    with Proxy(address.hostname or "", address.port or 0) as proxy:
        yield proxy


@pytest.fixture
def proxied(control_plane: Sandbox, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Its own client, all of whose connections go through the proxy."""
    config = yaml.safe_load(control_plane.kubeconfig.read_bytes())
    for cluster in config["clusters"]:
        cluster["cluster"]["server"] = proxy.url
    path = tmp_path_factory.mktemp("proxied") / "kubeconfig"
    path.write_bytes(orjson.dumps(config))
    client = connect(Settings(kubeconfig=str(path), qps=1000, burst=1000))
    with client.transport:
        yield client
