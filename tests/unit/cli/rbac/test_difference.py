"""What is granted, by whomever, held against what is needed."""

from collections.abc import Iterator
from typing import Any

import pytest

from auditor.cli.rbac.difference import compare, say, say_right, to_json
from auditor.cli.rbac.granted import Granted, read_rule
from auditor.cli.rbac.parts import Part
from auditor.cluster import Resource
from auditor.errors import NotFoundError
from auditor.json import JsonObject
from auditor.model.rights import Right

NEEDED = Right(group="a", resources=("jars",), verbs=("get", "list"), why="it is judged")


class Cluster:
    """Roles and bindings, as a client gives them."""

    def __init__(self, *things: JsonObject) -> None:
        self.things = things

    def list(self, resource: Resource) -> Iterator[JsonObject]:
        return (each for each in self.things if each["kind"] == resource.kind)

    def get(self, resource: Resource, name: str, *, namespace: str = "") -> JsonObject:
        for each in self.list(resource):
            if (each["metadata"]["name"], each["metadata"].get("namespace", "")) == (name, namespace):
                return each
        raise NotFoundError("get", code=404, message="gone")


def role(name: str, *rules: JsonObject, namespace: str = "") -> JsonObject:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"kind": "Role" if namespace else "ClusterRole", "metadata": metadata, "rules": [*rules]}


def bind(
    name: str, subject: JsonObject, *, namespace: str = "", kind: str = "ClusterRole", **labels: str
) -> JsonObject:
    metadata: JsonObject = {"name": name, "labels": labels, **({"namespace": namespace} if namespace else {})}
    bound = "RoleBinding" if namespace else "ClusterRoleBinding"
    return {"kind": bound, "metadata": metadata, "roleRef": {"kind": kind, "name": name}, "subjects": [subject]}


def rule(*verbs: str, group: str = "a", resource: str = "jars", **more: Any) -> JsonObject:
    return {"apiGroups": [group], "resources": [resource], "verbs": [*verbs], **more}


ACCOUNT: JsonObject = {"kind": "ServiceAccount", "name": "w", "namespace": "ours"}
PART = Part(name="watch", account="w", fixed=(NEEDED,))


def differ(*things: JsonObject, parts: tuple[Part, ...] = (PART,)) -> JsonObject:
    client: Any = Cluster(*things)
    (found,) = to_json(compare(parts, Granted(client), "ours"), "ours")["accounts"]
    return {"missing": [each["verbs"] for each in found["missing"]], "tooMuch": found["tooMuch"]}


@pytest.mark.parametrize(
    "subject",
    [
        ACCOUNT,
        {"kind": "User", "name": "system:serviceaccount:ours:w"},
        {"kind": "Group", "name": "system:serviceaccounts"},
        {"kind": "Group", "name": "system:serviceaccounts:ours"},
        {"kind": "Group", "name": "system:authenticated"},
    ],
    ids=str,
)
def test_whoever_is_meant_by_a_binding(subject: JsonObject) -> None:
    assert differ(role("r", rule("get", "list")), bind("r", subject)) == {"missing": [], "tooMuch": []}


@pytest.mark.parametrize(
    "subject",
    [
        ACCOUNT | {"name": "other"},
        ACCOUNT | {"namespace": "theirs"},
        {"kind": "User", "name": "w"},
        {"kind": "Group", "name": "system:serviceaccounts:theirs"},
        {"kind": "Robot", "name": "w"},
    ],
    ids=str,
)
def test_others_are_not(subject: JsonObject) -> None:
    assert differ(role("r", rule("get", "list")), bind("r", subject))["missing"] == [["get", "list"]]


def test_a_part_is_missing_and_a_part_too_much() -> None:
    found = differ(role("r", rule("get", "delete"), rule("*", resource="lids")), bind("r", ACCOUNT))
    assert found["missing"] == [["list"]]
    assert [(each["verbs"], each["resources"], each["by"]) for each in found["tooMuch"]] == [
        (["delete"], ["jars"], "ClusterRole r, bound by ClusterRoleBinding r"),
        (["*"], ["lids"], "ClusterRole r, bound by ClusterRoleBinding r"),
    ]


