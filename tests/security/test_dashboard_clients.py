"""Clients of the dashboard's port who mean harm: none keeps others out, and none hides a request in another."""

import http.client
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from auditor.certs.authority import Authority
from auditor.dashboard.worker import CONNECTIONS, PATIENCE, THREADS
from tests.security.smuggling import SMUGGLED, head
from tests.unit.dashboard.world import make_url, make_world

SECONDS = 15.0
SOON = 10.0
"""For two small pages, on a machine that has many other things to do. Without protection they take for ever."""
HELLO = b"\x16\x03\x01\x02\x00\x01"
"""The first bytes of a handshake."""


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[str]
    port: int
    context: ssl.SSLContext

    def call(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)

    def enter(self) -> socket.socket:
        """Behind the handshake."""
        return self.context.wrap_socket(self.call(), server_hostname="127.0.0.1")

    def ask(self, path: str = "/healthz", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.sock = self.enter()
        with closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def insist(self) -> None:
        """It answers, soon: what needs nothing, and what is made as a page."""
        begun = time.monotonic()
        assert self.ask() == (200, b"ok\n")
        assert self.ask("/findings")[0] == 401
        assert time.monotonic() - begun < SOON

    def exchange(self, data: bytes) -> bytes:
        """What comes back until the server ends the connection."""
        found = b""
        with self.enter() as sock, suppress(OSError):
            with suppress(OSError):  # it need not take all of what it refuses
                sock.sendall(data)
            while part := sock.recv(65536):
                found += part
        return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place: Path = tmp_path_factory.mktemp("dashboard")
    url = make_url(place)
    make_world(url, objects=2)
    authority = Authority.create("tests")
    authority.pair.write(place, "authority")
    authority.issue("dashboard", hosts=["127.0.0.1"], server=True).write(place, "server")
    context = ssl.create_default_context(cafile=place / "authority.crt")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    command = [sys.executable, "-m", "auditor", "dashboard", "--listen", f"127.0.0.1:{port}", "--database-url", url]
    command += ["--tls-cert", str(place / "server.crt"), "--tls-key", str(place / "server.key")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "Open this link" in process.stderr.readline()
        try:
            yield Server(process, port, context)
        finally:
            process.terminate()
            text = process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert "Traceback" not in text


SLOW = {
    "nothing": b"",
    "a byte": b"G",
    "a part of a head": b"GET / HTTP/1.1\r\nHost: x\r\nX",
    "a part of a body": b"POST /enter HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nlink=",
    "a part of a chunk": b"POST /enter HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nlink=",
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
def test_slow_clients_keep_nobody_out(sent: bytes, server: Server) -> None:
    """Far more of them than there are threads."""
    with ExitStack() as stack:
        for _ in range(THREADS + 40):
            sock = stack.enter_context(server.enter())
            if sent:
                sock.sendall(sent)
        for _ in range(3):
            server.insist()


@pytest.mark.parametrize("sent", [b"", b"\x16", HELLO])
def test_slow_handshakes_keep_nobody_out(sent: bytes, server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(THREADS + 40):
            stack.enter_context(server.call()).sendall(sent)
        for _ in range(3):
            server.insist()


def test_more_connections_than_it_takes_keep_nobody_out(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(CONNECTIONS + 40):
            stack.enter_context(server.call())
        server.insist()


def test_a_client_that_drips_has_an_end(server: Server) -> None:
    """However often it says something."""
    with server.enter() as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        sock.settimeout(0.2)
        begun = time.monotonic()
        while True:
            try:
                sock.sendall(b"X: y\r\n")
                if not sock.recv(1):
                    break
            except TimeoutError:
                assert time.monotonic() - begun < PATIENCE + SECONDS
            except OSError:
                break
    server.insist()


@pytest.mark.parametrize("first", SMUGGLED.values(), ids=SMUGGLED)
def test_nothing_hides_behind_a_request_that_is_not_clear(first: bytes, server: Server) -> None:
    hidden = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert b"200 OK" not in server.exchange(first + hidden)


def test_an_answer_is_to_each_of_what_is_clear(server: Server) -> None:
    each = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    assert server.exchange(each + b"\r\n" + each + b"Connection: close\r\n\r\n").count(b"HTTP/1.1 200") == 2


def test_headers_and_bodies_are_bounded(server: Server) -> None:
    worker = psutil.Process(server.process.pid).children()[0]
    before = worker.memory_info().rss
    for data, codes in {
        head(*[b"Cookie: a=" + b"x" * 8_000] * 90, start=b"GET / HTTP/1.1"): (b"401", b"421"),
        head(*[b"Cookie: a=b"] * 200, start=b"GET / HTTP/1.1"): (b"431", b"400"),
        head(b"Cookie: a=" + b"x" * 100_000, start=b"GET / HTTP/1.1"): (b"431", b"400"),
        head(b"Content-Length: 100000000", start=b"POST /enter HTTP/1.1") + b"x" * 20_000_000: (b"413", b"421"),
        head(b"Transfer-Encoding: chunked", start=b"POST /enter HTTP/1.1") + b"fffff\r\n" + b"x" * 0xFFFFF + b"\r\n": (
            b"413",
            b"421",
        ),
    }.items():
        answer = server.exchange(data.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n", 1))
        assert not answer or answer.split(b" ", 2)[1] in codes  # one that still sends may see no more than the end
    assert worker.memory_info().rss - before < 30e6
    server.insist()


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1", "", "127.0.0.1:1", "127.0.0.1.evil.example.com"])
def test_another_name_is_not_ours(host: str, server: Server) -> None:
    """So no other site can be made one of this computer by its name."""
    status, text = server.ask("/", Host=host)
    assert (status, b"not the name of this dashboard" in text) in ((400, False), (421, True))
