"""Whether the door answers as API servers would ask it."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from auditor.certs import Authority
from auditor.operations import Listen
from auditor.webhooks.certificates.material import Material
from auditor.webhooks.certificates.tls import TlsSource
from auditor.webhooks.serving.readiness import GOOD_FOR, DoorProbe

HOST = "auditor-webhook.auditor-system.svc"


class Door:
    """Answers each connection with the same bytes."""

    def __init__(self, material: Material, answer: bytes) -> None:
        self.tls = TlsSource()
        self.tls.offer(material)
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.listen = Listen(*self._socket.getsockname())
        self.calls = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            plain, _ = self._socket.accept()
            with closing(plain):
                if self.calls < 0:
                    return
                self.calls += 1
                try:
                    with self.tls.context().wrap_socket(plain, server_side=True) as sock:
                        assert sock.recv(1000).startswith(b"GET /validate HTTP/1.1")
                        sock.sendall(self._answer)
                except ssl.SSLError:
                    continue

    def stop(self) -> None:
        self.calls = -1
        socket.create_connection((self.listen.host, self.listen.port)).close()
        self._thread.join(5)
        self._socket.close()


def issue(host: str) -> Material:
    authority = Authority.create("tests")
    pair = authority.issue("webhook", hosts=[host], server=True)
    return Material(
        certificate=pair.certificate_pem,
        key=pair.key_pem,
        expiry=pair.certificate.not_valid_after_utc,
        authorities=authority.pair.certificate_pem,
    )


def answer(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.fixture
def open_door() -> Iterator[Callable[[Material, bytes], Door]]:
    doors = []

    def make(material: Material, said: bytes) -> Door:
        doors.append(Door(material, said))
        return doors[-1]

    yield make
    for each in doors:
        each.stop()


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        (answer("405 METHOD NOT ALLOWED"), ""),
        (answer("500 INTERNAL SERVER ERROR"), "answered with HTTP status 500"),
        (b"", "RemoteDisconnected"),
        (b"nonsense", "BadStatusLine"),
    ],
)
def test_what_it_answers(open_door: Callable[[Material, bytes], Door], said: bytes, trouble: str) -> None:
    material = issue(HOST)
    found = DoorProbe(open_door(material, said).listen, HOST, lambda: material).trouble()
    assert trouble in found
    assert bool(trouble) == bool(found)


def test_a_certificate_that_api_servers_would_not_trust(open_door: Callable[[Material, bytes], Door]) -> None:
    material, other = issue(HOST), issue(HOST)
    door = open_door(material, answer("405 METHOD NOT ALLOWED"))
    assert "Hostname mismatch" in DoorProbe(door.listen, "elsewhere", lambda: material).trouble()
    assert "would not trust it" in DoorProbe(door.listen, HOST, lambda: other).trouble()
    told_by_others = Material(certificate=b"", key=b"", expiry=material.expiry, authorities=None)
    assert DoorProbe(door.listen, "elsewhere", lambda: told_by_others).trouble() == ""


def test_a_certificate_that_comes_is_seen_at_once(open_door: Callable[[Material, bytes], Door]) -> None:
    """That there is none yet is not remembered: nobody was asked."""
    material = issue(HOST)
    door = open_door(material, answer("405 METHOD NOT ALLOWED"))
    found: list[Material | None] = [None, material]
    probe = DoorProbe(door.listen, HOST, lambda: found.pop(0), clock=lambda: 0.0)
    assert "no serving certificate" in probe.trouble()
    assert probe.trouble() == ""


def test_no_certificate_and_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        listen = Listen(*sock.getsockname())
    assert "no serving certificate" in DoorProbe(listen, HOST, lambda: None).trouble()
    material = issue(HOST)
    assert "ConnectionRefusedError" in DoorProbe(listen, HOST, lambda: material).trouble()


def test_an_answer_is_used_again_for_a_moment(open_door: Callable[[Material, bytes], Door]) -> None:
    material, now = issue(HOST), [0.0]
    door = open_door(material, answer("405 METHOD NOT ALLOWED"))
    probe = DoorProbe(door.listen, HOST, lambda: material, clock=lambda: now[0])
    assert [probe.trouble(), probe.trouble()] == ["", ""]
    assert door.calls == 1
    now[0] += GOOD_FOR + 0.1
    assert probe.trouble() == ""
    assert door.calls == 2
