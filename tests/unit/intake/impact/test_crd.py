"""What a changed CRD would do to stored objects, case by case."""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ClusterError, CompileError
from auditor.intake.impact.crd import CrdChange, CrdImpact, describe_gaps, describe_harm, judge_crd_update
from auditor.json import Json, JsonObject
from auditor.report.impact import Foreseen
from auditor.report.impact.table import write
from tests.unit.intake.files import crd, thing
from tests.unit.intake.once.cluster import established

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "size": {"type": "integer"},
        "color": {"type": "string", "default": "red"},
        "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
    },
}


def schema(drop: str = "", **properties: Json) -> JsonObject:
    found: JsonObject = copy.deepcopy(SCHEMA)
    found["properties"].update(properties)
    found["properties"].pop(drop, None)
    return found


OLD = established(crd("v1", "v1beta1", schema=SCHEMA))
OBJECTS = [
    thing("small", size=1, color="red", list=[{"a": "x"}, {}]),
    thing("large", size=9, color="blue", list=[{"a": "y"}, {"a": "z"}]),
]


def judge(new: JsonObject, *objects: JsonObject, old: JsonObject = OLD, **options: Any) -> CrdImpact:
    change = CrdChange(old, new, **options)
    for each in objects or OBJECTS:
        change.judge(each)
    return change.impact


def one_version(**properties: Json) -> JsonObject:
    """Only v1 is changed."""
    new = crd("v1", "v1beta1", schema=SCHEMA)
    new["spec"]["versions"][0]["schema"] = crd("v1", schema=schema(**properties))["spec"]["versions"][0]["schema"]
    return new


def test_rules_that_are_not_asked_of_an_invalid_object_are_no_fault_of_it() -> None:
    new = one_version()
    spec = new["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec |= {"required": ["extra"], "x-kubernetes-validations": [{"rule": "has(self.size)"}]}
    impact = judge(new)
    assert [(each.path, each.objects) for each in impact.invalid] == [("/spec/extra", 2)]
    assert (impact.invalid_objects, impact.unasked) == (2, 2)
    told = write(Foreseen(crds=[impact]))
    assert "not asked   2 objects: x-kubernetes-validations, as long as the object is invalid otherwise" in told
    assert "were not checked" not in told


def test_nothing_changes() -> None:
    impact = judge(crd("v1", "v1beta1", schema=SCHEMA))
    assert not impact.harmful
    assert not impact.incomplete
    assert impact.objects == 2


def test_what_becomes_invalid_is_told_once_for_all_objects() -> None:
    impact = judge(one_version(size={"type": "integer", "maximum": 0}))
    (effect,) = impact.invalid
    assert (effect.version, effect.path, effect.objects) == ("v1", "/spec/size", 2)
    assert "should be less than or equal to 0" in effect.what
    assert [each.name for each in effect.examples] == ["small", "large"]
    assert impact.invalid_objects == 2


def test_what_is_invalid_already_is_no_news() -> None:
    """A CRD that was tightened before: its old objects are as they are."""
    old = established(crd("v1", schema=schema(size={"type": "integer", "maximum": 5})))
    impact = judge(crd("v1", schema=schema(size={"type": "integer", "maximum": 5}, more={"type": "string"})), old=old)
    assert not impact.harmful
    assert (impact.invalid_objects, impact.already) == (0, 1)


def test_rules_count() -> None:
    ruled = {"type": "integer", "x-kubernetes-validations": [{"rule": "self < 5", "message": "too large"}]}
    impact = judge(one_version(size=ruled))
    assert [(each.path, each.objects) for each in impact.invalid] == [("/spec/size", 1)]


def test_lost_fields_are_told_by_their_paths() -> None:
    items = {"type": "array", "items": {"type": "object"}}
    impact = judge(one_version(list=items))
    assert [(each.version, each.path, each.objects) for each in impact.pruned] == [("v1", "spec.list[*].a", 2)]
    assert impact.pruned_objects == 2
    impact = judge(crd("v1", schema=schema(drop="color")))
    assert [(each.path, each.objects) for each in impact.pruned] == [("spec.color", 2)]


def test_new_and_changed_defaults() -> None:
    impact = judge(one_version(extra={"type": "integer", "default": 3}, color={"type": "string", "default": "green"}))
    assert not impact.harmful
    told = {each.path: (each.objects, each.what) for each in impact.defaulted}
    assert told["/spec/extra"] == (2, "would become 3")
    assert told["/spec/color"][0] == 1  # that of the other was chosen by somebody
    assert "may be there by that alone" in told["/spec/color"][1]


def test_versions_that_go() -> None:
    old = copy.deepcopy(OLD)
    old["status"]["storedVersions"] = ["v1beta1", "v1"]
    impact = judge(crd("v1", schema=SCHEMA), old=old)
    (refusal,) = impact.refusals
    assert refusal.startswith("status.storedVersions has v1beta1")
    assert impact.harmful


def test_writers_of_versions_that_go() -> None:
    written = thing("a", size=1)
    written["metadata"]["managedFields"] = [
        {"manager": "old-controller", "apiVersion": "example.com/v1beta1"},
        {"manager": "kubectl", "apiVersion": "example.com/v1"},
    ]
    new = crd("v1", "v1beta1", schema=SCHEMA)
    new["spec"]["versions"][1]["served"] = False
    (effect,) = judge(new, written).stranded
    assert effect.what == "written in v1beta1 by old-controller, which is not served then"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda new: new["spec"].update(scope="Cluster"), "spec.scope cannot change: it is Namespaced, not Cluster"),
        (
            lambda new: new["spec"]["versions"][1].update(storage=True),
            "exactly one version must be the storage version",
        ),
    ],
)
def test_what_the_server_refuses_in_any_case(change: Any, told: str) -> None:
    new = crd("v1", "v1beta1", schema=SCHEMA)
    change(new)
    assert any(each.startswith(told) for each in judge(new).refusals)


