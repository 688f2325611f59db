"""Nothing fails, all is busy, for minutes: the door under load, the watcher under change. What they hold of memory and
of open files has to stay as it is; what a leak adds in each second shows as a slope.

`FLAT_SECONDS=3600` looks for longer, and so for smaller leaks.
"""

import http.client
import json
import os
import socket
import ssl
import statistics
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from auditor import crds
from auditor.cluster import Client, Resource, Settings, connect
from auditor.cluster.resource import NAMESPACES
from auditor.errors import AlreadyExistsError, ForbiddenError, InvalidError, NotFoundError
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from auditor.webhooks.decisions import SIZE
from tests.cluster.audit.conftest import FEW, NAMESPACE, ODD, POLICIES, make_crd, policy, render
from tests.cluster.audit.running import Watch, wait
from tests.cluster.webhooks.serving.conftest import free_port
from tests.cluster.webhooks.serving.running import Program
from tests.unit.webhooks.making import review, thing

SECONDS = float(os.environ.get("FLAT_SECONDS", "180"))
WARM = 45.0
"""Seconds in which caches, pools of threads and the heap come to their size."""
LOOK_EVERY = 1.0
WRITERS, NAMES = 4, 60
RATE = 12.0
"""Changes a second of each writer, as far as the machine can."""
GROWTH = 6.0
"""MB that the line through all samples may rise by in the time of the test: less than 0.5 KB for each of its changes.
Allocators that give pages back late make 2 to 4 of them."""
FILES = 4.0
"""The same for open files: connections come and go."""
THINGS = Resource("example.com", "v1", "things", "Thing", namespaced=True)
SMALL: JsonObject = {"name": "small", "cel": "object.spec.size < 10", "message": "is too large"}
WRITTEN: JsonObject = {
    "resourceRules": [
        {
            "apiGroups": ["example.com"],
            "apiVersions": ["*"],
            "resources": ["things"],
            "operations": ["CREATE", "UPDATE"],
        }
    ]
}
FIXED: JsonObject = {"name": "tier", "jq": '.spec.tier //= "standard"'}

pytestmark = [pytest.mark.faults, pytest.mark.timeout(SECONDS + WARM + 240)]


@dataclass(slots=True)
class Samples:
    """Of one process and all that it has started."""

    process: psutil.Process
    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    """MB."""
    files: list[float] = field(default_factory=list)

    def look(self, now: float) -> None:
        family = [self.process, *self.process.children(recursive=True)]
        self.seconds.append(now)
        self.memory.append(sum(each.memory_info().rss for each in family) / 1e6)
        self.files.append(float(sum(each.num_fds() for each in family)))

    def rise(self, values: list[float]) -> float:
        """Of the line through them, from the first to the last."""
        return statistics.linear_regression(self.seconds, values).slope * (self.seconds[-1] - self.seconds[0])

    def __str__(self) -> str:
        def tell(values: list[float]) -> str:
            return f"{values[0]:.1f} to {values[-1]:.1f}, line {self.rise(values):+.2f}"

        return f"memory {tell(self.memory)} MB; open files {tell(self.files)}; {len(self.seconds)} samples"


@dataclass(frozen=True, slots=True)
class Both:
    sandbox: Sandbox
    client: Client
    door: Program
    watcher: Watch


