"""bypass: who got past the door, where the object proves it; and nobody who may have done nothing.

The rule is in force since ten o'clock, minute 60.
"""

from dataclasses import replace
from typing import Any

import pytest

from auditor.checks import Outcome, run_checks
from auditor.checks.bypass import ELSE, EXCLUDED, EXCUSED, FORGIVEN, NAMESPACE, PARDONED, SUBRESOURCE, UNRECORDED
from auditor.json import JsonObject
from auditor.model.exception import PolicyException
from auditor.model.policy import Kind, Severity
from auditor.model.settings import Check
from auditor.model.world import Given, World
from tests.unit.checks.making import ask, at, only, request, single, store, text, thing, wrote
from tests.unit.engine.making import compiled, policy

ODD = {"name": "odd", "jq": ".spec.size % 2 == 1", "message": "the size must be odd"}
SINCE = {("sizes", "odd"): at(60)}


def judge(made: JsonObject, rule: JsonObject = ODD, *, of: JsonObject | None = None, **more: Any) -> Outcome:
    """`of`: more of the policy."""
    engine = compiled(policy(rules=[rule], **(of or {})))
    return ask(made, Check.BYPASS, engine, **{"enforced_since": SINCE, **more})


def made_later(*entries: JsonObject) -> JsonObject:
    return thing({"size": 4, "other": 1}, *entries, creationTimestamp=text(70))


def made_before(*entries: JsonObject) -> JsonObject:
    return thing({"size": 4, "other": 1}, *entries, creationTimestamp=text(0))


LATE = made_later(wrote("kubectl-create", 70, "spec.size", "spec.other"))


def test_finding_names_writer_time_and_what_to_do() -> None:
    finding = single(judge(LATE))
    assert (finding.policy, finding.rule, finding.path) == ("bypass", "sizes/odd", "/spec/size")
    assert finding.message.startswith("the size must be odd; this got past the door: sizes/odd denies it since")
    assert "likely by kubectl-create (Update)" in finding.message
    assert "2026-06-01T10:10:00Z" in finding.message
    assert "kubectl-create" in finding.remediation
    assert not finding.blocks


PROVEN = {
    "made while the rule was in force": LATE,
    "made then, and written again by another": made_later(
        wrote("creator", 70, "spec.other"), wrote("helm", 90, "spec.size", operation="Apply")
    ),
    "made before, and only the violating field was written since": made_before(
        wrote("creator", 0, "spec.other"), wrote("kubectl-edit", 90, "spec.size")
    ),
    "as that, beside a controller that writes the status": made_before(
        wrote("creator", 0, "spec.other"),
        wrote("kubectl-edit", 90, "spec.size"),
        wrote("controller", 95, "status.x", subresource="status"),
    ),
}


@pytest.mark.parametrize("made", PROVEN.values(), ids=PROVEN.keys())
def test_proven(made: JsonObject) -> None:
    outcome = judge(made)
    assert [each.rule for each in outcome.findings] == ["sizes/odd"]
    assert outcome.not_applicable == ()


@pytest.mark.parametrize(("seconds", "settled"), [(0, False), (1, False), (2, True)])
def test_api_servers_hear_of_the_webhook_a_moment_later(seconds: int, settled: bool) -> None:
    minutes = 60 + seconds / 60
    made = thing({"size": 4}, wrote("x", minutes, "spec.size"), creationTimestamp=text(minutes))
    assert len(judge(made).findings) == settled


def test_the_last_writer_is_named() -> None:
    message = single(judge(PROVEN["made then, and written again by another"])).message
    assert "likely by helm (Apply)" in message
    assert "creator" not in message


OLDER = {
    "all is older than the rule": made_before(wrote("creator", 0, "spec.size")),
    "written in the very second": made_before(wrote("creator", 60, "spec.size")),
    "another field was written since, by another (ratcheted)": made_before(
        wrote("creator", 0, "spec.size"), wrote("kubectl-label", 90, "metadata.labels.x")
    ),
    "only the status was written since": made_before(
        wrote("creator", 0, "spec.size"), wrote("controller", 90, "status.x", subresource="status")
    ),
    "a controller filled in defaults since": made_before(
        wrote("creator", 0, "spec.size"), wrote("controller", 90, "spec.other")
    ),
}


