"""What real writers leave in managedFields, and what the checks make of it."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from auditor.checks import KindFacts, Outcome, Stored, run_checks
from auditor.checks.bypass import SUBRESOURCE
from auditor.checks.times import read_time, show_time
from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.intake.stored import ask_stored
from auditor.json import Json, JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.model.finding import Verdict
from auditor.model.request import GroupVersionKind, GroupVersionResource
from auditor.model.settings import DEFAULT_CHECKS, Check, KindSettings
from auditor.model.world import World
from auditor.sandbox import Sandbox

GITOPS = "argocd-controller"
GROUP = "checks.example.com"
NOTHING = Engine.of(())
SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "replicas": {"type": "integer"},
                "image": {"type": "string", "default": "web"},
                "class": {"type": "string"},
                "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
                "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
                    },
                },
            },
        },
        "status": {
            "type": "object",
            "properties": {"replicas": {"type": "integer"}, "observedGeneration": {"type": "integer"}},
        },
    },
}
SPEC = {"replicas": 3, "tags": ["red", "blue"], "ports": [{"name": "http", "port": 80}], "limits": {"cpu": 1}}
FACTS = KindFacts(
    name=f"things.{GROUP}",
    storage_version="v1",
    served={"v1": False, "v1beta1": True},
    stored_versions=("v1",),
    status_subresource=True,
)
ODD = {
    "apiVersion": "auditor.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "odd"},
    "spec": {
        "match": {
            "resourceRules": [
                {"apiGroups": [GROUP], "apiVersions": ["*"], "resources": ["things"], "operations": ["*"]}
            ]
        },
        "rules": [{"name": "replicas", "cel": "object.spec.replicas % 2 == 1"}],
        "enforcement": "Deny",
    },
}


def crd() -> JsonObject:
    subresources = {
        "status": {},
        "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
    }
    version = {"served": True, "schema": {"openAPIV3Schema": SCHEMA}, "subresources": subresources}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [
                {"name": "v1", "storage": True, **version},
                {"name": "v1beta1", "storage": False, "deprecated": True, **version},
            ],
        },
    }


@pytest.fixture(scope="module")
def installed(control_plane: Sandbox) -> Sandbox:
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(crd()))
    control_plane.kubectl("wait", "--for=condition=Established", f"crd/things.{GROUP}")
    return control_plane


class Thing:
    """One object in the cluster, and those who write it."""

    def __init__(self, cluster: Sandbox, namespace: str) -> None:
        self.cluster, self.namespace, self.name = cluster, namespace, f"one-{uuid.uuid4().hex[:6]}"

    def run(self, verb: str, *arguments: str, stdin: str | None = None) -> None:
        target = () if stdin else (f"things.{GROUP}", self.name)
        self.cluster.kubectl("-n", self.namespace, verb, *target, *arguments, stdin=stdin)

    def create(self, spec: JsonObject, version: str = "v1", *arguments: str) -> None:
        self.run("create", "-f", "-", *arguments, stdin=self.manifest(spec, version))

    def apply(self, spec: JsonObject, manager: str, *arguments: str) -> None:
        self.run("apply", f"--field-manager={manager}", "-f", "-", *arguments, stdin=self.manifest(spec))

    def patch(self, change: Json, *arguments: str) -> None:
        self.run("patch", "--type=merge", "-p", json.dumps(change), *arguments)

    def manifest(self, spec: JsonObject, version: str = "v1") -> str:
        metadata = {"name": self.name, "namespace": self.namespace}
        return json.dumps({"apiVersion": f"{GROUP}/{version}", "kind": "Thing", "metadata": metadata, "spec": spec})

    def read(self) -> JsonObject:
        path = f"/apis/{GROUP}/v1/namespaces/{self.namespace}/things/{self.name}"
        found: JsonObject = json.loads(self.cluster.kubectl("get", "--raw", path).stdout)
        return found


@pytest.fixture
def one(installed: Sandbox, namespace: str) -> Iterator[Thing]:
    made = Thing(installed, namespace)
    yield made
    made.patch({"metadata": {"finalizers": None}})


def age(made: JsonObject, *managers: str, by: timedelta = timedelta(hours=1)) -> JsonObject:
    """As if these had written, or all had, that long before; without, the test would have to wait."""

    def older(entry: JsonObject) -> JsonObject:
        time = read_time(entry.get("time"))
        if time is None or (managers and entry["manager"] not in managers):
            return entry
        return {**entry, "time": show_time(time - by)}

    metadata = made["metadata"]
    created = show_time(created_at(made) - by)
    entries = [older(entry) for entry in metadata["managedFields"]]
    return {**made, "metadata": {**metadata, "creationTimestamp": created, "managedFields": entries}}


def created_at(made: JsonObject) -> datetime:
    time = read_time(made["metadata"]["creationTimestamp"])
    assert time is not None
    return time


def judge(made: JsonObject, check: Check, *, later: float = 0, engine: Engine = NOTHING, **more: Any) -> Outcome:
    """`later`: minutes after its creation."""
    request = ask_stored(
        made,
        GroupVersionResource(GROUP, "v1", "things"),
        namespaced=True,
        world=World(),
        namespace_object=None,
        time=created_at(made) + timedelta(minutes=later),
    )
    checks = {each: replace(known, enabled=each is check) for each, known in DEFAULT_CHECKS.items()}
    return run_checks(
        Stored(
            request=request,
            verdict=engine.judge(request) if engine is not NOTHING else Verdict(),
            engine=engine,
            schema=StructuralSchema.compile(SCHEMA),
            settings=KindSettings(checks=checks, managers=frozenset({GITOPS})),
            **{"facts": FACTS, **more},
        )
    )


def owned(made: JsonObject) -> list[tuple[str, str]]:
    outcome = judge(made, Check.OWNERSHIP)
    assert all(each.result == "fail" for each in outcome.findings)
    return [(each.path, each.message) for each in outcome.findings]


def test_nothing_is_wrong_with_an_object_that_all_its_controllers_write(one: Thing) -> None:
    one.apply(SPEC, GITOPS, "--server-side")
    one.patch({"spec": {"class": "gold", "limits": {"memory": 2}}}, "--field-manager=widget-operator")
    one.run("label", "team=a")
    one.run("annotate", "note=x")
    one.apply(SPEC, "another", "--server-side")  # the same values: that is no change
    one.run("scale", "--replicas=5")
    one.patch({"status": {"observedGeneration": 3, "replicas": 5}}, "--subresource=status")
    made = age(one.read(), GITOPS)
    assert owned(made) == []
    for check in Check:
        outcome = judge(made, check, later=1000)
        assert (check, outcome.findings) == (check, ())


@pytest.mark.parametrize("manager", ["kubectl-patch", "kubectl-edit"])
def test_by_hand_after_a_server_side_apply(one: Thing, manager: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one.apply(SPEC, GITOPS, "--server-side")
    if manager == "kubectl-edit":
        monkeypatch.setenv("KUBE_EDITOR", "sed -i -e 's/replicas: 3/replicas: 4/' -e 's/port: 80/port: 81/'")
        one.run("edit")
    else:
        one.patch({"spec": {"replicas": 4, "ports": [{"name": "http", "port": 81}]}})
    told = owned(age(one.read(), GITOPS))
    assert sorted(path for path, _ in told) == ["/spec/ports/0/port", "/spec/replicas"]
    assert all(f"by {manager} (Update)" in message for _, message in told)
    one.apply(SPEC, GITOPS, "--server-side", "--force-conflicts")
    assert owned(one.read()) == []


def test_what_was_added_by_hand_beside_it(one: Thing) -> None:
    one.apply(SPEC, GITOPS, "--server-side")
    ports = [{"name": "http", "port": 80}, {"name": "admin", "port": 1}]
    one.patch({"spec": {"tags": ["red", "blue", "green"], "ports": ports}})
    assert owned(age(one.read(), GITOPS)) == []


def test_against_the_last_applied_configuration(one: Thing) -> None:
    one.apply(SPEC, GITOPS)
    one.patch({"spec": {"class": "gold", "image": "app"}}, "--field-manager=widget-operator")
    assert owned(one.read()) == []
    one.patch({"spec": {"ports": [{"name": "first"}, {"name": "http", "port": 81}]}}, "--field-manager=widget-operator")
    one.run("scale", "--replicas=5")
    one.patch({"spec": {"tags": ["red"], "limits": None}})
    told = dict(owned(one.read()))
    assert told.keys() == {"/spec/ports/1/port", "/spec/replicas", "/spec/tags", "/spec/limits"}
    assert "by widget-operator (Update)" in told["/spec/ports/1/port"]
    assert "by kubectl (Update through the subresource scale)" in told["/spec/replicas"]
    assert "has no item blue" in told["/spec/tags"]
    assert "is not there" in told["/spec/limits"]
    one.apply(SPEC, GITOPS)
    assert owned(one.read()) == []


def bypassed(made: JsonObject, since: datetime) -> Outcome:
    engine = Engine.compile([read_policy(ODD)])
    return judge(made, Check.BYPASS, engine=engine, enforced_since={("odd", "replicas"): since})


def test_created_past_the_door(one: Thing) -> None:
    one.create({"replicas": 4})
    made = one.read()
    (finding,) = bypassed(made, created_at(made) - timedelta(minutes=1)).findings
    assert "likely by kubectl-create (Update)" in finding.message
    assert show_time(created_at(made)) in finding.message
    assert bypassed(made, created_at(made) + timedelta(seconds=5)).findings == ()


def test_edited_past_the_door(one: Thing) -> None:
    one.create({"replicas": 3})
    one.patch({"spec": {"replicas": 4}})
    one.patch({"status": {"replicas": 4}}, "--subresource=status")
    made = age(one.read(), "kubectl-create")
    (finding,) = bypassed(made, created_at(made) + timedelta(minutes=30)).findings
    assert "likely by kubectl-patch (Update)" in finding.message


def test_update_that_makes_nothing_worse_is_no_bypass(one: Thing) -> None:
    one.apply({"replicas": 4}, "helm")
    one.apply({"replicas": 4, "class": "gold"}, "helm")
    one.run("label", "team=a")
    made = one.read()
    made["metadata"]["creationTimestamp"] = show_time(created_at(made) - timedelta(hours=1))
    outcome = bypassed(made, created_at(made) + timedelta(minutes=30))
    assert outcome.findings == ()
    assert len(outcome.not_applicable) == 1


def test_scaled_is_not_past_the_door(one: Thing) -> None:
    one.create({"replicas": 3})
    one.run("scale", "--replicas=4")
    made = one.read()
    outcome = bypassed(made, created_at(made) - timedelta(minutes=1))
    assert (outcome.findings, outcome.not_applicable) == ((), (("bypass", SUBRESOURCE),))


def test_writers_of_a_deprecated_version(one: Thing) -> None:
    one.create({"replicas": 3, "class": "gold"}, "v1beta1", "--field-manager=operator")
    made = one.read()
    (finding,) = judge(made, Check.VERSIONS).findings
    assert finding.message.startswith("operator (Update) wrote this object as v1beta1 until")
    one.patch({"spec": {"replicas": 5}}, "--field-manager=operator")  # it has been brought up to date
    made = age(one.read())
    assert {each["apiVersion"] for each in made["metadata"]["managedFields"]} == {f"{GROUP}/v1", f"{GROUP}/v1beta1"}
    assert judge(made, Check.VERSIONS).findings == ()


def test_controller_that_does_not_follow(one: Thing) -> None:
    one.create({"replicas": 3})
    assert [each.rule for each in judge(one.read(), Check.RECONCILE, later=11).findings] == ["never-reconciled"]
    one.patch({"status": {"observedGeneration": 1}}, "--subresource=status")
    assert judge(one.read(), Check.RECONCILE, later=1000).findings == ()
    one.run("label", "team=a")
    assert judge(one.read(), Check.RECONCILE, later=1000).findings == ()
    one.patch({"spec": {"replicas": 5}})
    assert [each.rule for each in judge(one.read(), Check.RECONCILE, later=1000).findings] == ["behind"]
    waiting = judge(one.read(), Check.RECONCILE, later=1)
    assert waiting.findings == ()
    assert waiting.recheck_at is not None


def test_deletion_that_hangs(one: Thing) -> None:
    one.create({"replicas": 3})
    one.patch({"status": {"observedGeneration": 1}}, "--subresource=status")
    one.patch({"metadata": {"finalizers": ["example.com/held"]}})
    one.run("delete", "--wait=false")
    made = one.read()
    assert made["metadata"]["generation"] == 2  # the deletion is one
    assert judge(made, Check.RECONCILE, later=30).findings == ()
    (finding,) = judge(made, Check.RECONCILE, later=70).findings
    assert finding.message.endswith("and held by example.com/held")


def test_round_trip_of_versions_that_differ_in_name_only(one: Thing) -> None:
    class Renaming:
        def convert(self, thing: JsonObject, kind: GroupVersionKind, version: str) -> JsonObject:
            return {**thing, "apiVersion": f"{kind.group}/{version}"}

    one.create(SPEC)
    outcome = judge(one.read(), Check.CONVERSION, ways=Renaming(), convertible=("v1", "v1beta1"))
    assert (outcome.findings, outcome.asked) == ((), ("conversion",))
