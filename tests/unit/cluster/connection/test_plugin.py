"""Exec plugins: when they run, what they are told, what becomes of their answers."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.certs import Authority
from auditor.cluster.connection import Access
from auditor.cluster.connection.command import Command
from auditor.cluster.connection.plugin import ExecPlugin
from auditor.cluster.connection.section import Section
from auditor.errors import ConnectionConfigError, UnreachableError
from auditor.json import JsonObject
from tests.unit.cluster.connection.writing import V1, V1BETA1, Kube, Plugin, encode


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def token(access: Access) -> str:
    return access.headers()["Authorization"].removeprefix("Bearer ")


def test_a_token_is_kept_until_it_expires(kube: Kube, plugin: Plugin) -> None:
    kube.user = {"exec": plugin.install()}
    plugin.answer("first", expirationTimestamp=stamp(kube.wall_clock.now + 900))
    with kube.open() as access:
        plugin.answer("second", expirationTimestamp=stamp(kube.wall_clock.now + 1800))
        kube.wall_clock.now += 885
        assert token(access) == "first"
        access.tls()
        assert plugin.runs == 1
        kube.wall_clock.now += 10  # before it is over: a request is under way for a while
        assert token(access) == "second"
        assert plugin.runs == 2


def test_a_token_without_end_is_kept(kube: Kube, plugin: Plugin) -> None:
    kube.user = {"exec": plugin.install()}
    plugin.answer("first")
    with kube.open() as access:
        kube.wall_clock.now += 1e8
        assert token(access) == "first"
        assert plugin.runs == 1


@pytest.mark.parametrize("text", ["2027-01-15T08:00:00.123456789Z", "2027-01-15T10:00:00+02:00"])
def test_times_of_all_forms(kube: Kube, plugin: Plugin, text: str) -> None:
    kube.user = {"exec": plugin.install()}
    kube.wall_clock.now = datetime(2027, 1, 15, 7, 59, tzinfo=UTC).timestamp()
    plugin.answer("first", expirationTimestamp=text)
    with kube.open() as access:
        kube.wall_clock.now += 49
        token(access)
        assert plugin.runs == 1
        kube.wall_clock.now += 3
        token(access)
        assert plugin.runs == 2


def test_where_our_clock_is_wrong_the_server_decides(
    kube: Kube, plugin: Plugin, caplog: pytest.LogCaptureFixture
) -> None:
    kube.user = {"exec": plugin.install()}
    plugin.answer("first", expirationTimestamp=stamp(kube.wall_clock.now - 3600))
    with kube.open() as access:
        for _ in range(100):
            assert token(access) == "first"
        assert plugin.runs == 1
        assert "has expired already. Check the clock" in caplog.text


def test_a_refusal_runs_it_again_once_for_all(kube: Kube, plugin: Plugin) -> None:
    kube.user = {"exec": plugin.install()}
    plugin.answer("first")
    with kube.open() as access:
        used = access.headers()
        plugin.answer("second")
        assert [access.renew(used) for _ in range(50)] == [True] * 50
        assert [access.renew() for _ in range(50)] == [True] * 50
        assert token(access) == "second"
        assert plugin.runs == 2
        kube.clock.now += 10
        assert access.renew(access.headers()) is False  # it has no other
        assert plugin.runs == 3
        assert access.renew(access.headers()) is False
        assert plugin.runs == 3


def test_never_two_runs_side_by_side(kube: Kube, plugin: Plugin) -> None:
    """The script notices if another is at work."""
    lock = f'mkdir "{kube.directory}/lock" || exit 9\nsleep 0.05\nrmdir "{kube.directory}/lock"'
    kube.user = {"exec": plugin.install(lock)}
    plugin.answer("first", expirationTimestamp=stamp(kube.wall_clock.now + 60))
    with kube.open() as access, ThreadPoolExecutor(16) as threads:
        plugin.answer("second", expirationTimestamp=stamp(kube.wall_clock.now + 600))
        kube.wall_clock.now += 60
        asked = [threads.submit(token, access) for _ in range(32)]
        assert {done.result() for done in asked} == {"second"}
        assert plugin.runs == 2


def test_a_failure_holds_for_a_while_for_everybody(kube: Kube, plugin: Plugin) -> None:
    kube.user = {"exec": plugin.install(f'test ! -e "{kube.directory}/broken" || {{ echo no >&2; exit 1; }}')}
    plugin.answer("first")
    with kube.open() as access:
        kube.put("broken", "")
        used = access.headers()
        with pytest.raises(ConnectionConfigError, match="it ended with 1: no"):
            access.renew(used)
        (kube.directory / "broken").unlink()
        for _ in range(50):
            with pytest.raises(ConnectionConfigError, match="it ended with 1: no"):
                access.headers()
        assert plugin.runs == 2
        kube.clock.now += 6
        assert token(access) == "first"


def test_certificates(kube: Kube, plugin: Plugin, authority: Authority) -> None:
    kube.wall_clock.now = datetime.now(UTC).timestamp()
    kube.user = {"exec": plugin.install()}

    def give() -> None:
        pair = authority.issue("alice", client=True)
        end = stamp(kube.wall_clock.now + 600)
        crt, key = pair.certificate_pem.decode(), pair.key_pem.decode()
        plugin.answer(clientCertificateData=crt, clientKeyData=key, expirationTimestamp=end)

    give()
    with kube.open() as access:
        first = access.tls()
        assert "Authorization" not in access.headers()
        give()
        assert access.tls() is first
        used = access.headers()
        assert access.renew(used) is True
        second = access.tls()
        assert second is not first
        assert access.renew(used) is True  # whose 401 came before that
        assert plugin.runs == 2
        give()
        kube.wall_clock.now += 600
        assert access.tls() is not second
        assert plugin.runs == 3


def test_its_token_goes_with_the_certificate_of_the_kubeconfig(
    kube: Kube, plugin: Plugin, authority: Authority
) -> None:
    kube.wall_clock.now = datetime.now(UTC).timestamp()
    pair = authority.issue("alice", client=True)
    kube.user = {
        "exec": plugin.install(),
        "client-certificate-data": encode(pair.certificate_pem),
        "client-key-data": encode(pair.key_pem),
    }
    plugin.answer("first")
    with kube.open() as access:
        assert token(access) == "first"
        assert access._source.get().certificate.text == pair.certificate_pem


def test_a_token_of_the_kubeconfig_goes_first(kube: Kube, plugin: Plugin) -> None:
    kube.user = {"exec": plugin.install(), "token": "written"}
    with kube.open() as access:
        assert token(access) == "written"
        assert plugin.runs == 0


@pytest.mark.parametrize("version", [V1, V1BETA1])
def test_what_it_is_told(kube: Kube, plugin: Plugin, authority_pem: bytes, version: str) -> None:
    plugin.version = version
    ca = kube.put("ca.crt", authority_pem)
    config = {"audience": "kube", "list": [1, True, None]}
    kube.cluster |= {
        "certificate-authority": ca,
        "tls-server-name": "kube.internal",
        "proxy-url": "http://proxy:3128",
        "extensions": [
            {"name": "other", "extension": {"a": 1}},
            {"name": "client.authentication.k8s.io/exec", "extension": config},
        ],
    }
    told = f'printf %s "$KUBERNETES_EXEC_INFO" > "{kube.directory}/told"; printf "%s|%s|%s" "$1" "$2" "$MODE" > "$OUT"'
    kube.user = {
        "exec": plugin.install(told)
        | {
            "args": ["a b", "7"],
            "env": [{"name": "MODE", "value": "x"}, {"name": "OUT", "value": f"{kube.directory}/out"}],
            "provideClusterInfo": True,
        }
    }
    plugin.answer("first")
    with kube.open():
        pass
    assert (kube.directory / "out").read_text() == "a b|7|x"
    assert json.loads((kube.directory / "told").read_text()) == {
        "apiVersion": version,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {
                "server": "https://kube.example.com:6443",
                "certificate-authority-data": encode(authority_pem),
                "tls-server-name": "kube.internal",
                "proxy-url": "http://proxy:3128",
                "config": config,
            },
        },
    }


def test_it_is_not_told_of_the_cluster_unless_it_asks(kube: Kube, plugin: Plugin) -> None:
    kube.user = {"exec": plugin.install(f'printf %s "$KUBERNETES_EXEC_INFO" > "{kube.directory}/told"')}
    plugin.answer("first")
    with kube.open():
        pass
    assert json.loads((kube.directory / "told").read_text())["spec"] == {"interactive": False}


@pytest.mark.parametrize(
    ("mode", "terminal", "interactive"),
    [
        ({"interactiveMode": "Never"}, True, False),
        ({"interactiveMode": "IfAvailable"}, True, True),
        ({"interactiveMode": "IfAvailable"}, False, False),
        ({}, True, True),
        ({}, False, False),
        ({"interactiveMode": "Always"}, True, True),
    ],
)
def test_modes(plugin: Plugin, tmp_path: Path, mode: JsonObject, terminal: bool, interactive: bool) -> None:
    entry = plugin.install(f'printf %s "$KUBERNETES_EXEC_INFO" > "{tmp_path}/told"')
    del entry["interactiveMode"]
    plugin.answer("first")
    section = Section("here", entry | mode, tmp_path, "exec.")
    ExecPlugin(section, {}, timeout=10, may_ask=lambda: terminal).get()
    assert json.loads((tmp_path / "told").read_text())["spec"]["interactive"] is interactive


def test_an_interactive_one_has_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its words go to the person, and Ctrl-C reaches it: it stays in our session."""
    command = Command(["sh", "-c", "echo code 1234 >&2; ps -o sid= -p $$ $PPID"], where="here")
    output = command.run({"PATH": "/usr/bin:/bin"}, interactive=True, timeout=10)
    assert len(set(output.split())) == 1
    assert "code 1234" in capfd.readouterr().err


