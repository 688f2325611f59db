"""The watcher as a process on a real API server (printed, once): CPU of the first full audit, memory, and how long it
takes from a change to its report.

`make bench` shows 10,000 objects of 1 KB under 5 CEL rules, and the same with objects of 8 KB: memory must not depend
on their size. `python -m tests.bench.bench_audit 100000 200` is the large one; it takes minutes to fill the cluster.
`python -m tests.bench.bench_audit latency 10000 50` changes 50 of 10,000 objects a second. Other sizes may be given
behind the number of kinds, in KB: `2000 1 1 20`.
"""

import contextlib
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import psutil

from auditor import crds
from auditor.cluster import Settings, connect
from auditor.cluster.informer import Change, Informers, Notice
from auditor.cluster.resource import CRDS, LEASES, Resource
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.audit.conftest import NAMESPACE, POLICIES, free_lease, make_crd, policy
from tests.cluster.audit.running import Watch
from tests.cluster.audit.truth import REPORTS
from tests.cluster.client import Client

OBJECTS = 10_000
WRITERS = 8
LARGE = 8
"""Times 1 KB."""
PATIENCE = 600.0
CHANGED = Resource("example.com", "v1", "kind000s", "Kind000", namespaced=True)
RULES: list[JsonObject] = [
    {"name": "replicas", "cel": "object.spec.replicas % 2 == 1", "message": "odd"},
    {"name": "image", "cel": "object.spec.image.startsWith('registry.example.com/')", "message": "ours"},
    {"name": "members", "cel": "object.spec.members.all(m, m.cpu < 16)", "message": "small"},
    {"name": "zones", "cel": "size(object.spec.members) >= object.spec.replicas", "message": "enough"},
    {"name": "name", "cel": "object.metadata.name.matches('^[a-z0-9-]+$')", "message": "plain"},
]


def make(number: int, kind: str, size: int) -> JsonObject:
    """About 1 KB of JSON, `size` times; none violates a rule."""
    members = [{"name": f"m-{n}", "cpu": n % 8, "memory": "8Gi", "zone": f"eu-{n}"} for n in range(9 * size)]
    return {
        "apiVersion": "example.com/v1",
        "kind": kind,
        "metadata": {"name": f"orders-database-{number:06}", "labels": {"team": f"team-{number % 7}"}},
        "spec": {"replicas": 3, "image": "registry.example.com/postgres:16.4", "members": members},
    }


@contextlib.contextmanager
def fill(objects: int, kinds: int, size: int) -> Iterator[Sandbox]:
    plurals = [f"kind{number:03}s" for number in range(kinds)]
    with Sandbox.start(f"bench-audit-{time.time_ns() % 10**6}", controllers=False, owner=os.getpid()) as sandbox:
        for text in (*map(crds.read, crds.names()), crds.read_reports("openreports")):
            sandbox.kubectl("apply", "--server-side", "-f", "-", stdin=text)
        sandbox.kubectl("create", "namespace", NAMESPACE)
        client = Client(sandbox)
        with contextlib.closing(client), ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda plural: client.ask("POST", CRDS.path(), make_crd(plural)), plurals))
            sandbox.kubectl("wait", "--for=condition=Established", "--timeout=120s", "crd", "--all")
            client.ask("POST", LEASES.path(namespace=NAMESPACE), free_lease())

            def create(number: int) -> int:
                plural = plurals[number % kinds]
                body = make(number, plural.removesuffix("s").capitalize(), size)
                return client.ask("POST", f"/apis/example.com/v1/namespaces/default/{plural}", body).status

            begun = time.monotonic()
            refused = [code for code in pool.map(create, range(objects)) if code != 201]
            assert not refused, refused[:3]
            took = time.monotonic() - begun
            print(f"  {objects} objects of {kinds} kinds were created in {took:.0f} s", file=sys.stderr, flush=True)
            rules = policy("bench", *RULES, resources=["*"])  # a policy lists no more than some dozens
            assert client.ask("POST", POLICIES.path(), rules).status == 201
        yield sandbox


@dataclass(frozen=True, slots=True)
class Measured:
    cpu: float
    """Seconds, of the watcher and its workers, from its start to the end of the first pass."""
    idle: float
    """Of them, what a watcher needs to start where nothing is to be judged: the interpreter, imports, our own kinds."""
    wall: float
    memory: float
    """MB of private memory, some seconds after."""
    evaluations: float

    def show(self, title: str) -> None:
        print(
            f"  {title}: {self.cpu - self.idle:.2f} s CPU (and {self.idle:.2f} s to start), {self.wall:.1f} s wall, "
            f"{self.memory:.0f} MB, {self.evaluations:.0f} evaluations",
            flush=True,
        )


