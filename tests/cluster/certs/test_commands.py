"""`auditor certs` on the real API server, as a person calls it."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from auditor.certs import Action, read_data
from auditor.certs.bundle import fingerprint
from auditor.cli.certs import NAME, command
from auditor.cluster import Client
from auditor.cluster.resource import SECRETS
from auditor.errors import ClusterError, UsageError
from auditor.sandbox import Sandbox
from auditor.webhooks.certificates import rotate as rotation
from auditor.webhooks.certificates.own import DEFAULT_NAME, SecretKeeper, decode_data
from tests.cluster.certs.conftest import HOST, Replica
from tests.cluster.certs.test_rotation_live import Registration


class Shell:
    def __init__(self, kubeconfig: str, namespace: str) -> None:
        self.place = ["--kubeconfig", kubeconfig, "-n", namespace]

    def run(self, name: str, *arguments: str) -> Result:
        return CliRunner().invoke(command, [name, *self.place, *arguments], standalone_mode=False)

    def lines(self, name: str, *arguments: str) -> list[str]:
        result = self.run(name, *arguments)
        assert result.exception is None, result.exception
        return result.output.splitlines()


@pytest.fixture
def shell(control_plane: Sandbox, namespace: str) -> Shell:
    return Shell(str(control_plane.kubeconfig), namespace)


@pytest.fixture
def registration(client: Client) -> Iterator[Registration]:
    registration = Registration(client)
    yield registration
    registration.delete()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "LOOK", 0.05)


def authority(client: Client, namespace: str) -> str:
    bundle = read_data(decode_data(client.get(SECRETS, DEFAULT_NAME, namespace=namespace))).bundle
    assert bundle.current
    return fingerprint(bundle.current.pair.certificate)


def test_name_of_the_secret_is_that_of_the_webhook() -> None:
    assert NAME == DEFAULT_NAME


def test_issue_makes_what_show_shows(shell: Shell) -> None:
    assert (
        shell.lines("issue", "--host", HOST, "--host", "10.0.0.1")[0]
        == "start: there is no serving certificate, and no authority that could sign one"
    )
    shown = shell.run("show")
    assert shown.return_value == 0
    assert "  names    10.0.0.1, door.auditor.svc" in shown.output
    assert "authority: signs" in shown.output
    assert "next: nothing to do until the serving certificate is renewed" in shown.output
    facts = json.loads(shell.run("show", "-o", "json").output)
    assert [(c["role"], c["daysLeft"]) for c in facts["certificates"]] == [("serving", 89), ("authority", 729)]
    assert facts["faults"] == []


def test_issue_again_keeps_the_authority_and_the_hosts(shell: Shell, client: Client, namespace: str) -> None:
    shell.run("issue", "--host", HOST)
    before = authority(client, namespace)
    lines = shell.lines("issue")
    assert lines[0] == "issue: it was asked for"
    assert f"a certificate for {HOST} until" in lines[1]
    assert authority(client, namespace) == before


def test_show_says_what_is_broken(shell: Shell, client: Client, namespace: str) -> None:
    shell.run("issue", "--host", HOST)
    client.patch_merge(SECRETS, NAME, {"data": {"tls.key": "eA=="}}, namespace=namespace)
    shown = shell.run("show")
    assert shown.return_value == 1
    assert "WRONG: tls.key: is no private key in PEM" in shown.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show"], r"is not there.*auditor certs issue -n"),
        (["rotate"], "is not there"),
        (["issue"], "auditor certs issue --host HOST"),
    ],
)
def test_without_a_secret_it_says_what_to_do(shell: Shell, arguments: list[str], said: str) -> None:
    result = shell.run(*arguments)
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == 2
    assert re.search(said, str(result.exception))


def test_dry_run_tells_and_writes_nothing(
    shell: Shell, client: Client, namespace: str, registration: Registration, replica: Replica
) -> None:
    keeper = replica()
    keeper.refresh()
    assert keeper.material
    assert keeper.material.authorities
    registration.write(keeper.material.authorities)
    before = client.get(SECRETS, NAME, namespace=namespace)
    lines = shell.lines("rotate", "--dry-run")
    assert [line.partition(":")[0].strip() for line in lines if not line.startswith(" ")] == [
        "add",
        "wait",
        "switch",
        "drop",
    ]
    assert f"  ValidatingWebhookConfiguration {registration.name} door.auditor.dev" in lines
    assert client.get(SECRETS, NAME, namespace=namespace) == before


def test_rotation_waits_for_the_registration_that_a_replica_writes(
    shell: Shell, client: Client, namespace: str, registration: Registration, replica: Replica
) -> None:
    """The replica only registers here: the command takes the steps."""
    keeper: SecretKeeper = replica()
    keeper.refresh()
    assert keeper.material
    assert keeper.material.authorities
    registration.write(keeper.material.authorities)
    before, done = authority(client, namespace), threading.Event()

    def register() -> None:
        while not done.wait(0.2):
            bundle = read_data(decode_data(client.get(SECRETS, NAME, namespace=namespace))).bundle
            if bundle.authorities_pem != registration.read():
                registration.write(bundle.authorities_pem)

    replicating = threading.Thread(target=register)
    replicating.start()
    try:
        lines = shell.lines("rotate", "--settle", "0.5", "--timeout", "30")
    finally:
        done.set()
        replicating.join()
    assert [line.partition(":")[0] for line in lines if not line.startswith("wait")] == [
        "add",
        "switch",
        "done",
        "kept",
    ]
    assert (
        f"wait: it is not yet in the caBundle of ValidatingWebhookConfiguration {registration.name} door.auditor.dev"
        in lines
    )
    assert authority(client, namespace) != before


def test_rotation_that_nobody_registers_ends_in_time_and_says_what_is_missing(
    shell: Shell, registration: Registration, replica: Replica
) -> None:
    keeper = replica()
    keeper.refresh()
    assert keeper.material
    assert keeper.material.authorities
    registration.write(keeper.material.authorities)
    result = shell.run("rotate", "--timeout", "0.3")
    assert isinstance(result.exception, ClusterError)
    assert result.exception.exit_code == 3
    assert f"not yet in the caBundle of ValidatingWebhookConfiguration {registration.name}" in str(result.exception)
    again = shell.run("rotate", "--timeout", "0.3")  # it goes on, it does not begin another
    assert "add:" not in again.output


def test_rotation_where_nobody_can_tell_is_left_to_time_or_forced(
    shell: Shell, client: Client, namespace: str, replica: Replica
) -> None:
    replica().refresh()
    before = authority(client, namespace)
    result = shell.run("rotate", "--timeout", "0.1")
    assert "nobody can tell. The replicas go on at 2" in str(result.exception)
    assert authority(client, namespace) == before
    assert [line.partition(":")[0] for line in shell.lines("rotate", "--force")] == ["switch", "done", "kept"]
    assert authority(client, namespace) != before


def test_old_authority_is_dropped_when_asked(
    shell: Shell, client: Client, namespace: str, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "REPLICAS", timedelta(seconds=0.5))
    keeper = replica()
    keeper.refresh()
    lines = shell.lines("rotate", "--force", "--drop-old")
    assert [line.partition(":")[0] for line in lines] == ["add", "switch", "done", "wait", "drop", "done"]
    keeper.refresh()
    assert keeper.bundle
    assert keeper.bundle.retired == ()
    assert keeper.step.action is Action.NOTHING
