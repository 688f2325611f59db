"""Server-side apply of several managers, and what `kubectl get` shows."""

import re
import uuid
from collections.abc import Iterator

import pytest
import yaml

from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.crds.configuration import the_only_configuration
from tests.cluster.oracle import Resource
from tests.unit.crds.cases import BASES

MATCH = {"resourceRules": [{"apiGroups": ["a.b"], "apiVersions": ["*"], "resources": ["cs"], "operations": ["CREATE"]}]}


@pytest.fixture
def policy(control_plane: Sandbox, resources: dict[str, Resource]) -> Iterator[str]:
    """The name of a policy that is deleted after the test."""
    name = f"crds-{uuid.uuid4().hex[:8]}"
    yield name
    control_plane.kubectl("delete", "policies.auditor.dev", name)


def make(name: str, **spec: Json) -> JsonObject:
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": spec}


def apply(control_plane: Sandbox, manager: str, obj: JsonObject, *more: str, check: bool = True) -> str:
    command = ["apply", "--server-side", f"--field-manager={manager}", *more, "-f", "-"]
    return control_plane.kubectl(*command, stdin=yaml.safe_dump(obj), check=check).stderr


def get(control_plane: Sandbox, name: str) -> JsonObject:
    obj: JsonObject = yaml.safe_load(control_plane.kubectl("get", "policies.auditor.dev", name, "-o", "yaml").stdout)
    return obj


def rule(name: str, jq: str = "true") -> JsonObject:
    return {"name": name, "jq": jq}


def names(items: list[JsonObject]) -> list[str]:
    return [item["name"] for item in items]


def test_two_managers_share_a_policy(control_plane: Sandbox, policy: str) -> None:
    apply(control_plane, "platform", make(policy, match=MATCH, rules=[rule("a"), rule("b")], controls=["X-1"]))
    theirs = make(policy, rules=[rule("c")], controls=["Y-1"], variables=[{"name": "v", "expression": "1"}])
    apply(control_plane, "security", theirs)
    spec = get(control_plane, policy)["spec"]
    assert names(spec["rules"]) == ["a", "b", "c"]
    assert sorted(spec["controls"]) == ["X-1", "Y-1"]

    apply(control_plane, "platform", make(policy, match=MATCH, rules=[rule("b", "false")], controls=["X-2"]))
    spec = get(control_plane, policy)["spec"]
    assert {r["name"]: r["jq"] for r in spec["rules"]} == {"b": "false", "c": "true"}
    assert sorted(spec["controls"]) == ["X-2", "Y-1"]
    assert names(spec["variables"]) == ["v"]

    conflict = apply(control_plane, "security", make(policy, rules=[rule("b")]), check=False)
    assert 'conflict with "platform"' in conflict
    assert '.spec.rules[name="b"].jq' in conflict


def test_schemas_and_patches_are_replaced_as_a_whole(control_plane: Sandbox, policy: str) -> None:
    shapes: list[JsonObject] = [{"required": ["spec"]}, {"type": "object"}]
    for shape in shapes:
        shaped = {"rules": [{"name": "a", "schema": shape}], "mutate": [{"name": "m", "mergePatch": shape}]}
        apply(control_plane, "platform", make(policy, match=MATCH, **shaped))
    spec = get(control_plane, policy)["spec"]
    assert spec["rules"][0]["schema"] == spec["mutate"][0]["mergePatch"] == {"type": "object"}


