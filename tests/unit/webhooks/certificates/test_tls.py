"""TLS on real sockets: hot reload, clients that stall, clients that are not let in."""

import contextlib
import logging
import select
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.certs import Authority
from auditor.errors import InputError
from auditor.webhooks.certificates.tls import ClientSettings, DoorSocket, TlsSource
from tests.unit.webhooks.certificates.door import Door, call, make_material, open_door


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("door authority")


def serial(door: Door, authority: Authority) -> str:
    context = ssl.create_default_context(cadata=authority.pair.certificate_pem.decode())
    with (
        socket.create_connection(door.address, timeout=20) as raw,
        context.wrap_socket(raw, server_hostname="door.auditor.svc") as tls,
    ):
        found = tls.getpeercert()
        assert found
        tls.sendall(b"x")
        tls.recv(1)
        return str(found["serialNumber"])


def test_without_a_certificate_there_is_no_context() -> None:
    with pytest.raises(InputError, match="no serving certificate yet"):
        TlsSource().context()


def test_new_certificate_is_served_from_the_next_connection_on(authority: Authority) -> None:
    source = TlsSource()
    source.offer(make_material(authority))
    with open_door(source) as door:
        first = serial(door, authority)
        context = source.context()
        assert source.context() is context
        source.offer(make_material(authority))
        assert source.context() is not context
        assert serial(door, authority) != first


def test_same_certificate_is_the_same_context(authority: Authority) -> None:
    source, material = TlsSource(), make_material(authority)
    source.offer(material)
    context = source.context()
    source.offer(replace(material, authorities=b"other"))
    assert source.context() is context


@pytest.mark.parametrize("part", ["certificate", "key"])
@pytest.mark.parametrize("content", [b"", b"garbage", "other"])
def test_pair_that_does_not_load_leaves_the_last_in_force(
    authority: Authority, part: str, content: bytes | str
) -> None:
    source, material = TlsSource(), make_material(authority)
    source.offer(material)
    context = source.context()
    other = make_material(authority)
    if part == "certificate":
        broken = replace(material, certificate=other.certificate if isinstance(content, str) else content)
    else:
        broken = replace(material, key=other.key if isinstance(content, str) else content)
    with pytest.raises(InputError, match="cannot be used"):
        source.offer(broken)
    assert source.context() is context


def test_key_with_a_password_asks_nobody(authority: Authority) -> None:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

    pair = authority.issue("door", hosts=["door"], server=True)
    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    with pytest.raises(InputError, match="asks for a password"):
        TlsSource().offer(replace(make_material(authority, pair), key=key))


def test_pair_loads_where_a_system_has_no_files_in_memory(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.memfd_create", raising=False)
    source = TlsSource()
    source.offer(make_material(authority))
    with open_door(source) as door:
        call(door, authority.pair.certificate_pem)


def test_handshake_step_by_step(authority: Authority) -> None:
    """A byte at a time; on our side nobody waits."""
    source = TlsSource()
    source.offer(make_material(authority))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cadata=authority.pair.certificate_pem.decode()).wrap_bio(
        incoming, outgoing, server_hostname="door.auditor.svc"
    )
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as theirs:
        ours, _ = listener.accept()
        ours.setblocking(False)
        theirs.settimeout(20)
        with source.context().wrap_socket(ours, server_side=True, do_handshake_on_connect=False) as tls:
            steps = 0
            for _ in range(2):
                with contextlib.suppress(ssl.SSLWantReadError):
                    client.do_handshake()
                for byte in outgoing.read():
                    theirs.sendall(bytes([byte]))
                    select.select([tls], [], [], 20)
                    with contextlib.suppress(ssl.SSLWantReadError):
                        tls.do_handshake()
                    steps += 1
                if tls.version() is None:
                    incoming.write(theirs.recv(65536))
            assert steps > 200
            assert tls.version() == "TLSv1.3"
    assert not source.handshakes.failures


def test_who_stalls_is_counted(authority: Authority) -> None:
    source = TlsSource()
    source.offer(make_material(authority))
    ours, theirs = socket.socketpair()
    with theirs:
        ours.setblocking(False)
        tls = source.context().wrap_socket(ours, server_side=True, do_handshake_on_connect=False)
        assert isinstance(tls, DoorSocket)
        theirs.sendall(b"\x16")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        assert not source.handshakes.failures
        tls.give_up()
        assert theirs.recv(1) == b""
    assert source.handshakes.failures == {"stalled": 1}


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"\x01" * 500, b""],
    ids=["plain HTTP", "zeros", "hello without end", "nothing"],
)
def test_whatever_is_no_handshake_is_a_quiet_error(authority: Authority, sent: bytes) -> None:
    source = TlsSource()
    source.offer(make_material(authority))
    with open_door(source) as door:
        with socket.create_connection(door.address) as client, contextlib.suppress(OSError):  # it may close at any time
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(20)
            while client.recv(100):
                pass
        call(door, authority.pair.certificate_pem)
    assert sum(source.handshakes.failures.values()) == 1
    assert [e.args[0] for e in door.errors] == [ssl.SSL_ERROR_EOF]