def measure(sandbox: Sandbox, *, objects: int, kinds: int, idle: float = 0.0) -> Measured:
    begun = time.monotonic()
    program = Watch(sandbox.kubeconfig)
    try:
        if kinds:
            _await_pass(program, kinds)
        else:
            program.wait_ready()
        wall, cpu = time.monotonic() - begun, _cpu(program)
        judged = program.count("auditor_audit_objects_judged_total")
        assert judged >= objects, judged
        time.sleep(5.0)
        evaluations = program.count("auditor_audit_evaluations_total")
        return Measured(cpu, idle, wall, _memory(program), evaluations)
    finally:
        program.kill()


def _await_pass(program: Watch, kinds: int) -> None:
    """Asked seldom: an answer costs some milliseconds of CPU, which would be measured with the rest."""
    program.wait_ready(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while _passed(program) < kinds:
        assert time.monotonic() < deadline, program.text[-3000:]
        time.sleep(0.5)


def _passed(program: Watch) -> int:
    name = "auditor_audit_last_complete_pass_timestamp_seconds"
    return sum(each.startswith(f'{name}{{kind="kind') for each in program.metrics())


def _family(program: Watch) -> list[psutil.Process]:
    return [program.usage, *program.usage.children(recursive=True)]


def _cpu(program: Watch) -> float:
    return sum(each.cpu_times().user + each.cpu_times().system for each in _family(program))


def _memory(program: Watch) -> float:
    """Of the watcher alone: what it shares with its workers counts once."""
    return float(program.usage.memory_full_info().uss) / 1e6


def show(objects: int, kinds: int, *sizes: int) -> None:
    with fill(0, 1, 1) as sandbox:
        idle = measure(sandbox, objects=0, kinds=0).cpu
    for size in sizes:
        with fill(objects, kinds, size) as sandbox:
            found = measure(sandbox, objects=objects, kinds=kinds, idle=idle)
            found.show(f"first audit of {objects} objects of {size} KB, {kinds} kinds, 5 CEL rules")


class Seen:
    """When reports came, by the uid of their object; as somebody hears of it who watches them."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self._changed = threading.Condition()

    def hear(self, notice: Notice) -> None:
        if notice.change is Change.ADDED and not notice.initial:
            with self._changed:
                self.at.setdefault(notice.key.rpartition("auditor-")[2], time.monotonic())
                self._changed.notify_all()

    def wait(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self.at) >= count, 60.0)


def show_latency(objects: int, rate: int, seconds: int = 20) -> None:
    """From before the write of an object that begins to violate a rule until its report is seen."""
    with fill(objects, 1, 1) as sandbox, ExitStack() as stack:
        program = Watch(sandbox.kubeconfig)
        stack.callback(program.kill)
        _await_pass(program, 1)
        client = connect(Settings(kubeconfig=str(sandbox.kubeconfig), qps=2000, burst=2000))
        informers = Informers(client)
        stack.callback(informers.stop)
        seen = Seen()
        informers.open(REPORTS, handler=seen.hear)
        sent: dict[str, float] = {}

        def change(number: int) -> None:
            name, change = make(number, "", 1)["metadata"]["name"], {"spec": {"replicas": 2}}
            at = time.monotonic()
            sent[client.patch_merge(CHANGED, name, change, namespace="default")["metadata"]["uid"]] = at

        cpu = _cpu(program)
        count = min(objects, rate * seconds)
        with ThreadPoolExecutor(WRITERS) as pool:
            begun = time.monotonic()
            futures = []
            for number in range(count):
                time.sleep(max(0.0, begun + number / rate - time.monotonic()))
                futures.append(pool.submit(change, number))
            for each in futures:
                each.result()
        took = time.monotonic() - begun
        assert seen.wait(count), f"{len(seen.at)} reports of {count}"
        steps = statistics.quantiles([seen.at[uid] - at for uid, at in sent.items()], n=100)
        print(
            f"  {count} changes among {objects} objects, {count / took:.0f} a second, to their reports: p50"
            f" {steps[49] * 1e3:.0f} ms, p99 {steps[98] * 1e3:.0f} ms; {(_cpu(program) - cpu) / count * 1e3:.1f} ms of"
            " CPU each",
            flush=True,
        )


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    show(OBJECTS, 1, 1, LARGE)
    return []


if __name__ == "__main__":
    if sys.argv[1:2] == ["latency"]:
        show_latency(*map(int, sys.argv[2:] or ["10000", "50"]))
        raise SystemExit
    show(int(sys.argv[1]), int(sys.argv[2]), *map(int, sys.argv[3:] or ["1"]))
