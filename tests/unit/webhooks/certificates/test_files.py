"""Certificates of somebody else, in files: read again by their content, and a new authority without a gap."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from auditor.certs import Authority, Pair, Trust
from auditor.certs.directory import write_directory
from auditor.errors import InputError, UsageError
from auditor.webhooks.certificates.files import AuthoritySource, FilesKeeper, FilesSettings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class World:
    """A directory, a clock, and what is said of trust."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self.directory, self.now, self.trust = directory, NOW, Trust.UNKNOWN
        self.asked: list[x509.Certificate] = []
        source = settings.get("source", AuthoritySource.FILE)
        assert isinstance(source, AuthoritySource)
        inject = "auditor/door" if source is AuthoritySource.INJECTED else ""
        self.keeper = FilesKeeper(
            FilesSettings(directory=directory, source=source, inject_from=inject),
            trust=self.say,
            clock=lambda: self.now,
        )

    def say(self, coming: x509.Certificate, known: object) -> Trust:
        self.asked.append(coming)
        return self.trust

    def write(self, authority: Authority, pair: Pair | None = None) -> Pair:
        pair = pair or authority.issue("door", hosts=["door.svc"], server=True, lifetime=90 * DAY, now=self.now)
        files = {"tls.crt": pair.certificate_pem, "tls.key": pair.key_pem, "ca.crt": authority.pair.certificate_pem}
        write_directory(self.directory, files)
        return pair

    def served(self) -> bytes:
        assert self.keeper.material
        return self.keeper.material.certificate

    def announced(self) -> bytes:
        assert self.keeper.material
        assert self.keeper.material.authorities is not None
        return self.keeper.material.authorities


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture(scope="module")
def first() -> Authority:
    return Authority.create("first", now=NOW)


@pytest.fixture(scope="module")
def second() -> Authority:
    return Authority.create("second", now=NOW + DAY)


def test_files_are_served_and_their_authority_is_announced(world: World, first: Authority) -> None:
    pair = world.write(first)
    assert world.keeper.refresh() == 5.0
    material = world.keeper.material
    assert material
    assert (material.certificate, material.key) == (pair.certificate_pem, pair.key_pem)
    assert material.expiry == NOW + 90 * DAY
    assert material.authority_expiry == first.pair.certificate.not_valid_after_utc
    assert material.authorities == first.pair.certificate_pem
    assert material.annotations == {}


def test_renewed_certificate_by_the_same_authority_is_served_at_once(world: World, first: Authority) -> None:
    world.write(first)
    world.keeper.refresh()
    renewed = world.write(first)
    world.keeper.refresh()
    assert world.served() == renewed.certificate_pem
    assert world.asked == []


def test_new_authority_is_announced_first_and_serves_when_it_is_trusted(
    world: World, first: Authority, second: Authority
) -> None:
    old = world.write(first)
    world.keeper.refresh()
    new = world.write(second)
    world.trust = Trust.MISSING
    for _ in range(2):
        world.keeper.refresh()
        assert world.served() == old.certificate_pem
        assert world.announced() == first.pair.certificate_pem + second.pair.certificate_pem
    assert world.asked == [second.pair.certificate] * 2
    world.trust = Trust.HELD
    world.keeper.refresh()
    assert world.served() == new.certificate_pem
    assert world.announced() == first.pair.certificate_pem + second.pair.certificate_pem


def test_old_authority_is_announced_until_what_it_signed_has_ended(
    world: World, first: Authority, second: Authority
) -> None:
    world.write(first)
    world.keeper.refresh()
    world.trust = Trust.HELD
    world.write(second)
    world.keeper.refresh()
    world.now = NOW + 89 * DAY
    world.keeper.refresh()
    assert first.pair.certificate_pem in world.announced()
    world.now = NOW + 90 * DAY
    world.keeper.refresh()
    assert world.announced() == second.pair.certificate_pem