def test_in_one_namespace_is_not_everywhere() -> None:
    found = differ(role("r", rule("get", "list")), bind("r", ACCOUNT, namespace="shop"))
    assert found["missing"] == [["get", "list"]]
    inside = Part(
        name="watch", account="w", fixed=(Right(group="a", resources=("jars",), verbs=("get",), namespace="ours"),)
    )
    wide = differ(role("r", rule("get")), bind("r", ACCOUNT), parts=(inside,))
    assert (wide["missing"], wide["tooMuch"][0]["namespace"]) == ([], "")
    right = differ(
        role("r", rule("get"), namespace="ours"), bind("r", ACCOUNT, namespace="ours", kind="Role"), parts=(inside,)
    )
    assert right == {"missing": [], "tooMuch": []}


def test_cluster_admin_is_too_much() -> None:
    paths = {"nonResourceURLs": ["*"], "verbs": ["*"]}
    found = differ(role("cluster-admin", rule("*", group="*", resource="*"), paths), bind("cluster-admin", ACCOUNT))
    assert (found["missing"], len(found["tooMuch"])) == ([], 2)


@pytest.mark.parametrize("group", ["system:authenticated", "system:serviceaccounts"])
def test_what_everybody_has_by_default_does_not_count(group: str) -> None:
    """Of the roles that every cluster has: those of somebody else with the same label do."""
    subject, label = {"kind": "Group", "name": group}, {"kubernetes.io/bootstrapping": "rbac-defaults"}
    rules = (rule("get", "list"), rule("create"))
    assert differ(role("system:x", *rules), bind("system:x", subject, **label)) == {
        "missing": [["get", "list"]],
        "tooMuch": [],
    }
    assert differ(role("x", *rules), bind("x", subject, **label))["tooMuch"][0]["verbs"] == ["create"]


def test_a_label_hides_nothing() -> None:
    labelled = bind("r", ACCOUNT, **{"kubernetes.io/bootstrapping": "rbac-defaults"})
    assert differ(role("r", rule("get", "list", "delete")), labelled)["tooMuch"][0]["verbs"] == ["delete"]


def test_a_role_that_is_gone_grants_nothing() -> None:
    assert differ(bind("r", ACCOUNT))["missing"] == [["get", "list"]]


def test_two_parts_of_one_account_are_looked_at_together() -> None:
    other = Part(
        name="dashboard", account="w", fixed=(Right(group="a", resources=("jars",), verbs=("patch",), why="x"),)
    )
    assert differ(role("r", rule("get", "list", "patch")), bind("r", ACCOUNT), parts=(PART, other)) == {
        "missing": [],
        "tooMuch": [],
    }


def test_the_account_of_a_part_is_found_by_its_binding() -> None:
    client: Any = Cluster(bind("auditor-dashboard", ACCOUNT), bind("auditor-watch", {"kind": "User", "name": "w"}))
    granted = Granted(client)
    accounts = [granted.account_of(f"auditor-{part}") for part in ("dashboard", "watch", "webhook")]
    assert accounts == ["w", "", ""]


def test_what_it_says() -> None:
    client: Any = Cluster(role("r", rule("get", "delete")), bind("r", ACCOUNT))
    assert list(say(compare((PART,), Granted(client), "ours"), "ours")) == [
        "watch (ServiceAccount ours/w): 1 missing, 1 too much",
        "  missing: list jars.a: it is judged",
        "  too much: delete jars.a: ClusterRole r, bound by ClusterRoleBinding r",
    ]
    named = Right(group="", resources=("secrets",), verbs=("get",), names=("mail",), namespace="ours")
    assert say_right(named) == "get secrets named mail in ours"


def test_rules_with_several_groups() -> None:
    found = list(read_rule({"apiGroups": ["", "a"], "resources": ["x"], "verbs": ["get"]}, "ours"))
    assert [(each.group, each.namespace) for each in found] == [("", "ours"), ("a", "ours")]
