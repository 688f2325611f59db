"""A pack in a cluster with a door and a watcher: what is installed, created, refused and reported."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from auditor.engine.read import name_of
from auditor.intake.door import judge_as_door
from auditor.intake.load import Item
from auditor.intake.packs.facts import Mapped, list_rules
from auditor.intake.requests import ask, kind_of, surround
from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.model.match import BUILT_IN_GROUPS
from auditor.sandbox import Sandbox
from auditor.sandbox.components import load_authority
from tests.cluster.client import Client
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


@dataclass(frozen=True, slots=True)
class Said:
    """What the API server, and through it the door, says of an object."""

    taken: bool
    text: str
    """Why not, and all warnings."""
    object: JsonObject


class Stage:
    """Without kubectl where it is not the point: it reads all that a cluster serves each time that it is started."""

    def __init__(self, cluster: Sandbox, log: Callable[[], str]) -> None:
        self.cluster = cluster
        self.log = log
        pki = cluster.record.directory / "pki"
        load_authority(pki).issue("breaker", organizations=[GLASS, "system:masters"], client=True).write(pki, "breaker")
        self.admin = Client(cluster)
        self.breaker = Client(cluster, pki / "breaker.crt")
        self._places: dict[tuple[str, str], tuple[str, bool]] = {}

    def close(self) -> None:
        self.admin.close()
        self.breaker.close()

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
        self._places.clear()
        brought = []
        for path in find_crds(name):
            self.cluster.kubectl("apply", "--server-side", "-f", path)
            brought += [name_of(item.thing) for item in read(Path(path))]
        known = {_kind_of_crd(crd) for crd in (*self.list_crds(), *pack_of(name).crds)}
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

    def list_at(self, path: str) -> list[JsonObject]:
        response = self.admin.ask("GET", path)
        assert response.status == 200, response
        items: list[JsonObject] = response.body["items"]
        return items

    def list_crds(self) -> list[JsonObject]:
        return self.list_at("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")

    def read(self, thing: JsonObject, version: str) -> JsonObject:
        """As it is stored, in a version of its group."""
        group = thing["apiVersion"].partition("/")[0]
        response = self.admin.ask("GET", self._path({**thing, "apiVersion": f"{group}/{version}"}, name_of(thing)))
        assert response.status == 200, response
        return response.body

    def bring_namespaces(self, things: Iterable[JsonObject]) -> None:
        for name in {thing["metadata"].get("namespace") for thing in things} - {None}:
            self.cluster.kubectl("create", "namespace", name, check=False)

    def apply(self, *things: JsonObject) -> None:
        query = "?fieldManager=kubectl&force=true&fieldValidation=Strict"
        for thing in things:
            said = self._ask("PATCH", thing, query, name_of(thing), content="application/apply-patch+yaml")
            assert said.taken, f"{key_of(thing)}: {said.text}"

    def create(self, thing: JsonObject) -> Said:
        return self._ask("POST", thing, "?fieldManager=kubectl-create&fieldValidation=Strict")

    def try_out(self, thing: JsonObject) -> Said:
        return self._ask("POST", thing, "?fieldManager=kubectl-create&fieldValidation=Strict&dryRun=All")

    def replace(self, thing: JsonObject) -> Said:
        return self._ask("PUT", thing, "?fieldManager=kubectl-replace&fieldValidation=Strict", name_of(thing))

    def _ask(
        self, method: str, thing: JsonObject, query: str = "", name: str = "", content: str = "application/json"
    ) -> Said:
        try:
            path = self._path(thing, name)
        except LookupError as error:
            return Said(taken=False, text=str(error), object={})
        response = self.admin.ask(method, path + query, thing, content)
        taken = response.status < 300
        told = () if taken else (orjson.dumps(response.body).decode(),)
        return Said(taken, "\n".join((*told, *response.warnings)), response.body)

    def _path(self, thing: JsonObject, name: str = "") -> str:
        """Where the API server has it; LookupError: it does not serve that kind, or not yet."""
        version, kind = thing["apiVersion"], thing["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._places:
            for each in self.admin.ask("GET", root).body.get("resources") or ():
                if "/" not in each["name"]:
                    self._places[version, each["kind"]] = each["name"], each["namespaced"]
        if (version, kind) not in self._places:
            raise LookupError(f"no kind {kind} in {version}")
        plural, namespaced = self._places[version, kind]
        namespace = thing["metadata"].get("namespace") or "default"
        place = f"{root}/namespaces/{namespace}/{plural}" if namespaced else f"{root}/{plural}"
        return f"{place}/{name}" if name else place

    def reported(self) -> dict[Key, set[str]]:
        """By object, the rules in its report."""
        found: dict[Key, set[str]] = {}
        for kind in ("reports", "clusterreports"):
            for report in self.list_at(f"/apis/openreports.io/v1alpha1/{kind}"):
                scope = report["scope"]
                rules = {f"{each.get('policy')}/{each.get('rule')}" for each in report.get("results", [])}
                key = (scope["kind"], scope.get("namespace") or "default", scope["name"])
                found.setdefault(key, set()).update(rules)
        return found

    def clear(self, things: Iterable[JsonObject]) -> None:
        """What was created of them, but for namespaces, which take long to go; whatever policies say of deletion, and
        without what finalizers wait for: no controller is here that would do it."""
        paths = []
        for thing in things:
            with contextlib.suppress(LookupError):  # its kind never came: a test that ends early clears what there is
                if thing["kind"] != "Namespace":
                    paths.append(path := self._path(thing, name_of(thing)))
                    self.breaker.ask("DELETE", path)
                    if thing["metadata"].get("finalizers"):
                        patch = {"metadata": {"finalizers": None}}
                        self.breaker.ask("PATCH", path, patch, "application/merge-patch+json")

        def left() -> list[str]:
            return [path for path in paths if self.breaker.ask("GET", path).status != 404]

        self.until(lambda: not left(), lambda: f"not deleted: {left()}")


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
