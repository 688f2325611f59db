"""All of us on all real parts, each of which may fail: a control plane, a database, a door, a watcher, and the ways
between them.

`with world.under(seed, may=...)` is one run: load, the fault (the block) at a moment that the seed chooses, its end,
quiet, and then what must hold.
"""

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from auditor import crds
from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.resource import CRDS, NAMESPACES
from auditor.errors import ClusterError, NotFoundError
from auditor.json import JsonObject
from auditor.report.history import HistoryError
from tests.cluster.audit.conftest import CONFIGS, FEW, NAMESPACE, ODD, POLICIES, make_crd, policy
from tests.cluster.audit.past import check_turns, open_findings
from tests.cluster.audit.running import wait
from tests.cluster.audit.truth import Rows, judge_all, read_rows, tell_difference
from tests.cluster.history.conftest import create_database
from tests.faults.load import (
    DOOR_SECONDS,
    GADGETS,
    LARGE,
    SHOP,
    SMALL,
    THINGS,
    WRONG,
    Load,
    Outcome,
    connect_to,
    find_wrong,
    heavy,
    make,
    put,
)
from tests.faults.part import HOST, Part, free_port
from tests.faults.plane import Plane, Postgres
from tests.proxy import Proxy

ROOT = Path(__file__).parents[2]
WELL = 90.0
"""Seconds from the end of a fault until all is as before, on a machine that has nothing else to do."""
BUSIEST = 5.0
"""Times that long where others want the machine, too."""
MEMORY, MORE = 1.25, 24 << 20
"""What may be left of it in memory afterwards: allocators keep what they had. A leak grows with each round."""
WITNESSES = 12
"""As many as there are moments of a fault, at most."""
WARM = 3
"""Times that both have met an object of 1.2 MB, admitted and not, before their memory is measured."""
OURS = frozenset({Outcome.UNANSWERED})
THEIRS = frozenset({Outcome.UNANSWERED, Outcome.TROUBLE})
NOBODY: frozenset[Outcome] = frozenset()


