"""The whole way of a review through the program: TLS, keep-alive, gunicorn, Flask, engine; 8 connections at once.

What is measured is the CPU time of another process, that which serves; clients are not in it. By itself, with other
numbers: `python -m tests.bench.sections.door [CONNECTIONS [THREADS [REQUESTS]]]`, REQUESTS of each connection.

Goals: 0.40 ms of CPU a review, p99 at most 5 times p50; 1,000 further policies under 5 % more; 3 ms added to a dry-run
create (p50).
"""

import gc
import os
import signal
import socket
import ssl
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
from prometheus_client import CollectorRegistry

from auditor.certs import Authority
from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.operations import Listen
from auditor.webhooks.app import create_app
from auditor.webhooks.certificates.material import Material
from auditor.webhooks.certificates.tls import TlsSource
from auditor.webhooks.decisions import Ring
from auditor.webhooks.door import Door
from auditor.webhooks.metrics import Meters
from auditor.webhooks.serving.application import DoorApplication, listen_on
from auditor.webhooks.serving.settings import ServingSettings
from auditor.webhooks.snapshot import Holder, Snapshot
from tests.bench.figure import Notebook
from tests.bench.parts.webhook import RULES, policy, review
from tests.bench.sections.door_added import measure_added

ROUNDS = 5
CONNECTIONS, THREADS = 8, 16
REQUESTS = 4000
"""Of all connections together: CPU is told in steps of 10 ms, which are 1 % of what so many take."""
WARM = 50
FURTHER = (1, 10, 100, 1000)
CPU_GOAL, SPREAD_GOAL = 0.40, 5.0


