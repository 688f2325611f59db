"""Our own kinds at admission, through the door."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from auditor.cluster.conditions import render_time
from auditor.cluster.discovery.crd import read_crd
from auditor.engine.read import name_of
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import State
from auditor.intake.live.view import View
from auditor.intake.packs import LABEL
from auditor.intake.packs.pack import find_pack
from auditor.intake.review import read_review
from auditor.json import Json, JsonObject
from auditor.model.settings import AuditSettings
from auditor.model.world import SYSTEM_USERS, World
from auditor.webhooks.asked import Hook
from auditor.webhooks.registration import Address
from auditor.webhooks.registration.sections import make_section
from auditor.webhooks.serving.own import PATH, judge_own, read_mistakes
from auditor.webhooks.snapshot import Snapshot
from tests.unit.webhooks.making import NOW, compiled, door_of, review, rules

ADDRESS = Address(authorities=b"", url="https://127.0.0.1:1")
OWN = {"group": "auditor.dev", "version": "v1"}


def ask(new: Json, old: Json = None, view: View | None = None, **changes: Json) -> JsonObject:
    door = door_of(Snapshot.of(compiled()), specials={PATH: judge_own(lambda: view, ADDRESS)})
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
    judge = judge_own(lambda: None, ADDRESS)

    body = review(None, rules({"cel": "("}))
    request = read_review(body, World(), time=NOW).request
    assert judge(request).allowed


THINGS = "things.example.com"


def converted(
    *, storage: str = "v2", stored: str = "v1 v2", served: str = "v1 v2", url: str = "", **more: Json
) -> View:
    """A cluster with one CRD, and where its conversion section leads."""
    names = {"plural": "things", "kind": "Thing"}
    section = make_section(THINGS, Address(authorities=b"pem", url=url or ADDRESS.url))
    crd = read_crd(
        {
            "metadata": {"name": THINGS, **more},
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": names,
                "versions": [
                    {"name": each, "served": each in served.split(), "storage": each == storage}
                    for each in ("v1", "v2")
                ],
                "conversion": section if url != "none" else {"strategy": "None"},
            },
            "status": {
                "acceptedNames": names,
                "storedVersions": stored.split(),
                "conditions": [{"type": "Established", "status": "True"}],
            },
        }
    )
    return View(kinds={THINGS: crd}, schemas=LiveSchemas({}))


def delete(view: View | None, user: str = "jane", **metadata: Json) -> JsonObject:
    conversion = {"apiVersion": "auditor.dev/v1", "kind": "Conversion", "metadata": {"name": THINGS, **metadata}}
    door = door_of(Snapshot.of(compiled()), specials={PATH: judge_own(lambda: view, ADDRESS)})
    kind, resource = {**OWN, "kind": "Conversion"}, {**OWN, "resource": "conversions"}
    body = review(None, conversion, kind=kind, resource=resource, requestKind=kind, requestResource=resource)
    body["request"] |= {"name": THINGS, "namespace": "", "userInfo": {"username": user}}
    found: JsonObject = orjson.loads(door.review(Hook.VALIDATE, orjson.dumps(body), name="own").body)["response"]
    return found


def test_a_conversion_in_use_stays_and_it_is_said_what_to_do() -> None:
    response = delete(converted())
    assert response["allowed"] is False
    assert (response["status"]["code"], response["status"]["reason"]) == (403, "Forbidden")
    said = response["status"]["message"]
    assert (
        "things.example.com is converted by this, between v2 and v1. First write the stored objects anew, "
        "auditor convert --migrate-storage things.example.com; then let the CRD no longer serve v1"
    ) in said
    assert "kubectl annotate conversion things.example.com auditor.dev/delete=anyway" in said


@pytest.mark.parametrize(
    ("view", "first"),
    [
        (converted(stored="v2"), "First let the CRD no longer serve v1. Or"),
        (converted(served="v2"), "First write the stored objects anew, auditor convert --migrate-storage"),
    ],
)
def test_either_use_is_enough(view: View, first: str) -> None:
    assert first in delete(view)["status"]["message"]


@pytest.mark.parametrize(
    "view",
    [
        None,
        View(schemas=LiveSchemas({})),
        converted(stored="v2", served="v2"),
        converted(url="https://somebody.else"),
        converted(url="none"),
        converted(deletionTimestamp="2026-01-01T00:00:00Z"),
    ],
    ids=["not known yet", "no CRD", "one version", "another webhook", "no webhook", "the CRD goes, too"],
)
def test_one_that_nobody_needs_goes(view: View | None) -> None:
    assert delete(view)["allowed"] is True


@pytest.mark.parametrize("user", sorted(SYSTEM_USERS))
def test_garbage_collection_is_not_held_up(user: str) -> None:
    assert delete(converted(), user)["allowed"] is True


def test_who_insists_is_told_what_is_lost() -> None:
    response = delete(converted(), annotations={"auditor.dev/delete": "anyway"})
    assert response["allowed"] is True
    assert "fields that its schema does not know are lost" in response["warnings"][0]
    assert delete(converted(), annotations={"auditor.dev/delete": "perhaps"})["allowed"] is False


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


def test_what_a_pack_needs_may_come_after_it() -> None:
    """Its policies are applied one after the other: that one of them judges what is scaled is known beforehand."""
    pack = find_pack("databasecluster")
    kinds = {name_of(crd): replace(read_crd(crd), established=True) for crd in pack.crds}
    view = View(kinds=kinds, schemas=LiveSchemas(kinds))
    (policy,) = (each for each in pack.policies if name_of(each) == "databasecluster-quorum")

    def warnings(labels: JsonObject) -> list[str]:
        thing = {**policy, "metadata": {**policy["metadata"], "labels": labels}}
        return [each.message for each in read_mistakes(thing, view) if "databaseclusters/scale" in each.message]

    assert warnings({LABEL: "databasecluster"}) == []
    assert warnings({}) != []
    assert warnings({LABEL: "../policies/databasecluster"}) != []


def an_exception(expires: str) -> JsonObject:
    spec = {"policies": ["sizes"], "owner": "jane", "reason": "it is being moved", "expires": expires}
    metadata = {"name": "one", "namespace": "shop"}
    return {"apiVersion": "auditor.dev/v1", "kind": "PolicyException", "metadata": metadata, "spec": spec}


def test_an_exception_that_reaches_too_far_ahead_is_refused_with_what_to_write() -> None:
    settings = AuditSettings(exception_days=10)
    config = State({}, settings, generation=1, in_force=1)
    view = View(config=config, schemas=LiveSchemas({}))
    response = ask(an_exception("2099-01-01T00:00:00Z"), view=view)
    assert response["allowed"] is False
    (cause,) = response["status"]["details"]["causes"]
    assert cause["field"] == "spec.expires"
    assert "must not be more than 10 days ahead" in cause["message"]
    soon = render_time(datetime.now(UTC) + timedelta(days=9))
    assert ask(an_exception(soon), view=view)["allowed"] is True
    # Where nothing is known of the limit, and where the end stays as it is, nobody is locked out.
    assert ask(an_exception("2099-01-01T00:00:00Z"))["allowed"] is True
    there = an_exception("2099-01-01T00:00:00Z")
    response = ask(there | {"metadata": there["metadata"] | {"labels": {"a": "b"}}}, there, view=view)
    assert response["allowed"] is True
    assert "still wrong: " in response["warnings"][0]
