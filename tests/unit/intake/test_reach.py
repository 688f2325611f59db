"""Which kinds policies reach, and what has to be read for them."""

from typing import Any

import pytest

from auditor.engine.read import read_policy
from auditor.intake.reach import Custom, Reach, find_reach, list_lookups, list_reading, list_scanned
from auditor.json import JsonObject
from auditor.model.match import MatchResources, ResourceRule
from auditor.model.policy import Kind, ParamKind, Policy
from auditor.model.rights import Right
from auditor.model.settings import AuditSettings, KindSettings, Reading

READ, FOLLOW = ("get", "list", "watch"), ("list", "watch")


def custom(plural: str, group: str = "shop.example", *, versions: tuple[str, ...] = ("v1",)) -> Custom:
    return Custom(group=group, plural=plural, kind=plural.capitalize(), namespaced=True, versions=versions)


JARS, LIDS = custom("jars"), custom("lids")
OTHERS = custom("others", "other.example")
REPORTS, OWN = custom("reports", "openreports.io"), custom("policies", "auditor.dev")
ALL = (JARS, LIDS, OTHERS, REPORTS, OWN)


def policy(groups: list[str], resources: list[str], *, name: str = "p", **spec: Any) -> Policy:
    rule = {"apiGroups": groups, "apiVersions": ["*"], "resources": resources, "operations": ["CREATE"]}
    match = {"resourceRules": [rule | spec.pop("rule", {})], **spec.pop("match", {})}
    body: JsonObject = {"match": match, "rules": [{"name": "r", "jq": "true", "message": "m"}], **spec}
    return read_policy({"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": body})


def judged(*policies: Policy, customs: tuple[Custom, ...] = ALL, whole: bool = True) -> set[tuple[str, str]]:
    return set(find_reach(policies, customs, whole=whole).judged)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (policy(["shop.example"], ["jars"]), {JARS.pair}),
        (policy(["shop.example"], ["*"]), {JARS.pair, LIDS.pair}),
        (policy(["*"], ["*"]), {JARS.pair, LIDS.pair, OTHERS.pair}),
        (policy(["*"], ["lids"]), {LIDS.pair}),
        (policy(["shop.example"], ["jars/scale"]), set()),
        (policy(["apps"], ["deployments"]), {("apps", "deployments")}),
        (policy(["absent.example"], ["things"]), {("absent.example", "things")}),
        (policy(["auditor.dev"], ["policies"]), {OWN.pair}),
        (policy(["openreports.io"], ["reports"]), set()),
        (policy(["shop.example"], ["jars"], rule={"apiVersions": ["v9"]}), set()),
        (policy(["shop.example"], ["jars"], rule={"operations": ["UPDATE"]}), {JARS.pair}),
        (policy(["shop.example"], ["jars"], rule={"scope": "Cluster"}), set()),
        (policy(["shop.example"], ["jars"], rule={"resourceNames": ["one"]}), {JARS.pair}),
        (policy(["shop.example"], ["jars"], match={"namespaceSelector": {"matchLabels": {"a": "b"}}}), {JARS.pair}),
        (
            policy(
                ["shop.example"],
                ["*"],
                match={
                    "excludeResourceRules": [
                        {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["lids"], "operations": ["*"]}
                    ]
                },
            ),
            {JARS.pair},
        ),
    ],
)
def test_what_is_judged(given: Policy, wanted: set[tuple[str, str]]) -> None:
    assert judged(given) == wanted


def test_each_version_counts() -> None:
    old = policy(["shop.example"], ["jars"], rule={"apiVersions": ["v1beta1"]})
    assert judged(old, customs=(custom("jars", versions=("v1", "v1beta1")),)) == {JARS.pair}


