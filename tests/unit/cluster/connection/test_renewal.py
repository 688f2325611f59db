"""Tokens and certificates that others renew on disk while we run."""

import logging
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.certs import Authority
from auditor.cluster.connection import Settings, open_access
from tests.unit.cluster.connection.writing import Kube, encode

LATER = 2.0


def token_of(headers: object) -> str:
    assert hasattr(headers, "get")
    return str(headers.get("Authorization")).removeprefix("Bearer ")


def test_a_token_file_is_read_again(kube: Kube) -> None:
    path = kube.put("token", "first\n")
    kube.user = {"token": "stale", "tokenFile": path}
    with kube.open() as access:
        assert token_of(access.headers()) == "first"
        Path(path).write_text("second")
        assert token_of(access.headers()) == "first"  # not for every request
        kube.clock.now += LATER
        assert token_of(access.headers()) == "second"


@pytest.mark.parametrize("content", ["", " \n", "two words", "half\x00", None])
def test_the_old_token_serves_while_the_new_one_is_none(
    kube: Kube, caplog: pytest.LogCaptureFixture, content: str | None
) -> None:
    path = Path(kube.put("token", "first"))
    kube.user = {"tokenFile": str(path)}
    with kube.open() as access:
        path.unlink() if content is None else path.write_text(content)
        for _ in range(3):
            kube.clock.now += LATER
            assert token_of(access.headers()) == "first"
        assert len(caplog.messages) == 1
        assert "what it held before is used on" in caplog.text
        path.write_text("second")
        kube.clock.now += LATER
        assert token_of(access.headers()) == "second"


def test_a_refused_token_is_read_again_at_once(kube: Kube) -> None:
    path = Path(kube.put("token", "first"))
    kube.user = {"tokenFile": str(path)}
    with kube.open() as access:
        used = access.headers()
        assert access.renew(used) is False  # it is still the same
        kube.clock.now += 10
        path.write_text("second")
        assert access.renew(used) is True
        assert token_of(access.headers()) == "second"
        assert access.renew(used) is True  # another thread, with the old one: no need to look again
        assert access.renew(access.headers()) is False  # there is no third


def test_what_cannot_change_is_not_asked_twice(kube: Kube) -> None:
    with kube.open() as access:
        assert access.renew() is False


