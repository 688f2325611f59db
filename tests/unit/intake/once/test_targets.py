"""Which kinds of a cluster are judged, and by what."""

import dataclasses
from collections.abc import Iterable
from typing import Any, cast

import pytest

from auditor.cluster import Resource
from auditor.cluster.discovery import CrdKind, Discovery, read_crd
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.engine import Engine
from auditor.engine.read import read_policy
from auditor.intake.live.ways import match_stored_kinds
from auditor.intake.once.targets import ABSENT, Choice, Target, explain_idle, find_targets
from auditor.intake.own import check_own
from auditor.json import Json, JsonObject
from auditor.model.request import Operation
from tests.unit.intake.files import crd, policy
from tests.unit.intake.once.cluster import established, rename

VERBS = frozenset({"get", "list", "watch"})
PODS = Resource("", "v1", "pods", "Pod", namespaced=True, verbs=VERBS)
NODES = Resource("", "v1", "nodes", "Node", namespaced=False, verbs=VERBS)
REVIEWS = Resource(
    "authorization.k8s.io", "v1", "selfsubjectreviews", "X", namespaced=False, verbs=frozenset({"create"})
)
SCALERS = tuple(
    Resource(
        "autoscaling", version, "horizontalpodautoscalers", "HorizontalPodAutoscaler", namespaced=True, verbs=VERBS
    )
    for version in ("v2", "v1")
)


class Served:
    """Built-in kinds, the preferred version first."""

    def __init__(self) -> None:
        self.asked = 0

    def resources(self) -> tuple[Resource, ...]:
        self.asked += 1
        return (PODS, NODES, REVIEWS, SCALERS[0])

    def versions(self, resource: Resource) -> tuple[Resource, ...]:
        return SCALERS if resource == SCALERS[0] else (resource,)


def in_group(definition: JsonObject, group: str, plural: str = "things") -> JsonObject:
    spec = {**definition["spec"], "group": group, "names": {"kind": "Own", "plural": plural}}
    return {**definition, "metadata": {"name": f"{plural}.{group}"}, "spec": spec}


KINDS = [
    crd("v1", "v1beta1"),
    rename(crd("v1"), "Gadget"),
    in_group(crd("v1"), "auditor.dev", "policies"),
    in_group(crd("v1"), "openreports.io", "reports"),
]


def compile_all(*policies: JsonObject) -> list[CompiledPolicy]:
    read = [read_policy(cast(JsonObject, check_own(each)[0])) for each in policies]
    return list(Engine.compile(read).policies)


def match(
    resources: Iterable[str], groups: Iterable[str] = ("example.com",), versions: Iterable[str] = ("*",),
    operations: Iterable[str] = ("*",), **rule: Json
) -> JsonObject:  # fmt: skip
    return {
        "resourceRules": [
            {
                "apiGroups": [*groups],
                "apiVersions": [*versions],
                "resources": [*resources],
                "operations": [*operations],
                **rule,
            }
        ]
    }


def find(
    *matches: JsonObject, definitions: Iterable[JsonObject] = (), **choice: Any
) -> tuple[dict[str, Target], list[str], Served]:
    kinds: dict[str, CrdKind] = {}
    for each in definitions or KINDS:
        kind = read_crd(established(each))
        kinds[kind.name] = kind
    served = Served()
    policies = compile_all(*(policy(f"p{i}", [{"jq": "true"}], match=each) for i, each in enumerate(matches)))
    targets, unread = find_targets(
        policies, kinds, match_stored_kinds(kinds), cast(Discovery, served), Choice(**choice)
    )
    return {f"{t.resource.name}@{t.resource.version}": t for t in targets}, [str(each) for each in unread], served


