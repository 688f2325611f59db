"""Informers on the real API server: shared, late, upgraded, cut off, and ended in every state."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from auditor.cluster import Client, Resource, Settings, connect
from auditor.cluster.informer import Informer, Informers, Notice, wait_synced
from auditor.cluster.listwatch import Change, Scope
from auditor.cluster.pace import Pace, Urgency
from auditor.cluster.resource import NAMESPACES, SECRETS
from auditor.cluster.stores import DIGESTS, WHOLE
from auditor.cluster.stream import Stream
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.proxy import Proxy

MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
ROOT_CA = "kube-root-ca.crt"
"""The API server puts it into each namespace, some time after."""
SOON = 20.0


class Told:
    """A handler that a test can wait for: what it knows by what it was told, and whether that made sense."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.notices: list[Notice] = []
        self.wrong: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, notice: Notice) -> None:
        if notice.key.endswith(ROOT_CA):
            return
        with self._changed:
            self.notices.append(notice)
            if (notice.change is Change.ADDED) == (notice.key in self.known):
                self.wrong.append(f"{notice.change} {notice.key}")
            if notice.change is Change.DELETED:
                self.known.pop(notice.key, None)
            else:
                self.known[notice.key] = notice.version
            self._changed.notify_all()

    def wait(self, condition: Callable[["Told"], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), SOON), self.notices[-5:]
        assert self.wrong == []


class Counting:
    """A client that notes which streams were asked for."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.asked: list[str] = []

    @property
    def transport(self) -> "Counting":
        return self

    def stream(
        self,
        path: str,
        *,
        what: str,
        query: Iterable[tuple[str, str]] = (),
        urgency: Urgency = Urgency.BACKGROUND,
        read_timeout: float | None = None,
        begun: Callable[[], None] = lambda: None,
    ) -> Stream:
        self.asked.append(what)
        return self._client.transport.stream(
            path, what=what, query=query, urgency=urgency, read_timeout=read_timeout, begun=begun
        )


def put(client: Client, namespace: str, name: str, value: str = "1", **labels: str) -> JsonObject:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return client.create(MAPS, {"metadata": metadata, "data": {"value": value}})


def change(client: Client, namespace: str, name: str, value: str) -> None:
    client.patch_merge(MAPS, name, {"data": {"value": value}}, namespace=namespace)


def by_value(obj: JsonObject) -> list[str]:
    return [obj["data"]["value"]] if "value" in obj["data"] else []


def own(informer: Informer) -> set[str]:
    return {key for key in informer.keys() if not key.endswith(ROOT_CA)}  # noqa: SIM118 - no dictionary


def test_one_watch_for_all_who_share_it(client: Client, namespace: str) -> None:
    counting = Counting(client)
    put(client, namespace, "a")
    with Informers(counting) as informers:
        told = [Told() for _ in range(10)]
        opened = [informers.open(MAPS, scope=Scope(namespace), keep=WHOLE, handler=each) for each in told]
        assert wait_synced(opened, SOON)
        change(client, namespace, "a", "2")
        for each in told:
            each.wait(lambda told: [n.change for n in told.notices] == [Change.ADDED, Change.UPDATED])
            assert ((each.notices[1].old or {})["data"], (each.notices[1].object or {})["data"]) == (
                {"value": "1"},
                {"value": "2"},
            )
        assert len(counting.asked) == 1
        for informer in opened:
            informer.close()
        assert informers.status() == []


def test_a_thousand_objects_and_those_who_come_late(client: Client, namespace: str) -> None:
    """Digests first, a handler while they are listed, whole objects later, and changes all the time."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(client, namespace, f"m{number:04}", str(number % 10)), range(1000)))
    scope = Scope(namespace)
    early, meanwhile, late = Told(), Told(), Told()
    with Informers(client) as informers:
        first = informers.open(MAPS, scope=scope, keep=DIGESTS, handler=early)
        second = informers.open(MAPS, scope=scope, keep=DIGESTS, handler=meanwhile)
        assert wait_synced([first, second], SOON)
        third = informers.open(MAPS, scope=scope, keep=WHOLE, handler=late, indexes={"value": by_value})
        for number in range(0, 50, 10):
            client.delete(MAPS, f"m{number:04}", namespace=namespace)
            change(client, namespace, f"m{number + 1:04}", "2")
        assert third.wait_synced(SOON)
        versions = {
            f"{namespace}/{obj['metadata']['name']}": f"{obj['metadata']['resourceVersion']} {obj['metadata']['uid']}"
            for obj in client.list(MAPS, namespace=namespace)
            if obj["metadata"]["name"] != ROOT_CA
        }
        assert len(versions) == 995
        for told in (early, meanwhile, late):
            told.wait(lambda told: told.known == versions)
        assert len(early.notices) == len(meanwhile.notices) == 1000 + 10
        assert own(third) == set(versions)
        assert len(third.keys_by_index("value", "0")) == 95
        assert len(third.by_index("value", "2")) == 105
        found = third.get("m0001", namespace=namespace)
        expected = client.get(MAPS, "m0001", namespace=namespace)
        del expected["metadata"]["managedFields"]
        assert found == expected
        assert first.digest(f"{namespace}/m0001") is not None