class TestCertificates:
    @pytest.fixture(autouse=True)
    def pair(self, kube: Kube, authority: Authority) -> None:
        kube.wall_clock.now = datetime.now(UTC).timestamp()
        self.authority = authority
        self.certificate, self.key = kube.directory / "a.crt", kube.directory / "a.key"
        self.write(*self.issue())
        kube.cluster["certificate-authority"] = kube.put("ca.crt", authority.pair.certificate_pem)
        kube.user = {"client-certificate": "a.crt", "client-key": "a.key"}

    def issue(self) -> tuple[bytes, bytes]:
        pair = self.authority.issue("alice", client=True)
        return pair.certificate_pem, pair.key_pem

    def write(self, certificate: bytes, key: bytes) -> None:
        self.certificate.write_bytes(certificate)
        self.key.write_bytes(key)

    def test_the_context_is_one_until_they_change(self, kube: Kube) -> None:
        with kube.open() as access:
            first = access.tls()
            kube.clock.now += LATER
            self.certificate.touch()
            assert access.tls() is first
            self.write(*self.issue())
            assert access.tls() is first  # it is not looked for every time
            kube.clock.now += LATER
            second = access.tls()
            assert second is not first
            assert access.tls() is second

    def test_half_a_pair_changes_nothing(self, kube: Kube, caplog: pytest.LogCaptureFixture) -> None:
        with kube.open() as access:
            first = access.tls()
            certificate, key = self.issue()
            for halves in (certificate, b""), (certificate[:100], key), (certificate, key[:100]), (b"no PEM", key):
                self.write(*halves)
                kube.clock.now += LATER
                assert access.tls() is first
            caplog.clear()
            self.write(certificate, self.issue()[1])  # the key of another
            kube.clock.now += LATER
            assert access.tls() is first
            assert access.tls() is first
            assert len(caplog.messages) == 1
            assert "this is not the key of the certificate" in caplog.text
            self.write(certificate, key)
            kube.clock.now += LATER
            assert access.tls() is not first

    def test_the_pair_may_come_back(self, kube: Kube) -> None:
        with kube.open() as access:
            first, before = access.tls(), self.certificate.read_bytes()
            self.certificate.write_bytes(b"no PEM")
            kube.clock.now += LATER
            assert access.tls() is first
            self.certificate.write_bytes(before)
            kube.clock.now += LATER
            assert access.tls() is first

    def test_another_authority_is_another_context(self, kube: Kube) -> None:
        with kube.open() as access:
            first = access.tls()
            (kube.directory / "ca.crt").write_bytes(Authority.create("next").pair.certificate_pem)
            kube.clock.now += LATER
            assert access.tls() is not first

    def test_a_renewed_pair_is_looked_for_after_a_refusal(self, kube: Kube) -> None:
        with kube.open() as access:
            first = access.tls()
            self.write(*self.issue())
            assert access.renew(access.headers()) is True
            assert access.tls() is not first

    def test_a_new_pair_counts_whatever_our_clock_says(self, kube: Kube) -> None:
        with kube.open() as access:
            first = access.tls()
            pair = self.authority.issue("alice", client=True, now=datetime.now(UTC) + timedelta(hours=1))
            self.write(pair.certificate_pem, pair.key_pem)
            kube.clock.now += LATER
            assert access.tls() is not first

    def test_both_may_stand_in_one_file(self, kube: Kube) -> None:
        certificate, key = self.issue()
        self.certificate.write_bytes(b"notes of a person, in M\xc3\xbcnchen\n" + key + certificate)
        kube.user = {"client-certificate": "a.crt", "client-key": "a.crt"}
        with kube.open():
            pass

    def test_nothing_is_left_on_disk(self, kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = kube.directory / "temporary"
        folder.mkdir(mode=0o500)
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        certificate, key = self.issue()
        kube.user = {"client-certificate-data": encode(certificate), "client-key-data": encode(key)}
        with kube.open():
            assert list(folder.iterdir()) == []

    def test_systems_without_files_in_memory(self, kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr("os.memfd_create", raising=False)
        folder = kube.directory / "temporary"
        folder.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        with kube.open() as access:
            assert access.tls().verify_mode is ssl.CERT_REQUIRED
            assert list(folder.iterdir()) == []


def test_authorities_of_the_computer_unless_one_is_named(kube: Kube, authority_pem: bytes) -> None:
    with kube.open() as access:
        default = ssl.create_default_context().cert_store_stats()
        assert access.tls().cert_store_stats() == default
    kube.cluster["certificate-authority-data"] = encode("# Zürich\n".encode() + authority_pem + authority_pem)
    with kube.open() as access:
        assert access.tls().cert_store_stats()["x509_ca"] == 1
        assert access.tls().check_hostname is True
        assert access.tls().minimum_version >= ssl.TLSVersion.TLSv1_2


def test_without_verification_the_log_says_so(kube: Kube, caplog: pytest.LogCaptureFixture) -> None:
    kube.cluster["insecure-skip-tls-verify"] = True
    with caplog.at_level(logging.WARNING), kube.open() as access:
        assert access.tls().verify_mode is ssl.CERT_NONE
        assert access.configuration.verify_ssl is False
    assert 'cluster "here": insecure-skip-tls-verify: whoever is in between' in caplog.text


def test_a_user_without_credentials_is_nobody(kube: Kube) -> None:
    kube.user = {}
    with open_access(Settings(kubeconfig=kube.write())) as access:
        assert "Authorization" not in access.headers()