@pytest.mark.parametrize("made", OLDER.values(), ids=OLDER.keys())
def test_older_than_the_rule(made: JsonObject) -> None:
    outcome = judge(made)
    assert (outcome.findings, outcome.not_applicable) == ((), ())


UNPROVEN = {
    "its writer wrote another field since, or this one (ratcheted)": (
        made_before(wrote("kubectl-client-side-apply", 90, "spec.size", "spec.other")),
        FORGIVEN,
    ),
    "an apply that may have taken out another field": (
        made_before(wrote("gitops", 90, "spec.size", operation="Apply")),
        FORGIVEN,
    ),
    "kubectl scale": (
        made_later(wrote("creator", 70, "spec.other"), wrote("kubectl", None, "spec.size", subresource="scale")),
        SUBRESOURCE,
    ),
    "no managedFields": (made_later(), UNRECORDED),
    "an apply that changed nothing has no time": (
        made_later(wrote("gitops", None, "spec.size", operation="Apply")),
        UNRECORDED,
    ),
    "a controller of the API server": (made_later(wrote("kube-controller-manager", 70, "spec.size")), EXCLUDED),
}


@pytest.mark.parametrize(("made", "reason"), UNPROVEN.values(), ids=UNPROVEN.keys())
def test_unproven_is_a_gap(made: JsonObject, reason: str) -> None:
    outcome = judge(made)
    assert outcome.findings == ()
    assert outcome.not_applicable == (("bypass", reason),)
    assert outcome.asked == ("bypass",)


def test_policy_that_forgives_nothing() -> None:
    """Any write since would have been refused."""
    of = {"existing": "Deny"}
    ratcheted = OLDER["another field was written since, by another (ratcheted)"]
    assert "kubectl-label" in single(judge(ratcheted, of=of)).message
    assert "kubectl-client-side-apply" in single(judge(UNPROVEN[next(iter(UNPROVEN))][0], of=of)).message
    assert not judge(OLDER["only the status was written since"], of=of).findings
    assert not judge(OLDER["all is older than the rule"], of=of).findings


def for_operations(*operations: str) -> JsonObject:
    rule = {
        "apiGroups": ["example.com"],
        "apiVersions": ["v1"],
        "resources": ["things"],
        "operations": list(operations),
    }
    return {"match": {"resourceRules": [rule]}}


def test_policy_for_create_only() -> None:
    """What an update wrote is none of its business."""
    of = for_operations("CREATE")
    assert judge(LATE, of=of).findings
    assert not judge(PROVEN["made before, and only the violating field was written since"], of=of).findings
    assert not judge(OLDER["all is older than the rule"], of=of).findings
    later = judge(PROVEN["made then, and written again by another"], of=of)
    assert (later.findings, later.not_applicable) == ((), (("bypass", FORGIVEN),))


@pytest.mark.parametrize("enforcement", ["Warn", "Audit"])
def test_what_is_not_denied_is_let_in(enforcement: str) -> None:
    assert not judge(LATE, of={"enforcement": enforcement}).findings


def test_override_for_the_namespace_counts() -> None:
    override = [{"namespaceSelector": {"matchLabels": {"env": "dev"}}, "enforcement": "Audit"}]
    assert not judge(LATE, of={"enforcementOverrides": override}).findings


def test_without_the_time_of_enforcement_nothing_is_known() -> None:
    assert not judge(LATE, enforced_since={}).findings
    assert not judge(LATE, enforced_since={("sizes", "another"): at(0)}).findings


def test_object_that_keeps_the_rule() -> None:
    assert not judge(thing({"size": 3}, wrote("x", 70, "spec.size"), creationTimestamp=text(70))).findings


