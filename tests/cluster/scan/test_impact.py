"""What candidates would do in a real cluster, and that it then happens."""

import json
from collections.abc import Iterator

import pytest

from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.scan.conftest import GROUP, SCHEMA, Place, make_crd, policy, widget

OBJECTS = [
    widget("small", size=1),
    widget("middle", size=4),
    widget("large", size=9),
    widget("large", "lab", size=8),
]


@pytest.fixture
def filled(place: Place) -> Iterator[Place]:
    place.define(make_crd())
    place.apply(*OBJECTS)
    yield place
    for name in ("sizes", "members"):
        place.sandbox.kubectl("delete", "policies.auditor.dev", name, "--ignore-not-found")


def deny(below: int, *, existing: str = "Audit") -> JsonObject:
    rules: list[JsonObject] = [{"jq": f".spec.size < {below}", "message": "too large"}]
    return policy("sizes", rules, enforcement="Deny", existing=existing)


def test_a_new_policy(filled: Place) -> None:
    run = filled.run("impact", filled.write("p.json", deny(5)), "-o", "json")
    assert run.code == 1, run.err
    (told,) = run.json["cluster"]["policies"]
    assert (told["replaces"], told["matched"]) == (False, 4)
    assert told["findings"] == {"new": 2, "still": 0, "fixed": 0}
    # existing: Audit, the default: what violates already may go on being updated, but not come again
    assert told["objects"] == {
        "violating": 2, "refusedAtUpdate": 0, "refusedAtCreation": 2, "warned": 2, "mutated": 0, "errors": 0,
    }  # fmt: skip
    assert {(each["namespace"], each["objects"]) for each in told["places"]} == {("shop", 1), ("lab", 1)}
    assert {each["resource"]["name"] for each in told["examples"]} == {"large"}
    strict = filled.run("impact", filled.write("p.json", deny(5, existing="Deny")), "-o", "json")
    assert strict.json["cluster"]["policies"][0]["objects"]["refusedAtUpdate"] == 2


def test_a_changed_policy(filled: Place) -> None:
    filled.apply(deny(5))
    run = filled.run("impact", filled.write("p.json", deny(9)), "-o", "json")
    (told,) = run.json["cluster"]["policies"]
    assert run.code == 0
    assert told["findings"] == {"new": 0, "still": 1, "fixed": 1}
    run = filled.run("impact", filled.write("p.json", deny(4)), "-o", "json")
    (told,) = run.json["cluster"]["policies"]
    assert (run.code, told["findings"]) == (1, {"new": 1, "still": 2, "fixed": 0})
    assert told["objects"]["refusedAtCreation"] == 1
    same = filled.run("impact", filled.write("p.json", deny(5)))
    assert same.code == 0
    assert same.out.splitlines()[-1] == "4 objects: 0 would be refused that are not now"


def test_what_warns_and_what_mutates(filled: Place) -> None:
    warning = policy("members", [{"jq": ".spec.members | length > 0"}], enforcement="Warn",
                     mutate=[{"name": "host", "jq": '.spec.host //= "a.example.com"'}])  # fmt: skip
    run = filled.run("impact", filled.write("p.json", warning), "-o", "json")
    assert run.code == 0
    objects = run.json["cluster"]["policies"][0]["objects"]
    assert (objects["warned"], objects["mutated"], objects["refusedAtCreation"]) == (4, 4, 0)


def line(uid: str, size: int, *, allowed: bool = True, webhook: str = "validate/fail-10s", **more: object) -> str:
    thing = widget(f"w{uid}", size=size)
    found = {
        "uid": uid, "webhook": webhook, "operation": "CREATE", "apiVersion": f"{GROUP}/v1", "kind": "Widget",
        "namespace": "shop", "name": f"w{uid}", "user": "jane", "groups": ["devs"], "allowed": allowed,
        "dryRun": False, "findings": [] if allowed else [{"policy": "sizes", "blocks": True}],
        "object": thing, "oldObject": None,
    }  # fmt: skip
    return json.dumps({**found, **more})