def well() -> float:
    """By what there is to do for each core now: ours alone is about two."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return WELL * min(max(1.0, load / 4), BUSIEST)


@dataclass(slots=True)
class Run:
    """One fault under load: what happens between its beginning and its end is up to the test."""

    load: Load
    draw: random.Random
    let_go: Callable[[], None]
    begun: float = field(default_factory=time.monotonic)

    def hold(self, least: float = 1.0, most: float = 4.0) -> None:
        """In the middle of it a witness goes, which nobody makes again: who misses that keeps its findings for ever."""
        seconds = self.draw.uniform(least, most)
        self.load.rest(seconds / 2)
        self.let_go()
        self.load.rest(seconds / 2)


class World:
    def __init__(self, folder: Path, *, url: str = "", root: Path = ROOT) -> None:
        self.folder, self._root = folder, root
        self._ends = contextlib.ExitStack()
        self.memory: dict[str, int] = {}
        self.postgres: Postgres | None = None
        self.url = url
        try:
            self._make()
        except BaseException:
            self.end()
            raise

    def _make(self) -> None:
        self.plane = Plane(self.folder / "plane")
        self._ends.callback(self.plane.end)
        self.plane.start()
        self.client: Client = connect_to(self.plane.plan.kubeconfig, timeout=20)
        self._ends.callback(self.client.transport.close)
        self._hasty = connect_to(self.plane.plan.kubeconfig, timeout=1)
        self._ends.callback(self._hasty.transport.close)
        if not self.url:
            self.postgres = Postgres(self.folder / "postgres")
            self._ends.callback(self.postgres.end)
            self.url = create_database(self.postgres.server)
        self._make_ways()
        self._make_programs()

    def _make_ways(self) -> None:
        port = self.plane.plan.port
        self.listen = free_port()
        enter = self._ends.enter_context
        self.to_door = enter(Proxy(HOST, self.listen))
        self.door_to_api = enter(Proxy(HOST, port))
        self.watcher_to_api = enter(Proxy(HOST, port))
        self.ways = {
            "API server to door": self.to_door,
            "door to API server": self.door_to_api,
            "watcher to API server": self.watcher_to_api,
        }
        self._watched_url = self.url
        if self.postgres is not None:
            server = self.postgres.server
            self.ways["watcher to PostgreSQL"] = to_database = enter(Proxy(HOST, server.port))
            self._watched_url = self.url.replace(f":{server.port}/", f":{to_database.port}/")

    def _make_programs(self) -> None:
        self.door = self.make_door("door", self.listen)
        self.watcher = self.make_watcher("watcher")
        for each in (self.door, self.watcher):
            self._ends.callback(each.end)

    def make_door(self, name: str, listen: int, *, root: Path | None = None) -> Part:
        operations = free_port()
        door = ["webhook", "--kubeconfig", str(self.plane.kubeconfig(name, self.door_to_api.port)), "--drain", "0.5"]
        door += ["--listen", f"{HOST}:{listen}", "--operations", f"{HOST}:{operations}", "--url", self.to_door.url]
        command = [sys.executable, "-m", "auditor", *door]
        return Part(name, command, folder=self.folder, cwd=root or self._root, operations=operations)

    def make_watcher(self, name: str, *, root: Path | None = None) -> Part:
        operations = free_port()
        kubeconfig = self.plane.kubeconfig(name, self.watcher_to_api.port)
        watch = ["watch", "--kubeconfig", str(kubeconfig), "--operations", f"{HOST}:{operations}"]
        watch += ["--database-url", self._watched_url, "--door-service", "", "--door"]
        watch.append(f"http://{HOST}:{self.door.operations}")
        command = [sys.executable, "-m", "tests.faults.watch", *watch]
        return Part(name, command, folder=self.folder, cwd=root or self._root, operations=operations)

    # -- from nothing to all well --------------------------------------------------------------------------------------

    def build(self) -> None:
        self._insist(partial(self.client.get, NAMESPACES, "kube-system"))
        for text in (*map(crds.read, crds.names()), crds.read_reports("openreports")):
            self.plane_apply(text)
        for name in (NAMESPACE, SHOP):
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self._insist(partial(self.client.apply, NAMESPACES, namespace, force=True))
        for resource in (THINGS, GADGETS):
            self.client.apply(CRDS, make_crd(resource.plural, kind=resource.kind), force=True)
        for resource in (THINGS, GADGETS, POLICIES, CONFIGS):
            self._insist(partial(self._read, resource))
        self.door.start()
        self.watcher.start()
        self.put_policies()
        self.wait_well()
        self._warm_up()

    def _warm_up(self) -> None:
        """What a program has taken for large objects it keeps, and that is no leak: memory is compared with this."""
        for _ in range(WARM):
            put(partial(self.client.create, THINGS, heavy("warm", size=LARGE, kilobytes=1200)))
            self.wait_reported(self.client.create(THINGS, heavy("warm", size=SMALL, kilobytes=1200)))
            self.delete(THINGS, "warm")
        self.memory = self.measure_memory()

    def put_policies(self) -> None:
        both = (THINGS.plural, GADGETS.plural)
        size = {"name": "size", "cel": "object.spec.size < 10", "message": "must be small"}
        door: JsonObject = {"enforcement": "Deny", "existing": "Deny", "timeoutSeconds": DOOR_SECONDS}
        for each in (
            policy("fence", size, resources=both[:1], failurePolicy="Fail", **door),
            policy("screen", size, resources=both[1:], failurePolicy="Ignore", **door),
            policy("audited", ODD, FEW, resources=both),
        ):
            self._insist(partial(self.put_policy, each))

    def put_policy(self, policy: JsonObject) -> None:
        """Its rules read the object: of a deletion there is none."""
        for rule in policy["spec"]["match"]["resourceRules"]:
            rule["operations"] = ["CREATE", "UPDATE"]
        self.client.apply(POLICIES, policy, force=True)

    def plane_apply(self, text: str) -> None:
        command = [str(self.plane.plan.assets.programs["kubectl"]), "--kubeconfig", str(self.plane.plan.kubeconfig)]
        command += ["--cache-dir", str(self.folder / "cache"), "apply", "--server-side", "-f", "-"]
        # An API server that has just answered for the first time may still be busy with its own beginning.
        run = partial(subprocess.run, command, input=text, text=True, check=False, capture_output=True)
        wait(lambda: run().returncode == 0, well(), lambda: str(run().stderr))

    def _insist(self, ask: Callable[[], object]) -> None:
        """What was just made is served a moment later."""
        wait(partial(_works, ask), well(), lambda: self.plane.api.said)

    def _read(self, resource: Resource) -> list[JsonObject]:
        return list(self.client.list(resource))

    def end(self) -> None:
        self._ends.close()

    # -- what must hold ------------------------------------------------------------------------------------------------

    def wait_well(self) -> None:
        """All run, as somebody starts again what has ended, and the door answers both ways."""
        for each in (self.door, self.watcher):
            wait(partial(self._runs, each), well(), partial(self._tell_down, each))
        for resource in (THINGS, GADGETS):
            wait(partial(self._judged, resource), well(), lambda: f"{self.ask(THINGS, LARGE)}\n{self.door.said}")

    def _runs(self, part: Part) -> bool:
        for each in (*self.plane.parts, self.door, self.watcher):
            each.start()
        return part.ready

    def _tell_down(self, part: Part) -> str:
        starts = ", ".join(f"{each.name}: {each.starts}" for each in (*self.plane.parts, self.door, self.watcher))
        return f"{part.name} is not ready (starts: {starts}):\n{part.said}"

    def ask(self, resource: Resource, size: int) -> tuple[Outcome | None, str]:
        """By a dry run."""
        dry = WriteOptions(dry_run=True, field_manager="tests")
        return put(lambda: self.client.create(resource, make(resource, "probe", size=size, replicas=1), options=dry))

    def _judged(self, resource: Resource) -> bool:
        wanted = {LARGE: Outcome.REFUSED, SMALL: Outcome.ADMITTED}
        return all(self.ask(resource, size)[0] is outcome for size, outcome in wanted.items())

    def settle(self, patience: float = 0.0) -> Rows:
        """No finding lost, none invented: reports, a fresh look, history, metrics and the command say the same."""
        said = self._say_all
        wanted = judge_all(self.client)  # once: nobody writes any more, and a fresh look costs half a second of CPU
        wait(
            lambda: self.rows() == wanted,
            patience + well(),
            lambda: f"{tell_difference(wanted, self.rows())}\n{said()}",
        )
        wait(lambda: self._remembered() == self.reported(), well(), lambda: f"{self._tell_past()}\n{said()}")
        wait(
            lambda: self._measured() == self._counted(),
            well(),
            lambda: f"{self._measured()} {self._counted()}\n{said()}",
        )
        check_turns(self.url)
        scanned, reported = self.scan(), self.reported()
        assert scanned == reported, f"scan alone: {scanned - reported}, reports alone: {reported - scanned}\n{said()}"
        metrics = self.watcher.metrics()
        assert metrics["auditor_history_dropped_total"] == 0
        assert metrics["auditor_history_failing"] == 0
        return self.rows()

    def wait_reported(self, made: JsonObject) -> None:
        """It violates a rule that audits."""
        wait(lambda: made["metadata"]["uid"] in self.rows(), well(), lambda: self.watcher.said)

    def rows(self) -> Rows:
        return read_rows(self.client)

    def reported(self) -> set[str]:
        """Fingerprints, of checks, too."""
        return {row[4] for rows in read_rows(self.client, checks=True).values() for row in rows}

    def _remembered(self) -> set[str]:
        with contextlib.suppress(HistoryError):
            return open_findings(self.url)
        return {"not yet"}

    def _tell_past(self) -> str:
        past, now = self._remembered(), self.reported()
        return f"open in the history alone: {sorted(past - now)}; in reports alone: {sorted(now - past)}"

    def _measured(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for name, value in self.watcher.metrics().items():
            if name.startswith("auditor_audit_results{"):
                for result in ("fail", "warn", "error", "skip"):
                    found[result] += int(value) if f'result="{result}"' in name else 0
        return +found

    def _counted(self) -> Counter[str]:
        """Objects and rules."""
        rows = read_rows(self.client, checks=True)
        return Counter(result for uid in rows for _, _, result in {row[:3] for row in rows[uid]})

    def scan(self) -> set[str]:
        """`auditor scan --cluster --checks`, a process that knows nothing of what was."""
        kubeconfig = str(self.plane.plan.kubeconfig)
        command = [sys.executable, "-m", "auditor", "scan", "--cluster", "--checks", "--kubeconfig", kubeconfig]
        done = subprocess.run([*command, "-o", "json"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), f"{done.returncode}: {done.stderr[-2000:]}"
        return {each["fingerprint"] for each in json.loads(done.stdout)["findings"] if each["result"] != "pass"}

    def measure_memory(self) -> dict[str, int]:
        return {each.name: each.memory for each in (self.door, self.watcher)}

    def _remembers_no_fault(self) -> bool:
        return all(
            now <= self.memory[name] * MEMORY + MORE
            for name, now in self.measure_memory().items()
            if name in self.memory
        )

    def _say_all(self) -> str:
        return "\n".join(f"--- {each.name}\n{each.said}" for each in (self.watcher, self.door))

    # -- one run -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def under(self, seed: int, *, may: frozenset[Outcome], patience: float = 0.0) -> Iterator[Run]:
        """The block is the fault: when it is left, all is let be. `may` is what it excuses meanwhile. `patience`:
        seconds more from there until the findings are right."""
        print(f"seed {seed}")  # noqa: T201 shown with a failure, so that it can be repeated
        draw = random.Random(seed)  # noqa: S311 to be repeated
        with Load(self.plane.plan.kubeconfig, seed=seed, timeout=20) as load:
            witnesses = [f"witness-{number}" for number in range(WITNESSES)]
            for name in witnesses:
                witness = make(THINGS, name, size=SMALL, replicas=WRONG)
                self._insist(partial(self.client.apply, THINGS, witness, force=True))
            self.wait_reported(self.client.get(THINGS, name, namespace=SHOP))
            load.rest(draw.uniform(0.5, 2))
            run = Run(load, draw, lambda: self._delete_one(witnesses))
            yield run
            self.wait_well()
            window = (run.begun, time.monotonic())
            load.rest(1.0)
            # On a busy machine a write may take longer than that.
            wait(lambda: any(each.begun > window[1] for each in load.answers), well(), load.tell)
        wrong = find_wrong(load.answers, window=window, may=may, bare=max(load.bare))
        assert not wrong, f"{len(wrong)} of {len(load.answers)} ({load.tell()}):\n" + "\n".join(wrong[:8])
        self.settle(patience)
        wait(self._remembers_no_fault, well() / 9, lambda: f"before {self.memory}, now {self.measure_memory()}")
        for each in load.passed:
            self.delete(each.resource, each.name)

    # -- what tests do to it -------------------------------------------------------------------------------------------

    def lead_to(self, port: int) -> None:
        """Calls of the API server go there from now on, those on kept connections, too."""
        self.to_door.lead_to(HOST, port)
        self.to_door.cut()

    @contextlib.contextmanager
    def remembering(self, url: str) -> Iterator[None]:
        """By another history, for as long as the block takes."""
        before, self.url = self.url, url
        self._restart_watcher("--database-url", url)
        try:
            yield
        finally:
            self.url = before
            self._restart_watcher()
            self.settle()

    def _restart_watcher(self, *options: str) -> None:
        """An option that is given twice is as it was given last."""
        self.watcher.end()
        self.watcher.options = options
        self.wait_well()

    def history_fails(self) -> bool:
        return self.watcher.metrics()["auditor_history_failing"] == 1

    def _delete_one(self, witnesses: list[str]) -> None:
        """Where that is possible, now."""
        if witnesses:
            with contextlib.suppress(ClusterError):
                self._hasty.delete(THINGS, witnesses.pop(), namespace=SHOP)

    def put_anyhow(self, obj: JsonObject) -> None:
        """Whether it is admitted is up to the failurePolicy."""
        put(lambda: self.client.create(THINGS, obj))

    def delete(self, resource: Resource, name: str) -> None:
        with contextlib.suppress(NotFoundError):
            self.client.delete(resource, name, namespace=SHOP)


def _works(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except ClusterError:
        return False
    return True


def gone(left: list[psutil.Process], timeout: float = 15.0) -> bool:
    return not psutil.wait_procs(left, timeout=timeout)[1]


def rounds() -> int:
    """`FAULT_ROUNDS=20` repeats each fault with other seeds."""
    return int(os.environ.get("FAULT_ROUNDS", "1"))
