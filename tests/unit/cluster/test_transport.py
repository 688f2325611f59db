"""The transport against servers that behave badly, each in its own way, on real sockets."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import urllib3
from kubernetes.client import Configuration
from prometheus_client import REGISTRY

from auditor import tracing
from auditor.certs import Authority
from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.connection import Access
from auditor.cluster.pace import Pace
from auditor.cluster.stream import Stream
from auditor.cluster.transport import Transport
from auditor.errors import (
    ApiError,
    ForbiddenError,
    MalformedError,
    NotFoundError,
    ServerTroubleError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
)
from tests.unit.cluster.scripted import Connection, Script, Scripted, answering

WIDGETS = Resource("example.com", "v1", "widgets", "Widget", namespaced=True)
WHAT = "get widgets.example.com shop/a"
QUICK = 1.0
"""Seconds within which everything ends when it is closed."""


class OpenAccess(Access):
    """No kubeconfig: whom the tests ask and as whom."""

    def __init__(self, server: str, *, tls: ssl.SSLContext | None = None, proxy: str | None = None) -> None:
        self.server = server
        self.configuration = Configuration(host=server)
        self.configuration.proxy = proxy
        self.context_now = tls or ssl.create_default_context()
        self.token = "old"
        self.renewals: list[bool] = []
        self.closed = False

    def headers(self) -> urllib3.HTTPHeaderDict:
        return urllib3.HTTPHeaderDict({"Authorization": f"Bearer {self.token}"})

    def tls(self) -> ssl.SSLContext:
        return self.context_now

    def renew(self, used: object = None) -> bool:
        self.token = "new"
        return self.renewals.pop(0) if self.renewals else False

    def close(self) -> None:
        self.closed = True


@dataclass(slots=True)
class Clock:
    """Time that passes when somebody waits."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@dataclass(slots=True)