def test_deletions_that_nobody_saw_leave_tombstones(
    client: Client, proxied: Client, proxy: Proxy, namespace: str
) -> None:
    bare, kept = Told(), Told()
    put(client, namespace, "a")
    put(client, namespace, "b")
    with Informers(proxied) as informers:
        first = informers.open(MAPS, scope=Scope(namespace), handler=bare)
        assert first.wait_synced(SOON)
        second = informers.open(MAPS, scope=Scope(namespace), keep=WHOLE, handler=kept)
        assert second.wait_synced(SOON)
        proxy.refuse()
        proxy.cut()
        client.delete(MAPS, "a", namespace=namespace)
        change(client, namespace, "b", "2")
        # A need that makes it list: what has gone meanwhile is in no event.
        third = informers.open(MAPS, scope=Scope(namespace), keep=DIGESTS)
        proxy.let_pass()
        assert third.wait_synced(SOON)
        for told in (bare, kept):
            told.wait(lambda told: set(told.known) == {f"{namespace}/b"})
            (tombstone,) = (notice for notice in told.notices if notice.change is Change.DELETED)
            assert tombstone.missed
            assert tombstone.key == f"{namespace}/a"
            assert (tombstone.object or {}).get("data") == {"value": "1"}  # of the store that both share
        assert first.status.objects == len(first)


def test_it_says_how_old_its_knowledge_is(client: Client, proxied: Client, proxy: Proxy, namespace: str) -> None:
    with Informers(proxied) as informers:
        told = Told()
        informer = informers.open(MAPS, scope=Scope(namespace), handler=told)
        assert informer.wait_synced(SOON)
        young = informer.age
        assert young is not None
        assert young < SOON
        proxy.stall()
        put(client, namespace, "a")
        assert informer.synced
        later = [informer.age]
        proxy.let_pass()
        told.wait(lambda told: len(told.known) == 1)
        assert later[0] is not None
        assert informer.age is not None


def test_refused_is_not_synced_and_says_why(control_plane: Sandbox, namespace: str) -> None:
    kubeconfig = control_plane.user_kubeconfig("nobody-in-particular", [])
    with (
        connect(Settings(kubeconfig=str(kubeconfig))).transport as transport,
        Informers(Client(transport)) as informers,
    ):
        informer = informers.open(SECRETS)
        deadline = time.monotonic() + SOON
        while informer.status.last_error is None and time.monotonic() < deadline:
            informer.wait_synced(0.05)
        status = informer.status
        assert not status.synced
        assert status.last_error is not None
        assert status.last_error.code == 403
        assert "secrets" in status.last_error.message


@pytest.mark.parametrize("state", ["synced", "refused", "stalled", "slow", "waiting for the pace", "not asked yet"])
def test_it_ends_within_five_seconds(state: str, client: Client, proxied: Client, proxy: Proxy, namespace: str) -> None:
    if state == "waiting for the pace":
        proxied.transport.pace = Pace(qps=0.001, burst=1)
    faults: dict[str, Callable[[], None]] = {
        "refused": proxy.refuse,
        "stalled": proxy.stall,
        "slow": lambda: proxy.delay(3.0),
    }
    if state in faults:
        faults[state]()
    informers = Informers(proxied)
    opened = [informers.open(kind) for kind in (MAPS, SECRETS, NAMESPACES)]
    if state == "synced":
        assert wait_synced(opened, SOON)
    elif state != "not asked yet":
        opened[0].wait_synced(0.3)
    begun = time.monotonic()
    assert informers.stop()
    assert time.monotonic() - begun < 5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("watch ")]