def test_native_policies_reach_what_crds_define_and_what_they_name() -> None:
    rule = ResourceRule(
        groups=frozenset({"*"}), versions=frozenset({"*"}), resources=(("*", ""),), operations=frozenset({"*"})
    )
    wild = Policy(
        name="n", kind=Kind.VALIDATING, binding="b", matches=(MatchResources(rules=(rule,)), MatchResources())
    )
    assert judged(wild) == {JARS.pair, LIDS.pair, OTHERS.pair}


def test_without_a_cluster_a_wildcard_stays_one_or_is_told() -> None:
    reach = find_reach(
        [policy(["shop.example"], ["*"], name="a"), policy(["new.example"], ["*"], name="b"), policy(["*"], ["*"])],
        (JARS,),
        whole=False,
    )
    assert set(reach.judged) == {JARS.pair, ("new.example", "*")}
    assert reach.open == ("p",)
    (jars, new) = sorted(list_reading(reach, AuditSettings(), (JARS,)), key=lambda each: each.group, reverse=True)
    assert (jars.resources, new.resources, new.verbs) == (("jars",), ("*",), READ)


def test_lookups_and_params() -> None:
    given = policy(
        ["shop.example"],
        ["jars"],
        lookups=[{"name": "lids", "resource": {"group": "shop.example", "resource": "lids"}}],
        paramKind={"apiVersion": "other.example/v1", "kind": "Others"},
        paramRef={"name": "x", "parameterNotFoundAction": "Deny"},
    )
    reach = find_reach([given], ALL, whole=True)
    assert set(reach.looked_up) == {LIDS.pair, OTHERS.pair}
    wanted = (
        Right(group="other.example", resources=("others",), verbs=FOLLOW, why="looked up by p"),
        Right(group="shop.example", resources=("lids",), verbs=FOLLOW, why="looked up by p"),
    )
    assert list_lookups(reach) == wanted
    jars = Right(group="shop.example", resources=("jars",), verbs=READ, why="judged by p")
    assert set(list_reading(reach, AuditSettings(), ALL)) == {jars, *wanted}
    assert {(each.group, each.resources) for each in list_scanned(reach)} == {
        ("other.example", ("others",)),
        ("shop.example", ("jars", "lids")),
    }


def test_params_of_a_built_in_kind() -> None:
    given = policy(
        ["shop.example"], ["jars"], paramKind={"apiVersion": "v1", "kind": "ConfigMap"}, paramRef={"name": "x"}
    )
    assert set(find_reach([given], ALL, whole=True).looked_up) == {("", "configmaps")}
    told = {ParamKind("v1", "ConfigMap"): ("", "settings")}
    assert set(find_reach([given], ALL, whole=True, plurals=told).looked_up) == {("", "settings")}


def test_what_the_audit_config_says() -> None:
    reach = Reach(judged={JARS.pair: ["a"], LIDS.pair: ["a"]}, looked_up={LIDS.pair: ["a"]})
    kinds = {LIDS.pair: KindSettings(follow=False), ("", "secrets"): KindSettings(named=True)}
    found = list_reading(reach, AuditSettings(kinds=kinds), ALL)
    assert {(each.group, each.resources, each.verbs) for each in found} == {
        ("", ("secrets",), READ),
        ("shop.example", ("jars",), READ),
        ("shop.example", ("lids",), FOLLOW),  # it is not judged, and looked up all the same
    }


def test_all_groups_of_crds_without_ours_and_reports() -> None:
    reach = Reach(judged={JARS.pair: ["a"], ("apps", "deployments"): ["a"]})
    found = list_reading(reach, AuditSettings(reading=Reading.ALL), ALL)
    assert {(each.group, each.resources, each.verbs) for each in found} == {
        ("other.example", ("*",), READ),
        ("shop.example", ("*",), READ),
        ("apps", ("deployments",), READ),
    }


def test_a_reason_names_a_few() -> None:
    reach = find_reach([policy(["shop.example"], ["jars"], name=name) for name in "edcba"], ALL, whole=True)
    (right,) = list_reading(reach, AuditSettings(), ALL)
    assert right.why == "judged by a, b, c and 2 more"
