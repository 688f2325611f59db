"""What the door adds to a create through a real API server, and what memory the program takes with 100 policies.

Dry runs, in turn in a namespace where the webhook is called and in one that is left out of it; the difference is what
a user waits for. Both are the time that the client sees.
"""

import statistics
import time
from collections.abc import Callable

import orjson

from auditor import crds
from auditor.cluster import Client, Resource, WriteOptions, connect
from auditor.cluster import Settings as ClusterSettings
from auditor.errors import ClusterError
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.bench.figure import Notebook
from tests.bench.parts.webhook import RULES, policy, review
from tests.cluster.webhooks.serving.conftest import NAMESPACE, free_lease, free_port, put, thing_crd
from tests.cluster.webhooks.serving.running import Program, wait

ROUNDS = 5
CREATES = 200
EDITS = 9
ADDED_GOAL, MEMORY_GOAL, EDIT_GOAL = 3.0, 120.0, 1.0
POLICIES = 100
THINGS = Resource("example.com", "v1", "things", "Thing", namespaced=True)
DRY = WriteOptions(dry_run=True, field_manager="bench")
LEFT_OUT = "kube-system"
POLICY = Resource("auditor.dev", "v1", "policies", "Policy", namespaced=False)


def measure_added(book: Notebook) -> None:
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
            _measure(book, sandbox, program)
        finally:
            program.stop()


def _measure(book: Notebook, sandbox: Sandbox, program: Program) -> None:
    client = connect(ClusterSettings(kubeconfig=str(sandbox.kubeconfig), qps=100_000, burst=100_000))

    def create(namespace: str, replicas: int = 5) -> float:
        thing: JsonObject = orjson.loads(review(replicas))["request"]["object"]
        thing["metadata"]["namespace"] = namespace
        begun = time.perf_counter()
        client.create(THINGS, thing, options=DRY)
        return time.perf_counter() - begun

    def refused(word: str = "bench/r0") -> bool:
        try:
            create("default", 4)
        except ClusterError as error:
            return word in str(error)
        return False

    judged = _whole(policy("bench", RULES))
    put(sandbox, judged)
    for i in range(POLICIES - 1):
        client.create(POLICY, _whole(policy(f"other-{i}", RULES, group=f"group{i}.example.com")))
    wait(refused, why=lambda: program.text)
    added, cpus = [], []
    for _ in range(ROUNDS):
        before = program.worker.cpu_times()
        times: dict[str, list[float]] = {"default": [], LEFT_OUT: []}
        for _ in range(CREATES):
            for namespace, found in times.items():
                found.append(create(namespace))
        after = program.worker.cpu_times()
        cpus.append((after.user + after.system - before.user - before.system) / CREATES)
        called, bare = (statistics.median(each) for each in times.values())
        added.append(called - bare)
    book.wall("added to a dry-run create, p50", added, "ms", ADDED_GOAL)
    book.cpu("the program behind a real API server, a review, CPU", cpus, "ms")
    book.put(f"memory of the program, {POLICIES} policies", [program.worker.memory_info().rss / 1e6], "MB", MEMORY_GOAL)
    book.wall(
        "an edit of a policy until it is in force", [_edit(client, refused, n) for n in range(EDITS)], "s", EDIT_GOAL
    )


def _edit(client: Client, refused: Callable[[str], bool], number: int) -> float:
    """Asked without a pause: it is as soon as somebody could notice."""
    changed = _whole(policy("bench", RULES))
    changed["spec"]["rules"][0]["message"] = word = f"edited {number}"
    begun = time.perf_counter()
    client.apply(POLICY, changed, force=True)
    wait(lambda: refused(word))
    return time.perf_counter() - begun


def _whole(found: JsonObject) -> JsonObject:
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", **found}