def test_where_nobody_can_tell_time_decides(world: World, first: Authority, second: Authority) -> None:
    old = world.write(first)
    world.keeper.refresh()
    new = world.write(second)
    world.keeper.refresh()
    world.now += DAY - timedelta(seconds=1)
    world.keeper.refresh()
    assert world.served() == old.certificate_pem
    world.now += timedelta(seconds=1)
    world.keeper.refresh()
    assert world.served() == new.certificate_pem


def test_new_authority_does_not_wait_for_what_has_ended(world: World, first: Authority, second: Authority) -> None:
    world.write(first)
    world.keeper.refresh()
    world.now = NOW + 90 * DAY - timedelta(seconds=30)
    new = world.write(second)
    world.trust = Trust.MISSING
    world.keeper.refresh()
    assert world.served() == new.certificate_pem


def test_change_that_is_taken_back_is_forgotten(world: World, first: Authority, second: Authority) -> None:
    old = world.write(first)
    world.keeper.refresh()
    world.write(second)
    world.keeper.refresh()
    world.write(first, old)
    world.keeper.refresh()
    assert world.announced() == first.pair.certificate_pem


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tls.crt", None, r"tls\.crt: is missing"),
        ("tls.key", None, r"tls\.key: is missing"),
        ("ca.crt", None, r"ca\.crt: is missing"),
        ("tls.crt", b"garbage", r"tls\.crt: not a certificate in PEM"),
        ("tls.key", b"garbage", r"tls\.key: not a private key"),
        ("ca.crt", b"", r"ca\.crt: is missing"),
        ("ca.crt", b"garbage", r"ca\.crt: holds no certificate"),
    ],
)
def test_broken_files_are_an_error_and_the_last_stays_in_force(
    world: World, first: Authority, name: str, content: bytes | None, said: str
) -> None:
    pair = world.write(first)
    world.keeper.refresh()
    (world.directory / name).unlink()
    (world.directory / "..data" / name).unlink()
    if content is not None:
        (world.directory / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        world.keeper.refresh()
    assert world.served() == pair.certificate_pem


def test_halves_of_two_pairs_are_an_error_that_passes(world: World, first: Authority) -> None:
    pair, other = world.write(first), first.issue("door", hosts=["door"], server=True)
    (world.directory / "..data" / "tls.key").write_bytes(other.key_pem)
    with pytest.raises(InputError, match="not the key of"):
        world.keeper.refresh()
    assert world.keeper.material is None
    (world.directory / "..data" / "tls.key").write_bytes(pair.key_pem)
    world.keeper.refresh()
    assert world.served() == pair.certificate_pem


def test_injector_and_system_need_no_authority_beside_the_certificate(tmp_path: Path, first: Authority) -> None:
    injected = World(tmp_path, source=AuthoritySource.INJECTED)
    injected.write(first)
    (tmp_path / "..data" / "ca.crt").unlink()
    injected.keeper.refresh()
    assert injected.keeper.material
    assert injected.keeper.material.authorities is None
    assert injected.keeper.material.annotations == {"cert-manager.io/inject-ca-from": "auditor/door"}
    system = World(tmp_path, source=AuthoritySource.SYSTEM)
    system.keeper.refresh()
    assert system.announced() == b""


def test_keys_of_other_kinds_and_chains_are_served_too(world: World, first: Authority) -> None:
    """Others make RSA keys; what they put behind the leaf is sent with it."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "door")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + DAY).sign(key, hashes.SHA256())
    ).public_bytes(Encoding.PEM)
    chain = certificate + first.pair.certificate_pem
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_directory(world.directory, {"tls.crt": chain, "tls.key": pem, "ca.crt": first.pair.certificate_pem})
    world.keeper.refresh()
    assert world.served() == chain


@pytest.mark.parametrize(
    ("source", "inject"),
    [(AuthoritySource.INJECTED, ""), (AuthoritySource.FILE, "a/b"), (AuthoritySource.SYSTEM, "a/b")],
)
def test_injector_and_its_certificate_belong_together(source: AuthoritySource, inject: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="NAMESPACE/NAME"):
        FilesSettings(directory=tmp_path, source=source, inject_from=inject)
