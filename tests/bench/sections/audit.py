"""The watcher as a process on a real API server: CPU of the first audit, memory, findings, change to report, and what
it does when nothing happens.

One cluster for all, filled with SETS of objects of about 1 KB (`large`: 8 KB), under 5 CEL rules; what is not measured
at the moment is not followed. By itself, for what is too large for `make bench` (minutes to fill the cluster):
`python -m tests.bench.sections.audit 100000 200` is the first audit of 100,000 objects of 200 kinds.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figure import Notebook
from tests.bench.filled import PATIENCE, RULES, SETTLED, Cluster, Pass, Set, cpu_of, fill, memory_of, name_of
from tests.bench.sections.change import measure_changes
from tests.cluster.audit.conftest import policy
from tests.cluster.audit.running import Watch, wait
from tests.cluster.audit.truth import REPORTS

ROUNDS = 3
SCALE = int(os.environ.get("BENCH_SCALE", "1000"))
"""Objects of the smallest set. Fewer are for trying the benchmark itself: what it then says is nothing to compare."""
SMALL, MIDDLE, MAIN = Set("small", SCALE), Set("middle", 3 * SCALE), Set("main", 10 * SCALE)
TEN, HUNDRED = Set("ten", 3 * SCALE, kinds=10), Set("hundred", 3 * SCALE, kinds=100)
LARGE = Set("large", 3 * SCALE, size=8)
SETS = (SMALL, MIDDLE, MAIN, TEN, HUNDRED, LARGE)
FINDINGS = (SCALE // 10, SCALE, 10 * SCALE)
CPU_GOAL = 1.5


def run(book: Notebook) -> None:
    with fill(SETS) as sandbox:
        cluster = Cluster(sandbox, SETS)
        cluster.judge_by(policy("bench", *RULES, resources=["*"]))
        passes: dict[str, list[Pass]] = {each.name: [] for each in SETS}
        starts = []
        for _ in range(ROUNDS):
            starts.append(cluster.audit(None))
            passes[MAIN.name].append(cluster.audit(MAIN))
            book.say(f"first audit: {passes[MAIN.name][-1].wall:.1f} s")
        for each in (SMALL, MIDDLE, TEN, HUNDRED, LARGE):
            passes[each.name] = [cluster.audit(each) for _ in range(2 if each.kinds == each.size else 1)]
        _tell_passes(book, starts, passes)
        _grow_policies(book, cluster, statistics.median(each.cpu for each in starts))
        _grow_findings(book, cluster)
        measure_changes(book, cluster, MAIN)


def _tell_passes(book: Notebook, starts: list[Pass], passes: dict[str, list[Pass]]) -> None:
    start = statistics.median(each.cpu for each in starts)

    def beyond(found: Set) -> list[float]:
        return [each.cpu - start for each in passes[found.name]]

    def memory(found: Set) -> float:
        return statistics.median(each.memory for each in passes[found.name])

    book.cpu("start of the watcher, nothing to judge, CPU", [each.cpu for each in starts], "s")
    book.cpu(f"first audit of {MAIN.objects:,} objects of 1 KB, beyond start, CPU", beyond(MAIN), "s", CPU_GOAL)
    book.wall("the same, from start to its end", [each.wall for each in passes[MAIN.name]], "s")
    book.put("memory of a watcher of nothing", [each.memory for each in starts], "MB")
    book.put(f"memory with {MAIN.objects:,} objects", [each.memory for each in passes[MAIN.name]], "MB")
    for along, sets, points in (
        ("objects", (SMALL, MIDDLE, MAIN), [each.objects for each in (SMALL, MIDDLE, MAIN)]),
        (
            f"kinds of {MIDDLE.objects:,} objects",
            (MIDDLE, TEN, HUNDRED),
            [each.kinds for each in (MIDDLE, TEN, HUNDRED)],
        ),
        (f"KB of each of {MIDDLE.objects:,} objects", (MIDDLE, LARGE), [MIDDLE.size, LARGE.size]),
    ):
        pairs = list(zip(points, sets, strict=True))
        book.grow(
            "first audit beyond start, CPU", "s", along, {n: statistics.median(beyond(each)) for n, each in pairs}
        )
        book.grow("memory", "MB", along, {n: memory(each) for n, each in pairs})


def _grow_policies(book: Notebook, cluster: Cluster, start: float) -> None:
    cpus, memories = {}, {}
    for count in (1, 10, 100):
        rule = {"cel": "object.spec.replicas < 100", "name": "few"}
        cluster.judge_by(*(policy(f"p{n}", rule, resources=SMALL.plurals) for n in range(count)))
        found = cluster.audit(SMALL)
        cpus[count], memories[count] = found.cpu - start, found.memory
    along = f"policies of one CEL rule for {SMALL.objects:,} objects"
    book.grow("first audit beyond start, CPU", "s", along, cpus)
    book.grow("memory", "MB", along, memories)


def _grow_findings(book: Notebook, cluster: Cluster) -> None:
    """Of 10,000 objects so many violate a rule; each gets a report, and a place in the history."""
    cpus, walls, memories = {}, {}, {}
    cluster.follow(MAIN)
    for count in FINDINGS:
        rule = {"name": "first", "cel": f"object.metadata.name >= '{name_of(count)}'", "message": "too early"}
        cluster.judge_by(policy("bench", *RULES, rule, resources=MAIN.plurals))
        with tempfile.TemporaryDirectory(prefix="auditor-bench-") as folder:
            begun = time.monotonic()
            program = cluster.watch("--database-url", f"sqlite:///{Path(folder) / 'history.db'}")
            try:
                cluster.await_pass(program, MAIN)

                def written(program: Watch = program, count: int = count) -> bool:
                    time.sleep(0.5)
                    return program.count("auditor_reports_written_total") >= count

                wait(written, PATIENCE)
                walls[count] = time.monotonic() - begun
                cpus[count] = cpu_of(program)
                time.sleep(SETTLED)
                memories[count] = memory_of(program)
            finally:
                program.kill()
        cluster.client.delete_collection(REPORTS, namespace="default")
    along = f"findings of {MAIN.objects:,} objects, with reports and history"
    book.grow("from start to the last report, CPU", "s", along, cpus)
    book.grow("from start to the last report, wall", "s", along, walls)
    book.grow("memory", "MB", along, memories)


def show(objects: int, kinds: int, size: int = 1) -> None:
    found = Set("kind", objects, kinds, size)
    with fill([found]) as sandbox:
        cluster = Cluster(sandbox, [found])
        cluster.judge_by(policy("bench", *RULES, resources=["*"]))
        start = cluster.audit(None)
        done = cluster.audit(found)
        print(
            f"  first audit of {objects} objects of {size} KB, {kinds} kinds: {done.cpu - start.cpu:.2f} s CPU (and"
            f" {start.cpu:.2f} s to start), {done.wall:.1f} s wall, {done.memory:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    show(*map(int, sys.argv[1:]))