def test_decisions_are_judged_again(filled: Place) -> None:
    log = filled.folder / "decisions.jsonl"
    lines = [
        line("1", 1), line("2", 7), line("2", 7, webhook="validate/ignore-5s"), line("3", 9, allowed=False),
        line("4", 4, allowed=False), line("5", 9, webhook="mutate/fail-10s"), line("6", 9, dryRun=True),
        line("7", 9, object=None), line("8", 9), line("8", 9, allowed=False),
    ]  # fmt: skip
    log.write_text("\n".join(lines))
    policies = filled.write("p.json", deny(5))
    run = filled.run("impact", policies, "--decisions", str(log), "-o", "json")
    told = run.json["decisions"]
    assert run.code == 1
    assert (told["replayed"], told["refused"], told["admitted"]) == (5, 1, 1)
    assert [each["name"] for each in told["examples"]] == ["w2"]
    assert sum(told["skipped"].values()) == 5
    offline = filled.run("impact", policies, "--decisions", str(log), "--offline", "-o", "json")
    assert offline.json["decisions"] == told
    looks = policy("looks", [{"jq": "$lookups.peers == []"}],
                   lookups=[{"name": "peers", "resource": {"group": GROUP, "resource": "widgets"}}])  # fmt: skip
    offline = filled.run("impact", filled.write("l.json", looks), "--decisions", str(log), "--offline")
    assert offline.code == 3  # what is not known is no "there is none"


def changed(**spec: object) -> JsonObject:
    schema = json.loads(json.dumps(SCHEMA))
    schema["properties"]["spec"]["properties"].update(spec)
    return make_crd(schema={**schema})


def test_a_tightened_crd(filled: Place) -> None:
    """What is said to be invalid, the API server refuses when it is so."""
    new = changed(size={"type": "integer", "maximum": 5}, color={"type": "string", "default": "red"})
    run = filled.run("impact", "--crd", filled.write("crd.json", new), "-o", "json")
    assert run.code == 1, run.err
    (told,) = run.json["crds"]
    assert told["objects"] == 4
    assert told["invalid"]["objects"] == 2
    assert {each["path"] for each in told["invalid"]["at"]} == {"/spec/size"}
    assert {each["path"]: each["objects"] for each in told["defaulted"]} == {"/spec/color": 8 // 2}
    assert filled.run("impact", "--crd", filled.write("crd.json", make_crd())).code == 0


def test_lost_fields_and_stranded_versions(filled: Place) -> None:
    filled.apply(widget("hosted", size=1, host="a.example.com", members=[{"name": "a", "cpu": 3}, {"name": "b"}]))
    new = make_crd(versions=("v1",))
    for version in new["spec"]["versions"]:
        version["schema"]["openAPIV3Schema"] = json.loads(json.dumps(SCHEMA))
        del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["host"]
    old_client = {**widget("beta", size=1), "apiVersion": f"{GROUP}/v1beta1"}
    filled.apply(old_client)
    run = filled.run("impact", "--crd", filled.write("crd.json", new), "-o", "json")
    (told,) = run.json["crds"]
    assert [(each["path"], each["objects"]) for each in told["pruned"]["at"]] == [("spec.host", 1)]
    assert [each["version"] for each in told["stranded"]] == ["v1beta1"]
    assert told["refusals"] == []
    gone = make_crd(versions=("v1beta1",))
    run = filled.run("impact", "--crd", filled.write("crd.json", gone), "-o", "json")
    assert "status.storedVersions has v1" in run.json["crds"][0]["refusals"][0]
    refused = filled.sandbox.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f",
                                     filled.write("crd.json", gone), check=False)  # fmt: skip
    assert "status.storedVersions[0]" in refused.stderr
    filled.sandbox.kubectl("delete", f"widgets.{GROUP}", "-n", "shop", "hosted", "beta")


def test_mistakes(place: Place, sandbox: Sandbox) -> None:
    kubeconfig = ("--kubeconfig", str(sandbox.kubeconfig))
    assert place.run("impact", *kubeconfig).code == 2
    assert place.run("impact", "--decisions", "x", "--crd", "y", *kubeconfig).code == 2
    broken = place.write("broken.json", policy("broken", [{"jq": ".spec ==="}]))
    assert place.run("impact", broken, *kubeconfig).code == 2
    nowhere = place.run("impact", "--crd", place.write("crd.json", make_crd("Nowhere")), *kubeconfig)
    assert nowhere.code == 0
    assert "it is not in the cluster" in nowhere.out
