"""ConversionReviews: all objects, or none and why."""

import copy

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.convert import Conversion
from auditor.json import Json, JsonObject
from auditor.webhooks.door import Door
from auditor.webhooks.respond import encode
from auditor.webhooks.snapshot import Snapshot
from tests.unit.webhooks.making import UID, compiled, conversion, conversion_review, door_of, thing


def open_door(way: Conversion | None = None) -> Door:
    conversions = {("example.com", "Thing"): way or conversion()}
    return door_of(Snapshot.of(compiled(), conversions=conversions))


def convert(*objects: Json, door: Door | None = None, **changes: Json) -> JsonObject:
    answer = (door or open_door()).convert(encode(conversion_review(*objects, **changes)))
    assert answer.status == 200
    written = orjson.loads(answer.body)
    assert (written["apiVersion"], written["kind"]) == ("apiextensions.k8s.io/v1", "ConversionReview")
    response: JsonObject = written["response"]
    assert response.keys() == {"uid", "result", "convertedObjects"}
    assert response["uid"] == UID
    if response["result"]["status"] != "Success":
        assert response["result"]["status"] == "Failure"
        assert response["result"]["message"]
        assert response["convertedObjects"] == []
    return response


def message(response: JsonObject) -> str:
    assert response["result"]["status"] == "Failure"
    return str(response["result"]["message"])


def test_all_objects_are_converted_in_their_order() -> None:
    objects = [thing({"size": size}, name=f"n{size}") for size in range(5)]
    response = convert(*objects)
    assert response["result"] == {"status": "Success"}
    assert [each["spec"] for each in response["convertedObjects"]] == [{"count": size} for size in range(5)]
    assert {each["apiVersion"] for each in response["convertedObjects"]} == {"example.com/v2"}
    assert [each["metadata"] for each in response["convertedObjects"]] == [each["metadata"] for each in objects]


def test_what_has_the_version_already_stays_as_it_is() -> None:
    there = {**thing({"any": "thing"}), "apiVersion": "example.com/v2"}
    assert convert(there)["convertedObjects"] == [there]
    assert convert()["convertedObjects"] == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({**thing(), "kind": "Other"}, "here/bad: no Conversion is known for Other (example.com)"),
        ({**thing(), "apiVersion": "else.com/v1"}, "here/bad: no conversion leads from else.com/v1 to example.com/v2"),
        ({**thing(), "apiVersion": "example.com/v7"}, "Thing here/bad: no conversion from v7 to v2"),
        (thing("text"), "Thing here/bad: conversion from v1 to v2: "),
    ],
)
def test_a_failure_names_the_object_and_converts_nothing(wrong: JsonObject, said: str) -> None:
    wrong = copy.deepcopy(wrong)
    wrong["metadata"]["name"] = "bad"
    assert said in message(convert(thing(), wrong, thing()))


def test_a_step_may_not_change_the_identity() -> None:
    steps = [
        {"from": "v1", "to": "v2", "jq": '.metadata.name = "other"'},
        {"from": "v2", "to": "v1", "jq": "., ."},
    ]
    way = conversion(steps=steps)
    assert "changes metadata" in message(convert(thing(), door=open_door(way)))
    back = {**thing(), "apiVersion": "example.com/v2"}
    assert "yields 2 values" in message(convert(back, desired="example.com/v1", door=open_door(way)))


def test_wrong_fields_are_said() -> None:
    assert "desiredAPIVersion" in message(convert(thing(), desired=7))
    assert "request.objects" in message(convert(objects=None))


def test_a_fault_of_ours_names_no_details(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(Conversion, "convert", fail)
    said = message(convert(thing()))
    assert UID in said
    assert "secret" not in said
    assert "secret" in caplog.text


def test_a_long_reason_is_cut() -> None:
    way = conversion(
        steps=[{"from": "v1", "to": "v2", "jq": 'error("x" * 200000)'}, {"from": "v2", "to": "v1", "jq": "."}]
    )
    assert len(message(convert(thing(), door=open_door(way)))) < 32768


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "apiVersion": st.sampled_from(["example.com/v1", "example.com/v2", "v1", ""]) | json_values,
            "kind": st.sampled_from(["Thing", "Other"]) | json_values,
            "metadata": st.fixed_dictionaries({"name": st.text(max_size=5)}) | json_values,
            "spec": json_values,
        },
    )
    | json_values,
    max_size=3,
)
FUZZED = open_door()


@given(objects, st.sampled_from(["example.com/v1", "example.com/v2"]) | json_values)
def test_whatever_comes_is_answered(things: list[Json], desired: Json) -> None:
    response = convert(*things, desired=desired, door=FUZZED)
    if response["result"]["status"] == "Success":
        assert len(response["convertedObjects"]) == len(things)
        assert all(each["apiVersion"] == desired for each in response["convertedObjects"])


@given(st.lists(st.integers(-(2**60), 2**60), max_size=4))
def test_there_and_back_is_the_same(sizes: list[int]) -> None:
    there = convert(*(thing({"size": size}) for size in sizes), door=FUZZED)["convertedObjects"]
    back = convert(*there, desired="example.com/v1", door=FUZZED)["convertedObjects"]
    assert back == [thing({"size": size}) for size in sizes]
