"""Clients that stall, drip, send too much or send nonsense: everybody else is served."""

import contextlib
import http.client
import logging
import socket
import ssl
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import cast

import orjson
import pytest
from werkzeug.test import Client

from auditor.cluster import Resource, WriteOptions, connect
from auditor.cluster import Settings as ClusterSettings
from auditor.errors import ApiError
from auditor.webhooks.respond import encode
from tests.cluster.webhooks.serving.balancer import Load
from tests.cluster.webhooks.serving.conftest import Stage, policy, thing
from tests.cluster.webhooks.serving.running import wait
from tests.unit.webhooks.making import conversion_review
from tests.unit.webhooks.test_fuzz import FULL, PATHS, check, make_random, mutate_review

log = logging.getLogger(__name__)

SIZE = {"name": "size", "cel": "object.spec.size < 10"}
LARGE = b"[" + b"{}," * 3_500_000 + b"{}]"
THINGS = Resource("example.com", "v1", "things", "Thing", namespaced=True)
DRY = WriteOptions(dry_run=True, field_manager="tests")
HEAD = b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"


@pytest.fixture(scope="module")
def serving(stage: Stage) -> Iterator[Stage]:
    stage.put(policy("strict", SIZE))
    stage.wait_refused(thing("probe", size=10), "strict/size")
    yield stage
    stage.kubectl("delete", "policy", "strict")


@cache
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
        assert seconds < 4  # kubectl takes most of it; after 5 they are cut off
        assert serving.program.get("/healthz")[0] == 200


@pytest.mark.parametrize("count", [8, 200])
def test_bodies_that_do_not_come_to_an_end(serving: Stage, count: int) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(secured(serving.program.port)) for _ in range(count)]
        for each in clients:
            each.sendall(HEAD + b"{")
        seconds = seconds_to_refuse(serving)
        log.warning("beside %d slow bodies: %.2f s", count, seconds)
        assert seconds < 4
        assert serving.program.get("/healthz")[0] == 200


def test_large_bodies_leave_memory_bounded(serving: Stage) -> None:
    worker = serving.program.worker
    before = worker.memory_info().rss
    for _ in range(8):
        status = post(serving, LARGE)
        assert status in (413, None)  # None: it was cut off while it still sent
    grown = (worker.memory_info().rss - before) / 1e6
    log.warning("8 bodies of 10 MB: %.0f MB more", grown)
    assert grown < 60
    assert serving.program.worker.pid == worker.pid
    assert seconds_to_refuse(serving) < 5


@dataclass(frozen=True, slots=True)
class Answered:
    """As the test client of Flask has it."""

    status_code: int
    content_type: str
    data: bytes


class Asker:
    """Over TLS, on one connection, which the server keeps whatever it is sent."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=anyone(), timeout=20)
        self._connection.connect()
        self._sock = self._connection.sock

    def post(self, path: str, *, data: bytes, content_type: str) -> Answered:
        self._connection.request("POST", path, data, {"Content-Type": content_type})
        response = self._connection.getresponse()
        found = Answered(response.status, response.headers["Content-Type"], response.read())
        assert self._connection.sock is self._sock, "it was closed"
        return found

    def close(self) -> None:
        self._connection.close()


def send_garbage(port: int, seed: int, count: int) -> None:
    """Real reviews with some of it changed, removed or cut; and what never was one."""
    chosen, asker = make_random(seed), Asker(port)
    client = cast(Client, asker)
    for number in range(count):
        path = chosen.choice(PATHS)
        match number % 5:
            case 0:
                check(client, path, chosen.randbytes(chosen.randrange(200)))
            case 1:
                cut = chosen.randrange(len(FULL))
                check(client, path, FULL[:cut] + chosen.choice((b"", b"null", chosen.randbytes(4))) + FULL[cut + 1 :])
            case 2:
                body = bytearray(orjson.dumps(conversion_review(thing("x"))))
                body[chosen.randrange(len(body))] = chosen.randrange(256)
                found = asker.post("/convert/things.example.com", data=bytes(body), content_type="application/json")
                assert found.status_code in (200, 400), found
                assert orjson.loads(found.data)["kind"] in ("ConversionReview", "Status")
            case _:
                check(client, path, encode(mutate_review(chosen)))
    asker.close()


def test_garbage_leaves_memory_bounded(serving: Stage) -> None:
    """5,000 reviews on 4 connections; each gets an answer in the right form."""
    worker = serving.program.worker
    send_garbage(serving.program.port, 0, 200)  # what is made once is there
    before = worker.memory_info().rss
    begun = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda seed: send_garbage(serving.program.port, seed, 1250), range(1, 5)))
    grown, seconds = (worker.memory_info().rss - before) / 1e6, time.monotonic() - begun
    log.warning("5,000 garbage requests: %.0f MB more, %.1f s", grown, seconds)
    assert grown < 30
    assert serving.program.worker.pid == worker.pid
    assert "Traceback" not in serving.program.text
    assert seconds_to_refuse(serving) < 5


def test_a_good_client_beside_all_of_the_bad_ones(serving: Stage) -> None:
    """64 stalled handshakes, 200 bodies that drip, and four clients that send 10 MB all the time."""
    client = connect(ClusterSettings(kubeconfig=str(serving.cluster.kubeconfig), qps=10_000, burst=10_000))
    times: list[float] = []

    def ask() -> str:
        begun = time.monotonic()
        try:
            client.create(THINGS, thing("large", size=10), options=DRY)
        except ApiError as error:
            times.append(time.monotonic() - begun)
            return "" if "strict/size" in str(error) else str(error)
        return "a large one was admitted"

    def send_large() -> str:
        status = post(serving, LARGE)
        return "" if status in (413, None) else f"10 MB: {status}"

    with contextlib.ExitStack() as stack:
        stack.callback(client.transport.close)
        slow = [stack.enter_context(secured(serving.program.port)) for _ in range(200)]
        for each in slow:
            each.sendall(HEAD + b"{")
        for _ in range(64):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", serving.program.port)))
            sock.sendall(b"\x16\x03\x01")
        with Load(send_large, 4) as large, Load(ask, 2) as good:
            begun = time.monotonic()
            while time.monotonic() - begun < 4:  # so none of them has been cut off
                for each in slow:
                    with contextlib.suppress(OSError):
                        each.sendall(b" ")
                threading.Event().wait(0.2)
        assert large.failures == []
        assert good.failures == []
    log.warning(
        "beside all of them: %d answers, %.0f ms in the middle, %.2f s at most; %d times 10 MB",
        len(times),
        statistics.median(times) * 1e3,
        max(times),
        large.asked,
    )
    # Those who send 10 MB, and this process, take the processor as well: on a quiet machine it is hundreds, and 0.1 s.
    assert len(times) > 15
    assert max(times) < 2


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
