"""The whole way of a review through the program: TLS, keep-alive, gunicorn, Flask, engine; 8 connections at once.

Run by itself, since what it measures is the CPU time of another process:

    python -m tests.bench.bench_door [CONNECTIONS [THREADS [REQUESTS]]]

Goals: 0.40 ms of CPU a review, p99 at most 5 times p50. On a machine that does other things too, only the ratio to the
calibration loop of the same run says something.
"""

import os
import signal
import socket
import ssl
import statistics
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
from prometheus_client import CollectorRegistry

from auditor.certs import Authority
from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.webhooks.app import create_app
from auditor.webhooks.certificates.material import Material
from auditor.webhooks.certificates.tls import TlsSource
from auditor.webhooks.decisions import Ring
from auditor.webhooks.door import Door
from auditor.webhooks.metrics import Meters
from auditor.webhooks.serving.application import DoorApplication, listen_on
from auditor.webhooks.serving.settings import Listen, ServingSettings
from auditor.webhooks.snapshot import Holder, Snapshot
from tests.bench.__main__ import Benchmark, calibrate, measure
from tests.bench.bench_webhook import RULES, policy, review

ROUNDS = 5


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


def main(connections: int = 8, threads: int = 16, count: int = 500, more: int = 0) -> None:
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
            serve(threads, material, listening, more)
        finally:
            os._exit(0)
    listening.close()
    try:
        load(port, context, connections, 50)
        worker = psutil.Process(master).children()[0]
        print(f"{connections} connections, {threads} threads, {connections * count} requests, memory {_memory(worker)}")
        for _ in range(ROUNDS):
            unit = statistics.median(measure(calibrate)[:3])
            before, begun = _cpu(worker), time.perf_counter()
            times = load(port, context, connections, count)
            cpu = (_cpu(worker) - before) / len(times)
            wall = time.perf_counter() - begun
            steps = statistics.quantiles(times, n=100)
            p50, p99 = steps[49] * 1e3, steps[98] * 1e3
            print(
                f"CPU {cpu * 1e6:5.0f} us, {cpu / unit:5.3f} loops of {unit * 1e6:4.0f} us; "
                f"p50 {p50:5.2f} ms, p99 {p99:6.2f} ms = {p99 / p50:4.1f} p50; {len(times) / wall:5.0f}/s",
                flush=True,
            )
    finally:
        os.kill(master, signal.SIGTERM)
        os.waitpid(master, 0)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _memory(process: psutil.Process) -> str:
    return f"{process.memory_info().rss / 1e6:.0f} MB"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
