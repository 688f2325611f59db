"""What the door adds to a create through a real API server, and what memory the program takes with 100 policies.

Dry runs, in turn in a namespace where the webhook is called and in one that is left out of it; the difference is what
a user waits for. Both are the time that the client sees.
"""

import statistics
import time
from typing import Any

import orjson

from auditor import crds
from auditor.cluster import Resource, WriteOptions, connect
from auditor.cluster import Settings as ClusterSettings
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.bench.bench_webhook import RULES, policy, review
from tests.cluster.webhooks.serving.conftest import NAMESPACE, free_lease, free_port, put, thing_crd
from tests.cluster.webhooks.serving.running import Program, wait

ROUNDS = 7
CREATES = 200
POLICIES = 100
THINGS = Resource("example.com", "v1", "things", "Thing", namespaced=True)
DRY = WriteOptions(dry_run=True, field_manager="bench")
LEFT_OUT = "kube-system"


def measure_added() -> None:
    with Sandbox.start("bench-door") as sandbox:
        for name in crds.names():
            sandbox.kubectl("apply", "--server-side", "-f", "-", stdin=crds.read(name))
        put(sandbox, thing_crd())
        sandbox.kubectl("create", "namespace", NAMESPACE)
        put(sandbox, free_lease())
        sandbox.kubectl("wait", "--for=condition=Established", "crd", "--all")
        program = Program(sandbox.kubeconfig, port=free_port(), verbose="--log-format=text")
        try:
            program.wait_ready()
            _measure(sandbox, program)
        finally:
            program.stop()


def _measure(sandbox: Sandbox, program: Program) -> None:
    client = connect(ClusterSettings(kubeconfig=str(sandbox.kubeconfig), qps=100_000, burst=100_000))

    def create(namespace: str, replicas: int = 5) -> float:
        thing: JsonObject = orjson.loads(review(replicas))["request"]["object"]
        thing["metadata"]["namespace"] = namespace
        begun = time.perf_counter()
        client.create(THINGS, thing, options=DRY)
        return time.perf_counter() - begun

    def refused() -> bool:
        try:
            create("default", 4)
        except Exception as error:
            return "bench/r0" in str(error)
        return False

    put(sandbox, _whole(policy("bench", RULES)))
    for i in range(POLICIES - 1):
        client.create(
            Resource("auditor.dev", "v1", "policies", "Policy", namespaced=False),
            _whole(policy(f"other-{i}", RULES, group=f"group{i}.example.com")),
        )
    wait(refused, why=lambda: program.text)
    added = []
    for _ in range(ROUNDS):
        before = program.worker.cpu_times()
        times: dict[str, list[float]] = {"default": [], LEFT_OUT: []}
        for _ in range(CREATES):
            for namespace, found in times.items():
                found.append(create(namespace))
        after = program.worker.cpu_times()
        cpu = (after.user + after.system - before.user - before.system) / CREATES
        called, bare = (statistics.median(each) * 1e3 for each in times.values())
        added.append(called - bare)
        print(
            f"dry-run create, p50: {called:.2f} ms, without the webhook {bare:.2f} ms, added {called - bare:.2f} ms; "
            f"CPU of the program {cpu * 1e6:.0f} us a create",
            flush=True,
        )
    memory = program.worker.memory_info().rss
    print(f"added: {statistics.median(added):.2f} ms in the middle; {POLICIES} policies: {memory / 1e6:.0f} MB")


def _whole(found: Any) -> JsonObject:
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", **found}
