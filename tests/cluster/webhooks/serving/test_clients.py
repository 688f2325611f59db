"""Clients that stall, drip, send too much or send nonsense: everybody else is served."""

import contextlib
import http.client
import logging
import random
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from tests.cluster.webhooks.serving.conftest import Stage, policy, thing
from tests.cluster.webhooks.serving.running import wait

log = logging.getLogger(__name__)

SIZE = {"name": "size", "cel": "object.spec.size < 10"}
HEAD = b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"


@pytest.fixture(scope="module")
def serving(stage: Stage) -> Iterator[Stage]:
    stage.put(policy("strict", SIZE))
    stage.wait_refused(thing("probe", size=10), "strict/size")
    yield stage
    stage.kubectl("delete", "policy", "strict")


def anyone() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def secured(port: int) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    return anyone().wrap_socket(plain, server_hostname="127.0.0.1")


def seconds_to_refuse(stage: Stage) -> float:
    begun = time.monotonic()
    done = stage.kubectl("create", "-f", "-", thing=thing("large", size=10))
    assert "strict/size" in done.stderr, done.stderr
    return time.monotonic() - begun


@pytest.mark.parametrize("count", [8, 64])
@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "a byte", "some bytes"])
def test_stalled_handshakes(serving: Stage, count: int, sent: bytes) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", serving.program.port)))
            sock.sendall(sent)
        seconds = seconds_to_refuse(serving)
        log.warning("beside %d stalled handshakes: %.2f s", count, seconds)
        assert seconds < 8
        assert serving.program.get("/healthz")[0] == 200


@pytest.mark.parametrize("count", [8, 64])
def test_bodies_that_do_not_come_to_an_end(serving: Stage, count: int) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(secured(serving.program.port)) for _ in range(count)]
        for each in clients:
            each.sendall(HEAD + b"{")
        seconds = seconds_to_refuse(serving)
        log.warning("beside %d slow bodies: %.2f s", count, seconds)
        assert seconds < 8
        assert serving.program.get("/healthz")[0] == 200


def test_large_bodies_and_garbage_leave_memory_bounded(serving: Stage) -> None:
    worker = serving.program.worker
    before = worker.memory_info().rss
    for _ in range(8):
        status = post(serving, b"[" + b"{}," * 3_500_000 + b"{}]")
        assert status in (413, None)  # None: it was cut off while it still sent
    chosen = random.Random(6)  # noqa: S311 - the same garbage each time
    connection = http.client.HTTPSConnection("127.0.0.1", serving.program.port, context=anyone(), timeout=20)
    for _ in range(1000):
        body = chosen.randbytes(chosen.randrange(200))
        connection.request("POST", "/validate", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        assert response.status == 400
    connection.close()
    grown = (worker.memory_info().rss - before) / 1e6
    log.warning("8 bodies of 10 MB and 1,000 garbage requests: %.0f MB more", grown)
    assert grown < 60
    assert serving.program.worker.pid == worker.pid
    assert seconds_to_refuse(serving) < 5


def post(serving: Stage, body: bytes) -> int | None:
    connection = http.client.HTTPSConnection("127.0.0.1", serving.program.port, context=anyone(), timeout=20)
    try:
        connection.request("POST", "/validate", body, {"Content-Type": "application/json"})
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def test_the_operations_port_lets_probes_in_beside_64_slow_clients(serving: Stage) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", serving.program.operations)))
            sock.sendall(b"GET /met")
        assert serving.program.get("/healthz") == (200, "ok\n")
        wait(lambda: serving.program.ready)
