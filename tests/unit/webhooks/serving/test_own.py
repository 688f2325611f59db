"""Our own kinds at admission, through the door."""

import orjson
import pytest

from auditor.cluster.discovery.crd import read_crd
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.view import View
from auditor.intake.review import read_review
from auditor.json import Json, JsonObject
from auditor.model.world import World
from auditor.webhooks.asked import Hook
from auditor.webhooks.serving.own import PATH, judge_own, read_mistakes
from auditor.webhooks.snapshot import Snapshot
from tests.unit.webhooks.making import NOW, compiled, door_of, review, rules

OWN = {"group": "auditor.dev", "version": "v1"}


def ask(new: Json, old: Json = None, view: View | None = None, **changes: Json) -> JsonObject:
    door = door_of(Snapshot.of(compiled()), specials={PATH: judge_own(lambda: view)})
    kind = {**OWN, "kind": new["kind"]}
    resource = {**OWN, "resource": f"{new['kind'].lower()}s"}
    body = review(new, old, kind=kind, resource=resource, requestKind=kind, requestResource=resource, **changes)
    body["request"] |= {"name": new["metadata"]["name"], "namespace": ""}
    answer = door.review(Hook.VALIDATE, orjson.dumps(body), name="own")
    found: JsonObject = orjson.loads(answer.body)["response"]
    return found


def test_a_right_policy_passes_without_a_word() -> None:
    response = ask(rules({"cel": "object.spec.size < 1"}))
    assert response["allowed"] is True
    assert "warnings" not in response


def test_a_wrong_one_is_refused_with_every_mistake_and_its_place() -> None:
    response = ask(rules({"cel": "object.spec.size <"}, {"jq": ".a |"}, {"shema": {}}))
    assert response["allowed"] is False
    assert response["status"]["code"] == 422
    causes = {each["field"]: each["message"] for each in response["status"]["details"]["causes"]}
    assert "at 1:19" in causes["spec.rules[0].cel"]
    assert "spec.rules[1].jq" in causes
    assert "did you mean schema?" in causes["spec.rules[2].shema"]


def test_who_leaves_the_spec_alone_is_not_locked_out() -> None:
    wrong = rules({"cel": "object.spec.size <"})
    held = wrong | {"metadata": {"name": "sizes", "finalizers": ["example.com/x"]}}
    response = ask(wrong, held)
    assert response["allowed"] is True
    assert "still wrong: " in response["warnings"][0]
    assert ask(rules({"cel": "object.spec.size <="}), held)["allowed"] is False


def test_a_deletion_is_nobodys_business() -> None:
    judge = judge_own(lambda: None)

    body = review(None, rules({"cel": "("}))
    request = read_review(body, World(), time=NOW).request
    assert judge(request).allowed


@pytest.mark.parametrize(
    ("kind", "spec", "said"),
    [
        ("PolicyException", {"policies": ["a"], "owner": "x", "reason": "y", "expires": "tomorrow"}, "a date, a time"),
        ("Conversion", {"resource": {"group": "a.b", "resource": "c"}, "steps": [{"from": "v1"}]}, "Required value"),
        ("AuditConfig", {"unknown": 1}, "unknown field"),
        ("Nonsense", {}, "has no kind Nonsense"),
    ],
)
def test_each_kind_is_read(kind: str, spec: JsonObject, said: str) -> None:
    thing = {"apiVersion": "auditor.dev/v1", "kind": kind, "metadata": {"name": "c.a.b"}, "spec": spec}
    assert said in "\n".join(map(str, read_mistakes(thing)))


def test_what_is_told_as_a_warning_passes() -> None:
    versions = [
        {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            "subresources": {"scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
        }
    ]
    names = {"plural": "things", "kind": "Thing"}
    crd = read_crd(
        {
            "metadata": {"name": "things.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions},
            "status": {"acceptedNames": names, "conditions": [{"type": "Established", "status": "True"}]},
        }
    )
    kinds = {"things.example.com": crd}
    response = ask(rules({"cel": "object.spec.replicas < 3"}), view=View(kinds=kinds, schemas=LiveSchemas(kinds)))
    assert response["allowed"] is True
    assert any("things/scale" in each for each in response["warnings"])
