"""A pack in a cluster with a door and a watcher: what is installed, created, refused and reported."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from auditor.engine.read import name_of
from auditor.intake.load import Item
from auditor.intake.packs.facts import Mapped, list_rules
from auditor.intake.requests import ask, kind_of, surround
from auditor.intake.scan import judge_as_door
from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.model.match import BUILT_IN_GROUPS
from auditor.sandbox import Sandbox
from tests.cluster.run.test_run import wait
from tests.unit.packs.shipped import OWN, find_crds, pack_of, prepared, read, read_crds, skip_without_crds

ROOT = Path(__file__).parents[3]
GLASS = "breakers"
"""The group that the door lets pass."""
ESTABLISHED = ("wait", "--for=condition=Established", "crd")


def run_packs(cluster: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`auditor packs ...` on that cluster."""
    command = [sys.executable, "-m", "auditor", "packs", *arguments]
    if "--kubeconfig" not in arguments:
        command += ["--kubeconfig", str(cluster.kubeconfig)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


Key = tuple[str, str, str]
"""Of an object: kind, namespace, name; what is in no namespace counts as in the default one."""


def key_of(thing: JsonObject) -> Key:
    return str(thing["kind"]), thing["metadata"].get("namespace") or "default", name_of(thing)


def violate(name: str, item: Item, around: Sequence[Item]) -> dict[str, Mapped]:
    """The rules that an object violates as it is created where `around` is, by their names."""
    ready, rules = prepared(name), {mapped.name: mapped for mapped in list_rules(pack_of(name))}
    if item.group in ("", "auditor.dev"):
        return {}
    surroundings = surround(around, ready.catalog, datetime.now(UTC), exceptions=ready.loaded.exceptions)
    verdict = judge_as_door(ready.engine, ask(item, surroundings), passes=True, catalog=ready.catalog)
    bad = (Result.FAIL, Result.WARN)
    return {each: rules[each] for each in sorted({f"{f.policy}/{f.rule}" for f in verdict.findings if f.result in bad})}


def batch(files: Sequence[Sequence[Item]]) -> list[list[Item]]:
    """Bad examples that can be in one cluster at the same time: no two have an object of the same name."""
    batches: list[list[Item]] = []
    for items in files:
        keys = {key_of(item.thing) for item in items}
        free = (each for each in batches if not keys & {key_of(item.thing) for item in each})
        found = next(free, None)
        if found is None:
            batches.append(found := [])
        found.extend(items)
    return batches


def without(items: Sequence[Item], others: Sequence[Item]) -> list[Item]:
    """Those of which there is none of the same name."""
    taken = {key_of(item.thing) for item in others}
    return [item for item in items if key_of(item.thing) not in taken]


class Stage:
    def __init__(self, cluster: Sandbox, log: Callable[[], str]) -> None:
        self.cluster = cluster
        self.log = log

    def until(self, holds: Callable[[], bool], why: Callable[[], str] = lambda: "") -> None:
        wait(holds, lambda: f"{why()}\n{self.log()}")

    def packs(self, *arguments: str) -> str:
        done = run_packs(self.cluster, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def bring_kinds(self, name: str, things: Iterable[JsonObject]) -> list[str]:
        """The kinds of others: by their own CRDs, those of our other packs; for a kind of nobody one that takes all.

        Gives the names of their CRDs.
        """
        skip_without_crds(name)
        brought = []
        for path in find_crds(name):
            self.cluster.kubectl("apply", "--server-side", "-f", path)
            brought += [name_of(item.thing) for item in read(Path(path))]
        known = {_kind_of_crd(crd) for crd in (*self.get("crd"), *pack_of(name).crds)}
        ours = {_kind_of_crd(crd): crd for own in OWN for crd in read_crds(own)}
        absent: dict[tuple[str, str], list[str]] = {}
        for each in map(kind_of, things):
            if each.group not in {*BUILT_IN_GROUPS, "auditor.dev"} and (each.group, each.kind) not in known:
                absent.setdefault((each.group, each.kind), []).append(each.version)
        for (group, kind), versions in absent.items():
            crd = ours.get((group, kind)) or make_crd(group, kind, sorted({*versions}))
            self.apply(crd)
            brought.append(name_of(crd))
        self.cluster.kubectl(*ESTABLISHED, "--all")
        return brought

    def get(self, *what: str) -> list[JsonObject]:
        text = self.cluster.kubectl("get", *what, "-o", "json").stdout
        found: JsonObject = json.loads(text)
        items: list[JsonObject] = found.get("items", [found])
        return items

    def bring_namespaces(self, things: Iterable[JsonObject]) -> None:
        for name in {thing["metadata"].get("namespace") for thing in things} - {None}:
            self.cluster.kubectl("create", "namespace", name, check=False)

    def apply(self, *things: JsonObject) -> None:
        text = b"\n---\n".join(map(orjson.dumps, things)).decode()
        self.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    def create(self, thing: JsonObject, *options: str) -> subprocess.CompletedProcess[str]:
        return self.cluster.kubectl("create", "-f", "-", *options, stdin=orjson.dumps(thing).decode(), check=False)

    def try_out(self, thing: JsonObject) -> subprocess.CompletedProcess[str]:
        return self.create(thing, "--dry-run=server")

    def reported(self) -> dict[Key, set[str]]:
        """By object, the rules in its report."""
        found: dict[Key, set[str]] = {}
        for kind in ("reports.openreports.io", "clusterreports.openreports.io"):
            for report in self.get(kind, "-A"):
                scope = report["scope"]
                rules = {f"{each.get('policy')}/{each.get('rule')}" for each in report.get("results", [])}
                key = (scope["kind"], scope.get("namespace") or "default", scope["name"])
                found.setdefault(key, set()).update(rules)
        return found

    def clear(self, things: Iterable[JsonObject]) -> None:
        """What was created of them, but for namespaces, which take long to go; whatever policies say of deletion, and
        without what finalizers wait for: no controller is here that would do it."""
        kept = [thing for thing in things if thing["kind"] != "Namespace"]
        if not kept:
            return
        text = b"\n---\n".join(map(orjson.dumps, kept)).decode()
        by_force = self.cluster.user_kubeconfig("breaker", [GLASS, "system:masters"])
        delete = ("delete", "--ignore-not-found", "-f", "-")
        self.cluster.kubectl(*delete, "--wait=false", stdin=text, kubeconfig=by_force, check=False)
        for thing in kept:
            if thing["metadata"].get("finalizers"):
                patch = ("patch", "--type=merge", "-p", '{"metadata":{"finalizers":null}}', "-f", "-")
                self.cluster.kubectl(*patch, stdin=orjson.dumps(thing).decode(), kubeconfig=by_force, check=False)
        self.cluster.kubectl(*delete, "--wait=true", stdin=text, kubeconfig=by_force, check=False)


def _kind_of_crd(crd: JsonObject) -> tuple[str, str]:
    return crd["spec"]["group"], crd["spec"]["names"]["kind"]


def make_crd(group: str, kind: str, versions: list[str]) -> JsonObject:
    """For a kind of nobody: it takes any object."""
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    served = [{"name": each, "served": True, "storage": each == versions[0], "schema": schema} for each in versions]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": served,
        },
    }
