"""One policy, one request: the answers of Kubernetes, and the reasons."""

from dataclasses import replace

import pytest

from auditor.engine.match import compile_match, read_match
from auditor.errors import CompileError
from auditor.json import Json, JsonObject
from auditor.model.match import Equivalent, Kinds, MatchResult
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request

V1 = GroupVersionResource("db.example.com", "v1", "clusters")
V2 = GroupVersionResource("db.example.com", "v2", "clusters")
KIND1, KIND2 = (GroupVersionKind("db.example.com", version, "Cluster") for version in ("v1", "v2"))
BOTH = Kinds(equivalents={V1: [Equivalent(V1, KIND1), Equivalent(V2, KIND2)], V2: [Equivalent(V1, KIND1)]})


def thing(**labels: str) -> JsonObject:
    return {"metadata": {"name": "x", "namespace": "shop", "labels": labels}}


REQUEST = Request(
    operation=Operation.CREATE, kind=KIND1, resource=V1, object=thing(), name="x", namespace="shop", namespaced=True,
    namespace_object={"metadata": {"name": "shop", "labels": {"env": "prod"}}},
)  # fmt: skip
NAMESPACE = Request(
    operation=Operation.UPDATE,
    kind=GroupVersionKind("", "v1", "Namespace"),
    resource=GroupVersionResource("", "v1", "namespaces"),
    object={"metadata": {"name": "n", "labels": {"env": "new"}}},
    old_object={"metadata": {"name": "n", "labels": {"env": "old"}}},
    name="n",
    namespace="n",
)


def rule(**changes: Json) -> JsonObject:
    return {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"], **changes}


def ask(
    request: Request, *rules: JsonObject, kinds: Kinds | None = None, custom_only: bool = False, **match: Json
) -> MatchResult:
    program = compile_match(read_match({"resourceRules": list(rules) or [rule()], **match}), custom_only=custom_only)
    return program(request, kinds or Kinds())


@pytest.mark.parametrize(
    ("resources", "resource", "subresource", "matched"),
    [
        (["clusters"], "clusters", "", True),
        (["clusters"], "clusters", "status", False),
        (["clusters/status"], "clusters", "status", True),
        (["clusters/status"], "clusters", "", False),
        (["clusters/*"], "clusters", "status", True),
        (["clusters/*"], "clusters", "", True),
        (["*"], "clusters", "", True),
        (["*"], "clusters", "scale", False),
        (["*/scale"], "clusters", "scale", True),
        (["*/scale"], "clusters", "", False),
        (["*/*"], "clusters", "scale", True),
        (["*/*"], "clusters", "", True),
        (["pods", "clusters/scale"], "clusters", "scale", True),
        (["cluster"], "clusters", "", False),
    ],
)
def test_resources(resources: list[str], resource: str, subresource: str, matched: bool) -> None:
    request = replace(REQUEST, resource=replace(V1, resource=resource), subresource=subresource)
    assert ask(request, rule(resources=resources)).matched is matched


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"apiGroups": [""]}, "no resource rule names db.example.com/v1 clusters"),
        ({"apiVersions": ["v3"]}, "no resource rule names db.example.com/v1 clusters"),
        ({"operations": ["UPDATE"]}, "no resource rule for db.example.com/v1 clusters names the operation CREATE"),
        ({"scope": "Cluster"}, "the resource rules for db.example.com/v1 clusters are for another scope"),
        ({"resourceNames": ["y"]}, "no resource rule for db.example.com/v1 clusters names x"),
        ({"scope": "Namespaced", "resourceNames": ["x"], "operations": ["CREATE"]}, ""),
        ({"apiGroups": ["a", "db.example.com"], "apiVersions": ["v1"]}, ""),
    ],
)
def test_rules_and_reasons(changes: JsonObject, reason: str) -> None:
    result = ask(REQUEST, rule(**changes))
    assert (result.matched, result.reason) == (not reason, reason)


def test_any_rule_is_enough_and_any_exclude_too_many() -> None:
    assert ask(REQUEST, rule(apiGroups=["x"]), rule()).matched
    assert not ask(REQUEST, rule(), excludeResourceRules=[rule(apiGroups=["x"]), rule()]).matched
    assert ask(REQUEST, rule(), excludeResourceRules=[rule(resourceNames=["y"])]).matched


def test_equivalent_versions() -> None:
    only2 = rule(apiGroups=["db.example.com"], apiVersions=["v2"], resources=["clusters"])
    result = ask(REQUEST, only2, kinds=BOTH)
    assert (result.matched, result.resource, result.kind) == (True, V2, KIND2)
    assert not ask(REQUEST, only2, kinds=BOTH, matchPolicy="Exact").matched
    assert not ask(REQUEST, only2).matched
    assert ask(REQUEST, rule(), kinds=BOTH).resource == V1
    assert not ask(REQUEST, rule(), kinds=BOTH, excludeResourceRules=[only2]).matched


def test_object_selector_takes_the_old_object_too() -> None:
    selector = {"matchLabels": {"tier": "gold"}}
    assert not ask(REQUEST, objectSelector=selector).matched
    assert ask(replace(REQUEST, object=thing(tier="gold")), objectSelector=selector).matched
    assert ask(replace(REQUEST, old_object=thing(tier="gold")), objectSelector=selector).matched
    deleted = replace(REQUEST, operation=Operation.DELETE, object=None, old_object=thing(tier="gold"))
    assert ask(deleted, objectSelector=selector).matched
    assert (
        ask(REQUEST, objectSelector=selector).reason
        == "object label tier (absent) does not match objectSelector tier=gold"
    )
    assert "no object" in ask(replace(REQUEST, object=None), objectSelector=selector).reason
    absent = {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}
    assert ask(replace(REQUEST, object=thing(tier="a"), old_object=thing()), objectSelector=absent).matched
    assert not ask(replace(REQUEST, object=None), objectSelector=absent).matched


