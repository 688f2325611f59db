"""ownership: what somebody else changed of a declared manager's; controllers that fill in fields are not drift."""

from typing import Any

import orjson
import pytest

from auditor.checks import Outcome
from auditor.checks.ownership import LAST_APPLIED, NO_MANAGERS
from auditor.json import Json, JsonObject
from auditor.model.settings import Check
from tests.unit.checks.making import ask, found, only, schema_of, single, thing, wrote

GITOPS = "argocd-controller"
SCHEMA = schema_of(
    size={"type": "integer"},
    image={"type": "string", "default": "web"},
    extra={"type": "string"},
    limits={"type": "object", "additionalProperties": {"type": "integer"}},
    tags={"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
    tokens={"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
    args={"type": "array", "items": {"type": "string"}},
    ports={
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
        },
    },
)


def judge(made: JsonObject, **more: Any) -> Outcome:
    return ask(made, settings=only(Check.OWNERSHIP, managers=[GITOPS]), **{"schema": SCHEMA, **more})


# Server-side apply: what it wanted stands nowhere.


def applied(*others: JsonObject, paths: tuple[str, ...] = ("spec.image", "spec.limits.cpu")) -> JsonObject:
    spec = {"size": 9, "image": "web", "limits": {"cpu": 1, "memory": 2}, "tags": ["a"], "ports": [{"name": "x"}]}
    return thing(spec, wrote(GITOPS, 10, *paths, operation="Apply"), *others)


BY_HAND = {
    "edited": (wrote("kubectl-edit", 20, "spec.size"), "/spec/size"),
    "patched": (wrote("kubectl-patch", 20, "spec.size"), "/spec/size"),
    "applied by hand, by force": (wrote("kubectl", 20, "spec.size", operation="Apply"), "/spec/size"),
    "in a browser": (wrote("Mozilla", 20, "spec.limits.memory"), "/spec/limits/memory"),
}


@pytest.mark.parametrize(("entry", "path"), BY_HAND.values(), ids=BY_HAND.keys())
def test_by_hand(entry: JsonObject, path: str) -> None:
    finding = single(judge(applied(entry)))
    assert (finding.policy, finding.rule, finding.path) == ("ownership", "changed", path)
    assert finding.message == (
        f"{path} was changed at 2026-06-01T09:20:00Z by {entry['manager']} ({entry['operation']}), and is no longer"
        f" what {GITOPS} wrote"
    )
    assert GITOPS in finding.remediation


RIGHT = {
    "nobody else wrote": applied(),
    "a controller filled in a field": applied(wrote("widget-operator", 20, "spec.size")),
    "a controller wrote the status": applied(wrote("kubectl-patch", 20, "status.size", subresource="status")),
    "an autoscaler, or kubectl scale": applied(wrote("kubectl", None, "spec.size", subresource="scale")),
    "by hand, and applied again since": applied(wrote("kubectl-edit", 5, "spec.size")),
    "in the second in which it was applied": applied(wrote("kubectl-edit", 10, "spec.size")),
    "another wrote the same value": applied(wrote("kubectl", 20, "spec.image", operation="Apply")),
    "an apply that changed nothing": applied(wrote("kubectl", None, "spec.size", operation="Apply")),
    "scaled, by a server that notes the time": applied(wrote("kubectl", 20, "spec.size", subresource="scale")),
    "labels and annotations": applied(
        wrote("kubectl-label", 20, "metadata.labels.x"), paths=("metadata.labels.y", "spec.image")
    ),
    "kubectl rollout restart": applied(wrote("kubectl-rollout", 20, "spec.size")),
    "an item was added to a set": applied(wrote("kubectl-edit", 20, 'spec.tags.v:"a"'), paths=('spec.tags.v:"b"',)),
    "an item was added to a list": applied(wrote("kubectl-edit", 20, 'spec.ports.k:{"name":"x"}.port')),
    "an operator that only fills in what people left out": thing(
        {"size": 1, "image": "web"}, wrote(GITOPS, 10, "spec.image"), wrote("kubectl-edit", 20, "spec.size")
    ),
    "not in its hands": thing({"size": 1}, wrote("kubectl-edit", 20, "spec.size")),
    "it wrote metadata only": applied(wrote("kubectl-edit", 20, "spec.size"), paths=("metadata.labels.x",)),
    "no managedFields": thing({"size": 1}),
}


@pytest.mark.parametrize("made", RIGHT.values(), ids=RIGHT.keys())
def test_no_drift(made: JsonObject) -> None:
    outcome = judge(made)
    assert (outcome.findings, outcome.not_applicable, outcome.asked) == ((), (), ("ownership",))


def test_each_path_has_its_own() -> None:
    outcome = judge(applied(wrote("kubectl-edit", 20, "spec.size", "spec.limits.memory")))
    assert [path for _, _, path in found(outcome)] == ["/spec/size", "/spec/limits/memory"]


def test_no_declared_managers() -> None:
    outcome = ask(applied(wrote("kubectl-edit", 20, "spec.size")), Check.OWNERSHIP)
    assert (outcome.findings, outcome.asked) == ((), ())
    assert outcome.not_applicable == (("ownership", NO_MANAGERS),)


# Client-side apply: its configuration is in an annotation.


def configured(
    wanted: JsonObject, spec: JsonObject, *others: JsonObject, own: tuple[str, ...] = (), **metadata: Json
) -> JsonObject:
    wanted = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "one", **metadata}, "spec": wanted}
    made = thing(spec, annotations={LAST_APPLIED: orjson.dumps(wanted).decode()})
    entry = wrote(GITOPS, 10, *own)
    entry["fieldsV1"]["f:metadata"] = {"f:annotations": {".": {}, f"f:{LAST_APPLIED}": {}}}
    made["metadata"]["managedFields"] = [entry, *others]
    return made