def test_client_that_does_not_trust_us_is_told_of_aloud(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    """That is how a caBundle that is out of step shows itself on our side."""
    source = TlsSource()
    source.offer(make_material(authority))
    other = Authority.create("other").pair.certificate_pem
    with open_door(source) as door, caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(ssl.SSLCertVerificationError):
                call(door, other)
    assert source.handshakes.failures == {"refused": 3}
    assert [r.message[:40] for r in caplog.records] == [
        "TLS handshake failed (refused, 1 so far)",
        "TLS handshake failed (refused, 2 so far)",
    ]


class TestClients:
    @pytest.fixture
    def clients(self) -> Authority:
        return Authority.create("clients")

    @pytest.fixture
    def trusted(self, tmp_path: Path, clients: Authority) -> Path:
        path = tmp_path / "client-ca.crt"
        path.write_bytes(clients.pair.certificate_pem)
        return path

    def call_as(self, door: Door, authority: Authority, clients: Authority, name: str, place: Path) -> str:
        """What became of it: in TLS 1.3 a client learns only after the handshake that it was not let in."""
        files = clients.issue(name, client=True).write(place, name)
        try:
            call(door, authority.pair.certificate_pem, files)
        except (ssl.SSLError, ConnectionError):
            return "refused"
        return "let in"

    @pytest.mark.parametrize(
        ("names", "name", "outcome"),
        [
            (frozenset(), "anybody", "let in"),
            (frozenset({"kube-apiserver", "other"}), "kube-apiserver", "let in"),
            (frozenset({"kube-apiserver"}), "anybody", "refused"),
        ],
    )
    def test_names(
        self,
        authority: Authority,
        clients: Authority,
        trusted: Path,
        tmp_path: Path,
        names: frozenset[str],
        name: str,
        outcome: str,
    ) -> None:
        source = TlsSource(clients=ClientSettings(authorities=trusted, names=names))
        source.offer(make_material(authority))
        with open_door(source) as door:
            assert self.call_as(door, authority, clients, name, tmp_path) == outcome
        assert source.handshakes.failures == ({"client": 1} if outcome == "refused" else {})

    def test_name_among_the_alternative_names_counts(
        self, authority: Authority, clients: Authority, trusted: Path, tmp_path: Path
    ) -> None:
        source = TlsSource(clients=ClientSettings(authorities=trusted, names=frozenset({"api.example.com"})))
        source.offer(make_material(authority))
        files = clients.issue("any", client=True, hosts=["api.example.com"]).write(tmp_path, "any")
        with open_door(source) as door:
            call(door, authority.pair.certificate_pem, files)

    def test_without_a_certificate_or_with_that_of_others_nobody_is_let_in(
        self, authority: Authority, trusted: Path, tmp_path: Path
    ) -> None:
        source = TlsSource(clients=ClientSettings(authorities=trusted))
        source.offer(make_material(authority))
        with open_door(source) as door:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                call(door, authority.pair.certificate_pem)
            assert self.call_as(door, authority, Authority.create("others"), "kube-apiserver", tmp_path) == "refused"
        assert source.handshakes.failures == {"client": 2}

    def test_authorities_of_clients_are_read_again(
        self, authority: Authority, clients: Authority, trusted: Path, tmp_path: Path
    ) -> None:
        source, material = TlsSource(clients=ClientSettings(authorities=trusted)), make_material(authority)
        source.offer(material)
        others = Authority.create("others")
        trusted.write_bytes(others.pair.certificate_pem)
        source.offer(material)
        with open_door(source) as door:
            assert self.call_as(door, authority, others, "kube-apiserver", tmp_path) == "let in"
            assert self.call_as(door, authority, clients, "old", tmp_path) == "refused"

    @pytest.mark.parametrize("content", [None, b"", b"garbage"])
    def test_broken_authorities_of_clients_let_nobody_else_in_and_do_not_hold_up_a_renewal(
        self, authority: Authority, clients: Authority, trusted: Path, tmp_path: Path, content: bytes | None
    ) -> None:
        source = TlsSource(clients=ClientSettings(authorities=trusted))
        source.offer(make_material(authority))
        trusted.unlink()
        if content is not None:
            trusted.write_bytes(content)
        renewed = Authority.create("renewed")
        with pytest.raises(InputError, match=r"client-ca\.crt"):
            source.offer(make_material(renewed))
        with open_door(source) as door:
            assert self.call_as(door, renewed, clients, "api", tmp_path) == "let in"
            assert self.call_as(door, renewed, Authority.create("others"), "api2", tmp_path) == "refused"

    def test_broken_at_the_beginning_is_no_service_at_all(self, authority: Authority, tmp_path: Path) -> None:
        source = TlsSource(clients=ClientSettings(authorities=tmp_path / "missing"))
        with pytest.raises(InputError, match="without it, no client can be let in"):
            source.offer(make_material(authority))
        with pytest.raises(InputError):
            source.context()
