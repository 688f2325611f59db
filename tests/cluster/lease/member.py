"""One member as a process of its own: it says on stdout what happens to it, and writes whenever it may.

Each thing that it writes is a ConfigMap of its own, created without any condition: only the guard keeps it from
writing when it must not. The server's versions tell the order in which they were written.
"""

import argparse
import http.client
import itertools
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from auditor.cluster import Settings, WriteOptions, connect
from auditor.cluster.client import Client
from auditor.cluster.lease import Durations, Election, LeaseApi, Permit, Sharding
from auditor.cluster.resource import Resource
from auditor.errors import ClusterError

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
DURATIONS = Durations(lease=2, renew=1.4, retry=0.3)
PACE = 0.1
"""Seconds between two writes."""

_fence = threading.local()
_send = http.client.HTTPConnection.send


def send_fenced(connection: http.client.HTTPConnection, data: Any) -> None:  # what http.client sends
    """Asks the permit before each piece of a request that goes out, so that a process which is frozen between `left`
    and the system call, and thaws when another one leads, does not complete its request. What remains are some
    microseconds of the hundreds that it takes to make a request: this test freezes at any moment, and must not fail.
    """
    permit = getattr(_fence, "permit", None)
    if permit is not None:
        permit.left()
    _send(connection, data)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def write(client: Client, namespace: str, member: str, *, data: dict[str, str], permit: Permit) -> None:
    metadata = {"generateName": f"{member}-", "namespace": namespace, "labels": {"log": "yes"}}
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data | {"member": member}}
    _fence.permit = permit
    try:
        client.create(CONFIG_MAPS, obj, namespace=namespace, options=WriteOptions(timeout=permit.left()))
    finally:
        _fence.permit = None


def elect(client: Client, arguments: argparse.Namespace, stop: threading.Event) -> None:
    def lost(reason: str) -> None:
        say("lost", reason)

    election = Election(
        LeaseApi(client.transport, arguments.namespace),
        "leader",
        identity=arguments.member,
        durations=DURATIONS,
        gained=lambda token: say("gained", token.transitions, token.version),
        lost=lost,
        wall=lambda: datetime.now(UTC) + timedelta(seconds=arguments.wall_offset),
    )
    election.start()
    for number in itertools.count():
        if stop.wait(PACE):
            break
        try:
            with election.guard() as permit:
                assert permit.token is not None
                data = {"version": str(permit.token.version), "number": str(number)}
                write(client, arguments.namespace, arguments.member, data=data, permit=permit)
        except ClusterError:
            continue  # it does not lead, or the server is away
    election.stop()


def share(client: Client, arguments: argparse.Namespace, stop: threading.Event) -> None:
    """Each key has a Lease-like log: one ConfigMap for each write, with the key and when it was begun and ended."""
    keys = [f"key-{n}" for n in range(arguments.keys)]
    sharding = Sharding(
        LeaseApi(client.transport, arguments.namespace),
        "shards",
        identity=arguments.member,
        durations=DURATIONS,
        wall=lambda: datetime.now(UTC) + timedelta(seconds=arguments.wall_offset),
    )
    sharding.start()
    said: list[str] = []
    for key in itertools.cycle(keys):
        owned = [k for k in keys if sharding.owns(k)]
        if owned != said:
            said = owned
            say("owns", *owned)
        if stop.wait(PACE):
            break
        try:
            with sharding.guard(key) as permit:
                write(client, arguments.namespace, arguments.member, data={"key": key}, permit=permit)
        except ClusterError:
            continue
    sharding.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["elect", "share"])
    parser.add_argument("member")
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--wall-offset", type=float, default=0.0)
    parser.add_argument("--keys", type=int, default=6)
    arguments = parser.parse_args()
    http.client.HTTPConnection.send = send_fenced  # type: ignore[method-assign,assignment]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    client = connect(Settings(kubeconfig=arguments.kubeconfig))
    say("started")
    (elect if arguments.what == "elect" else share)(client, arguments, stop)
    say("stopped")
    client.transport.close()


if __name__ == "__main__":
    main()
