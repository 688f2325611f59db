"""What is read from a Secret: whole, broken, half, of somebody else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.certs import Action, Authority, Bundle, Lifetimes, read_authorities, read_data, take, write_data
from auditor.certs.bundle import Retired, start_of
from auditor.certs.secret import PARTS

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
DAY = timedelta(days=1)
STEPS = [Action.START, Action.ADD, Action.SWITCH, Action.ISSUE, Action.ADD, Action.SWITCH, Action.ADD]


def walk(steps: list[Action]) -> Bundle:
    bundle = Bundle()
    for day, action in enumerate(steps):
        bundle = take(bundle, action, NOW + day * DAY, times=Lifetimes(), hosts=["door.svc"], name="door")
    return bundle


BUNDLES = [walk(STEPS[:length]) for length in range(1, len(STEPS) + 1)]
FULL = write_data(BUNDLES[-1])  # all parts: a current, a next and two retired authorities
OTHER = write_data(BUNDLES[0])


def roles(bundle: Bundle) -> list[object]:
    """All of a bundle: keys have no equality."""
    return [write_data(bundle), bundle.retired, bundle.coming and bundle.coming.since]


@pytest.mark.parametrize("bundle", BUNDLES)
def test_what_was_written_is_read_again(bundle: Bundle) -> None:
    reading = read_data(write_data(bundle))
    assert reading.faults == ()
    assert roles(reading.bundle) == roles(bundle)


def encrypted(data: bytes) -> bytes:
    key = BUNDLES[0].serving
    assert key
    return key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def other_kind(_: bytes) -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("tls.crt", lambda _: b"", "tls.crt: is missing"),
        ("tls.crt", lambda _: b"garbage", "tls.crt: is no certificate in PEM"),
        ("tls.crt", lambda old: old[: len(old) // 2], "tls.crt: is no certificate in PEM"),
        ("tls.crt", lambda _: OTHER["tls.crt"], "tls.key: is not the key of tls.crt"),
        ("tls.key", lambda _: b"", "tls.key: is missing"),
        ("tls.key", lambda _: b"garbage", "tls.key: is no private key in PEM without a password"),
        ("tls.key", encrypted, "tls.key: is no private key in PEM without a password"),
        ("tls.key", other_kind, "tls.key: is not an ECDSA key"),
        ("tls.key", lambda _: OTHER["tls.key"], "tls.key: is not the key of tls.crt"),
        ("ca.crt", lambda _: b"", "ca.crt: is missing"),
        ("ca.crt", lambda _: b"garbage", "ca.crt: holds no certificate in PEM"),
        ("ca.crt", lambda old: old[:-40], "ca.crt: holds something besides whole certificates"),
        ("ca.crt", lambda old: old + FULL["tls.crt"], "ca.crt: certificate 5 is not of an authority"),
        ("ca.crt", lambda old: old.replace(b"MII", b"MIX", 1), "ca.crt: certificate 1 cannot be read"),
        ("ca.key", lambda _: b"garbage", "ca.key: is no private key"),
        ("ca.key", lambda _: FULL["tls.key"], "ca.key: fits no certificate of ca.crt"),
        ("ca-next.key", lambda _: b"\xff", "ca-next.key: is no private key"),
        ("ca-next.key", lambda _: FULL["ca.key"], "ca-next.key: is the same key as ca.key"),
        ("rotation.json", lambda _: b"{", "rotation.json: does not say"),
        ("rotation.json", lambda _: b"[]", "rotation.json: does not say"),
        ("rotation.json", lambda _: b'{"a": 1}', "rotation.json: does not say"),
        ("rotation.json", lambda _: b'{"a": "soon"}', "rotation.json: does not say"),
    ],
)
def test_each_part_that_is_wrong_is_named(part: str, change: Callable[[bytes], bytes], said: str) -> None:
    faults = read_data(FULL | {part: change(FULL[part])}).faults
    assert any(str(fault).startswith(said) for fault in faults), faults


def test_certificate_of_nobody_we_know_is_not_served() -> None:
    foreign = Authority.create("foreign").issue("door", hosts=["door.svc"], server=True)
    reading = read_data(FULL | {"tls.crt": foreign.certificate_pem, "tls.key": foreign.key_pem})
    assert [str(f) for f in reading.faults] == ["tls.crt: was issued by no authority of ca.crt"]
    assert reading.bundle.serving is None


def test_authority_whose_key_is_lost_is_trusted_still() -> None:
    data = {k: v for k, v in OTHER.items() if k != "ca.key"}
    reading = read_data(data)
    assert [str(f) for f in reading.faults] == ["ca.key: is missing"]
    assert reading.bundle.current is None
    assert BUNDLES[0].current
    assert reading.bundle.retired == (Retired(BUNDLES[0].current.pair.certificate),)
    assert reading.bundle.serving
    assert reading.bundle.authorities_pem == OTHER["ca.crt"]


def test_lost_key_is_no_fault_while_the_next_authority_waits() -> None:
    data = {k: v for k, v in write_data(BUNDLES[1]).items() if k != "ca.key"}
    reading = read_data(data)
    assert reading.faults == ()
    assert reading.bundle.coming
    assert write_data(reading.bundle) == data


def test_damaged_certificate_does_not_take_the_others_with_it() -> None:
    found, wrong = read_authorities(FULL["ca.crt"].replace(b"MII", b"MIX", 1))
    assert len(found) == 3
    assert len(wrong) == 1


def test_lost_times_are_those_of_the_certificates() -> None:
    reading = read_data(FULL | {"rotation.json": b""})
    assert reading.faults == ()
    assert reading.bundle.coming
    assert reading.bundle.coming.since == start_of(reading.bundle.coming.authority.pair.certificate)
    assert [r.since for r in reading.bundle.retired] == [None, None]


def test_time_without_a_zone_is_in_utc() -> None:
    reading = read_data(FULL | {"rotation.json": FULL["rotation.json"].replace(b"+00:00", b"")})
    assert roles(reading.bundle) == roles(BUNDLES[-1])


def test_nothing_at_all_is_an_empty_bundle() -> None:
    reading = read_data({})
    assert reading.bundle == Bundle()
    assert [f.part for f in reading.faults] == ["ca.crt", "tls.crt", "tls.key"]


@settings(max_examples=120)
@given(data=st.data())
def test_no_damage_is_an_exception_and_what_is_left_is_good(data: st.DataObject) -> None:
    """Parts that are cut, changed, swapped, absent: what remains writes and reads again without faults of its own."""
    contents = [*FULL.values(), *OTHER.values(), b"", b"garbage"]
    damaged = dict(FULL)
    for part in data.draw(st.sets(st.sampled_from(PARTS), min_size=1)):
        old = data.draw(st.sampled_from(contents))
        start, end = sorted(data.draw(st.tuples(st.integers(0, len(old)), st.integers(0, len(old)))))
        damaged[part] = old[:start] + data.draw(st.sampled_from([b"", b"\x00", b"A", old[start:end]])) + old[end:]
    bundle = read_data(damaged).bundle
    again = read_data(write_data(bundle)).bundle
    assert roles(again) == roles(bundle)