def test_shards_share_a_status(control_plane: Sandbox, policy: str) -> None:
    """Each writes its own kinds, and leaves those of the others alone."""
    apply(control_plane, "platform", make(policy, match=MATCH, rules=[rule("a")]))
    for shard in ("one", "two", "one"):
        status = {"kinds": [{"group": "a.b", "resource": shard, "evaluated": 1}]}
        head = {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": policy}}
        apply(control_plane, shard, {**head, "status": status}, "--subresource=status")
    obj = get(control_plane, policy)
    assert sorted(kind["resource"] for kind in obj["status"]["kinds"]) == ["one", "two"]
    assert names(obj["spec"]["rules"]) == ["a"]


def table(control_plane: Sandbox, *command: str) -> dict[str, str]:
    """The one row of a table by its headings; columns are as wide as kubectl makes them."""
    heading, row = control_plane.kubectl("get", *command).stdout.splitlines()
    starts = [found.start() for found in re.finditer(r"\S+( \S+)*", heading)]
    ends = [*starts[1:], None]
    return {heading[a:b].strip(): row[a:b].strip() for a, b in zip(starts, ends, strict=True)}


def store(control_plane: Sandbox, obj: JsonObject) -> None:
    apply(control_plane, "crds", obj)
    head = {key: obj[key] for key in ("apiVersion", "kind", "metadata", "status")}
    apply(control_plane, "crds-status", head, "--subresource=status")


def test_columns_of_a_policy(control_plane: Sandbox, policy: str) -> None:
    store(control_plane, {**BASES["policy"], "metadata": {"name": policy}})
    shown = table(control_plane, "audpol", policy, "-o", "wide")
    assert shown.pop("AGE")
    assert shown == {
        "NAME": policy,
        "SEVERITY": "high",
        "ENFORCEMENT": "Deny",
        "FAIL": "1",
        "ERROR": "1",
        "READY": "True",
        "TITLE": "Database clusters keep a quorum",
        "EXISTING": "Deny",
        "FAILURE POLICY": "Ignore",
        "EVALUATED": "2",
        "NOT EVALUATED": "1",
    }


def test_columns_of_an_exception(control_plane: Sandbox, resources: dict[str, Resource], namespace: str) -> None:
    store(control_plane, {**BASES["policyexception"], "metadata": {"name": "x", "namespace": namespace}})
    shown = table(control_plane, "audex", "-n", namespace, "-o", "wide")
    assert shown.pop("AGE")
    assert shown == {
        "NAME": "x",
        "POLICIES": '["databasecluster-quorum"]',
        "OWNER": "team-checkout",
        "EXPIRES": "2027-03-31T00:00:00Z",
        "ACTIVE": "False",
        "RULES": '["odd-replicas"]',
        "REASON": "Four members while the zone eu-1c is replaced.",
    }


def test_columns_of_a_conversion(control_plane: Sandbox, resources: dict[str, Resource]) -> None:
    obj = {**BASES["conversion"], "metadata": {"name": "columns.crds.example.com"}}
    obj["spec"] = {**obj["spec"], "resource": {"group": "crds.example.com", "resource": "columns"}}
    store(control_plane, obj)
    shown = table(control_plane, "audconv", "columns.crds.example.com", "-o", "wide")
    control_plane.kubectl("delete", "audconv", "columns.crds.example.com")
    assert shown.pop("AGE")
    assert shown == {
        "NAME": "columns.crds.example.com",
        "HUB": "v1",
        "READY": "Unknown",
        "GROUP": "crds.example.com",
        "RESOURCE": "columns",
    }


def test_columns_of_the_configuration(control_plane: Sandbox, resources: dict[str, Resource]) -> None:
    with the_only_configuration(control_plane):
        store(control_plane, BASES["auditconfig"])
        shown = table(control_plane, "audcfg", "default")
        control_plane.kubectl("delete", "audcfg", "default")
    assert shown.pop("AGE")
    assert shown == {
        "NAME": "default",
        "READING": "all",
        "REPORTS": "wgpolicyk8s",
        "COVERAGE %": "98",
        "READY": "True",
    }


def test_the_category(control_plane: Sandbox, policy: str) -> None:
    apply(control_plane, "platform", make(policy, match=MATCH, rules=[rule("a")]))
    assert f"policy.auditor.dev/{policy}" in control_plane.kubectl("get", "auditor", "-A", "-o", "name").stdout