def run(book: Notebook) -> None:
    with ExitStack() as stack:
        bare, crowded = (stack.enter_context(Server.start(THREADS, each)) for each in (0, 1000))
        load(bare.port, bare.context, CONNECTIONS, WARM)
        load(crowded.port, crowded.context, CONNECTIONS, WARM)
        alone = []
        rounds: dict[int, list[Round]] = {0: [], 1000: []}
        for _ in range(ROUNDS):
            for each in (bare, crowded):
                rounds[each.further].append(each.measure(CONNECTIONS, REQUESTS // CONNECTIONS))
            alone.append(bare.measure(1, REQUESTS // CONNECTIONS))
    with_all = f"{CONNECTIONS} connections"
    book.cpu("a review with 5 CEL rules, CPU", [each.cpu for each in rounds[0]], "ms", CPU_GOAL)
    book.put("1,000 further policies for other kinds, more CPU", _more(rounds[0], rounds[1000]), "%", 5.0)
    book.wall("a review, one at a time, p50", [each.p50 for each in alone])
    book.wall("a review, one at a time, p99", [each.p99 for each in alone])
    book.wall(f"a review, {with_all}, p50", [each.p50 for each in rounds[0]])
    book.wall(f"a review, {with_all}, p99", [each.p99 for each in rounds[0]])
    book.put(f"p99 by p50, {with_all}", [each.p99 / each.p50 for each in rounds[0]], "times", SPREAD_GOAL)
    book.put(f"reviews of {with_all} that keep asking", [each.rate for each in rounds[0]], "/s")
    _grow(book)
    measure_added(book)


def _more(bare: "list[Round]", crowded: "list[Round]") -> list[float]:
    return [(more.cpu / less.cpu - 1) * 100 for less, more in zip(bare, crowded, strict=True)]


def _grow(book: Notebook) -> None:
    for along, matching in (("policies for other kinds", False), ("policies of 5 CEL rules for this kind", True)):
        cpus, memories = {}, {}
        for further in FURTHER if not matching else FURTHER[:3]:
            with Server.start(THREADS, further, matching=matching) as server:
                load(server.port, server.context, CONNECTIONS, WARM)
                count = REQUESTS // CONNECTIONS // (1 + further // 5 if matching else 1)
                found = [server.measure(CONNECTIONS, max(count, 10)) for _ in range(3)]
                cpus[further] = statistics.median(each.cpu for each in found) * 1e3
                memories[further] = server.memory
        book.grow("a review, CPU", "ms", along, cpus)
        book.grow("memory of the process that serves", "MB", along, memories)


@dataclass(frozen=True, slots=True)
class BareService:
    """The door alone, with one policy, and no cluster."""

    app: Callable[..., Any]
    context: Callable[..., ssl.SSLContext]

    def wait_ready(self, timeout: float) -> bool:
        return True

    def drain(self) -> None:
        pass

    def stop(self) -> None:
        pass


def serve(threads: int, material: Material, listening: socket.socket, more: int, *, matching: bool) -> None:
    def make(_: socket.socket) -> BareService:
        tls = TlsSource()
        tls.offer(material)
        if matching:
            policies = [policy(f"one-{i}", RULES) for i in range(more)]
        else:
            others = [policy(f"other-{i}", RULES[:1], group=f"group{i}.example.com") for i in range(more)]
            policies = [policy("one", RULES), *others]
        engine = Engine.compile(map(read_policy, policies))
        door = Door(Holder(Snapshot.of(engine)), ring=Ring(), meters=Meters(CollectorRegistry()))
        gc.collect()
        gc.freeze()  # as the service does when its policies are there
        return BareService(create_app(door), tls.context)

    settings = ServingSettings(threads=threads, drain=0.0)
    operations = listen_on(Listen("127.0.0.1", 0))
    DoorApplication(settings, make, listening=listening, operations=operations).run()


def load(port: int, context: ssl.SSLContext, connections: int, count: int) -> list[float]:
    """Seconds of each."""
    body = review()
    head = f"POST /validate?timeout=10s HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    times: list[float] = []

    def go() -> None:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as sock:
            for _ in range(count):
                begun = time.perf_counter()
                sock.sendall(request)
                answer = read_answer(sock)
                times.append(time.perf_counter() - begun)
                if b'"allowed":true' not in answer:
                    raise AssertionError(answer)

    threads = [threading.Thread(target=go) for _ in range(connections)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return times


def read_answer(sock: ssl.SSLSocket) -> bytes:
    found = b""
    while True:
        part = sock.recv(65536)
        if not part:
            raise AssertionError(f"the connection ended after {found!r}")
        found += part
        head, end, rest = found.partition(b"\r\n\r\n")
        if end:
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if len(rest) >= length:
                return rest


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds a review."""

    cpu: float
    p50: float
    p99: float
    rate: float


@dataclass(frozen=True, slots=True)
class Server:
    """In a process of its own, with so many `further` policies."""

    further: int
    port: int
    master: int
    context: ssl.SSLContext

    @classmethod
    @contextmanager
    def start(cls, threads: int, further: int, *, matching: bool = False) -> "Iterator[Server]":
        authority = Authority.create("benchmark")
        pair = authority.issue("localhost", hosts=["localhost"], server=True)
        material = Material(
            certificate=pair.certificate_pem,
            key=pair.key_pem,
            expiry=pair.certificate.not_valid_after_utc,
            authorities=None,
        )
        context = ssl.create_default_context(cadata=authority.pair.certificate_pem.decode())
        (listening,) = listen_on(Listen("127.0.0.1", 0))
        port = listening.getsockname()[1]
        master = os.fork()
        if not master:
            try:
                serve(threads, material, listening, further, matching=matching)
            finally:
                os._exit(0)
        listening.close()
        try:
            yield cls(further, port, master, context)
        finally:
            os.kill(master, signal.SIGTERM)
            os.waitpid(master, 0)

    @property
    def worker(self) -> psutil.Process:
        return psutil.Process(self.master).children()[0]

    @property
    def memory(self) -> float:
        """MB, those that it shares with its parent included."""
        return float(self.worker.memory_info().rss) / 1e6

    def measure(self, connections: int, count: int) -> Round:
        worker = self.worker
        before, begun = _cpu(worker), time.perf_counter()
        times = load(self.port, self.context, connections, count)
        cpu, wall = _cpu(worker) - before, time.perf_counter() - begun
        steps = statistics.quantiles(times, n=100)
        return Round(cpu / len(times), steps[49], steps[98], len(times) / wall)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def show(connections: int = CONNECTIONS, threads: int = THREADS, count: int = REQUESTS // CONNECTIONS) -> None:
    with Server.start(threads, 0) as server:
        load(server.port, server.context, connections, WARM)
        for _ in range(ROUNDS):
            found = server.measure(connections, count)
            print(
                f"CPU {found.cpu * 1e6:4.0f} us; p50 {found.p50 * 1e3:5.2f} ms, p99 {found.p99 * 1e3:6.2f} ms;"
                f" {found.rate:5.0f}/s",
                flush=True,
            )


if __name__ == "__main__":
    show(*map(int, sys.argv[1:]))
