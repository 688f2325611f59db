"""The whole way of a review through the program: TLS, keep-alive, gunicorn, Flask, engine; 8 connections at once.

Run by itself, since what it measures is the CPU time of another process, that which serves; clients are not in it:

    python -m tests.bench.bench_door [CONNECTIONS [THREADS [REQUESTS]]]   # REQUESTS of each connection
    python -m tests.bench.bench_door --further 1000     # beside another one with so many policies for other kinds
    python -m tests.bench.bench_door --api-server       # the program behind a real API server: what it adds to a create

Goals: 0.40 ms of CPU a review, p99 at most 5 times p50; 1,000 further policies under 5 % more; 3 ms added to a dry-run
create (p50). On a machine that does other things too, only the ratio to the calibration loop of the same run says
something, and differences only between rounds that alternate.
"""

import argparse
import gc
import os
import signal
import socket
import ssl
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
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
from tests.bench.__main__ import Benchmark, calibrate, measure
from tests.bench.bench_webhook import RULES, policy, review

ROUNDS = 7
REQUESTS = 4000


def benchmarks() -> list[Benchmark]:
    """None that `make bench` could measure."""
    return []


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


def serve(threads: int, material: Material, listening: socket.socket, more: int) -> None:
    def make(_: socket.socket) -> BareService:
        tls = TlsSource()
        tls.offer(material)
        others = [policy(f"other-{i}", RULES[:1], group=f"group{i}.example.com") for i in range(more)]
        engine = Engine.compile([read_policy(each) for each in [policy("one", RULES), *others]])
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


@dataclass(slots=True)
class Server:
    """In a process of its own, with so many `further` policies."""

    further: int
    port: int
    master: int
    context: ssl.SSLContext
    cpu: list[float] = field(default_factory=list)
    """Seconds a review, of each round."""

    @classmethod
    @contextmanager
    def start(cls, threads: int, further: int) -> "Iterator[Server]":
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
                serve(threads, material, listening, further)
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

    def measure(self, connections: int, count: int) -> None:
        unit = statistics.median(measure(calibrate)[:3])
        before, begun = _cpu(self.worker), time.perf_counter()
        times = load(self.port, self.context, connections, count)
        user, system = (end - start for start, end in zip(before, _cpu(self.worker), strict=True))
        wall = time.perf_counter() - begun
        cpu = (user + system) / len(times)
        self.cpu.append(cpu)
        steps = statistics.quantiles(times, n=100)
        p50, p99 = steps[49] * 1e3, steps[98] * 1e3
        print(
            f"{self.further:4} further: CPU {cpu * 1e6:4.0f} us ({system / len(times) * 1e6:3.0f} of them system), "
            f"{cpu / unit:5.3f} loops of {unit * 1e6:4.0f} us; p50 {p50:5.2f} ms, p99 {p99:6.2f} ms = {p99 / p50:4.1f} "
            f"p50; {len(times) / wall:5.0f}/s",
            flush=True,
        )


def _cpu(process: psutil.Process) -> tuple[float, float]:
    """In steps of 10 ms, so it takes some thousand requests."""
    times = process.cpu_times()
    return times.user, times.system


def main(connections: int, threads: int, count: int, further: int) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(Server.start(threads, each)) for each in sorted({0, further})]
        for each in servers:
            load(each.port, each.context, connections, 50)
        for _ in range(ROUNDS):
            for each in servers:
                each.measure(connections, count)
        for each in servers:
            middle, memory = statistics.median(each.cpu), each.worker.memory_info().rss
            print(
                f"{connections} connections, {threads} threads, {each.further} further policies: {middle * 1e6:.0f} us "
                f"in the middle, {min(each.cpu) * 1e6:.0f} at least, {memory / 1e6:.0f} MB"
            )
        if further:
            ratios = [more / bare for bare, more in zip(*(each.cpu for each in servers), strict=True)]
            print(f"{further} further policies: {(statistics.median(ratios) - 1) * 100:+.1f} % in the middle")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("connections", type=int, nargs="?", default=8)
    parser.add_argument("threads", type=int, nargs="?", default=16)
    parser.add_argument("requests", type=int, nargs="?")
    parser.add_argument("--further", type=int, default=0)
    parser.add_argument("--api-server", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    if options.api_server:
        from tests.bench.door_added import measure_added

        measure_added()
    else:
        requests = options.requests or REQUESTS // options.connections
        main(options.connections, options.threads, requests, options.further)