def test_a_command_starts_at_the_kubeconfig(kube: Kube, plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    kube.user = {"exec": plugin.install() | {"command": "./plugin"}}
    plugin.answer("first")
    with kube.open() as access:
        assert token(access) == "first"


def test_a_command_is_found_on_the_path(kube: Kube, plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(kube.directory), prepend=":")
    kube.user = {"exec": plugin.install() | {"command": "plugin"}}
    plugin.answer("first")
    with kube.open() as access:
        assert token(access) == "first"


def test_closing_ends_a_run_that_is_under_way(kube: Kube, plugin: Plugin) -> None:
    running = kube.directory / "running"
    kube.user = {"exec": plugin.install(f'test ! -e "{running}" || {{ echo x > "{running}"; sleep 60; }}')}
    plugin.answer("first", expirationTimestamp=stamp(kube.wall_clock.now + 60))
    failures: list[BaseException] = []
    with kube.open() as access:
        os.mkfifo(running)  # who opens it to write waits until we read: no guessing when it runs
        kube.wall_clock.now += 60

        def ask() -> None:
            try:
                access.headers()
            except UnreachableError as error:
                failures.append(error)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert running.read_text() == "x\n"
        access.close()
        for thread in threads:
            thread.join(5)
            assert not thread.is_alive()
    assert len(failures) == 3
    assert plugin.runs == 2
    with pytest.raises(UnreachableError, match="has been closed"):
        access.headers()


def test_a_closed_command_does_not_start() -> None:
    command = Command(["true"], where="here")
    command.close()
    with pytest.raises(UnreachableError, match="not run"):
        command.run({}, interactive=False, timeout=1)
