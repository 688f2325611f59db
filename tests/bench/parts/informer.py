"""Informers: the first list of a kind, what is kept of it, and (printed, once) memory and idle watches.

What the server would send comes from memory, so the times are ours alone: decode, compare, keep, tell. The idle watches
are on a real API server, in a process of their own.
"""

import functools
import gc
import subprocess
import sys
import threading
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterable, Iterator

import orjson
import psutil

from auditor.cluster.access import key_of
from auditor.cluster.informer import Informers, Notice, parse_selector
from auditor.cluster.listwatch import Scope, version_of
from auditor.cluster.pace import Urgency
from auditor.cluster.resource import Resource
from auditor.cluster.stores import DIGESTS, IDENTITY, WHOLE, Keep, Packed
from auditor.json import JsonObject
from auditor.sandbox import Sandbox

DATABASES = Resource("db.example.com", "v1", "databases", "Database", namespaced=True)
LISTED = 10_000
KEPT = 100_000
WATCHES = 200
IDLE_SECONDS = 20
SOON = 60.0


def make(number: int) -> JsonObject:
    """1 KB of JSON."""
    return {
        "apiVersion": "db.example.com/v1",
        "kind": "Database",
        "metadata": {
            "name": f"orders-database-{number:06}",
            "namespace": f"team-{number % 100}",
            "uid": str(uuid.UUID(int=number + (4 << 76))),
            "resourceVersion": str(1_000_000 + number),
            "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app.kubernetes.io/name": "orders", "team": f"team-{number % 7}"},
        },
        "spec": {
            "replicas": 3,
            "image": "registry.example.com/postgres:16.4",
            "members": [{"name": f"m-{n}", "cpu": n % 8, "memory": "8Gi", "zone": f"eu-{n}"} for n in range(9)],
        },
        "status": {"phase": "Ready", "observedGeneration": 3, "conditions": [{"type": "Ready", "status": "True"}]},
    }


class Answer:
    """A watch that begins with all objects, and then says nothing until it is closed."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self._closed = threading.Event()

    def lines(self) -> Iterator[bytes]:
        yield from self._lines
        self._closed.wait(SOON)

    def read(self) -> bytes:
        raise AssertionError

    def close(self) -> None:
        self._closed.set()


class Server:
    """A client and its transport, without network."""

    def __init__(self, objects: Iterable[JsonObject]) -> None:
        end = {
            "metadata": {"resourceVersion": "2000000", "annotations": {"k8s.io/initial-events-end": "true"}},
            "kind": "Database",
        }
        self._lines = [orjson.dumps({"type": "ADDED", "object": obj}) for obj in objects]
        self._lines.append(orjson.dumps({"type": "BOOKMARK", "object": end}))

    @property
    def transport(self) -> "Server":
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
    ) -> Answer:
        return Answer(self._lines)


def by_team(obj: JsonObject) -> list[str]:
    return [obj["metadata"]["labels"]["team"]]


def ignore(notice: Notice) -> None:
    pass


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    def list_all(objects: int, keep: Keep, *, indexed: bool = False) -> Callable[[], object]:
        @functools.cache
        def server() -> Server:
            return Server(map(make, range(objects)))

        def run() -> None:
            with Informers(server()) as informers:
                indexes = {"team": by_team} if indexed else {}
                assert informers.open(DATABASES, keep=keep, handler=ignore, indexes=indexes).wait_synced(SOON)

        return run

    @functools.cache
    def full() -> Packed:
        store = Packed(WHOLE)
        for number in range(1000):
            obj = make(number)
            store.put(key_of(obj), version_of(obj), obj)
        return store

    def read_one() -> object:
        return full().get("team-7/orders-database-000007")

    def select() -> int:
        selector = parse_selector("team in (team-1, team-2), !canary")
        return sum(selector.matches(obj) for key in full().keys() if (obj := full().get(key)) is not None)  # noqa: SIM118

    return [
        (f"first list of {LISTED} objects of 1 KB (at most 0.3 s)", list_all(LISTED, IDENTITY)),
        (f"first list of {LISTED} objects, digests", list_all(LISTED, DIGESTS)),
        (f"first list of {LISTED} objects, whole objects", list_all(LISTED, WHOLE)),
        (f"first list of {LISTED} objects, whole objects and an index", list_all(LISTED, WHOLE, indexed=True)),
        ("first list of 1,000 objects (at most 12 us for each)", list_all(1000, IDENTITY)),
        ("read a whole object from the store", read_one),
        ("1,000 whole objects by a label selector", select),
        (f"digests of {KEPT} objects (printed)", measure_digests),
        (f"{WATCHES} idle watches (printed)", measure_watches),
    ]


@functools.cache
def measure_digests() -> None:
    """At most 50 MB."""
    for traced in (False, True):
        gc.collect()
        before = psutil.Process().memory_info().rss
        if traced:
            tracemalloc.start()
        store = Packed(DIGESTS)
        for number in range(KEPT):
            obj = make(number)
            store.put(key_of(obj), version_of(obj), obj)
        del obj
        gc.collect()
        if traced:
            print(f"  digests of {KEPT} objects: {tracemalloc.get_traced_memory()[0] / 1e6:.1f} MB allocated")
            tracemalloc.stop()
        else:
            print(f"  digests of {KEPT} objects: {(psutil.Process().memory_info().rss - before) / 1e6:.1f} MB RSS")


@functools.cache
def measure_watches() -> None:
    """At most 90 MB and 1 % of a core."""
    sandbox = Sandbox.start("bench-informer")
    try:
        code = f"from tests.bench.parts.informer import idle; idle({str(sandbox.kubeconfig)!r})"
        subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
    finally:
        sandbox.stop()


def idle(kubeconfig: str) -> None:
    """In a process of its own, so that what is measured is what is needed."""
    from auditor.cluster import Settings, connect  # the benchmarks above need no client

    process = psutil.Process()
    client = connect(Settings(kubeconfig=kubeconfig))
    secrets = Resource("", "v1", "secrets", "Secret", namespaced=True)
    with client.transport, Informers(client) as informers:
        print(f"  before the first watch: {process.memory_info().rss / 1e6:.0f} MB")
        opened = [
            informers.open(secrets, scope=Scope(labels=f"number={number}"), keep=DIGESTS) for number in range(WATCHES)
        ]
        assert all(informer.wait_synced(SOON) for informer in opened)
        gc.collect()
        gc.freeze()
        before = time.process_time()
        time.sleep(IDLE_SECONDS)
        used = (time.process_time() - before) / IDLE_SECONDS
        rss, threads = process.memory_info().rss / 1e6, process.num_threads()
        print(f"  {WATCHES} idle watches: {rss:.0f} MB RSS, {used:.2%} of a core, {threads} threads", flush=True)