class World:
    """Servers and transports of one test, which are all closed in the end."""

    stack: ExitStack

    def serve(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> Scripted:
        server = Scripted(list(scripts), tls)
        self.stack.enter_context(server.serving())
        return server

    def connect(self, target: Scripted | str, **options: object) -> Transport:
        url = target if isinstance(target, str) else f"http://127.0.0.1:{target.port}"
        access = OpenAccess(url, tls=options.pop("tls", None), proxy=options.pop("proxy", None))  # type: ignore[arg-type]
        transport = Transport(access, **options)  # type: ignore[arg-type]
        return self.stack.enter_context(transport)


def sockets() -> int:
    return len([c for c in psutil.Process().net_connections() if c.status != psutil.CONN_LISTEN])


@pytest.fixture
def world() -> Iterator[World]:
    before = sockets()
    with ExitStack() as stack:
        yield World(stack)
    deadline = time.monotonic() + 5
    while sockets() > before and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert sockets() <= before, "connections were left open"


def ask(transport: Transport, method: str = "GET", **options: object) -> bytes:
    return transport.ask(method, "/x", what=f"{method.lower()} widgets.example.com shop/a", **options)  # type: ignore[arg-type]


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def refuse(code: int, headers: str = "", body: bytes = b"") -> Script:
    """Once; then all is well."""

    def script(connection: Connection) -> None:
        connection.read()
        connection.answer(body or b"no", code=code, headers=headers)
        answering(b"fine")(connection)

    return script


class TestOrdinary:
    def test_who_asks_and_what(self, world: World) -> None:
        server = world.serve(answering(b"fine"))
        transport = world.connect(server, component="tests")
        assert ask(transport, "POST", query=[("a", "b c"), ("a", "ü")], body={"x": 1}) == b"fine"
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /x?a=b+c&a=%C3%BC HTTP/1.1\r\n")
        assert b"Authorization: Bearer old" in head
        assert b"User-Agent: auditor/" in head
        assert b" tests\r\n" in head
        assert b"Content-Type: application/json" in head
        assert body == b'{"x":1}'

    @pytest.mark.parametrize("component", ["two\nlines", "bäckup"])
    def test_what_no_header_can_carry_is_refused_at_once(self, world: World, component: str) -> None:
        with pytest.raises(ValueError, match="printable ASCII"):
            world.connect("http://127.0.0.1:1", component=component)

    @pytest.mark.parametrize(
        "answer", [b"{}", b'{"items": null}', b'{"items": {}, "metadata": {}}', b'{"metadata": {}}']
    )
    def test_what_is_no_list_is_no_empty_list(self, world: World, answer: bytes) -> None:
        """Something on the way that answers 200 to everything must not look like a kind without objects."""
        client = Client(world.connect(world.serve(answering(answer))))
        with pytest.raises(MalformedError, match="no list"):
            list(client.list(WIDGETS))

    def test_connections_are_kept_also_after_refusals(self, world: World) -> None:
        """A controller gets conflicts all the time: a handshake for each of them would cost more than the call."""
        server = world.serve(refuse(404))
        transport = world.connect(server)
        with pytest.raises(NotFoundError):
            ask(transport)
        assert [ask(transport) for _ in range(3)] == [b"fine"] * 3
        assert server.connections == 1

    def test_two_threads_do_not_mix_their_answers(self, world: World) -> None:
        def echo(connection: Connection) -> None:
            while True:
                path = connection.read().split(b" ")[1]
                connection.answer(path, code=404 if path.endswith(b"7") else 200)

        server = world.serve(echo)
        transport = world.connect(server, pace=Pace(100_000, 100_000))
        wrong: list[object] = []

        def work(thread: int) -> None:
            for number in range(100):
                path = f"/{thread}/{number}"
                try:
                    said = transport.ask("GET", path, what=WHAT).decode()
                except NotFoundError as error:
                    said = error.message
                except UnreachableError as error:
                    said = str(error)
                if said != path:
                    wrong.append((path, said))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert server.connections <= 4

    def test_a_warning_is_logged_once(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        def script(connection: Connection) -> None:
            while True:
                connection.read()
                connection.answer(headers='Warning: 299 - "v1 is \\"old\\", use v2"\r\nWarning: 299 - "two"\r\n')

        transport = world.connect(world.serve(script))
        for _ in range(3):
            ask(transport)
        said = [r.getMessage() for r in caplog.records]
        assert said == ['the API server warns: v1 is "old", use v2', "the API server warns: two"]

    def test_calls_are_counted(self, world: World) -> None:
        labels = {"verb": "count", "resource": "widgets.example.com"}
        before = [sample("auditor_cluster_calls_total", **labels, code=c) for c in ("200", "404")]
        transport = world.connect(world.serve(refuse(404)))
        with pytest.raises(NotFoundError):
            transport.ask("GET", "/x", what="count widgets.example.com shop/a")
        transport.ask("GET", "/x", what="count widgets.example.com shop/a")
        after = [sample("auditor_cluster_calls_total", **labels, code=c) for c in ("200", "404")]
        assert after == [b + 1 for b in before]
        assert sample("auditor_cluster_call_seconds_count", verb="count") >= 2

    def test_calls_have_spans(self, world: World) -> None:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace._TRACER_PROVIDER = provider  # set_tracer_provider works once in a process
        tracing.switch_on()
        try:
            transport = world.connect(world.serve(refuse(404)))
            with tracing.begin("work", {}):
                with pytest.raises(NotFoundError):
                    ask(transport)
                ask(transport)
        finally:
            tracing.switch_off()
            trace._TRACER_PROVIDER = None
            provider.shutdown()
        bad, good, _ = exporter.get_finished_spans()
        assert good.name == bad.name == "kubernetes get"
        assert dict(good.attributes or {}) == {
            "k8s.resource": "widgets.example.com",
            "server.address": transport.server,
            "http.response.status_code": 200,
        }
        assert (bad.attributes or {})["http.response.status_code"] == 404
        assert not bad.status.is_ok
        assert not good.status.description


class TestPatience:
    @pytest.mark.parametrize(("code", "method"), [(429, "GET"), (429, "POST"), (503, "PATCH")])
    def test_a_wish_to_wait_is_granted(self, world: World, code: int, method: str) -> None:
        clock = Clock()
        server = world.serve(refuse(code, "Retry-After: 3\r\n"))
        transport = world.connect(server, pace=Pace(clock=clock), wait=clock.wait)
        assert ask(transport, method) == b"fine"
        assert len(clock.waits) == 1
        assert 3 <= clock.waits[0] <= 3.3

    def test_it_is_a_wish_to_all(self, world: World) -> None:
        clock = Clock()
        server = world.serve(refuse(429, "Retry-After: 3\r\n"))
        pace = Pace(clock=clock)
        transport = world.connect(server, pace=pace, wait=clock.wait)
        stream = transport.stream("/x", what=WHAT)
        with pytest.raises(TooManyRequestsError) as caught:
            list(stream.lines())
        assert caught.value.retry_after == 3
        assert pace.take(timeout=2.9) is False
        clock.now += 3
        assert pace.take(timeout=0) is True

    def test_not_for_ever(self, world: World) -> None:
        def busy(connection: Connection) -> None:
            while True:
                connection.read()
                connection.answer(b"busy", code=429, headers="Retry-After: 1\r\n")

        clock = Clock()
        server = world.serve(busy)
        with pytest.raises(TooManyRequestsError, match=r"busy.*ask again later"):
            ask(world.connect(server, pace=Pace(clock=clock), wait=clock.wait))
        assert len(server.requests) == 5

    @pytest.mark.parametrize("wish", ["31", "3600"])
    def test_whoever_waits_hears_of_a_long_wish(self, world: World, wish: str) -> None:
        clock = Clock()
        server = world.serve(refuse(503, f"Retry-After: {wish}\r\n"))
        with pytest.raises(ServerTroubleError) as caught:
            ask(world.connect(server, pace=Pace(clock=clock), wait=clock.wait))
        assert caught.value.retry_after == float(wish)
        assert len(server.requests) == 1

    def test_503_without_a_wish_is_told(self, world: World) -> None:
        server = world.serve(refuse(503))
        with pytest.raises(ServerTroubleError):
            ask(world.connect(server), "POST")
        assert len(server.requests) == 1

    def test_a_write_has_no_more_time_than_it_was_given(self, world: World) -> None:
        """Whoever writes under a lease may not write a second after it: not even because of a pause."""
        server = world.serve(answering(b"fine"))
        clock = Clock()
        pace = Pace(clock=clock)
        transport = world.connect(server, pace=pace)
        pace.pause(20)
        with pytest.raises(UnreachableError, match=r"not asked within the 5 s .* asked for a pause"):
            ask(transport, "PUT", timeout=5)
        with pytest.raises(UnreachableError, match="not asked within the 0 s"):
            ask(transport, "PUT", timeout=0)
        assert server.requests == []

    def test_an_edit_has_no_more_time_than_it_was_given_for_all_of_it(self, world: World) -> None:
        """Under a lease: what is left when it begins must not begin anew with each of its calls."""

        def slow(connection: Connection) -> None:
            while True:
                connection.read()
                threading.Event().wait(0.1)
                connection.answer(b'{"metadata": {"name": "a", "namespace": "shop"}}')

        server = world.serve(slow)
        client = Client(world.connect(server))
        with pytest.raises(UnreachableError):
            client.edit(
                WIDGETS,
                "a",
                lambda obj: (threading.Event().wait(0.3), obj | {"spec": {}})[1],
                namespace="shop",
                options=WriteOptions(timeout=0.3),
            )
        assert b"PUT" not in [request.split()[0] for request in server.requests]

    def test_what_came_too_late_is_told_as_what_it_was(self, world: World) -> None:
        """Not as a pause that nobody has asked for, which is what a second attempt without time would say."""

        def stall(connection: Connection) -> None:
            connection.read()
            connection.wait()

        server = world.serve(stall)
        with pytest.raises(UnreachableError, match=r"has sent nothing for 0\.2 s"):
            ask(world.connect(server), timeout=0.2)
        assert server.connections == 1
        with pytest.raises(UnreachableError, match="the time that there was for it is over"):
            ask(world.connect(server), timeout=-1)


class TestCredentials:
    def unauthorized(self, times: int) -> Script:
        def script(connection: Connection) -> None:
            for _ in range(times):
                connection.read()
                connection.answer(b"who", code=401)
            answering(b"fine")(connection)

        return script

    def test_a_401_is_asked_again_with_new_ones(self, world: World) -> None:
        server = world.serve(self.unauthorized(1))
        transport = world.connect(server)
        transport.access.renewals.append(True)  # type: ignore[attr-defined]
        assert ask(transport, "POST") == b"fine"
        assert [b"Bearer old" in r for r in server.requests] == [True, False]

    def test_but_once(self, world: World) -> None:
        server = world.serve(self.unauthorized(9))
        transport = world.connect(server)
        transport.access.renewals.extend([True, True])  # type: ignore[attr-defined]
        with pytest.raises(UnauthorizedError, match="Log in again"):
            ask(transport)
        assert len(server.requests) == 2

    def test_not_where_there_are_none(self, world: World) -> None:
        server = world.serve(self.unauthorized(9))
        with pytest.raises(UnauthorizedError):
            ask(world.connect(server))
        assert len(server.requests) == 1


class TestBroken:
    @staticmethod
    def close_after(count: int) -> Script:
        def script(connection: Connection) -> None:
            for _ in range(count):
                connection.read()
                connection.answer(b"fine")

        return script

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_kept_connections_that_the_server_has_closed_are_replaced(self, world: World, method: str) -> None:
        server = world.serve(self.close_after(1))
        transport = world.connect(server)
        for _ in range(3):
            assert ask(transport, method) == b"fine"
            server._threads[-1].join()  # now the connection is closed
        assert server.connections == 3

    @staticmethod
    def cut_body(connection: Connection) -> None:
        connection.read()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")

    @staticmethod
    def no_answer(connection: Connection) -> None:
        connection.read()

    @pytest.mark.parametrize("fault", ["cut_body", "no_answer"])
    def test_reads_are_repeated_once(self, world: World, fault: str) -> None:
        server = world.serve(getattr(self, fault), answering(b"fine"))
        assert ask(world.connect(server)) == b"fine"
        server = world.serve(getattr(self, fault), getattr(self, fault), answering(b"fine"))
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:\d+ broke the connection"):
            ask(world.connect(server))
        assert server.connections == 2

    @pytest.mark.parametrize("fault", ["cut_body", "no_answer"])
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_writes_are_not(self, world: World, fault: str, method: str) -> None:
        server = world.serve(getattr(self, fault), answering(b"fine"))
        with pytest.raises(UnreachableError, match=f"{method.lower()} widgets.*broke the connection"):
            ask(world.connect(server), method)
        assert server.connections == 1

    @pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
    def test_a_stall_ends(self, world: World, begin: bytes) -> None:
        def stall(connection: Connection) -> None:
            connection.read()
            connection.send(begin)
            connection.wait()

        with pytest.raises(UnreachableError, match=r"has sent nothing for 0\.2 s"):
            ask(world.connect(world.serve(stall), read_timeout=0.2), "POST")

    @pytest.mark.parametrize(
        "garbage", [b"SSH-2.0-OpenSSH_9.9\r\n", b"\x00\xff\x00\xff\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"]
    )
    def test_garbage(self, world: World, garbage: bytes) -> None:
        def script(connection: Connection) -> None:
            connection.read()
            connection.send(garbage)

        with pytest.raises(UnreachableError, match=r"something that is no HTTP: '.*Is that the port of an API server"):
            ask(world.connect(world.serve(script)))

    def test_the_page_of_a_proxy(self, world: World) -> None:
        page = b"<html>\n <h1>Bad   Gateway</h1>" + b"x" * 5000
        with pytest.raises(ServerTroubleError, match="answered 502: <html> <h1>Bad Gateway</h1>") as caught:
            ask(world.connect(world.serve(refuse(502, body=page))))
        assert len(str(caught.value)) < 500

    def test_a_redirect_is_not_followed(self, world: World) -> None:
        """It would take the credentials to an address that nobody has configured."""
        other = world.serve(answering(b"fine"))
        location = f"Location: http://127.0.0.1:{other.port}/login\r\n"
        with pytest.raises(ApiError, match=f"302: it redirects to http://127.0.0.1:{other.port}/login") as caught:
            ask(world.connect(world.serve(refuse(302, location))))
        assert caught.value.code == 302
        assert other.connections == 0

    def test_refused(self, world: World) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(UnreachableError, match=r"refuses connections\. Is the API server running"):
            ask(world.connect(f"http://127.0.0.1:{port}"))

    def test_unknown_host(self, world: World) -> None:
        with pytest.raises(UnreachableError, match="has a name that cannot be resolved"):
            ask(world.connect("https://nowhere.invalid"))

    def test_nothing_is_sent_after_it_was_closed(self, world: World) -> None:
        server = world.serve(answering(b"fine"))
        transport = world.connect(server)
        transport.close()
        with pytest.raises(UnreachableError, match="has been closed"):
            ask(transport)
        assert server.connections == 0
        assert transport.access.closed  # type: ignore[attr-defined]

    def test_a_status_is_told_in_full(self, world: World) -> None:
        status = (
            b'{"kind":"Status","code":403,"reason":"Forbidden","message":"no","details":{"causes":'
            b'[{"field":"spec.a","reason":"Bad","message":"must be 1"}],"retryAfterSeconds":7}}'
        )
        with pytest.raises(ForbiddenError, match=r"403: no; spec\.a: must be 1\. The user lacks") as caught:
            ask(world.connect(world.serve(refuse(403, body=status))))
        assert caught.value.retry_after == 7


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("tests")


def server_side(authority: Authority, path: Path, host: str) -> ssl.SSLContext:
    authority.issue("server", hosts=[host], server=True).write(path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path / "server.crt", path / "server.key")
    return context


def client_side(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.pair.certificate_pem.decode())


class TestTls:
    def test_good(self, world: World, authority: Authority, tmp_path: Path) -> None:
        server = world.serve(answering(b"fine"), tls=server_side(authority, tmp_path, "127.0.0.1"))
        transport = world.connect(f"https://127.0.0.1:{server.port}", tls=client_side(authority))
        assert [ask(transport), ask(transport)] == [b"fine"] * 2
        assert server.connections == 1

    def test_a_new_context_makes_new_connections(self, world: World, authority: Authority, tmp_path: Path) -> None:
        server = world.serve(answering(b"fine"), tls=server_side(authority, tmp_path, "127.0.0.1"))
        transport = world.connect(f"https://127.0.0.1:{server.port}", tls=client_side(authority))
        ask(transport)
        transport.access.context_now = client_side(authority)  # type: ignore[attr-defined]
        assert [ask(transport), ask(transport)] == [b"fine"] * 2
        assert server.connections == 2
        transport.access.context_now = client_side(Authority.create("other"))  # type: ignore[attr-defined]
        with pytest.raises(UnreachableError, match="not trusted"):
            ask(transport)

    def test_another_authority(self, world: World, authority: Authority, tmp_path: Path) -> None:
        server = world.serve(answering(), tls=server_side(authority, tmp_path, "127.0.0.1"))
        tls = client_side(Authority.create("other"))
        with pytest.raises(UnreachableError, match=r"certificate that is not trusted: .*certificate-authority"):
            ask(world.connect(f"https://127.0.0.1:{server.port}", tls=tls))

    def test_another_name(self, world: World, authority: Authority, tmp_path: Path) -> None:
        server = world.serve(answering(), tls=server_side(authority, tmp_path, "example.com"))
        with pytest.raises(UnreachableError, match=r"IP address mismatch.*its name the one in the address"):
            ask(world.connect(f"https://127.0.0.1:{server.port}", tls=client_side(authority)))

    def test_no_tls_where_tls_is_wanted(self, world: World, authority: Authority) -> None:
        def plain(connection: Connection) -> None:
            connection.sock.recv(100)
            connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        server = world.serve(plain)
        with pytest.raises(UnreachableError, match=r"broke off TLS: .*is that a TLS port\?"):
            ask(world.connect(f"https://127.0.0.1:{server.port}", tls=client_side(authority)))

    def test_a_cut_is_no_fault_of_the_certificates(self, world: World, authority: Authority) -> None:
        """Not at once, at least: a server that restarts looks like this, too."""

        def cut(connection: Connection) -> None:
            connection.sock.recv(1 << 16)
            connection.sock.shutdown(socket.SHUT_WR)
            connection.wait()

        transport = world.connect(f"https://127.0.0.1:{world.serve(cut).port}", tls=client_side(authority))
        with pytest.raises(UnreachableError, match=r"broke the connection: .*If it does so each time: is the client"):
            ask(transport, "POST")

    def test_a_handshake_that_stalls(self, world: World, authority: Authority) -> None:
        server = world.serve(Connection.wait)
        transport = world.connect(f"https://127.0.0.1:{server.port}", tls=client_side(authority), connect_timeout=0.2)
        with pytest.raises(UnreachableError, match="does not answer: connecting took too long"):
            ask(transport, "POST")


class TestProxies:
    @staticmethod
    def tunnel(target: Scripted) -> Script:
        def script(connection: Connection) -> None:
            assert connection.read().startswith(b"CONNECT ")
            connection.send(b"HTTP/1.1 200 Go\r\n\r\n")
            with socket.create_connection(("127.0.0.1", target.port)) as onward:
                back = threading.Thread(target=pump, args=(onward, connection.sock))
                back.start()
                pump(connection.sock, onward)
                back.join()

        def pump(source: socket.socket, sink: socket.socket) -> None:
            with suppress(OSError):
                while raw := source.recv(65536):
                    sink.sendall(raw)
                sink.shutdown(socket.SHUT_RDWR)

        return script

    def test_through_one(self, world: World, authority: Authority, tmp_path: Path) -> None:
        server = world.serve(answering(b"fine"), tls=server_side(authority, tmp_path, "127.0.0.1"))
        proxy = world.serve(self.tunnel(server))
        url = f"https://127.0.0.1:{server.port}"
        transport = world.connect(url, tls=client_side(authority), proxy=f"http://127.0.0.1:{proxy.port}")
        assert [ask(transport), ask(transport)] == [b"fine"] * 2
        assert (proxy.connections, server.connections) == (1, 1)
        assert b"Bearer" not in proxy.requests[0]  # that is for the server

    def test_one_that_refuses(self, world: World, authority: Authority) -> None:
        proxy = world.serve(refuse(407))
        url, proxy_url = "https://server.invalid:6443", f"http://127.0.0.1:{proxy.port}"
        with pytest.raises(UnreachableError, match=r"cannot be reached through the proxy: .*407 Said.*proxy-url"):
            ask(world.connect(url, tls=client_side(authority), proxy=proxy_url))

    def test_one_that_is_not_there(self, world: World, authority: Authority) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        url, proxy_url = "https://server.invalid:6443", f"http://127.0.0.1:{port}"
        with pytest.raises(UnreachableError, match=r"cannot be reached through the proxy: .*refused"):
            ask(world.connect(url, tls=client_side(authority), proxy=proxy_url))


class TestStreams:
    @staticmethod
    def stream(transport: Transport) -> Stream:
        return transport.stream("/x", what="watch widgets.example.com in shop", read_timeout=10)

    def test_whole_lines_however_they_come(self, world: World) -> None:
        text = b'{"a":1}\n\n{"b":"' + "ü".encode() * 50 + b'"}\n' + b"x" * 70_000 + b"\n"

        def script(connection: Connection) -> None:
            connection.read()
            connection.begin_chunks()
            for start in range(0, 120, 7):
                connection.chunk(text[start : start + 7])
            connection.chunk(text[126:])
            connection.send(b"0\r\n\r\n")
            answering(b"fine")(connection)

        server = world.serve(script)
        transport = world.connect(server)
        assert list(self.stream(transport).lines()) == text.split(b"\n")[:-1]
        assert ask(transport) == b"fine"
        assert server.connections == 1

    @pytest.mark.parametrize("end", [b"", b'5\r\n{"a', b"0\r\n\r\n"])
    def test_cuts(self, world: World, end: bytes) -> None:
        def script(connection: Connection) -> None:
            connection.read()
            connection.begin_chunks()
            connection.chunk(b"one\ntw")
            connection.send(end)

        lines = self.stream(world.connect(world.serve(script))).lines()
        assert next(lines) == b"one"
        with pytest.raises(UnreachableError, match=r"broke the connection|cut the answer in the middle of a line"):
            next(lines)

    def test_a_cut_between_two_lines_is_no_end(self, world: World) -> None:
        def script(connection: Connection) -> None:
            connection.read()
            connection.begin_chunks()
            connection.chunk(b"one\n")

        lines = self.stream(world.connect(world.serve(script))).lines()
        assert next(lines) == b"one"
        with pytest.raises(UnreachableError):
            next(lines)

    def test_a_reader_who_goes_away_leaves_nothing_open(self, world: World) -> None:
        def script(connection: Connection) -> None:
            connection.read()
            connection.begin_chunks()
            connection.chunk(b"one\ntwo\n")
            connection.wait()

        server = world.serve(script)
        lines = self.stream(world.connect(server)).lines()
        assert next(lines) == b"one"
        lines.close()  # type: ignore[attr-defined]
        server._threads[0].join(5)
        assert not server._threads[0].is_alive()

    def test_a_stall_is_told(self, world: World) -> None:
        def script(connection: Connection) -> None:
            connection.read()
            connection.begin_chunks()
            connection.chunk(b"one\n")
            connection.wait()

        transport = world.connect(world.serve(script))
        lines = transport.stream("/x", what="watch widgets", read_timeout=0.2).lines()
        assert next(lines) == b"one"
        with pytest.raises(UnreachableError, match=r"watch widgets: .* has sent nothing for 0\.2 s"):
            next(lines)


class TestClosing:
    """From another thread, whatever is waited for: it ends within a second."""

    def outcome(self, work: Callable[[], object], ready: Callable[[], object], close: Callable[[], None]) -> object:
        found: list[object] = []

        def run() -> None:
            try:
                found.append(work())
            except Exception as error:  # what came of it is what is tested
                found.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        ready()
        begun = time.monotonic()
        close()
        thread.join(10)
        assert not thread.is_alive()
        assert time.monotonic() - begun < QUICK
        return found[0]

    @staticmethod
    def silent(connection: Connection) -> None:
        connection.read()
        connection.wait()

    @staticmethod
    def talking(connection: Connection) -> None:
        connection.read()
        connection.begin_chunks()
        connection.chunk(b"one\n")
        connection.wait()

    @pytest.mark.parametrize("by", ["stream", "transport"])
    @pytest.mark.parametrize("tls", [False, True])
    def test_reading_a_stream(self, world: World, authority: Authority, tmp_path: Path, by: str, tls: bool) -> None:
        side = server_side(authority, tmp_path, "127.0.0.1") if tls else None
        server = world.serve(self.talking, tls=side)
        scheme = "https" if tls else "http"
        transport = world.connect(f"{scheme}://127.0.0.1:{server.port}", tls=client_side(authority))
        stream = TestStreams.stream(transport)
        seen = threading.Event()
        lines: list[bytes] = []

        def read() -> str:
            for line in stream.lines():
                lines.append(line)
                seen.set()
            return "ended"

        close = stream.close if by == "stream" else transport.close
        assert self.outcome(read, lambda: seen.wait(5), close) == "ended"
        assert lines == [b"one"]

    def test_waiting_for_headers(self, world: World) -> None:
        server = world.serve(self.silent)
        transport = world.connect(server)
        found = self.outcome(lambda: ask(transport), lambda: server.await_requests(1), transport.close)
        assert isinstance(found, UnreachableError)
        assert "because we stop" in str(found)

    def test_waiting_for_a_handshake(self, world: World, authority: Authority) -> None:
        begun = threading.Event()

        def script(connection: Connection) -> None:
            connection.sock.recv(10)
            begun.set()
            connection.wait()

        server = world.serve(script)
        transport = world.connect(f"https://127.0.0.1:{server.port}", tls=client_side(authority))
        found = self.outcome(lambda: ask(transport), lambda: begun.wait(5), transport.close)
        assert isinstance(found, UnreachableError)
        assert "because we stop" in str(found)

    def test_waiting_for_the_pace(self, world: World) -> None:
        server = world.serve(answering())
        pace = Pace()
        pace.pause(60)
        transport = world.connect(server, pace=pace)

        def ready() -> None:
            while not pace._waiting:
                threading.Event().wait(0.001)

        found = self.outcome(lambda: ask(transport), ready, transport.close)
        assert isinstance(found, UnreachableError)
        assert "has been closed" in str(found)
        assert server.requests == []

    def test_waiting_because_the_server_asked_to(self, world: World) -> None:
        server = world.serve(refuse(429, "Retry-After: 20\r\n"))
        transport = world.connect(server)

        def ready() -> None:
            server.await_requests(1)

        found = self.outcome(lambda: ask(transport), ready, transport.close)
        assert isinstance(found, UnreachableError | TooManyRequestsError)

    def test_a_stream_that_was_closed_before_it_began(self, world: World) -> None:
        server = world.serve(self.talking)
        stream = TestStreams.stream(world.connect(server))
        stream.close()
        assert list(stream.lines()) == []
        assert server.requests == []

    def test_a_stream_that_is_done_does_not_cut_who_has_its_connection_now(self, world: World) -> None:
        def script(connection: Connection) -> None:
            connection.read()
            connection.begin_chunks()
            connection.send(b"0\r\n\r\n")
            connection.read()
            connection.begin_chunks()
            connection.chunk(b"one\n")
            first_is_closed.wait(5)
            connection.chunk(b"two\n")
            connection.wait()

        first_is_closed = threading.Event()
        server = world.serve(script)
        transport = world.connect(server)
        first = TestStreams.stream(transport)
        assert list(first.lines()) == []
        second = TestStreams.stream(transport)
        lines = second.lines()
        assert next(lines) == b"one"
        first._connection = second._connection  # as it is in the moment before the first has noted its end
        first.close()
        first_is_closed.set()
        assert next(lines) == b"two"
        assert server.connections == 1