def test_what_only_a_webhook_knows_is_not_judged() -> None:
    new = crd("v1", "v2", schema=schema(size={"type": "integer", "maximum": 5}), strategy="Webhook")
    impact = judge(new)
    assert [(each.version, each.objects) for each in impact.invalid] == [("v1", 1)]
    assert list(impact.unjudged.values()) == [2]
    assert impact.incomplete
    known = judge(new, convert=lambda thing, version: {**thing, "apiVersion": f"example.com/{version}"})
    assert [each.version for each in known.invalid] == ["v1", "v2"]
    assert not known.incomplete


def test_a_new_crd_that_is_none() -> None:
    broken = crd("v1")
    broken["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = {"type": "object", "properties": {"a": {"type": "x"}}}
    with pytest.raises(CompileError):
        CrdChange(OLD, broken)


specs = st.fixed_dictionaries(
    {},
    optional={
        "size": st.integers(-3, 12) | st.text(max_size=2),
        "color": st.sampled_from(["red", "blue"]),
        "list": st.lists(st.fixed_dictionaries({}, optional={"a": st.text(max_size=2), "b": st.booleans()})),
        "odd": st.none() | st.booleans(),
    },
)


@given(st.lists(specs, min_size=1, max_size=4))
def test_no_change_does_nothing_to_anything(found: list[JsonObject]) -> None:
    impact = judge(crd("v1", "v1beta1", schema=SCHEMA), *(thing(f"t{i}", **each) for i, each in enumerate(found)))
    assert not impact.harmful


@given(st.lists(specs, min_size=1, max_size=4))
def test_each_object_counts_once(found: list[JsonObject]) -> None:
    new = crd("v1", "v1beta1", schema=schema(drop="list", size={"type": "integer", "maximum": 5}))
    impact = judge(new, *(thing(f"t{i}", **each) for i, each in enumerate(found)))
    valid = [each for each in found if type(each.get("size")) is int]
    assert impact.invalid_objects == sum(each["size"] > 5 for each in valid)
    assert impact.pruned_objects == sum("list" in each for each in found)
    assert impact.already == sum(isinstance(each.get("size"), str) for each in found)


class Clock:
    def __init__(self, objects: int) -> None:
        self._left = objects

    def __call__(self) -> bool:
        self._left -= 1
        return self._left < 0


NEW = crd("v1", schema=schema(size={"type": "integer", "maximum": 5}))


def test_a_webhook_on_crds_has_a_deadline() -> None:
    endless = itertools.chain.from_iterable(itertools.repeat(OBJECTS))
    impact = judge_crd_update(OLD, NEW, lambda: endless, Clock(10))
    assert next(describe_harm(impact)).startswith("5 objects, v1: spec.size: would be invalid: ")
    assert list(describe_gaps(impact)) == ["the time was up after 10 objects, and there are more"]
    assert impact.incomplete


def test_one_who_read_all_is_not_late() -> None:
    impact = judge_crd_update(OLD, NEW, lambda: OBJECTS, Clock(2))
    assert (impact.objects, impact.unread) == (2, [])


def test_a_list_that_breaks_off_leaves_what_was_found() -> None:
    def things() -> Iterator[JsonObject]:
        yield OBJECTS[1]
        raise ClusterError("it went away")

    impact = judge_crd_update(OLD, NEW, things, Clock(10))
    assert impact.harmful
    assert list(describe_gaps(impact)) == ["it went away"]


def test_what_changes_no_version_is_not_worth_a_list() -> None:
    def things() -> list[JsonObject]:
        raise AssertionError("listed")

    section = {"strategy": "Webhook", "webhook": {}}
    other = {
        **OLD,
        "metadata": {**OLD["metadata"], "labels": {"a": "b"}},
        "spec": {**OLD["spec"], "conversion": section},
    }
    assert not judge_crd_update(OLD, other, things, Clock(10)).harmful


def test_the_words() -> None:
    old = copy.deepcopy(OLD)
    old["status"]["storedVersions"] = ["v1beta1"]
    told = list(describe_harm(judge(crd("v1", schema=schema(drop="color")), old=old)))
    assert told[0].startswith("status.storedVersions has v1beta1")
    assert told[1] == "2 objects, v1: spec.color: would be lost (Thing here/small, here/large)"
    many = [thing(f"t{i}", size=1, color="red") for i in range(1002)]
    told = list(describe_harm(judge(crd("v1", "v1beta1", schema=schema(drop="color")), *many)))
    assert told[0] == "1,002 objects, v1: spec.color: would be lost (Thing here/t0, here/t1, here/t2 and 999 more)"
    one = list(describe_harm(judge(crd("v1", "v1beta1", schema=schema(drop="color")), many[0])))
    assert one[0] == "1 object, v1: spec.color: would be lost (Thing here/t0)"


def test_what_is_not_known_is_said() -> None:
    foreign = crd("v1", "v2", schema=SCHEMA)
    foreign["spec"]["conversion"] = {"strategy": "Webhook"}
    (gap,) = describe_gaps(judge(foreign))
    assert gap.startswith("2 objects could not be judged in v2: only the conversion webhook knows")
