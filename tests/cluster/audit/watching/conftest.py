"""A watcher inside the test, on a real API server: what it finds and how often it judges can be counted."""

import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from auditor import crds
from auditor.audit.follower import Follower
from auditor.audit.ledger import Diff
from auditor.audit.turf import Turf
from auditor.audit.watcher import Watcher
from auditor.cluster import Resource, Settings, connect
from auditor.intake.live.view import View
from auditor.json import JsonObject
from auditor.model.finding import Finding
from auditor.sandbox import Sandbox
from tests.sole import Sole

NAMESPACE = "auditor-system"
PATIENCE = 20.0


@pytest.fixture(scope="package")
def cluster() -> Iterator[Sandbox]:
    """With our kinds, in which every test has a group of its own."""
    with Sandbox.start(f"watching-{os.getpid()}", owner=os.getpid()) as sandbox:
        for name in crds.names():
            sandbox.kubectl("apply", "--server-side", "-f", "-", stdin=crds.read(name))
        sandbox.kubectl("create", "namespace", NAMESPACE)
        sandbox.kubectl("wait", "--for=condition=Established", "crd", "--all")
        yield sandbox


class Heard:
    """The outlet: what is known by now, and that what was told adds up to it."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.open: dict[tuple[str, str], dict[str, Finding]] = {}
        self.wrong: list[str] = []
        self.passed_kinds: list[str] = []
        self.gone_kinds: list[str] = []
        self.moved: Callable[[], None] = lambda: None
        self.noted: Callable[[Resource, str], None] = lambda _resource, _key: None
        self.arranged: Callable[[View], None] = lambda _: None

    def tell(self, follower: Follower, diff: Diff, *, initial: bool) -> None:
        with self.changed:
            mine = self.open.setdefault((follower.name, diff.key), {})
            for each in diff.resolved:
                if mine.pop(each.fingerprint, None) is None:
                    self.wrong.append(f"resolved, but was not open: {diff.key} {each}")
            for each in diff.opened:
                if each.fingerprint in mine:
                    self.wrong.append(f"opened twice: {diff.key} {each}")
                mine[each.fingerprint] = each
            for each in diff.changed:
                if each.fingerprint not in mine:
                    self.wrong.append(f"changed, but was not open: {diff.key} {each}")
                mine[each.fingerprint] = each
            if not mine:
                del self.open[follower.name, diff.key]
            self.changed.notify_all()

    def passed(self, follower: Follower) -> None:
        with self.changed:
            self.passed_kinds.append(follower.name)
            self.changed.notify_all()

    def gone(self, follower: Follower) -> None:
        with self.changed:
            self.gone_kinds.append(follower.name)
            self.changed.notify_all()

    def lost(self, follower: Follower) -> None:
        self.gone(follower)

    def wait(self, holds: Callable[[], bool], why: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(holds, PATIENCE), why()


class World:
    """A group of kinds for one test, and a watcher over all."""

    def __init__(self, cluster: Sandbox) -> None:
        self.cluster = cluster
        self.group = f"t{uuid.uuid4().hex[:8]}.example.com"
        self.kind_name = f"things.{self.group}"
        self.heard = Heard()
        self._made: list[tuple[str, str]] = []
        self.watchers: list[Watcher] = []
        self.watcher: Watcher

    # -- the cluster ---------------------------------------------------------------------------------------------------

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        done = self.cluster.kubectl(*arguments, check=check)
        return str(done.stdout)

    def put(self, *things: JsonObject) -> None:
        for each in things:
            self.cluster.kubectl(
                "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=orjson.dumps(each).decode()
            )
            if each["metadata"].get("namespace") is None:
                self._made.append((each["kind"], each["metadata"]["name"]))

    def delete(self, kind: str, name: str, *options: str) -> None:
        self.cluster.kubectl("delete", kind, name, *options)

    def crd(self, *versions: str, storage: str = "v1", plural: str = "things", **spec: Any) -> JsonObject:
        kind = plural.removesuffix("s").capitalize()
        properties = {
            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        }
        schema = {"type": "object", "properties": {**properties, **spec}}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{self.group}"},
            "spec": {
                "group": self.group,
                "names": {"kind": kind, "plural": plural},
                "scope": "Namespaced",
                "versions": [
                    {
                        "name": name,
                        "served": True,
                        "storage": name == storage,
                        "schema": {"openAPIV3Schema": schema},
                        "subresources": {"status": {}},
                    }
                    for name in versions or ("v1",)
                ],
            },
        }

    def install(self, crd: JsonObject | None = None) -> None:
        crd = crd or self.crd()
        self.put(crd)
        self.kubectl("wait", "--for=condition=Established", f"crd/{crd['metadata']['name']}")
        kind = f"{crd['spec']['names']['plural']}.{self.group}"
        until(lambda: self.cluster.kubectl("get", kind, "-A", check=False).returncode == 0)

    def thing(
        self,
        name: str,
        namespace: str = "default",
        *,
        kind: str = "Thing",
        version: str = "v1",
        labels: JsonObject | None = None,
        **spec: Any,
    ) -> JsonObject:
        metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
        return {"apiVersion": f"{self.group}/{version}", "kind": kind, "metadata": metadata, "spec": spec}

    def policy(
        self, name: str, cel: str, *, resource: str = "things", versions: str = "*", rule: str = "r", **spec: Any
    ) -> JsonObject:
        matched = {
            "apiGroups": [self.group],
            "apiVersions": [versions],
            "resources": [resource],
            "operations": ["CREATE", "UPDATE"],
        }
        body = {"match": {"resourceRules": [matched]}, "rules": [{"name": rule, "cel": cel}], "enforcement": "Deny"}
        metadata = {"name": f"{name}.{self.group}"}
        return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": metadata, "spec": body | spec}

    def clean(self) -> None:
        for kind, name in reversed(self._made):
            self.cluster.kubectl("delete", kind, name, "--ignore-not-found", "--wait=false", check=False)

    # -- the watcher ---------------------------------------------------------------------------------------------------

    def watch(self, *, kubeconfig: str = "", turf: Turf | None = None, resync: float = 6 * 3600) -> Watcher:
        client = connect(Settings(kubeconfig=kubeconfig or str(self.cluster.kubeconfig)), component="test")
        turf = turf or Sole()
        self.watcher = Watcher(
            client, turf=turf, outlet=self.heard, own_namespace=NAMESPACE, resync=timedelta(seconds=resync)
        )
        self.watchers.append(self.watcher)
        self.watcher.start()
        turf.start()
        return self.watcher

    def found(self, kind: str = "") -> dict[str, set[str]]:
        """Of this test's kinds: by key of the object, what violates which policy and rule."""
        wanted = kind or self.kind_name
        with self.heard.changed:
            return {
                key: {self.short(f"{each.source}/{each.rule}") for each in findings.values()}
                for (name, key), findings in self.heard.open.items()
                if name == wanted
            }

    def short(self, source: str) -> str:
        return source.replace(f".{self.group}", "")

    def wait_found(self, expected: dict[str, set[str]], kind: str = "") -> None:
        self.heard.wait(lambda: self.found(kind) == expected, lambda: f"{self.found(kind)} instead of {expected}")

    def wait_settled(self, kind: str = "") -> None:
        name = kind or self.kind_name
        self.heard.wait(lambda: name in self.heard.passed_kinds, lambda: f"{name} is not settled")

    def wait_quiet(self) -> None:
        """Until nothing waits to be judged again."""
        until(lambda: not self.watcher.rejudger.waiting)

    def judged(self) -> dict[str, int]:
        """Objects of this test's kinds, by the reason for it."""
        found: Counter[str] = Counter()
        for (kind, reason), count in list(self.watcher.judged.items()):
            if kind.endswith(self.group):
                found[reason] += count
        return dict(found)

    def evaluated(self, reason: str) -> int:
        """Rules that were asked of them."""
        asked = list(self.watcher.evaluations.items())
        return sum(count for (kind, why), count in asked if kind.endswith(self.group) and why == reason)


def until(holds: Callable[[], bool], timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


@pytest.fixture
def world(cluster: Sandbox) -> Iterator[World]:
    world = World(cluster)
    try:
        yield world
    finally:
        for each in world.watchers:
            each.turf.stop()
            assert each.stop(), "it did not end in time"
        world.clean()
    assert world.heard.wrong == []
