"""Certificates as their users see them: a verifier, a TLS peer, and the file system."""

import ipaddress
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from auditor.certs import Authority, Pair, write_private

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("test authority")


def test_server_certificate_is_accepted_for_its_names_and_addresses_only(authority: Authority) -> None:
    pair = authority.issue("web", hosts=["web.example.com", "127.0.0.1"], server=True)
    policy = PolicyBuilder().store(Store([authority.pair.certificate]))
    policy.build_server_verifier(x509.DNSName("web.example.com")).verify(pair.certificate, [])
    policy.build_server_verifier(x509.IPAddress(ipaddress.ip_address("127.0.0.1"))).verify(pair.certificate, [])
    with pytest.raises(VerificationError):
        policy.build_server_verifier(x509.DNSName("other.example.com")).verify(pair.certificate, [])


def test_certificate_of_another_authority_is_refused(authority: Authority) -> None:
    pair = Authority.create("test authority").issue("web", hosts=["web"], server=True)
    verifier = PolicyBuilder().store(Store([authority.pair.certificate])).build_server_verifier(x509.DNSName("web"))
    with pytest.raises(VerificationError):
        verifier.verify(pair.certificate, [])


def test_key_usages_are_just_what_each_certificate_is_for(authority: Authority) -> None:
    def usages(certificate: x509.Certificate) -> set[str]:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        names = ("digital_signature", "key_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
        return {name for name in names if getattr(usage, name)}

    leaf = authority.issue("jane", client=True).certificate
    assert usages(authority.pair.certificate) == {"key_cert_sign", "crl_sign"}
    assert usages(leaf) == {"digital_signature"}
    extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca


def test_keys_are_p256(authority: Authority) -> None:
    for pair in (authority.pair, authority.issue("jane", client=True)):
        assert isinstance(pair.key.curve, ec.SECP256R1)


def test_lifetime_begins_a_little_earlier_and_never_outlives_the_authority() -> None:
    authority = Authority.create("short", lifetime=timedelta(days=10), now=NOW)
    pair = authority.issue("a", client=True, lifetime=timedelta(days=3), now=NOW)
    assert pair.certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert pair.certificate.not_valid_after_utc == NOW + timedelta(days=3)
    longer = authority.issue("a", client=True, lifetime=timedelta(days=30), now=NOW)
    assert longer.certificate.not_valid_after_utc == authority.pair.certificate.not_valid_after_utc


@pytest.mark.parametrize(
    ("arguments", "what"),
    [({}, "for a server, a client, or both"), ({"server": True}, "needs the hosts")],
)
def test_what_makes_no_sense_is_refused(authority: Authority, arguments: dict[str, bool], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        authority.issue("x", **arguments)  # type: ignore[arg-type]  # the table has only flags


def test_both_sides_of_tls_know_each_other(authority: Authority, tmp_path: Path) -> None:
    server_files = authority.issue("server", hosts=["127.0.0.1"], server=True).write(tmp_path, "server")
    client_files = authority.issue("jane", organizations=["devs"], client=True).write(tmp_path, "client")
    trusted, _ = authority.pair.write(tmp_path, "ca")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=trusted)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_cert_chain(*server_files)
    client = ssl.create_default_context(cafile=trusted)
    client.load_cert_chain(*client_files)
    seen: list[object] = []

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with server.wrap_socket(connection, server_side=True) as secure:
            seen.append(secure.getpeercert())
            secure.sendall(b"hello")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        with (
            socket.create_connection(listener.getsockname()) as plain,
            client.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            assert secure.recv(5) == b"hello"
        thread.join()
    subject = seen[0]["subject"]  # type: ignore[index]  # a dictionary of the standard library
    assert (("organizationName", "devs"),) in subject
    assert (("commonName", "jane"),) in subject


def test_written_pair_reads_back_and_belongs_to_its_owner_alone(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("jane", client=True)
    certificate, key = pair.write(tmp_path, "jane")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert Pair.read(certificate, key).certificate == pair.certificate


def test_reading_says_which_file_is_wrong(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("jane", client=True).write(tmp_path, "jane")
    _, other = authority.issue("joe", client=True).write(tmp_path, "joe")
    with pytest.raises(ValueError, match=r"joe\.key: not the key of .*jane\.crt"):
        Pair.read(certificate, other)
    with pytest.raises(ValueError, match=r"jane\.crt: not a private key"):
        Pair.read(certificate, certificate)
    with pytest.raises(ValueError, match=r"jane\.key: not a certificate"):
        Pair.read(key, key)


def test_private_file_is_whole_or_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    write_private(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["secret"]
