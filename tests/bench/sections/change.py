"""A watcher that has read all: from a change to its report, and what it does while nothing changes."""

import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from auditor.cluster.informer import Change, Informers, Notice
from auditor.cluster.resource import Resource
from tests.bench.figure import Notebook
from tests.bench.filled import RULES, Cluster, Set, cpu_of, name_of
from tests.cluster.audit.conftest import GROUP, policy
from tests.cluster.audit.running import Watch
from tests.cluster.audit.truth import REPORTS

ROUNDS = 3
RATE, SECONDS = 50, 8
WRITERS = 8
IDLE_SECONDS = 10.0
QUIET = 8.0
"""Seconds until all has been written that follows from the last change: statuses wait for five."""
GOAL = 1.0


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


def measure_changes(book: Notebook, cluster: Cluster, found: Set) -> None:
    """From before the write of an object that begins to violate a rule until its report is seen."""
    cluster.follow(found)
    cluster.judge_by(policy("bench", *RULES, resources=found.plurals))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="auditor-bench-"))
        program = cluster.watch("--database-url", f"sqlite:///{Path(folder) / 'history.db'}")
        stack.callback(program.kill)
        cluster.await_pass(program, found)
        informers = Informers(cluster.client)
        stack.callback(informers.stop)
        seen = Seen()
        informers.open(REPORTS, handler=seen.hear)
        time.sleep(QUIET)
        _measure_idle(book, program, found)
        p50s, p99s, cpus = [], [], []
        for number in range(ROUNDS):
            before = cpu_of(program)
            times = _change(cluster, found, seen, number * RATE * SECONDS)
            steps = statistics.quantiles(times, n=100)
            p50s.append(steps[49])
            p99s.append(steps[98])
            cpus.append((cpu_of(program) - before) / len(times))
    what = f"change to report, {RATE} a second among {found.objects:,} objects"
    book.wall(f"{what}, p50", p50s, "ms")
    book.wall(f"{what}, p99", p99s, "s", GOAL)
    book.cpu("a change that begins to violate a rule, its report and history, CPU", cpus, "ms")


def _change(cluster: Cluster, found: Set, seen: Seen, first: int) -> list[float]:
    (plural,) = found.plurals
    resource = Resource(GROUP, "v1", plural, plural.removesuffix("s").capitalize(), namespaced=True)
    sent: dict[str, float] = {}

    def change(number: int) -> None:
        at = time.monotonic()
        changed = cluster.client.patch_merge(resource, name_of(number), {"spec": {"replicas": 2}}, namespace="default")
        sent[changed["metadata"]["uid"]] = at

    count = RATE * SECONDS
    with ThreadPoolExecutor(WRITERS) as pool:
        begun = time.monotonic()
        futures = []
        for number in range(count):
            time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
            futures.append(pool.submit(change, first + number))
        for each in futures:
            each.result()
    assert seen.wait(first + count), f"{len(seen.at)} reports of {first + count}"
    return [seen.at[uid] - at for uid, at in sent.items()]


def _measure_idle(book: Notebook, program: Watch, found: Set) -> None:
    shares, calls = [], []
    for _ in range(ROUNDS):
        before, asked = cpu_of(program), program.count("auditor_cluster_calls_total")
        time.sleep(IDLE_SECONDS)
        # The second look is in the count of neither.
        shares.append((cpu_of(program) - before) / IDLE_SECONDS * 100)
        calls.append((program.count("auditor_cluster_calls_total") - asked) / IDLE_SECONDS * 60)
    book.put(f"nothing changes among {found.objects:,} objects: CPU", shares, "% of a core")
    book.put("nothing changes: calls of the API server, renewals of the lease among them", calls, "a minute")
