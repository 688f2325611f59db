"""Real compaction of etcd, on an API server that asks etcd for everything; and one that is killed and comes back."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.cluster import Client
from auditor.cluster.access import dig_text
from auditor.cluster.listwatch import Change, Event, Scope
from auditor.cluster.resource import NAMESPACES
from auditor.sandbox import Sandbox
from auditor.sandbox.components import HOST, api_server_command
from tests.cluster.listwatch.conftest import connect_through, connect_to
from tests.cluster.listwatch.following import Following
from tests.cluster.listwatch.gadgets import GADGETS, Objects, install, make_namespace
from tests.cluster.verbs.compaction import compact
from tests.proxy import Proxy

EITHER = pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "pages"])


@pytest.fixture(scope="module")
def plain() -> Iterator[Sandbox]:
    """Its own, because compaction would reach all tests. Without the watch cache, which would hide it."""
    with Sandbox.start(api_server_arguments=["--watch-cache=false"], controllers=False) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client(plain: Sandbox) -> Iterator[Client]:
    client = connect_to(plain.kubeconfig)
    with client.transport:
        install(client)
        yield client


@pytest.fixture
def objects(client: Client) -> Objects:
    return Objects(client, make_namespace(client))


def compact_all(sandbox: Sandbox, client: Client) -> None:
    newest = client.create(NAMESPACES, {"metadata": {"generateName": "later-"}})
    compact(sandbox, int(dig_text(newest, "metadata", "resourceVersion")))


@EITHER
def test_watch_whose_version_is_gone(
    plain: Sandbox, client: Client, objects: Objects, tmp_path: Path, streamed: bool
) -> None:
    for name in ("stays", "changes", "goes", "comes-back"):
        objects.write(name)
    with (
        Proxy(HOST, plain.record.port) as proxy,
        connect_through(proxy, plain, tmp_path).transport as transport,
        Following(Client(transport), GADGETS, Scope(objects.namespace), streamed=streamed) as following,
    ):
        following.await_event(Change.SYNCED)
        proxy.refuse()
        proxy.cut()
        objects.write("changes", "blue")
        objects.delete("goes")
        objects.delete("comes-back")
        objects.write("comes-back")
        objects.write("new")
        compact_all(plain, client)
        proxy.let_pass()
        following.await_that(lambda: following.status.counts.lists == 2, "the second list")
        following.await_equal(client)
        assert following.status.counts.relists == 1
        told: dict[str, list[str]] = {key.partition("/")[2]: [] for _, key in following.changes()}
        for change, key in following.changes():
            told[key.partition("/")[2]].append(change)
        assert told == {
            "stays": ["added"],
            "changes": ["added", "updated"],
            "goes": ["added", "deleted"],
            "comes-back": ["added", "deleted", "added"],
            "new": ["added"],
            "": ["synced", "synced"],
        }
        missed = [event for event in following.events if event.missed]
        assert {event.object is None for event in missed} == {True}
        assert len(missed) == 2


def test_page_whose_token_is_gone(plain: Sandbox, client: Client, objects: Objects) -> None:
    """After the first page the rest of the list is history. An object of that page has been deleted since."""
    for number in range(7):
        objects.write(f"g{number}")

    history: list[Event] = []

    def heard(event: Event) -> None:
        history.append(event)
        if len(history) == 1:
            objects.delete("g0")
            objects.delete("g6")
            compact_all(plain, client)

    with Following(client, GADGETS, Scope(objects.namespace), streamed=False, heard=heard) as following:
        following.await_event(Change.SYNCED)
        following.await_equal(client)
        counts = following.status.counts
        # One page of 3 of the first list, one of 30 of the second.
        assert (counts.pages, counts.lists, counts.failures) == (2, 1, 0)
        assert counts.told == {"added": 6, "deleted": 1, "synced": 1}


@EITHER
def test_version_that_is_not_reached_any_more(plain: Sandbox, client: Client, objects: Objects, streamed: bool) -> None:
    """As after a restore of etcd: the server takes the watch, and says nothing, for ever."""
    objects.write("one")
    with Following(client, GADGETS, Scope(objects.namespace), streamed=streamed, stall_after=1.0) as following:
        following.await_event(Change.SYNCED)
        following.list_watch._version = "1" + following.status.resource_version
        following.await_that(lambda: following.status.counts.stalls > 0, "the silence")
        following.await_that(lambda: following.status.counts.lists > 1, "the second list")
        objects.write("two")
        following.await_equal(client)


class Second:
    """Another API server at the same etcd, which can be killed: a sandbox ends with its own."""

    def __init__(self, sandbox: Sandbox, log: Path) -> None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = int(free.getsockname()[1])
        self._command = api_server_command(replace(sandbox.record.plan(), port=self.port, api_server_arguments=()))
        self._directory, self._log = sandbox.record.directory, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def second(plain: Sandbox, tmp_path: Path) -> Iterator[Second]:
    with contextlib.ExitStack() as stack:
        second = Second(plain, tmp_path / "second.log")
        stack.callback(second.kill)
        yield second


@pytest.mark.timeout(120)
def test_api_server_is_killed_and_comes_back(
    plain: Sandbox, client: Client, objects: Objects, second: Second, tmp_path: Path
) -> None:
    for name in ("stays", "changes", "goes"):
        objects.write(name)
    kubeconfig = tmp_path / "kubeconfig"
    address = f"https://{HOST}:{second.port}"
    kubeconfig.write_text(plain.kubeconfig.read_text().replace(plain.record.url, address))
    with (
        connect_to(kubeconfig).transport as transport,
        Following(Client(transport), GADGETS, Scope(objects.namespace)) as following,
    ):
        second.start()
        following.await_event(Change.SYNCED)
        second.kill()
        objects.write("changes", "blue")
        objects.delete("goes")
        objects.write("new")
        following.await_that(lambda: following.status.last_error is not None, "the failure")
        second.start()
        following.await_equal(client)
        objects.write("later")
        following.await_equal(client)
