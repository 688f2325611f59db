"""Several replicas begin at once on an empty namespace: one authority, whoever came first."""

import subprocess
import sys
import threading

import pytest

from auditor.certs import Action, write_data
from auditor.certs.bundle import hosts_of
from auditor.cluster import Client
from auditor.cluster.resource import SECRETS
from auditor.sandbox import Sandbox
from auditor.webhooks.certificates.own import DEFAULT_NAME, MARK, SecretKeeper, decode_data
from tests.cluster.certs.conftest import Clock, Replica


def stored(client: Client, namespace: str) -> dict[str, bytes]:
    return decode_data(client.get(SECRETS, DEFAULT_NAME, namespace=namespace))


def at_once(keepers: list[SecretKeeper], force: Action = Action.NOTHING) -> None:
    """All in step before they begin."""
    barrier, failures = threading.Barrier(len(keepers)), []

    def run(keeper: SecretKeeper) -> None:
        barrier.wait(10)
        try:
            keeper.refresh(force=force)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(keeper,)) for keeper in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def data_of(keeper: SecretKeeper) -> dict[str, bytes]:
    assert keeper.bundle
    return write_data(keeper.bundle)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_threads(client: Client, namespace: str, replica: Replica, count: int) -> None:
    keepers = [replica() for _ in range(count)]
    at_once(keepers)
    found = stored(client, namespace)
    assert [data_of(keeper) for keeper in keepers] == [found] * count
    assert [len(k.taken) for k in keepers].count(1) == 1  # one has written, the others have read


def test_every_step_of_a_rotation_is_taken_once(client: Client, namespace: str, replica: Replica, clock: Clock) -> None:
    """Steps that the clock decides, with three replicas that all see them at the same moment."""
    keepers = [replica() for _ in range(3)]
    taken: list[list[Action]] = []
    for days in (0, 60, 427, 1, 60, 30):
        clock.advance(days=days)
        at_once(keepers)
        steps = [step.action for keeper in keepers for step in keeper.taken]
        taken.append(sorted(steps, key=lambda action: action.value))  # any replica may take any of them
        assert [data_of(keeper) for keeper in keepers] == [stored(client, namespace)] * 3
    assert taken == [
        [Action.START],
        [Action.ISSUE],
        [Action.ADD, Action.ISSUE],
        [Action.SWITCH],
        [Action.ISSUE],
        [Action.DROP],
    ]


def test_processes(client: Client, control_plane: Sandbox, namespace: str) -> None:
    program = """
import sys
from auditor.cluster import Settings, connect
from auditor.certs.bundle import fingerprint
from auditor.webhooks.certificates.own import SecretKeeper, SecretSettings
client = connect(Settings(kubeconfig=sys.argv[1]))
keeper = SecretKeeper(client, SecretSettings(namespace=sys.argv[2], hosts=("door.auditor.svc",)))
print("ready", flush=True)
sys.stdin.readline()
keeper.refresh()
serving, authority = keeper.bundle.serving.certificate, keeper.bundle.current.pair.certificate
print(len(keeper.taken), fingerprint(serving), fingerprint(authority))
client.transport.close()
"""
    command = [sys.executable, "-c", program, str(control_plane.kubeconfig), namespace]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    results = [process.communicate(timeout=30) for process in processes]
    assert [error for _, error in results] == ["", "", ""]
    lines = [out.split() for out, _ in results]
    assert sorted(taken for taken, *_ in lines) == ["0", "0", "1"]
    assert len({tuple(rest) for _, *rest in lines}) == 1


def test_secret_is_one_that_others_understand(client: Client, namespace: str, replica: Replica) -> None:
    replica().refresh()
    secret = client.get(SECRETS, DEFAULT_NAME, namespace=namespace)
    assert secret["type"] == "kubernetes.io/tls"
    assert secret["metadata"]["labels"][MARK] == "webhook"
    assert sorted(decode_data(secret)) == ["ca.crt", "ca.key", "tls.crt", "tls.key"]


def test_long_names_of_services_fit(replica: Replica) -> None:
    host = f"{'s' * 63}.{'n' * 63}.svc"
    keeper = replica(hosts=(host,))
    keeper.refresh()
    assert keeper.bundle
    assert keeper.bundle.serving
    assert hosts_of(keeper.bundle.serving.certificate) == {host}


def test_replicas_that_are_told_different_hosts_come_to_rest(replica: Replica, clock: Clock) -> None:
    """In the middle of an upgrade that renames the service."""
    old, new = replica(hosts=("old.svc",)), replica(hosts=("new.svc", "10.0.0.1"))
    taken = []
    for _ in range(3):
        for keeper in (old, new):
            keeper.refresh()
            taken += [step.action for step in keeper.taken]
    assert taken == [Action.START, Action.ISSUE]
    assert old.bundle
    assert old.bundle.serving
    assert hosts_of(old.bundle.serving.certificate) == {"old.svc", "new.svc", "10.0.0.1"}
    clock.advance(days=60)
    new.refresh()
    assert new.bundle
    assert new.bundle.serving
    assert hosts_of(new.bundle.serving.certificate) == {"new.svc", "10.0.0.1"}
