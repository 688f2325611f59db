"""What one policy says of one object: languages, enforcement, exceptions, ratcheting, and that errors never pass."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from auditor.engine.engine import Engine
from auditor.engine.mistakes import PolicyError
from auditor.engine.read import read_exception, read_policy
from auditor.engine.typos import Schemas
from auditor.json import JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.model.exception import PolicyException
from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity
from auditor.model.request import Origin, User
from auditor.model.resource import GroupVersionResource
from auditor.model.world import EVERYTHING, Given, Narrowing, World
from tests.unit.engine.making import NOW, compiled, policy, request, rules, thing


def results(findings: Sequence[Finding]) -> list[str]:
    return [f"{f.rule}:{f.result}" for f in findings]


VIOLATED = [
    {"cel": "object.spec.size < 10"},
    {"jq": ".spec.size < 10"},
    {"deny": 'select(.spec.size >= 10) | "too big"'},
    {"schema": {"properties": {"spec": {"properties": {"size": {"exclusiveMaximum": 10}}}}}},
]


@pytest.mark.parametrize("rule", VIOLATED, ids=lambda rule: next(iter(rule)))
def test_each_language_passes_and_fails(rule: JsonObject) -> None:
    engine = rules(rule)
    good, bad = engine.judge(request(thing({"size": 9}))), engine.judge(request(thing({"size": 10})))
    assert (results(good.findings), good.allowed) == (["r0:pass"], True)
    assert (results(bad.findings), bad.allowed) == (["r0:fail"], False)


@pytest.mark.parametrize(
    "rule",
    [
        {"cel": "object.spec.size < 10"},
        {"cel": "object.spec.missing.deeper == 1"},
        {"jq": ".spec.size"},
        {"jq": "1"},
        {"jq": "empty"},
        {"jq": "true, true"},
        {"jq": 'error("no")'},
        {"jq": "[range(1e9)] | length > 0"},
        {"deny": "false"},
        {"deny": "null"},
        {"deny": "{}"},
        {"deny": "1"},
    ],
    ids=str,
)
def test_error_is_never_a_pass_and_the_others_go_on(rule: JsonObject) -> None:
    verdict = rules(rule, {"cel": "true"}, {"jq": "true"}).judge(request(thing({"size": "big"})))
    assert results(verdict.findings) == ["r0:error", "r1:pass", "r2:pass"]
    assert not verdict.allowed
    assert verdict.findings[0].message


def test_error_follows_the_failure_policy_at_the_rules_own_enforcement() -> None:
    broken = {"cel": "object.spec.missing == 1"}
    assert rules(broken, failurePolicy="Ignore").judge(request(thing())).allowed
    assert rules({**broken, "enforcement": "Audit"}).judge(request(thing())).allowed
    assert not rules({**broken, "enforcement": "Deny"}, enforcement="Audit").judge(request(thing())).allowed


def test_all_violations_are_told_with_all_that_helps() -> None:
    engine = rules(
        {"cel": "object.spec.size < 10", "messageExpression": "'is ' + string(object.spec.size)", "severity": "low"},
        {"deny": '.spec.parts[] | select(.n > 1) | {message: "\\(.n)", path: "/spec/parts"}'},
        severity="critical",
        remediation="Make it smaller.",
        controls=["A-1"],
    )
    findings = engine.judge(request(thing({"size": 10, "parts": [{"n": 1}, {"n": 2}, {"n": 3}]}))).findings
    assert [f.message for f in findings] == ["is 10", "2", "3"]
    first = findings[0]
    assert (first.path, first.value, first.severity) == ("/spec/size", 10, Severity.LOW)
    assert (first.remediation, first.controls) == ("Make it smaller.", ("A-1",))
    assert findings[1].severity is Severity.CRITICAL
    assert findings[1].path == "/spec/parts"


def test_enforcement_of_a_rule_and_its_override_by_namespace() -> None:
    bad = {"cel": "false"}
    override = [{"namespaceSelector": {"matchLabels": {"env": "dev"}}, "enforcement": "Warn"}]
    warned = rules(bad, enforcementOverrides=override).judge(request(thing()))
    assert (warned.allowed, warned.findings[0].result) == (True, Result.WARN)
    assert warned.warnings == ("sizes/r0: failed expression: false",)
    elsewhere = request(thing(), namespace_object={"metadata": {"labels": {"env": "prod"}}})
    assert not rules(bad, enforcementOverrides=override).judge(elsewhere).allowed
    unknown = request(thing(), namespace_object=None)
    assert not rules(bad, enforcementOverrides=override).judge(unknown).allowed
    audited = rules({**bad, "enforcement": "Audit"}).judge(request(thing()))
    assert (audited.allowed, audited.warnings, audited.findings[0].result) == (True, (), Result.FAIL)


def test_conditions_skip_or_err() -> None:
    bad = {"cel": "false"}
    skipped = rules(bad, matchConditions=[{"name": "c", "expression": "object.spec.size > 1"}])
    assert skipped.judge(request(thing({"size": 1}))).findings == ()
    assert results(skipped.judge(request(thing({"size": 2}))).findings) == ["r0:fail"]
    broken = skipped.judge(request(thing()))
    assert results(broken.findings) == [":error"]
    assert "matchCondition c" in broken.findings[0].message
    both = rules(
        bad,
        matchConditions=[{"name": "e", "expression": "object.spec.x == 1"}, {"name": "f", "expression": "false"}],
    )
    assert both.judge(request(thing())).findings == ()


def test_params_variables_namespace_and_old_object() -> None:
    engine = rules(
        {"cel": "variables.double <= params.max"},
        {"jq": ".spec.size * 2 <= $params.max"},
        {"cel": "namespaceObject.metadata.labels.env == 'dev'"},
        {"jq": '$namespace.metadata.labels.env == "dev"'},
        {"cel": "oldObject == null || object.spec.size >= oldObject.spec.size"},
        {"jq": "$old == null or .spec.size >= $old.spec.size"},
        {"jq": '$request.operation == "UPDATE" and $request.userInfo.username == "jane"'},
        params={"max": 10},
        variables=[{"name": "double", "expression": "object.spec.size * 2"}],
    )
    good = engine.judge(request(thing({"size": 5}), thing({"size": 4})))
    assert {f.result for f in good.findings} == {Result.PASS}
    bad = engine.judge(request(thing({"size": 6}), thing({"size": 7})))
    assert results(bad.findings) == ["r0:fail", "r1:fail", "r2:pass", "r3:pass", "r4:fail", "r5:fail", "r6:pass"]


def test_delete_is_judged_by_what_goes() -> None:
    engine = rules({"jq": ".spec.protected | not"}, {"cel": "!oldObject.spec.protected"})
    verdict = engine.judge(request(None, thing({"protected": True})))
    assert results(verdict.findings) == ["r0:fail", "r1:fail"]
    assert engine.judge(request(None, thing({"protected": False}))).allowed


def test_lookups_see_others_and_not_the_object_itself() -> None:
    lookup = {"name": "peers", "resource": {"group": "example.com", "resource": "things"}, "namespace": "same"}
    engine = rules({"jq": "[.spec.host] | inside([$lookups.peers[].spec.host]) | not"}, lookups=[lookup])
    mine, other = thing({"host": "a"}), thing({"host": "a"}, name="two")
    far = thing({"host": "a"}, name="three", namespace="there")

    def judge(*objects: JsonObject) -> list[str]:
        world = World(objects=Given(by_resource={("example.com", "things"): objects}))
        return results(engine.judge(request(mine, world=world)).findings)

    assert judge(mine, far) == ["r0:pass"]
    assert judge(mine, far, other) == ["r0:fail"]


def test_lookups_in_cel() -> None:
    lookup = {"name": "peers", "resource": {"group": "example.com", "resource": "things"}}
    rule = {
        "cel": "lookups.peers.all(p, p.spec.host != object.spec.host)",
        "messageExpression": "'taken by ' + string(lookups.peers[0].metadata.name)",
    }
    engine = rules(
        rule,
        {"cel": "variables.n == 1"},
        lookups=[lookup],
        variables=[{"name": "n", "expression": "size(lookups.peers)"}],
    )
    world = World(objects=Given(by_resource={("example.com", "things"): [thing({"host": "a"}, name="two")]}))
    findings = engine.judge(request(thing({"host": "a"}), world=world)).findings
    assert [(f.result, f.message) for f in findings] == [(Result.FAIL, "taken by two"), (Result.PASS, "")]
    with pytest.raises(PolicyError, match="no field 'others'"):
        rules({"cel": "size(lookups.others) == 0"}, lookups=[lookup])
    with pytest.raises(PolicyError, match="lookups"):
        rules({"cel": "size(lookups.peers) == 0"})


def test_controls_of_a_rule_stand_beside_those_of_its_policy() -> None:
    engine = rules({"cel": "false", "controls": ["B", "A"]}, {"cel": "false"}, controls=["A"])
    assert [f.controls for f in engine.judge(request(thing())).findings] == [("A", "B"), ("A",)]


def test_indexed_lookup_finds_those_with_the_same_value() -> None:
    lookup = {"name": "same", "resource": {"group": "example.com", "resource": "things"}, "indexedBy": "/spec/host"}
    engine = rules({"jq": "$lookups.same | length == 0"}, lookups=[lookup])

    def judge(mine: JsonObject, other: JsonObject) -> list[str]:
        world = World(objects=Given(by_resource={("example.com", "things"): [thing(other, name="two")]}))
        return results(engine.judge(request(thing(mine), world=world)).findings)

    assert judge({"host": "a"}, {"host": "a"}) == ["r0:fail"]
    assert judge({"host": "a"}, {"host": "b"}) == ["r0:pass"]
    assert judge({}, {}) == ["r0:pass"]


class Unknown:
    """Of which nothing can be known now."""

    def of_kind(self, api_version: str, kind: str) -> None:
        return None

    def of_resource(self, group: str, resource: str, narrowing: Narrowing = EVERYTHING) -> None:
        return None


def test_lookup_that_is_not_known_is_an_error() -> None:
    lookup = {"name": "peers", "resource": {"group": "example.com", "resource": "things"}}
    verdict = rules({"jq": "true"}, lookups=[lookup]).judge(request(thing(), world=World(objects=Unknown())))
    assert results(verdict.findings) == [":error"]
    assert not verdict.allowed


def excused(**spec: Any) -> PolicyException:
    expires = (NOW + timedelta(days=1)).isoformat()
    spec = {"policies": ["sizes"], "owner": "me", "reason": "because", "expires": expires, **spec}
    return read_exception({"metadata": {"name": "e", "namespace": spec.pop("namespace", "here")}, "spec": spec})


@pytest.mark.parametrize(
    ("exception", "excuses"),
    [
        (excused(), True),
        (excused(rules=["r0"]), True),
        (excused(rules=["other"]), False),
        (excused(policies=["others"]), False),
        (excused(namespace="there"), False),
        (excused(expires=NOW.isoformat()), False),
        (excused(match={"objectSelector": {"matchLabels": {"a": "b"}}}), False),
    ],
)
def test_exception_excuses_and_is_shown(exception: PolicyException, excuses: bool) -> None:
    engine = rules({"cel": "false"}, exceptions={})
    verdict = engine.judge(request(thing(), world=World(exceptions=[exception])))
    assert verdict.allowed is excuses
    assert results(verdict.findings) == ["r0:skip" if excuses else "r0:fail"]
    assert verdict.findings[0].exception == ("here/e" if excuses else "")
    assert verdict.recheck_at == (exception.expires if excuses else None)


def test_exception_counts_only_where_the_policy_says_so() -> None:
    world = World(exceptions=[excused()])
    assert not rules({"cel": "false"}).judge(request(thing(), world=world)).allowed
    elsewhere = rules({"cel": "false"}, exceptions={"namespaceSelector": {"matchLabels": {"env": "prod"}}})
    assert not elsewhere.judge(request(thing(), world=world)).allowed


def test_cluster_scoped_objects_are_excused_from_our_own_namespace_only() -> None:
    engine = rules({"cel": "false"}, exceptions={})
    for namespace, allowed in (("auditor-system", True), ("here", False)):
        world = World(exceptions=[excused(namespace=namespace)])
        cluster_scoped = request(thing(), namespace="", namespaced=False, namespace_object=None, world=world)
        assert engine.judge(cluster_scoped).allowed is allowed


def test_update_that_makes_nothing_worse_is_admitted() -> None:
    engine = rules({"cel": "object.spec.size < 10"}, {"deny": '.spec.parts[]? | {message: "no", path: "/spec/\\(.)"}'})
    bad = thing({"size": 11, "parts": ["a"]})
    forgiven = engine.judge(request({**bad, "other": 1}, bad))
    assert forgiven.allowed
    assert results(forgiven.findings) == ["r0:fail", "r1:fail"]
    assert len(forgiven.warnings) == 2
    worse = engine.judge(request(thing({"size": 11, "parts": ["a", "b"]}), bad))
    assert not worse.allowed
    assert not engine.judge(request(bad, thing({"size": 1}))).allowed


def test_nothing_is_forgiven_with_existing_deny_or_an_error() -> None:
    bad = thing({"size": 11})
    assert not rules({"cel": "object.spec.size < 10"}, existing="Deny").judge(request(bad, bad)).allowed
    with_error = rules({"cel": "object.spec.size < 10"}, {"cel": "object.spec.x == 1"})
    assert not with_error.judge(request(bad, bad)).allowed


def test_what_is_being_deleted_can_lose_its_finalizers_and_nothing_else() -> None:
    engine = rules({"cel": "false"}, existing="Deny")
    going = thing({"size": 1}, deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["a", "b"], resourceVersion="1")
    released = {**going, "metadata": {**going["metadata"], "finalizers": ["b"], "resourceVersion": "2"}}
    assert engine.judge(request(released, going)).allowed
    changed = {**released, "spec": {"size": 2}}
    assert not engine.judge(request(changed, going)).allowed
    added = {**going, "metadata": {**going["metadata"], "finalizers": ["a", "b", "c"]}}
    assert not engine.judge(request(added, going)).allowed
    alive = {k: v for k, v in going["metadata"].items() if k != "deletionTimestamp"}
    assert not engine.judge(request({**released, "metadata": alive}, {**going, "metadata": alive})).allowed


def test_controllers_that_clean_up_are_left_alone() -> None:
    collector = User("system:serviceaccount:kube-system:generic-garbage-collector")
    assert rules({"cel": "false"}).judge(request(thing(), user=collector)).allowed


@pytest.mark.parametrize(
    "rule", [{"cel": "request.userInfo.username == 'x'"}, {"jq": '$request.userInfo.username == "x"'}]
)
def test_rules_about_the_user_do_not_apply_to_what_is_stored(rule: JsonObject) -> None:
    verdict = rules(rule, {"cel": "false"}).judge(request(thing(), user=None, origin=Origin.STORED))
    assert results(verdict.findings) == ["r1:fail"]
    assert verdict.not_applicable == (("sizes/r0", "it asks for the user"),)


def test_fingerprint_is_of_place_and_rule_not_of_value_or_version() -> None:
    def fingerprint(new: JsonObject, **changes: Any) -> str:
        return rules({"cel": "object.spec.size < 10"}).judge(request(new, **changes)).findings[0].fingerprint

    first = fingerprint(thing({"size": 10}))
    assert fingerprint(thing({"size": 11}, uid="x")) == first
    assert fingerprint(thing({"size": 10}), name="two") != first
    assert fingerprint(thing({"size": 10}), namespace="there") != first


def test_secrets_are_not_shown() -> None:
    engine = rules({"cel": "object.spec.password == ''"}, {"cel": "object.spec.note == ''", "sensitive": True})
    findings = engine.judge(request(thing({"password": "hunter2", "note": "hunter2"}))).findings
    assert [f.path for f in findings] == ["/spec/password", "/spec/note"]
    assert "hunter2" not in str(findings)


@pytest.mark.parametrize(
    "rule",
    [
        {"cel": "object.spec.note == ''", "messageExpression": "string(object.spec.note)"},
        {"deny": ".spec.note"},
        {"jq": "error(.spec.note)"},
        {"cel": "int(object.spec.note) == 1"},
        {"schema": {"properties": {"spec": {"properties": {"note": {"const": 1}}}}}},
    ],
    ids=str,
)
def test_nothing_of_a_sensitive_rule_shows_what_it_reads(rule: JsonObject) -> None:
    findings = rules({**rule, "sensitive": True}).judge(request(thing({"note": "hunter2"}))).findings
    assert findings[0].result in (Result.FAIL, Result.ERROR)
    assert "hunter2" not in str(findings)


def test_items_of_a_list_map_are_told_apart_by_their_keys_not_their_places() -> None:
    def fingerprints(*members: JsonObject, schemas: Schemas) -> set[str]:
        deny = (
            '.spec.members | to_entries[] | select(.value.cpu > 1) | {message: "m", path: "/spec/members/\\(.key)/cpu"}'
        )
        source = read_policy(policy(rules=[{"name": "r", "deny": deny}]))
        verdict = Engine.compile([source], schemas).judge(request(thing({"members": list(members)})))
        return {finding.fingerprint for finding in verdict.findings}

    member = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "cpu": {"type": "integer"}},
        "required": ["name"],
    }
    members = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": member,
    }
    spec = {"type": "object", "properties": {"members": members}}
    schema = StructuralSchema.compile({"type": "object", "properties": {"spec": spec}})
    known = {GroupVersionResource("example.com", "v1", "things"): schema}
    good, bad = {"name": "a", "cpu": 1}, {"name": "b", "cpu": 2}
    assert fingerprints(good, bad, schemas=known) == fingerprints(bad, good, schemas=known)
    assert fingerprints(bad, {**bad, "name": "c"}, schemas=known) != fingerprints(bad, schemas=known)
    assert fingerprints(good, bad, schemas={}) != fingerprints(bad, good, schemas={})


def test_policies_of_other_kinds_are_not_asked() -> None:
    other = policy("other", rules=[{"name": "r", "cel": "false"}])
    other["spec"]["match"]["resourceRules"][0]["apiGroups"] = ["other.example.com"]
    assert compiled(other).judge(request(thing())).findings == ()


def test_every_mistake_is_told_at_once_with_its_place() -> None:
    wrong = policy(
        "wrong",
        rules=[
            {"name": "a", "cel": "object.spec.size <"},
            {"name": "b", "jq": ".spec |"},
            {"name": "c", "schema": {"requird": ["x"]}},
            {"name": "d", "cel": "object.spec.size"},
            {"name": "a", "cel": "variables.none == 1"},
        ],
    )
    with pytest.raises(PolicyError) as error:
        compiled(wrong, wrong)
    told = [(m.rule, m.pointer) for m in error.value.mistakes]
    for place in [("a", "/spec/rules/0/cel"), ("b", "/spec/rules/1/jq"), ("c", "/spec/rules/2/schema")]:
        assert place in told
    assert ("d", "/spec/rules/3/cel") in told
    assert any("another rule is named 'a'" in m.message for m in error.value.mistakes)
    assert any("another Policy is named 'wrong'" in m.message for m in error.value.mistakes)
    assert all(m.line for m in error.value.mistakes if m.pointer.endswith(("/cel", "/jq")))


def test_whom_the_conditions_leave_out_needs_no_lookup() -> None:
    """Where the CRD of what is looked up is not installed, only those are errors who would have looked."""
    lookup = {"name": "peers", "resource": {"group": "example.com", "resource": "unknown"}}
    engine = rules(
        {"cel": "lookups.peers.all(p, p.metadata.name != object.spec.peer)"},
        lookups=[lookup],
        matchConditions=[{"name": "names-one", "expression": "has(object.spec.peer)"}],
    )
    world = World(objects=Unknown())
    assert engine.judge(request(thing({"size": 1}), world=world)).findings == ()
    assert [f.result for f in engine.judge(request(thing({"peer": "a"}), world=world)).findings] == [Result.ERROR]


def test_the_rule_of_a_subresource_sees_the_object_that_it_is_a_part_of() -> None:
    lookup = {"name": "whole", "resource": {"group": "example.com", "resource": "things"}, "namespace": "same"}
    rules_of = [{"resources": ["things/scale"], "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"]}]
    engine = rules(
        {"jq": "$lookups.whole[0].spec.most >= .spec.replicas"}, lookups=[lookup], match={"resourceRules": rules_of}
    )
    world = World(objects=Given(by_resource={("example.com", "things"): [thing({"most": 3})]}))
    for replicas, said in ((3, ["r0:pass"]), (4, ["r0:fail"])):
        asked = request(thing({"replicas": replicas}), subresource="scale", world=world)
        assert results(engine.judge(asked).findings) == said


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/a?b=c", True),
        ("https://user:word@example.com/", False),
        ("https://example.com/?access_token=abc", False),
        ("https://example.com/x?X-Amz-Signature=abc", False),
        ("https://example.com/?sig=abc", False),
        ("https://example.com/design?size=1", True),
    ],
)
def test_secrets_in_urls_are_not_shown(url: str, shown: bool) -> None:
    (finding,) = rules({"cel": "object.spec.url == ''"}).judge(request(thing({"url": url}))).findings
    assert finding.value == (url if shown else None)