def test_namespace_selector() -> None:
    assert ask(REQUEST, namespaceSelector={"matchLabels": {"env": "prod"}}).matched
    result = ask(
        REQUEST, namespaceSelector={"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]}
    )
    assert result.reason == "namespace label env=prod does not match namespaceSelector env not in (prod)"
    cluster = replace(REQUEST, namespace="", namespaced=False, namespace_object=None)
    assert ask(cluster, namespaceSelector={"matchLabels": {"env": "dev"}}).matched


def test_unknown_namespace_labels_are_an_error_unless_something_else_decides() -> None:
    unknown = replace(REQUEST, namespace_object=None)
    dev = {"matchLabels": {"env": "dev"}}
    result = ask(unknown, namespaceSelector=dev)
    assert (result.matched, result.error) == (False, True)
    assert result.reason == "the labels of namespace shop are not known, needed: env"
    assert not ask(unknown, rule(apiGroups=["x"]), namespaceSelector=dev).error
    assert not ask(unknown, objectSelector=dev, namespaceSelector=dev).error
    name = {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}
    assert ask(unknown, namespaceSelector=name).matched
    other = {"matchLabels": {"kubernetes.io/metadata.name": "other", "env": "dev"}}
    assert not ask(unknown, namespaceSelector=other).error


def test_a_namespace_is_judged_by_its_own_labels() -> None:
    new, old = ({"matchLabels": {"env": env}} for env in ("new", "old"))
    assert ask(NAMESPACE, namespaceSelector=new).matched
    assert not ask(NAMESPACE, namespaceSelector=old).matched
    deleted = replace(NAMESPACE, operation=Operation.DELETE, object=None)
    assert ask(deleted, namespaceSelector=old).matched
    assert ask(replace(NAMESPACE, subresource="status"), rule(resources=["*/*"]), namespaceSelector=old).matched
    assert ask(NAMESPACE, namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "n"}}).matched
    assert ask(NAMESPACE, rule(scope="Cluster")).matched
    assert not ask(NAMESPACE, rule(scope="Namespaced")).matched


def test_star_in_our_policies_means_custom_kinds() -> None:
    pods = replace(REQUEST, resource=GroupVersionResource("", "v1", "pods"), kind=GroupVersionKind("", "v1", "Pod"))
    assert ask(pods).matched
    assert "built in" in ask(pods, custom_only=True).reason
    assert ask(REQUEST, custom_only=True).matched
    for half in (rule(apiGroups=[""]), rule(resources=["pods"]), rule(resources=["*/*"], apiGroups=[""])):
        assert not ask(pods, half, custom_only=True).matched
    assert ask(pods, rule(apiGroups=["", "apps"], resources=["pods"]), custom_only=True).matched
    assert ask(pods, rule(apiGroups=[""], resources=["pods/*"]), custom_only=True).matched
    gateway = replace(REQUEST, resource=GroupVersionResource("gateway.networking.k8s.io", "v1", "gateways"))
    assert ask(gateway, custom_only=True).matched
    none = Kinds(custom=frozenset())
    assert not ask(gateway, custom_only=True, kinds=none).matched
    assert ask(
        gateway, custom_only=True, kinds=Kinds(custom=frozenset({("gateway.networking.k8s.io", "gateways")}))
    ).matched


def test_bindings_may_match_everything() -> None:
    assert compile_match(read_match({}, rules_required=False))(REQUEST).matched
    assert compile_match(read_match(None, rules_required=False))(REQUEST).matched


@pytest.mark.parametrize(
    ("match", "said"),
    [
        (None, "match: must be an object"),
        ({}, "match.resourceRules: required"),
        ({"resourceRules": {}}, "match.resourceRules: must be a list"),
        ({"resourceRules": [1]}, "match.resourceRules[0]: must be an object"),
        ({"resourceRules": [rule(apiGroups=[])]}, "[0].apiGroups: required"),
        ({"resourceRules": [rule(apiGroups=["*", "a"])]}, "apiGroups: '*' covers everything"),
        ({"resourceRules": [rule(apiVersions=[""])]}, "a version must not be empty"),
        ({"resourceRules": [rule(operations=["create"])]}, "operations: 'create' is none of CREATE"),
        ({"resourceRules": [rule(resources=["*/*", "a"])]}, "'*/*' covers everything"),
        ({"resourceRules": [rule(resources=["*", "a"])]}, "* covers a"),
        ({"resourceRules": [rule(resources=["a/*", "a/b"])]}, "a/* covers a/b"),
        ({"resourceRules": [rule(resources=["*/b", "a/b"])]}, "*/b covers a/b"),
        ({"resourceRules": [rule(resources=[""])]}, "'' names no resource"),
        ({"resourceRules": [rule(scope="namespaced")]}, "scope: must be Cluster, Namespaced or *"),
        ({"resourceRules": [rule(resourceNames=["a", "a"])]}, "a name stands twice"),
        ({"resourceRules": [rule(resource=["a"])]}, "[0].resource: unknown field"),
        ({"resourceRules": [rule()], "matchPolicy": "exact"}, "matchPolicy: must be Exact or Equivalent"),
        ({"resourceRules": [rule()], "kinds": []}, "match.kinds: unknown field"),
    ],
)
def test_mistakes(match: Json, said: str) -> None:
    with pytest.raises(CompileError) as caught:
        read_match(match)
    assert said in str(caught.value)
