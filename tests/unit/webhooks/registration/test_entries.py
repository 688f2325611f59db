"""Every request that a policy wants reaches one webhook that judges by it, and one for each failurePolicy at most."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import orjson
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.discovery import CrdKind, CrdVersion
from auditor.engine.engine import Engine
from auditor.engine.match import compile_match, read_match
from auditor.engine.read import read_policy
from auditor.json import Json, JsonObject
from auditor.model.match import Equivalent, Kinds
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request
from auditor.webhooks.registration import (
    Address,
    CustomKind,
    Entry,
    Installation,
    Side,
    derive_entries,
    list_custom_kinds,
    make_configurations,
)

KINDS = {
    (kind.group, kind.plural): kind
    for kind in (
        CustomKind(group="db.example.com", plural="databases", storage="v1", served=frozenset(["v1", "v1beta1"])),
        CustomKind(
            group="db.example.com",
            plural="backups",
            storage="v1",
            served=frozenset(["v1"]),
            subresources=frozenset(["status", "scale"]),
        ),
        CustomKind(group="ai.example.com", plural="models", storage="v1alpha1", served=frozenset(["v1alpha1"])),
    )
}
INSTALLATION = Installation(address=Address(authorities=b"pem"), excluded_namespaces=())


def policy(name: str = "p", **spec: object) -> JsonObject:
    rules = [{"name": "r", "cel": "true"}]
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": {"enforcement": "Deny", "rules": rules, **spec},
    }


def match(
    groups: list[str], versions: list[str], resources: list[str], operations: list[str] | None = None, **more: object
) -> JsonObject:
    rule = {"apiGroups": groups, "apiVersions": versions, "resources": resources}
    return {"resourceRules": [{**rule, "operations": operations or ["*"]}], **more}


def derive(*policies: JsonObject, side: Side = Side.VALIDATE) -> list[Entry]:
    return derive_entries(Engine.compile([read_policy(each) for each in policies]).policies, side, KINDS)


def rules_of(entries: list[Entry]) -> list[list[tuple[str, str, list[str]]]]:
    """Of each webhook what it is registered for, as Kubernetes is told."""
    _, webhooks = _split(entries)
    return [
        [(rule["apiGroups"][0], rule["apiVersions"][0], rule["resources"]) for rule in webhook["rules"]]
        for webhook in webhooks
    ]


def _split(entries: list[Entry]) -> tuple[JsonObject, list[JsonObject]]:
    validating, mutating = make_configurations(entries, INSTALLATION)
    own, *rest = validating["webhooks"]
    return own, [*rest, *mutating["webhooks"]]


def test_star_becomes_the_kinds_that_there_are_at_their_storage_versions() -> None:
    entries = derive(policy(match=match(["*"], ["*"], ["*"])))
    assert rules_of(entries) == [
        [("ai.example.com", "v1alpha1", ["models"]), ("db.example.com", "v1", ["backups", "databases"])]
    ]


def test_star_leaves_out_our_own_kinds_and_reports() -> None:
    """A policy that refuses everything would keep the watcher from telling of it."""
    groups = ("auditor.dev", "openreports.io", "wgpolicyk8s.io")
    kinds = {
        (group, "reports"): CustomKind(group=group, plural="reports", storage="v1", served=frozenset(["v1"]))
        for group in groups
    }
    for wide in (match(["*"], ["*"], ["*"]), match(["*"], ["*"], ["reports"])):
        wishes = Engine.compile([read_policy(policy(match=wide))]).policies
        assert derive_entries(wishes, Side.VALIDATE, kinds) == []
    named = Engine.compile([read_policy(policy(match=match([*groups], ["*"], ["reports"])))]).policies
    assert derive_entries(named, Side.VALIDATE, kinds)


def test_star_never_reaches_built_in_kinds() -> None:
    assert rules_of(derive(policy(match=match(["apps"], ["*"], ["*"])))) == []


def test_built_in_kinds_that_are_named() -> None:
    assert rules_of(derive(policy(match=match(["apps"], ["v1"], ["deployments"])))) == [
        [("apps", "v1", ["deployments"])]
    ]


def test_a_kind_whose_crd_will_come_is_registered_before() -> None:
    assert rules_of(derive(policy(match=match(["new.example.com"], ["*"], ["things"])))) == [
        [("new.example.com", "*", ["things"])]
    ]


def test_subresources_are_named() -> None:
    entries = derive(policy(match=match(["db.example.com"], ["*"], ["backups/*"])))
    assert rules_of(entries) == [[("db.example.com", "v1", ["backups", "backups/scale", "backups/status"])]]


def test_one_call_for_all_policies_with_the_same_failure_policy() -> None:
    same = match(["db.example.com"], ["*"], ["databases"])
    entries = derive(policy("a", match=same), policy("b", match=same), policy("c", match=same, failurePolicy="Ignore"))
    assert [(each.name, sorted(each.policies)) for each in entries] == [("fail-10s", ["a", "b"]), ("ignore-10s", ["c"])]


def test_without_deny_it_registers_as_ignore() -> None:
    same = match(["db.example.com"], ["*"], ["databases"])
    override = [{"namespaceSelector": {}, "enforcement": "Deny"}]
    assert [each.failure_policy for each in derive(policy(match=same, enforcement="Warn"))] == ["Ignore"]
    assert [
        each.failure_policy for each in derive(policy(match=same, enforcement="Warn", enforcementOverrides=override))
    ] == ["Fail"]
    loose = [{"name": "r", "cel": "true", "enforcement": "Audit"}]
    assert [each.failure_policy for each in derive(policy(match=same, rules=loose))] == ["Ignore"]


def test_each_timeout_has_its_own_webhook() -> None:
    same = match(["db.example.com"], ["*"], ["databases"])
    entries = derive(policy("a", match=same, timeoutSeconds=3), policy("b", match=same))
    assert [(each.name, each.timeout) for each in entries] == [("fail-3s", 3), ("fail-10s", 10)]


def test_versions_that_differ_are_told_apart() -> None:
    newer = policy("newer", match=match(["db.example.com"], ["v1"], ["databases"]))
    older = policy("older", match=match(["db.example.com"], ["v1beta1"], ["databases"]))
    entries = derive(newer, older)
    assert [(sorted(e.policies), rules_of([e])) for e in sorted(entries, key=lambda e: sorted(e.policies))] == [
        (["newer"], [[("db.example.com", "v1", ["databases"])]]),
        (["older"], [[("db.example.com", "v1beta1", ["databases"])]]),
    ]


def test_selectors_that_all_share_are_left_to_the_api_server() -> None:
    prod = {"matchLabels": {"env": "prod"}}
    same = match(["db.example.com"], ["*"], ["databases"], namespaceSelector=prod, objectSelector=prod)
    _, (webhook,) = _split(derive(policy("a", match=same), policy("b", match=same)))
    expected = {"matchExpressions": [{"key": "env", "operator": "In", "values": ["prod"]}]}
    assert (webhook["namespaceSelector"], webhook["objectSelector"]) == (expected, expected)


def test_selectors_that_differ_are_left_to_us() -> None:
    prod = match(["db.example.com"], ["*"], ["databases"], namespaceSelector={"matchLabels": {"env": "prod"}})
    _, (webhook,) = _split(
        derive(policy("a", match=prod), policy("b", match=match(["db.example.com"], ["*"], ["databases"])))
    )
    assert webhook["namespaceSelector"] == {}


def test_conditions_are_pushed_where_every_policy_has_them() -> None:
    same = match(["db.example.com"], ["*"], ["databases"])
    big = [{"name": "big", "expression": "object.spec.size > 5"}]
    odd = [{"name": "odd", "expression": "object.spec.size % 2 == 1"}, {"name": "x", "expression": "true"}]
    (both,) = derive(policy("a", match=same, matchConditions=big), policy("b", match=same, matchConditions=odd))
    assert both.filter.condition == "((object.spec.size % 2 == 1) && (true)) || ((object.spec.size > 5))"
    (one,) = derive(policy("a", match=same, matchConditions=big), policy("b", match=same))
    assert one.filter.condition == ""


def test_conditions_of_a_rule_that_only_warns_stay_with_us_under_fail() -> None:
    """The API server would refuse where the condition cannot be evaluated."""
    same = match(["db.example.com"], ["*"], ["databases"])
    big = [{"name": "big", "expression": "object.spec.size > 5"}]
    rules = [{"name": "hard", "cel": "true"}, {"name": "soft", "cel": "true", "enforcement": "Warn"}]
    (entry,) = derive(policy(match=same, matchConditions=big, rules=rules))
    assert (entry.failure_policy, entry.filter.condition) == ("Fail", "")
    override = [{"namespaceSelector": {}, "enforcement": "Warn"}]  # takes the place of what the rule says
    (entry,) = derive(policy(match=same, matchConditions=big, rules=rules[:1], enforcementOverrides=override))
    assert (entry.failure_policy, entry.filter.condition) == ("Fail", "")


def test_conditions_that_read_params_stay_with_us() -> None:
    same = match(["db.example.com"], ["*"], ["databases"])
    conditions = [{"name": "c", "expression": "params.on == true"}]
    (entry,) = derive(policy(match=same, matchConditions=conditions, params={"on": True}))
    assert entry.filter.condition == ""


def test_mutations_have_a_side_of_their_own() -> None:
    same = match(["db.example.com"], ["*"], ["databases"])
    spec: JsonObject = {"match": same, "rules": [], "mutate": [{"name": "m", "mergePatch": {"spec": {"a": 1}}}]}
    assert derive(policy(**spec)) == []
    (entry,) = derive(policy(**spec), side=Side.MUTATE)
    assert (entry.path, entry.failure_policy) == ("/mutate/fail-10s", "Fail")
    assert [sorted(operations) for _, _, operations in entry.operations] == [["CREATE", "UPDATE"]]


def test_names_do_not_change_with_the_policies_behind_them() -> None:
    prod = match(["db.example.com"], ["*"], ["databases"], namespaceSelector={"matchLabels": {"env": "prod"}})
    wider = match(["db.example.com"], ["*"], ["*"], namespaceSelector={"matchLabels": {"env": "prod"}})
    assert [e.name for e in derive(policy("a", match=prod))] == [e.name for e in derive(policy("b", match=wider))]


def test_excluded_resources_are_not_registered() -> None:
    excluded = [{"apiGroups": ["db.example.com"], "apiVersions": ["*"], "resources": ["backups"], "operations": ["*"]}]
    entries = derive(policy(match=match(["db.example.com"], ["*"], ["*"], excludeResourceRules=excluded)))
    assert rules_of(entries) == [[("db.example.com", "v1", ["databases"])]]


def as_match(webhook: JsonObject) -> JsonObject:
    """Webhooks match as native policies do, under other names."""
    return {
        "resourceRules": webhook["rules"],
        "namespaceSelector": webhook["namespaceSelector"],
        "objectSelector": webhook["objectSelector"],
        "matchPolicy": webhook["matchPolicy"],
    }


def requests() -> Iterator[Request]:
    resources = [(kind.group, version, kind.plural) for kind in KINDS.values() for version in sorted(kind.served)]
    for (group, version, plural), subresource, operation in product(
        [*resources, ("apps", "v1", "deployments"), ("", "v1", "pods")], ["", "status", "scale"], Operation
    ):
        known = KINDS.get((group, plural))
        if subresource and known is not None and subresource not in known.subresources:
            continue
        thing = {"apiVersion": f"{group}/{version}", "kind": "Thing", "metadata": {"name": "one", "namespace": "here"}}
        yield Request(
            operation=operation,
            kind=GroupVersionKind(group, version, "Thing"),
            resource=GroupVersionResource(group, version, plural),
            subresource=subresource,
            object=None if operation is Operation.DELETE else thing,
            old_object=thing if operation is Operation.DELETE else None,
            name="one",
            namespace="here",
            namespace_object={"metadata": {"name": "here", "labels": {"env": "dev"}}},
        )


WORDS: dict[str, st.SearchStrategy[Json]] = {
    "groups": st.sampled_from([["*"], ["db.example.com"], ["ai.example.com", "db.example.com"], ["apps", ""]]),
    "versions": st.sampled_from([["*"], ["v1"], ["v1beta1"], ["v1", "v1beta1"]]),
    "resources": st.lists(
        st.sampled_from(["*", "*/*", "databases", "databases/*", "backups/scale", "*/status", "deployments", "pods/*"]),
        min_size=1,
        max_size=2,
        unique=True,
    ).filter(lambda names: len(names) == 1 or not any(name.startswith("*") for name in names)),
    "operations": st.sampled_from([["*"], ["CREATE"], ["UPDATE", "DELETE"]]),
    "namespaceSelector": st.sampled_from([{}, {"matchLabels": {"env": "dev"}}, {"matchLabels": {"env": "prod"}}]),
}
MATCHES = st.fixed_dictionaries(WORDS).map(
    lambda w: match(
        w["groups"], w["versions"], w["resources"], w["operations"], namespaceSelector=w["namespaceSelector"]
    )
)


EQUIVALENTS = {
    GroupVersionResource(kind.group, version, kind.plural): [
        Equivalent(GroupVersionResource(kind.group, v, kind.plural), GroupVersionKind(kind.group, v, "Thing"))
        for v in sorted(kind.served - {version})
    ]
    for kind in KINDS.values()
    for version in kind.served
}


@given(st.lists(st.tuples(MATCHES, st.sampled_from(["Fail", "Ignore"])), min_size=1, max_size=4))
def test_whoever_wants_a_request_gets_it_once_and_in_its_version(chosen: list[tuple[JsonObject, str]]) -> None:
    made = [policy(f"p{i}", match=m, failurePolicy=failure) for i, (m, failure) in enumerate(chosen)]
    entries = derive(*made)
    _, webhooks = _split(entries)
    registered = [
        (entry, compile_match(read_match(as_match(webhook), "webhook")))
        for entry, webhook in zip(entries, webhooks, strict=True)
    ]
    wanting = [
        (each["metadata"]["name"], compile_match(read_match(each["spec"]["match"], "m"), custom_only=True))
        for each in made
    ]
    everything = {each["metadata"]["name"] for each in made if "*" in _versions_of(each)}
    kinds = Kinds(custom=frozenset(KINDS), equivalents=EQUIVALENTS)
    for request in requests():
        called = [(entry, result) for entry, m in registered if (result := m(request, kinds)).matched]
        for name, wants in wanting:
            wanted = wants(request, kinds)
            got = [r.resource.version for e, r in called if name in e.policies and r.resource]
            known = KINDS.get((request.resource.group, request.resource.resource))
            if wanted.matched and wanted.resource:
                # `*` sees the storage version: the API server converts what comes in another one.
                assert got == [known.storage if known and name in everything else wanted.resource.version]
        # As few calls as can be: one for all who agree on what may be said of a webhook alone.
        told_apart = {(entry.failure_policy, entry.timeout, entry.filter.view) for entry, _ in called}
        assert len(told_apart) == len(called)


def _versions_of(policy: JsonObject) -> list[str]:
    versions: list[str] = policy["spec"]["match"]["resourceRules"][0]["apiVersions"]
    return versions


def test_a_policy_that_names_two_versions_is_called_once() -> None:
    (entry,) = derive(policy(match=match(["db.example.com"], ["v1", "v1beta1"], ["databases"])))
    assert [cell.version for cell, _, _ in entry.operations] == ["v1", "v1beta1"]
    one = policy("one", match=match(["db.example.com"], ["v1"], ["databases"]))
    both = policy("both", match=match(["db.example.com"], ["v1", "v1beta1"], ["databases"]))
    assert sorted(sorted(each.policies) for each in derive(one, both)) == [["both"], ["one"]]


def test_versions_that_depend_on_the_operation_have_their_own_webhook() -> None:
    def rules(*versions: str) -> JsonObject:
        pairs = zip(("CREATE", "UPDATE"), versions, strict=True)
        return {
            "resourceRules": [match(["db.example.com"], [v], ["databases"], [o])["resourceRules"][0] for o, v in pairs]
        }

    straight, crossed = policy("a", match=rules("v1", "v1beta1")), policy("b", match=rules("v1beta1", "v1"))
    assert sorted(sorted(each.policies) for each in derive(straight, crossed)) == [["a"], ["b"]]


def test_a_storage_version_that_is_not_served_cannot_be_asked_for() -> None:
    versions = [CrdVersion("v2", served=True, storage=False), CrdVersion("v1", served=False, storage=True)]
    kind = CrdKind(
        "things.x.io", "x.io", "Thing", "things", namespaced=True, versions=tuple(versions), established=True
    )
    assert list_custom_kinds([kind])["x.io", "things"].storage == "v2"
    assert list_custom_kinds([replace(kind, established=False)]) == {}


OWN = CustomKind(group="auditor.dev", plural="policies", storage="v1", served=frozenset(["v1"]))


def derive_beside_own(*policies: JsonObject) -> list[Entry]:
    compiled = Engine.compile([read_policy(each) for each in policies]).policies
    return derive_entries(compiled, Side.VALIDATE, {**KINDS, ("auditor.dev", "policies"): OWN})


def test_star_leaves_our_own_kinds_out() -> None:
    (entry,) = derive_beside_own(policy(match=match(["*"], ["*"], ["*"])))
    assert {cell.group for cell, _, _ in entry.operations} == {"ai.example.com", "db.example.com"}


def test_our_own_kinds_by_name_never_fail() -> None:
    fail, ignore = derive_beside_own(policy(match=match(["auditor.dev", "db.example.com"], ["*"], ["*"])))
    assert [(e.failure_policy, {c.group for c, _, _ in e.operations}) for e in (fail, ignore)] == [
        ("Fail", {"db.example.com"}),
        ("Ignore", {"auditor.dev"}),
    ]


def test_a_rule_never_names_what_its_star_means() -> None:
    """The API server refuses `things/*, things/status`."""
    star = policy("star", match=match(["new.example.com"], ["*"], ["things/*"]))
    named = policy("named", match=match(["new.example.com"], ["*"], ["things/status"]))
    assert rules_of(derive(star, named)) == [[("new.example.com", "*", ["things", "things/*"])]]


def test_a_comment_at_the_end_of_a_condition_does_not_reach_into_what_follows() -> None:
    same = match(["db.example.com"], ["*"], ["databases"])

    def condition(text: str) -> str:
        (entry,) = derive(policy(match=same, matchConditions=[{"name": "c", "expression": text}]))
        return entry.filter.condition

    assert condition("object.spec.on == true") == "(object.spec.on == true)"
    assert condition("object.a == 1 // one") == "(object.a == 1 // one\n)"


def test_three_hundred_kinds_and_a_hundred_policies_fit_into_an_object() -> None:
    """etcd takes 1.5 MB. Each policy here has selectors and a condition of its own, and an authority has 2 KB."""
    kinds = {
        ("g.example.com", f"kinds{i}"): CustomKind(
            group="g.example.com", plural=f"kinds{i}", storage="v1", served=frozenset(["v1"])
        )
        for i in range(300)
    }
    made = []
    for i in range(100):
        names = [f"kinds{n}" for n in range(i * 3, i * 3 + 3)]
        selector = {"matchExpressions": [{"key": "team", "operator": "In", "values": [f"team-{i}", "all"]}]}
        conditions = [{"name": "c", "expression": f"object.spec.size > {i} || object.spec.name == '{'x' * 200}'"}]
        special = match(["g.example.com"], ["*"], names, namespaceSelector=selector, objectSelector=selector)
        made.append(policy(f"special-{i}", match=special, matchConditions=conditions, timeoutSeconds=9))
        made.append(policy(f"plain-{i}", match=match(["*"], ["*"], ["*"])))
    compiled = Engine.compile([read_policy(each) for each in made]).policies
    installation = replace(INSTALLATION, address=Address(authorities=b"x" * 2000))
    validating, _ = make_configurations(derive_entries(compiled, Side.VALIDATE, kinds), installation)
    assert len(validating["webhooks"]) == 102  # one for all plain ones, and our own
    assert len(orjson.dumps(validating)) < 1_000_000
