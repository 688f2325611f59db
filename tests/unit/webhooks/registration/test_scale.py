"""Rules that `kubectl scale` goes around are found, and no others."""

from collections.abc import Sequence

import pytest

from auditor.cluster.discovery import CrdKind, CrdVersion
from auditor.cluster.discovery.crd import Scale
from auditor.engine.engine import Engine
from auditor.engine.mistakes import Mistake
from auditor.engine.read import read_policy
from auditor.json import JsonObject
from auditor.model.policy import Policy
from auditor.webhooks.registration import find_scale_gaps


def kind(name: str, path: str = ".spec.replicas") -> CrdKind:
    plural, _, group = name.partition(".")
    scale = Scale(path, ".status.replicas") if path else None
    version = CrdVersion("v1", served=True, storage=True, scale=scale)
    return CrdKind(name, group, "Thing", plural, namespaced=True, versions=(version,), established=True)


KINDS = {
    each.name: each
    for each in (kind("databases.db.io"), kind("members.db.io", ".spec.group.size"), kind("plain.db.io", ""))
}


def find(
    rule: JsonObject,
    *,
    resources: tuple[str, ...] = ("databases",),
    operations: tuple[str, ...] = ("CREATE", "UPDATE"),
    others: Sequence[Policy] = (),
    **spec: object,
) -> list[Mistake]:
    rules = {"apiGroups": ["db.io"], "apiVersions": ["*"], "resources": [*resources], "operations": [*operations]}
    body = {"match": {"resourceRules": [rules]}, "rules": [{"name": "r", **rule}], **spec}
    policy = {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": "p"}, "spec": body}
    (compiled,) = Engine.compile([read_policy(policy)]).policies
    return find_scale_gaps(compiled, KINDS, others=others)


@pytest.mark.parametrize(
    "rule",
    [
        {"cel": "object.spec.replicas % 2 == 1"},
        {"cel": "has(object.spec.replicas) && object.spec.name != ''"},
        {"cel": "object.spec.?replicas.orValue(1) > 1"},
        {"cel": "oldObject.spec.replicas <= object.spec.max"},
        {"jq": ".spec.replicas % 2 == 1"},
        {"jq": ".spec | .replicas == 3"},
        {"jq": '.spec["replicas"] == 3'},
        {"deny": 'if .spec.replicas < 3 then "too few" else empty end'},
        {"schema": {"properties": {"spec": {"properties": {"replicas": {"minimum": 3}}}}}},
        {"schema": {"allOf": [{"not": {"properties": {"spec": {"properties": {"replicas": {"const": 2}}}}}}]}},
    ],
)
def test_a_rule_that_reads_the_number(rule: JsonObject) -> None:
    (gap,) = find(rule)
    assert gap.warning
    assert (gap.policy, gap.rule, gap.pointer) == ("p", "r", "/spec/rules/0")
    assert gap.message.startswith("reads .spec.replicas of databases.db.io, which kubectl scale and autoscalers change")
    assert "databases/scale" in gap.message


@pytest.mark.parametrize(
    "rule",
    [
        {"cel": "object.spec.image != ''"},
        {"cel": "object.status.replicas > 1"},
        {"jq": ".spec.replicasets == 1"},
        {"jq": ".metadata.replicas == 1"},
        {"schema": {"properties": {"spec": {"required": ["image"]}, "replicas": {"minimum": 1}}}},
    ],
)
def test_a_rule_that_does_not(rule: JsonObject) -> None:
    assert find(rule) == []


READS = {"cel": "object.spec.replicas > 1"}


def test_through_a_variable() -> None:
    variables = [{"name": "spec", "expression": "object.spec"}]
    assert len(find({"cel": "variables.spec.replicas > 1"}, variables=variables)) == 1
    assert find({"cel": "variables.spec.image != ''"}, variables=variables) == []


def test_the_path_is_that_of_the_kind() -> None:
    (gap,) = find({"cel": "object.spec.group.size > 1"}, resources=("members",))
    assert ".spec.group.size of members.db.io" in gap.message
    assert find({"cel": "object.spec.replicas > 1"}, resources=("members",)) == []


@pytest.mark.parametrize(
    "resources",
    [("databases", "databases/scale"), ("databases", "databases/*"), ("*/*",), ("plain",), ("databases/status",)],
)
def test_who_names_scale_or_has_none_is_not_warned(resources: tuple[str, ...]) -> None:
    assert find(READS, resources=resources) == []


def test_nobody_is_warned_where_another_policy_judges_the_scale() -> None:
    rules = {"apiGroups": ["db.io"], "apiVersions": ["*"], "resources": ["databases/scale"], "operations": ["UPDATE"]}
    body = {"match": {"resourceRules": [rules]}, "rules": [{"name": "r", "cel": "object.spec.replicas > 1"}]}
    other = {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": "scale"}, "spec": body}
    others = [read_policy(other)]
    assert find(READS, others=others) == []
    assert len(find({"cel": "object.spec.group.size > 1"}, resources=("members",), others=others)) == 1


def test_star_means_every_kind_that_has_it() -> None:
    assert ["databases.db.io" in gap.message for gap in find(READS, resources=("*",))] == [True]


def test_only_updates_can_be_gone_around() -> None:
    assert find(READS, operations=("CREATE",)) == []
    assert len(find(READS, operations=("*",))) == 1
