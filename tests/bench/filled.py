"""A control plane with many objects, and a watcher on some of them."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice

from auditor import crds
from auditor.cluster import Client, Settings, connect
from auditor.cluster.resource import CRDS, LEASES
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.audit.conftest import CONFIGS, GROUP, NAMESPACE, POLICIES, free_lease, make_crd
from tests.cluster.audit.running import Watch
from tests.cluster.client import Client as Writer

WRITERS = 8
PATIENCE = 300.0
SETTLED = 2.0
"""Seconds after the first pass until memory is looked at: what was needed for it is given back."""
RULES: list[JsonObject] = [
    {"name": "replicas", "cel": "object.spec.replicas % 2 == 1", "message": "odd"},
    {"name": "image", "cel": "object.spec.image.startsWith('registry.example.com/')", "message": "ours"},
    {"name": "members", "cel": "object.spec.members.all(m, m.cpu < 16)", "message": "small"},
    {"name": "zones", "cel": "size(object.spec.members) >= object.spec.replicas", "message": "enough"},
    {"name": "name", "cel": "object.metadata.name.matches('^[a-z0-9-]+$')", "message": "plain"},
]


@dataclass(frozen=True, slots=True)
class Set:
    """Objects that are measured together. None violates a rule."""

    name: str
    objects: int
    kinds: int = 1
    size: int = 1
    """KB of JSON of each object."""

    @property
    def plurals(self) -> list[str]:
        return [f"{self.name}{number:03}s" for number in range(self.kinds)]


def make(number: int, kind: str, size: int) -> JsonObject:
    """About 1 KB of JSON, `size` times; none violates a rule."""
    members = [{"name": f"m-{n}", "cpu": n % 8, "memory": "8Gi", "zone": f"eu-{n}"} for n in range(9 * size)]
    return {
        "apiVersion": "example.com/v1",
        "kind": kind,
        "metadata": {"name": name_of(number), "labels": {"team": f"team-{number % 7}"}},
        "spec": {"replicas": 3, "image": "registry.example.com/postgres:16.4", "members": members},
    }


def name_of(number: int) -> str:
    return f"orders-database-{number:06}"


@contextlib.contextmanager
def fill(sets: Sequence[Set]) -> Iterator[Sandbox]:
    """A cluster with these objects, and without a controller manager: nothing else is going on there."""
    with Sandbox.start(f"bench-audit-{time.time_ns() % 10**6}", controllers=False, owner=os.getpid()) as sandbox:
        for text in (*map(crds.read, crds.names()), crds.read_reports("openreports")):
            sandbox.kubectl("apply", "--server-side", "-f", "-", stdin=text)
        sandbox.kubectl("create", "namespace", NAMESPACE)
        writer = Writer(sandbox)
        with contextlib.closing(writer), ThreadPoolExecutor(WRITERS) as pool:
            plurals = [plural for each in sets for plural in each.plurals]
            list(pool.map(lambda plural: writer.ask("POST", CRDS.path(), make_crd(plural)), plurals))
            sandbox.kubectl("wait", "--for=condition=Established", "--timeout=120s", "crd", "--all")
            writer.ask("POST", LEASES.path(namespace=NAMESPACE), free_lease())

            def create(asked: tuple[int, str, int]) -> int:
                number, plural, size = asked
                body = make(number, plural.removesuffix("s").capitalize(), size)
                return writer.ask("POST", f"/apis/{GROUP}/v1/namespaces/default/{plural}", body).status

            begun = time.monotonic()
            for each in sets:
                wanted = ((number, plural, each.size) for number, plural in enumerate(_deal(each)))
                refused = [code for code in pool.map(create, wanted) if code != 201]
                assert not refused, refused[:3]
            total = sum(each.objects for each in sets)
            print(f"  {total} objects were created in {time.monotonic() - begun:.0f} s", flush=True)
            yield sandbox


def _deal(found: Set) -> Iterator[str]:
    return islice(cycle(found.plurals), found.objects)


@dataclass(frozen=True, slots=True)
class Pass:
    cpu: float
    """Seconds, of the watcher and its workers, from its start to the end of the first pass."""
    wall: float
    memory: float
    """MB that are its own, some seconds after."""


class Cluster:
    """What is followed and judged in it is chosen before each measurement."""

    def __init__(self, sandbox: Sandbox, sets: Sequence[Set]) -> None:
        self.sandbox, self._sets = sandbox, sets
        self.client: Client = connect(Settings(kubeconfig=str(sandbox.kubeconfig), qps=2000, burst=2000))

    def follow(self, *wanted: Set) -> None:
        left = [plural for each in self._sets if each not in wanted for plural in each.plurals]
        kinds = [{"group": GROUP, "resource": plural, "follow": False} for plural in left]
        spec = {"apiVersion": "auditor.dev/v1", "kind": "AuditConfig", "metadata": {"name": "default"}}
        self.client.apply(CONFIGS, {**spec, "spec": {"kinds": kinds}}, force=True)

    def judge_by(self, *policies: JsonObject) -> None:
        self.client.delete_collection(POLICIES)
        for each in policies:
            self.client.apply(POLICIES, each, force=True)

    def watch(self, *options: str) -> Watch:
        """Who ran before was killed, and would hold the lease for a while."""
        self.client.apply(LEASES, free_lease(), force=True)
        return Watch(self.sandbox.kubeconfig, *options)

    def audit(self, found: Set | None) -> Pass:
        """From the start of a watcher that knows nothing to the end of its first pass."""
        begun = time.monotonic()
        self.follow(*([found] if found else []))
        program = self.watch()
        try:
            self.await_pass(program, found)
            wall, used = time.monotonic() - begun, cpu_of(program)
            assert program.count("auditor_audit_objects_judged_total") >= (found.objects if found else 0)
            time.sleep(SETTLED)
            return Pass(used, wall, memory_of(program))
        finally:
            program.kill()

    def await_pass(self, program: Watch, found: Set | None) -> None:
        """Asked seldom: an answer costs some milliseconds of CPU, which would be measured with the rest."""
        program.wait_ready(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while found and _passed(program, found) < found.kinds:
            assert time.monotonic() < deadline, program.text[-3000:]
            time.sleep(0.25)


def _passed(program: Watch, found: Set) -> int:
    name = "auditor_audit_last_complete_pass_timestamp_seconds"
    return sum(each.startswith(f'{name}{{kind="{found.name}') for each in program.metrics())


def cpu_of(program: Watch) -> float:
    family = [program.usage, *program.usage.children(recursive=True)]
    return float(sum(each.cpu_times().user + each.cpu_times().system for each in family))


def memory_of(program: Watch) -> float:
    """Of the watcher alone: what it shares with its workers counts once."""
    return float(program.usage.memory_full_info().uss) / 1e6