def test_value_that_is_otherwise_now() -> None:
    made = configured(
        {"size": 3, "image": "web"}, {"size": 5, "image": "web"}, wrote("widget-operator", 20, "spec.size")
    )
    finding = single(judge(made))
    assert (finding.rule, finding.path) == ("changed", "/spec/size")
    assert "at 2026-06-01T09:20:00Z by widget-operator (Update)" in finding.message


def test_scaled() -> None:
    made = configured({"size": 3}, {"size": 5}, wrote("kubectl", None, "spec.size", subresource="scale"))
    assert (
        "at a time that is not recorded by kubectl (Update through the subresource scale)"
        in single(judge(made)).message
    )


def test_item_of_a_list_that_moved() -> None:
    made = configured(
        {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]},
        {"ports": [{"name": "new"}, {"name": "b", "port": 9}, {"name": "a", "port": 1}]},
        wrote("x", 20, 'spec.ports.k:{"name":"b"}.port'),
    )
    assert found(judge(made)) == [("changed", "fail", "/spec/ports/1/port")]


GONE = {
    "a field": ({"size": 3, "extra": "x"}, {"size": 3}, "/spec/extra"),
    "a key of a map": ({"limits": {"cpu": 1}}, {"limits": {}}, "/spec/limits/cpu"),
    "an item of a list": ({"ports": [{"name": "a"}, {"name": "b"}]}, {"ports": [{"name": "a"}]}, "/spec/ports"),
    "an item of a set": ({"tags": ["a", "b"]}, {"tags": ["b", "c"]}, "/spec/tags"),
}


@pytest.mark.parametrize(("wanted", "spec", "path"), GONE.values(), ids=GONE.keys())
def test_removed(wanted: JsonObject, spec: JsonObject, path: str) -> None:
    finding = single(judge(configured(wanted, spec, own=("spec.size", "spec.ports", "spec.tags"))))
    assert (finding.rule, finding.path) == ("removed", path)
    assert "not recorded" in finding.message


def test_label_that_was_removed() -> None:
    made = configured({}, {}, labels={"team": "a"})
    assert found(judge(made)) == [("removed", "fail", "/metadata/labels/team")]


AS_CONFIGURED = {
    "the same": configured({"size": 3}, {"size": 3}),
    "beside it what others fill in": configured(
        {"size": 3, "ports": [{"name": "a"}]},
        {"size": 3, "image": "web", "ports": [{"name": "a", "port": 1}, {"name": "b"}], "tags": ["x"]},
        wrote("widget-operator", 20, "spec.image", 'spec.ports.k:{"name":"a"}.port', 'spec.tags.v:"x"'),
    ),
    "by hand, what it does not want to have": configured(
        {"size": 3}, {"size": 3, "extra": "x"}, wrote("kubectl-edit", 20, "spec.extra")
    ),
    "otherwise, but it wrote that itself: changed at the door": configured(
        {"image": "app"}, {"image": "registry/app"}, own=("spec.image",)
    ),
    "as that, and another wrote the same": configured(
        {"image": "app"},
        {"image": "registry/app"},
        wrote("another", 20, "spec.image", operation="Apply"),
        own=("spec.image",),
    ),
    "otherwise, and nobody owns it": configured({"size": 3}, {"size": 5}),
    "a field that the server does not know": configured({"size": 3, "colour": "red"}, {"size": 3}),
    "null": configured({"size": 3, "extra": None}, {"size": 3}),
    "numbers": configured({"size": 3.0}, {"size": 3}),
    "status is not applied": configured({"size": 3}, {"size": 3}) | {"status": {"size": 1}},
}


@pytest.mark.parametrize("made", AS_CONFIGURED.values(), ids=AS_CONFIGURED.keys())
def test_as_configured(made: JsonObject) -> None:
    assert judge(made).findings == ()


def test_configuration_of_somebody_else_says_nothing() -> None:
    made = configured({"size": 3}, {"size": 5}, wrote("widget-operator", 20, "spec.size"), own=("spec.image",))
    made["metadata"]["managedFields"][0]["manager"] = "kubectl-client-side-apply"
    made["metadata"]["managedFields"].append(wrote(GITOPS, 5, "spec.image"))
    assert judge(made).findings == ()


@pytest.mark.parametrize("text", ["{", "[]", 1, ""])
def test_configuration_that_cannot_be_read(text: Json) -> None:
    made = configured({"size": 3}, {"size": 5}, wrote("widget-operator", 20, "spec.size"))
    made["metadata"]["annotations"][LAST_APPLIED] = text
    assert judge(made).findings == ()


def test_built_in_kind_has_no_schema() -> None:
    """Items are told apart by their names; what is missing may never have been there."""
    wanted = {"containers": [{"name": "a", "image": "x"}], "typo": 1, "args": ["a"]}
    spec = {"containers": [{"name": "side"}, {"name": "a", "image": "y"}], "args": ["a", "b"]}
    made = configured(
        wanted, spec, wrote("kubectl-set", 20, 'spec.containers.k:{"name":"a"}.image'), wrote("x", 20, "spec.args")
    )
    outcome = judge(made, schema=None, facts=None)
    assert found(outcome) == [("changed", "fail", "/spec/containers/1/image"), ("changed", "fail", "/spec/args")]


def test_no_value_is_told() -> None:
    made = configured({"tokens": ["hunter2", "b"]}, {"tokens": ["b"]})
    assert "hunter2" not in str(single(judge(made)))
