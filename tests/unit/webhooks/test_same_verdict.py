"""One engine, one verdict: the door says of an object what a scan says of it, first mutated, then judged."""

from base64 import b64decode

import orjson
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.patch import apply_patch
from auditor.intake.door import judge_as_door
from auditor.json import Json, JsonObject
from auditor.model.finding import Finding, Result, Verdict
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Origin, Request, User
from auditor.webhooks import wording
from auditor.webhooks.asked import Hook
from auditor.webhooks.snapshot import Snapshot
from tests.unit.webhooks.making import NOW, ask, compiled, door_of, policy, review, rules, thing

HERE = {"metadata": {"name": "here", "labels": {"env": "prod"}}}
ENGINE = compiled(
    rules({"cel": "object.spec.size <= 3"}, {"cel": "object.spec.name.size() > 1", "enforcement": "Warn"}, name="cel"),
    rules({"jq": ".spec.size != 2"}, {"deny": '.spec.tags[]? | "tag \\(.)"'}, name="jq"),
    rules({"schema": {"properties": {"spec": {"required": ["size"]}}}}, name="schema", failurePolicy="Ignore"),
    rules(
        {"cel": "object.spec.size != 1"},
        name="overridden",
        enforcementOverrides=[{"namespaceSelector": {"matchLabels": {"env": "prod"}}, "enforcement": "Audit"}],
    ),
    rules({"cel": "!('x' in object.spec.tags)"}, name="ratchets", existing="Audit"),
    policy("defaults", mutate=[{"name": "name", "jq": '.spec.name //= "n"'}]),
    policy("breaks", mutate=[{"name": "size", "jq": 'if .spec.size == 5 then error("five") else . end'}]),
)
SNAPSHOT = Snapshot.of(ENGINE, namespaces={"here": HERE})

specs: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {},
    optional={
        "size": st.integers(-1, 5) | st.sampled_from(["3", None]),
        "name": st.text("ab", max_size=3) | st.just(7),
        "tags": st.lists(st.sampled_from("xyz"), max_size=2),
    },
)


def as_request(new: Json, old: Json) -> Request:
    """What a file with such a review asks."""
    return Request(
        operation=Operation.UPDATE if old is not None else Operation.CREATE,
        kind=GroupVersionKind("example.com", "v1", "Thing"),
        resource=GroupVersionResource("example.com", "v1", "things"),
        object=new,
        old_object=old,
        name="one",
        namespace="here",
        user=User("jane", groups=("devs",)),
        options={"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        namespace_object=HERE,
        origin=Origin.FILE,
        time=NOW,
    )


@given(specs, st.none() | specs)
def test_the_same_verdict_as_a_scan(spec: Json, old_spec: Json) -> None:
    new, old = thing(spec), None if old_spec is None else thing(old_spec)
    scanned = judge_as_door(ENGINE, as_request(new, old), passes=False)
    door = door_of(SNAPSHOT)
    mutated = ask(door, review(new, old), hook=Hook.MUTATE)
    if not mutated["allowed"]:
        assert not scanned.allowed
        assert causes(mutated) == told(scanned, mutations=True)
        return
    if "patch" in mutated:
        new = apply_patch(new, orjson.loads(b64decode(mutated["patch"])))
    validated = ask(door, review(new, old))
    assert validated["allowed"] is scanned.allowed
    assert causes(validated) == told(scanned, mutations=False)
    assert validated.get("warnings", []) == wording.say_warnings(scanned.warnings)


def causes(response: JsonObject) -> list[str]:
    return [each["message"] for each in response.get("status", {}).get("details", {}).get("causes", ())]


def told(scanned: Verdict, *, mutations: bool) -> list[str]:
    findings = [f for f in scanned.findings if f.blocks and _is_of_mutation(f) is mutations]
    return [wording.say_finding(each, {}, field=False) for each in wording.sort_findings(findings)]


def _is_of_mutation(finding: Finding) -> bool:
    return finding.result is Result.ERROR and finding.message.startswith("mutation ")
