"""Conditions: what becomes of a list when one of them is set."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.client import Client, WriteOptions
from auditor.cluster.conditions import (
    MESSAGE_LENGTH,
    Condition,
    Status,
    apply_condition,
    find_condition,
    render_time,
    set_condition,
)
from auditor.cluster.resource import Resource
from auditor.errors import ConflictError
from auditor.json import Json, JsonObject

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
READY = Condition("Ready", "True", "AllWell", "all is well", 3)


def entry(type_: str, status: str = "True", **more: Json) -> JsonObject:
    time = "2026-01-01T00:00:00Z"
    return {"type": type_, "status": status, "reason": "R", "message": "", "lastTransitionTime": time} | more


def test_the_first() -> None:
    assert set_condition([], READY, NOW) == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "AllWell",
            "message": "all is well",
            "observedGeneration": 3,
            "lastTransitionTime": "2026-11-21T12:00:00Z",
        }
    ]


def test_the_same_again_is_the_same_list() -> None:
    once = set_condition([entry("Other")], READY, NOW)
    assert set_condition(once, READY, LATER) is once


def test_time_moves_with_the_status_alone() -> None:
    first = set_condition([], READY, NOW)
    told = set_condition(first, Condition("Ready", "True", "Other", "other words", 4), LATER)
    assert told[0]["lastTransitionTime"] == render_time(NOW)
    assert told[0]["reason"] == "Other"
    turned = set_condition(told, Condition("Ready", "False", "Other", "other words", 4), LATER)
    assert turned[0]["lastTransitionTime"] == render_time(LATER)


@pytest.mark.parametrize("time", [None, "", 5])
def test_a_time_that_is_missing_is_given(time: Json) -> None:
    set_ = set_condition([READY.render() | {"lastTransitionTime": time}], READY, NOW)
    assert set_[0]["lastTransitionTime"] == render_time(NOW)


def test_a_generation_that_is_not_known_stays() -> None:
    first = set_condition([], READY, NOW)
    assert set_condition(first, Condition("Ready", "True", "AllWell", "all is well"), LATER) is first


def test_true_is_no_generation() -> None:
    one = Condition("Ready", "True", "AllWell", "all is well", 1)
    wrong = set_condition([], one, NOW)[0] | {"observedGeneration": True}
    assert set_condition([wrong], one, NOW)[0]["observedGeneration"] is not True


@pytest.mark.parametrize("zone", [timezone(timedelta(hours=2)), timezone(timedelta(hours=-9, minutes=-30)), UTC])
def test_times_are_in_utc(zone: timezone) -> None:
    assert render_time(NOW.astimezone(zone)) == "2026-11-21T12:00:00Z"


entries = st.builds(
    lambda type_, status, more: entry(type_, status) | more,
    st.sampled_from(["Ready", "Synced", "Healthy"]),
    st.sampled_from(get_args(Status)),
    st.dictionaries(
        st.sampled_from(["severity", "lastHeartbeatTime", "observedGeneration"]), st.integers() | st.text()
    ),
)
strange: st.SearchStrategy[Json] = st.none() | st.integers() | st.text() | st.just({"no": "type"})


@given(
    st.lists(entries | strange),
    st.builds(
        Condition,
        st.sampled_from(["Ready", "Synced"]),
        st.sampled_from(get_args(Status)),
        st.sampled_from(["A", "B"]),
        st.text(max_size=5),
        st.none() | st.integers(0, 3),
    ),
)
def test_what_holds_for_all_lists(before: list[Json], condition: Condition) -> None:
    untouched = deepcopy(before)
    after = set_condition(before, condition, NOW)
    assert before == untouched
    assert set_condition(after, condition, LATER) is after
    old, new = find_condition(before, condition.type), find_condition(after, condition.type)
    assert new is not None
    assert {k: new[k] for k in condition.render()} == condition.render()
    place = after.index(new)
    assert after[:place] + after[place + 1 :] == before[:place] + before[place + 1 :]
    if old is None:
        assert len(after) == len(before) + 1
    else:
        assert old.keys() <= new.keys()
        moved = new["lastTransitionTime"] != old["lastTransitionTime"]
        assert moved == (new["status"] != old["status"])


@pytest.mark.parametrize("conditions", [None, {}, "x", 5, [None, 1, {"type": "Other"}]])
def test_nothing_is_found_in_what_is_no_list_of_them(conditions: Json) -> None:
    assert find_condition(conditions, "Ready") is None


@pytest.mark.parametrize("reason", ["A", "BackupFailed", "a1", "With_Under", "A,B:C", "X" * 1024])
def test_reasons(reason: str) -> None:
    assert Condition("Ready", "True", reason).reason == reason


@pytest.mark.parametrize("reason", ["", "has space", "1st", "Ends:", "Dash-ed", "Ünicode", "A\n", "X" * 1025])
def test_reasons_that_a_server_refuses(reason: str) -> None:
    with pytest.raises(ValueError, match=r"condition Ready: the reason .* is no word like BackupFailed"):
        Condition("Ready", "True", reason)


@pytest.mark.parametrize("type_", ["Ready", "example.com/Ready", "a.b-c", "X" * 316])
def test_types(type_: str) -> None:
    assert Condition(type_, "True", "R").type == type_


@pytest.mark.parametrize("type_", ["", "a b", "Example.com/Ready", "/Ready", "a/b/c", "-a", "Ready\n", "X" * 317])
def test_types_that_a_server_refuses(type_: str) -> None:
    with pytest.raises(ValueError, match="is no type of a condition"):
        Condition(type_, "True", "R")


@pytest.mark.parametrize("status", ["true", "", True, None])
def test_statuses_are_texts(status: Json) -> None:
    with pytest.raises(ValueError, match="the status is True, False or Unknown, as text"):
        Condition("Ready", status, "R")


def test_long_messages_are_cut() -> None:
    assert Condition("Ready", "True", "R", "x" * MESSAGE_LENGTH).message == "x" * MESSAGE_LENGTH
    cut = Condition("Ready", "True", "R", "x" * (MESSAGE_LENGTH + 1)).message
    assert len(cut) == MESSAGE_LENGTH
    assert cut.endswith("x…")


class Busy:
    """A client whose every write collides, and what time it was given for each call."""

    def __init__(self) -> None:
        self.timeouts: list[float] = []

    def get(self, resource: Resource, name: str, *, namespace: str, timeout: float) -> JsonObject:
        self.timeouts.append(timeout)
        return {"metadata": {"name": name, "namespace": namespace}}

    def apply(
        self, resource: Resource, obj: JsonObject, *, force: bool, subresource: str, options: WriteOptions
    ) -> JsonObject:
        assert options.timeout is not None
        self.timeouts.append(options.timeout)
        raise ConflictError("apply x", code=409)


def test_the_timeout_is_for_all_attempts_together() -> None:
    """Under a lease: what is left when it begins must not begin anew with each of its calls."""
    client = Busy()
    widgets = Resource("example.com", "v1", "widgets", "Widget", namespaced=True)
    with pytest.raises(ConflictError):
        apply_condition(cast(Client, client), widgets, "a", READY, namespace="shop", timeout=5.0, wait=lambda _: None)
    assert client.timeouts[0] <= 5.0
    assert all(later < earlier for earlier, later in pairwise(client.timeouts))