@pytest.mark.parametrize(
    "rule",
    [
        {"name": "odd", "cel": "oldObject == null ? object.spec.size == 1 : true"},
        {"name": "odd", "cel": "request.operation == 'UPDATE' || object.spec.size == 1"},
        {"name": "odd", "jq": ".spec.size % 2 == 1 and $old == null"},
        {"name": "odd", "jq": '.spec.size % 2 == 1 or $request.operation == "UPDATE"'},
    ],
    ids=str,
)
def test_rule_that_needs_more_than_the_object(rule: JsonObject) -> None:
    outcome = judge(LATE, rule)
    assert (outcome.findings, outcome.not_applicable) == ((), (("bypass", ELSE),))


def test_rule_with_lookups() -> None:
    rule = {"name": "odd", "cel": "lookups.peers.size() > 0"}
    of = {"lookups": [{"name": "peers", "resource": {"group": "example.com", "resource": "things"}}]}
    assert judge(LATE, rule, of=of).not_applicable == (("bypass", ELSE),)
    # beside lookups, a rule that does not read them
    assert judge(LATE, of=of).findings


def test_rule_with_params_from_other_objects() -> None:
    of = {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}, "paramRef": {"name": "limits", "namespace": "here"}}
    limits = {"metadata": {"name": "limits", "namespace": "here"}, "data": {"max": "1"}}
    world = World(objects=Given(by_kind={("v1", "ConfigMap"): [limits]}))
    rule = {"name": "odd", "cel": "object.spec.size <= int(params.data.max)"}
    asked = request(LATE, world=world)
    assert judge(LATE, rule, of=of, request=asked).not_applicable == (("bypass", ELSE),)


def test_inline_params_are_part_of_the_policy() -> None:
    rule = {"name": "odd", "cel": "object.spec.size <= params.max"}
    assert judge(LATE, rule, of={"params": {"max": 1}}).findings


def excused(expires: float) -> World:
    exception = PolicyException(
        namespace="here",
        name="pardon",
        policies=("sizes",),
        rules=(),
        match=None,
        owner="jane",
        reason="why not",
        expires=at(expires),
    )
    return World(exceptions=(exception,))


@pytest.mark.parametrize(
    ("expires", "gaps"),
    [(600, ()), (90, (("bypass", EXCUSED),))],
    ids=["still excused", "excused when it was written"],
)
def test_exception(expires: float, gaps: tuple[tuple[str, str], ...]) -> None:
    outcome = judge(LATE, of={"exceptions": {}}, request=request(LATE, world=excused(expires)))
    assert (outcome.findings, outcome.not_applicable) == ((), gaps)


def test_exception_that_had_ended_excuses_nothing() -> None:
    assert judge(LATE, of={"exceptions": {}}, request=request(LATE, world=excused(65))).findings
    assert judge(LATE, request=request(LATE, world=excused(90))).findings  # the policy allows none


@pytest.mark.parametrize(("minute", "pardoned"), [(70, True), (70.05, True), (71, False), (65, False)])
def test_broken_glass(minute: float, pardoned: bool) -> None:
    outcome = judge(LATE, pardons=lambda: [at(minute)])
    assert outcome.not_applicable == ((("bypass", PARDONED),) if pardoned else ())


def test_broken_glass_long_before_the_last_write() -> None:
    """What came in then may stay in an update that makes nothing worse."""
    made = made_later(wrote("creator", 100, "spec.size"))
    assert judge(made, pardons=lambda: [at(70)]).not_applicable == (("bypass", PARDONED),)
    assert judge(made, pardons=lambda: [at(70)], of={"existing": "Deny"}).findings


def test_excluded_service_account() -> None:
    world = World(excluded_users=frozenset({"system:serviceaccount:backup:restore"}))
    made = made_later(wrote("restore", 70, "spec.size"))
    assert judge(made, request=request(made, world=world)).not_applicable == (("bypass", EXCLUDED),)
    assert judge(LATE, request=request(LATE, world=world)).findings


@pytest.mark.parametrize("namespace", ["kube-system", "auditor-system"])
def test_namespaces_that_do_not_come_to_the_door(namespace: str) -> None:
    assert not judge(LATE, request=request(LATE, namespace=namespace)).findings