@pytest.fixture
def both() -> Iterator[Both]:
    """Door and watcher with its history, as they are installed, on a control plane of their own."""
    with (
        Sandbox.start(f"flat-{os.getpid()}", owner=os.getpid()) as sandbox,
        tempfile.TemporaryDirectory(prefix="auditor-flat-") as folder,
    ):
        for text in (*map(crds.read, crds.names()), crds.read_reports("openreports")):
            sandbox.kubectl("apply", "--server-side", "-f", "-", stdin=text)
        client = connect(Settings(kubeconfig=str(sandbox.kubeconfig), qps=2000, burst=2000))
        with client.transport:
            for name in (NAMESPACE, "shop"):
                client.apply(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            sandbox.kubectl("apply", "-f", "-", stdin=render(make_crd()))
            sandbox.kubectl("wait", "--for=condition=Established", "crd", "--all")
            client.apply(POLICIES, policy("things", ODD, FEW))
            client.apply(POLICIES, policy("door", SMALL, enforcement="Deny", match=WRITTEN, mutate=[FIXED]))
            door = Program(sandbox.kubeconfig, port=free_port(), verbose="--log-format=text")
            watcher: Watch | None = None
            try:
                door.wait_ready()
                history = f"sqlite:///{Path(folder) / 'history.db'}"
                watcher = Watch(sandbox.kubeconfig, "--database-url", history)
                watcher.wait_ready()
                wait(lambda: _refuses(client), why=lambda: door.text[-3000:])
                _fill(door.port)
                yield Both(sandbox, client, door, watcher)
            finally:
                door.stop()
                if watcher is not None:
                    watcher.kill()


def test_memory_and_open_files_stay_flat(both: Both) -> None:
    door, watcher = Samples(psutil.Process(both.door.process.pid)), Samples(both.watcher.usage)
    ended = threading.Event()
    before = both.watcher.count("auditor_audit_objects_judged_total")
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        working = [pool.submit(_write, both.client, number, ended) for number in range(WRITERS)]
        working.append(pool.submit(_knock, both.door.port, ended))
        try:
            ended.wait(WARM)
            for number in range(round(SECONDS / LOOK_EVERY)):
                ended.wait(LOOK_EVERY)
                for each in (door, watcher):
                    each.look(number * LOOK_EVERY)
        finally:
            ended.set()
        changes = sum(each.result(60) for each in working[:-1])
        knocks = working[-1].result(60)
    judged = both.watcher.count("auditor_audit_objects_judged_total") - before
    told = f"{changes} changes, {knocks} broken connections, {judged:.0f} judged\ndoor: {door}\nwatcher: {watcher}"
    print(told)  # noqa: T201 the figures are worth knowing
    assert min(changes, judged) > SECONDS, f"it was not busy: {told}"
    for each in (door, watcher):
        assert each.rise(each.memory) < GROWTH * max(1.0, SECONDS / 180), told
        assert each.rise(each.files) < FILES, told


def _write(client: Client, number: int, ended: threading.Event) -> int:
    """Objects of its own that come, begin to violate a rule, are refused, are mended and go. How many changes."""
    changes = 0
    while not ended.wait(1 / RATE):
        name, turn = f"t{number}-{changes % NAMES}", changes // NAMES % 5
        body = {"spec": {"size": 20 if turn == 2 else 1, "replicas": 2 if turn in (1, 2) else 3}}
        try:
            if turn == 0:
                metadata = {"name": name, "namespace": "shop"}
                client.create(THINGS, {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": metadata, **body})
            elif turn == 4:
                client.delete(THINGS, name, namespace="shop")
            else:
                client.patch_merge(THINGS, name, body, namespace="shop")
                assert turn != 2, "a large one was admitted"
        except (InvalidError, ForbiddenError):
            assert turn == 2, f"a small one was refused in turn {turn}"
        except (AlreadyExistsError, NotFoundError):
            pass  # of a turn that was cut off
        changes += 1
    return changes


def _knock(port: int, ended: threading.Event) -> int:
    """Clients that break off: before, in and after the handshake, and in the middle of a body. How many."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    knocks = 0
    while not ended.wait(0.1):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            if knocks % 4 == 1:
                plain.sendall(b"\x16\x03\x01")
            elif knocks % 4 > 1:
                with context.wrap_socket(plain) as tls:
                    if knocks % 4 == 3:
                        tls.sendall(b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        knocks += 1
    return knocks


def _fill(port: int) -> None:
    """The last decisions that the door keeps: until it has so many, more of them take more memory."""
    body = json.dumps(review(thing({"size": 20}))).encode()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    try:
        for _ in range(SIZE):
            connection.request("POST", "/validate", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
            assert answer["response"]["allowed"] is False, answer
    finally:
        connection.close()


def _refuses(client: Client) -> bool:
    body = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "probe", "namespace": "shop"}}
    try:
        client.create(THINGS, {**body, "spec": {"size": 20, "replicas": 3}})
    except (InvalidError, ForbiddenError):
        return True
    client.delete(THINGS, "probe", namespace="shop")
    return False
