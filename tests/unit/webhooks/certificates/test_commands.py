"""`auditor certs` on files: no cluster is asked."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from auditor.certs import Action, Authority, Bundle, Lifetimes, read_data, take, write_data
from auditor.certs.directory import read_directory, write_directory
from auditor.certs.secret import PARTS
from auditor.cli.certs import command
from auditor.errors import InputError, UsageError
from auditor.webhooks.certificates.show import survey

HOST = "door.auditor.svc"


def run(name: str, place: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, [name, "--directory", str(place), *arguments], standalone_mode=False)


def test_issue_begins_in_an_empty_place_and_goes_on_with_its_authority(tmp_path: Path) -> None:
    place = tmp_path / "certs"
    assert run("issue", place, "--host", HOST, "--host", "::1").output.startswith("start: it was asked for\n")
    first = read_directory(place, PARTS)
    assert sorted(first) == ["ca.crt", "ca.key", "tls.crt", "tls.key"]
    assert stat.S_IMODE((place / "ca.key").stat().st_mode) == 0o600
    result = run("issue", place)
    assert f"a certificate for ::1, {HOST} until 2" in result.output
    second = read_directory(place, PARTS)
    assert (second["ca.crt"], second["ca.key"]) == (first["ca.crt"], first["ca.key"])
    assert second["tls.crt"] != first["tls.crt"]
    assert read_data(second).faults == ()


def test_issue_leaves_alone_what_others_wrote(tmp_path: Path) -> None:
    pair = Authority.create("others").issue("web", hosts=["web"], server=True)
    (tmp_path / "tls.crt").write_bytes(pair.certificate_pem)
    (tmp_path / "tls.key").write_bytes(pair.key_pem)
    result = run("issue", tmp_path, "--host", HOST)
    assert isinstance(result.exception, UsageError)
    assert "What auditor has not written is left alone" in str(result.exception)
    assert (tmp_path / "tls.key").read_bytes() == pair.key_pem


def test_issue_needs_hosts(tmp_path: Path) -> None:
    assert "--host HOST" in str(run("issue", tmp_path).exception)


def test_show_of_what_cert_manager_mounts(tmp_path: Path) -> None:
    authority = Authority.create("issuer")
    pair = authority.issue("door", hosts=[HOST], server=True)
    files = {"tls.crt": pair.certificate_pem, "tls.key": pair.key_pem, "ca.crt": authority.pair.certificate_pem}
    write_directory(tmp_path, files)
    result = run("show", tmp_path, "-o", "json")
    assert result.return_value == 0
    shown = json.loads(result.output)
    assert [(c["role"], c["subject"], c["note"]) for c in shown["certificates"]] == [
        ("serving", "CN=door", "by CN=issuer"),
        ("trusted authority", "CN=issuer", ""),
    ]
    assert shown["next"] == ""


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "WRONG: tls.crt: not a certificate in PEM"),
        ({"tls.crt": b"garbage", "tls.key": b"x"}, "WRONG: tls.crt: not a certificate in PEM"),
        ({"tls.key": b"x"}, "WRONG: tls.crt: not a certificate"),
        ({"ca.key": b"x"}, "WRONG: ca.key: is no private key"),
    ],
)
def test_show_of_what_is_broken_is_exit_code_1(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    write_directory(tmp_path, files)
    result = run("show", tmp_path)
    assert result.return_value == 1
    assert said in result.output


def test_show_of_no_directory_is_an_error(tmp_path: Path) -> None:
    assert isinstance(run("show", tmp_path / "missing").exception, InputError)


@pytest.mark.parametrize(
    ("days", "faults"),
    [
        (0, ()),
        (89, ()),
        (90, ("serving: has expired at 2026-04-01 00:00:00Z",)),
        (-1, ("serving: is not valid before", "authority: is not valid before")),
    ],
)
def test_what_is_expired_is_a_fault(days: int, faults: tuple[str, ...]) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    bundle = take(Bundle(), Action.START, now, times=Lifetimes(), hosts=[HOST], name="door")
    found = survey(write_data(bundle), now + timedelta(days=days)).faults
    assert len(found) == len(faults)
    for fault, said in zip(found, faults, strict=True):
        assert fault.startswith(said)


def test_every_role_is_told_in_its_order() -> None:
    now, bundle = datetime(2026, 1, 1, tzinfo=UTC), Bundle()
    for action in (Action.START, Action.ADD, Action.SWITCH, Action.ADD):
        bundle = take(bundle, action, now, times=Lifetimes(), hosts=[HOST], name="door")
    overview = survey(write_data(bundle), now)
    assert [(e.role, e.note) for e in overview.entries] == [
        ("serving", ""),
        ("authority", "signs"),
        ("next authority", "waits to sign since 2026-01-01 00:00:00Z"),
        ("retired authority", "signs no more since 2026-01-01 00:00:00Z"),
    ]
    assert overview.next == "nothing to do until all clients trust the next authority (2026-01-02 00:00:00Z)"