THINGS, GADGETS = "things.example.com@v1", "gadgets.example.com@v1"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (match(["things"]), {THINGS}),
        (
            match(["*"], ["*"]),
            {THINGS, GADGETS},
        ),  # of ours a wildcard is no name, and there are no reports about reports
        (match(["policies"], ["auditor.dev"]), {"policies.auditor.dev@v1"}),
        (match(["reports"], ["openreports.io"]), set()),
        (match(["things"], operations=["UPDATE"]), set()),
        (match(["things/status"]), set()),
        (match(["things"], scope="Cluster"), set()),
        (match(["things"], resourceNames=["one"]), {THINGS}),
        ({**match(["*"]), "excludeResourceRules": match(["things"])["resourceRules"]}, {GADGETS}),
        (
            {**match(["things"]), "excludeResourceRules": match(["things"], resourceNames=["a"])["resourceRules"]},
            {THINGS},
        ),
        ({**match(["things"]), "namespaceSelector": {"matchLabels": {"a": "b"}}}, {THINGS}),
        ({**match(["things"]), "objectSelector": {"matchLabels": {"a": "b"}}}, {THINGS}),
        (match(["pods", "nodes"], [""]), {"pods@v1", "nodes@v1"}),
        (match(["horizontalpodautoscalers"], ["autoscaling"]), {"horizontalpodautoscalers.autoscaling@v2"}),
        (
            match(["horizontalpodautoscalers"], ["autoscaling"], versions=["v1"]),
            {"horizontalpodautoscalers.autoscaling@v1"},
        ),
        (match(["selfsubjectreviews"], ["authorization.k8s.io"]), set()),
        (match(["nowhere"]), set()),
    ],
)
def test_kinds(given: JsonObject, wanted: set[str]) -> None:
    targets, unread, _ = find(given)
    assert set(targets) == wanted
    assert unread == []


def test_what_is_asked_for() -> None:
    everything = match(["*"], ["*"])
    assert set(find(everything, kinds={("example.com", "gadgets")})[0]) == {GADGETS}
    assert set(find(match(["pods", "nodes"], [""]), namespaces=["shop"])[0]) == {"pods@v1"}
    assert set(find(match(["things"], operations=["UPDATE"]), operations=(Operation.CREATE, Operation.UPDATE))[0]) == {
        THINGS
    }
    targets, _, served = find(match(["things"]), every_kind=True)
    assert set(targets) == {THINGS, GADGETS}
    assert [len(each.policies) for each in targets.values()] == [0, 1]
    assert served.asked == 0  # where CRDs say all, nobody is asked for the built-in kinds


def test_only_who_may_want_another_version_needs_conversion() -> None:
    assert not find(match(["things"]))[0][THINGS].converts
    assert not find(match(["things"], versions=["v1", "v1beta1"]))[0][THINGS].converts
    assert find(match(["things"], versions=["v1beta1"]))[0][THINGS].converts
    stored = crd("v1", "v1beta1")
    stored["spec"]["versions"][0]["served"] = False
    targets, _, _ = find(match(["things"]), definitions=[stored])
    assert targets["things.example.com@v1beta1"].converts


def test_kinds_that_are_not_served() -> None:
    hidden = crd("v1")
    hidden["spec"]["versions"][0]["served"] = False
    assert find(match(["things"]), definitions=[hidden])[1] == ["things.example.com: its CRD serves no version"]
    assert find(match(["gadgets"]), definitions=[hidden])[1] == []  # nobody is interested


def test_why_nothing_is_judged_by_a_policy() -> None:
    kind = read_crd(established(crd("v1")))
    kinds = {kind.name: kind}
    updates, elsewhere = compile_all(
        policy("updates", [{"jq": "true"}], match=match(["things"], operations=["UPDATE"])),
        policy("elsewhere", [{"jq": "true"}], match=match(["gadgets"])),
    )
    assert explain_idle(updates, kinds, match_stored_kinds(kinds)).startswith("for UPDATE only")
    assert explain_idle(elsewhere, kinds, match_stored_kinds(kinds)) == ABSENT
    pending = dataclasses.replace(kind, established=False)
    assert find_targets(
        [updates], {kind.name: pending}, match_stored_kinds({}), cast(Discovery, Served()), Choice()
    ) == (
        [],
        [],
    )
