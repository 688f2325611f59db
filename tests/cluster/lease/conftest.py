import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from auditor.cluster import Client, Settings, connect
from auditor.sandbox import Sandbox
from tests.cluster.lease.member import CONFIG_MAPS
from tests.cluster.lease.process import Member
from tests.cluster.lease.proxy import Proxy

Start = Callable[..., Member]


@dataclass(frozen=True, slots=True)
class Written:
    version: int
    """Of the object: the order in which the server took them."""
    member: str
    token: int
    key: str


@pytest.fixture
def client(control_plane: Sandbox) -> Iterator[Client]:
    found = connect(Settings(kubeconfig=str(control_plane.kubeconfig)))
    yield found
    found.transport.close()


@pytest.fixture
def start(control_plane: Sandbox, namespace: str) -> Iterator[Start]:
    members: list[Member] = []

    def launch(what: str, name: str, *, kubeconfig: Path | None = None, wall_offset: float = 0.0) -> Member:
        kubeconfig = kubeconfig or control_plane.kubeconfig
        members.append(Member(what, name, kubeconfig=kubeconfig, namespace=namespace, wall_offset=wall_offset))
        return members[-1]

    yield launch
    for member in members:
        member.kill()


@pytest.fixture
def written(client: Client, namespace: str) -> Callable[[], list[Written]]:
    def read() -> list[Written]:
        found = [
            Written(
                version=int(obj["metadata"]["resourceVersion"]),
                member=obj["data"]["member"],
                token=int(obj["data"].get("version", 0)),
                key=obj["data"].get("key", ""),
            )
            for obj in client.list(CONFIG_MAPS, namespace=namespace, labels="log=yes")
        ]
        return sorted(found, key=lambda w: w.version)

    return read


@pytest.fixture
def proxied(control_plane: Sandbox, tmp_path: Path) -> Iterator[tuple[Proxy, Path]]:
    """A proxy, and a kubeconfig that goes through it."""
    address = urlsplit(control_plane.record.url)
    assert address.hostname is not None
    assert address.port is not None
    config = json.loads(control_plane.kubeconfig.read_text())
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(Proxy(address.hostname, address.port))
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
        path = tmp_path / "proxied.kubeconfig"
        path.write_text(json.dumps(config))
        yield proxy, path