@pytest.mark.parametrize(("labelled", "gaps"), [(65, ()), (75, (("bypass", NAMESPACE),))])
def test_namespace_that_was_labelled_later(labelled: float, gaps: tuple[tuple[str, str], ...]) -> None:
    of = {"match": {**policy()["spec"]["match"], "namespaceSelector": {"matchLabels": {"env": "dev"}}}}
    entry = wrote("kubectl-label", labelled, "metadata.labels.env")
    namespace = {"metadata": {"name": "here", "labels": {"env": "dev"}, "managedFields": [entry]}}
    outcome = judge(LATE, of=of, request=request(LATE, namespace_object=namespace))
    assert outcome.not_applicable == gaps
    assert len(outcome.findings) == (0 if gaps else 1)
    # a policy that does not look at the namespace
    assert judge(LATE, request=request(LATE, namespace_object=namespace)).findings


def test_rule_that_reads_several_fields() -> None:
    rule = {"name": "odd", "cel": "object.spec.size <= object.spec.other"}
    made = made_later(wrote("a", 70, "spec.size"), wrote("b", 90, "spec.other"), wrote("c", 95, "spec.unread"))
    finding = single(judge(made, rule))
    assert finding.path == ""
    assert "likely by b (Update)" in finding.message
    scaled = made_later(wrote("a", 70, "spec.other"), wrote("kubectl", None, "spec.size", subresource="scale"))
    assert judge(scaled, rule).not_applicable == (("bypass", SUBRESOURCE),)


def test_rule_that_reads_anything() -> None:
    rule = {"name": "odd", "jq": "[.. | numbers] | add == 0"}
    assert judge(LATE, rule).findings
    assert judge(made_before(wrote("a", 90, "spec.size")), rule).not_applicable == (("bypass", FORGIVEN),)


def test_field_that_is_missing_was_left_out_by_who_wrote_those_beside_it() -> None:
    rule = {"name": "odd", "cel": "has(object.spec.image)"}
    made = made_later(
        wrote("creator", 70, "spec.size"),
        wrote("labeller", 80, "metadata.labels.x"),
        wrote("kubectl", None, "spec.other", subresource="scale"),
    )
    assert "likely by creator" in single(judge(made, rule)).message
    assert not judge(made_before(wrote("creator", 0, "spec.size")), rule).findings


def test_severity_is_that_of_the_rule_unless_it_is_set() -> None:
    rule = {**ODD, "severity": "critical"}
    assert single(judge(LATE, rule)).severity is Severity.CRITICAL
    settings = only(Check.BYPASS, severity=Severity.LOW)
    assert single(judge(LATE, rule, settings=settings)).severity is Severity.LOW


def test_two_who_wrote_in_one_second() -> None:
    made = made_later(wrote("a", 70, "spec.size"), wrote("b", 70, "spec.size", operation="Apply"))
    assert "likely by a (Update) or b (Apply)" in single(judge(made)).message


def test_each_violation_has_its_own() -> None:
    rule = {"name": "odd", "deny": '.spec | to_entries[] | {message: "no \\(.key)", path: "/spec/\\(.key)"}'}
    findings = judge(LATE, rule).findings
    assert {each.path for each in findings} == {"/spec/size", "/spec/other"}
    assert len({each.fingerprint for each in findings}) == 2


def test_value_is_never_told() -> None:
    rule = {"name": "odd", "cel": "object.spec.password == ''", "sensitive": True}
    made = thing({"password": "hunter2"}, wrote("x", 70, "spec.password"), creationTimestamp=text(70))
    finding = single(judge(made, rule))
    assert "hunter2" not in str(finding)


def test_policy_of_another_name_and_native_ones_are_not_ours() -> None:
    engine = compiled(policy("other", rules=[ODD]))
    assert not ask(LATE, Check.BYPASS, engine, enforced_since=SINCE).findings
    verdict = compiled(policy(rules=[ODD])).judge(request(LATE))
    native = replace(verdict, findings=tuple(replace(each, kind=Kind.VALIDATING) for each in verdict.findings))
    stored = store(LATE, Check.BYPASS, compiled(policy(rules=[ODD])), enforced_since=SINCE)
    assert run_checks(stored).findings
    assert not run_checks(replace(stored, verdict=native)).findings
