"""Whole decisions as lines of JSON: which are written, and what is left out of them."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.findings import value_at
from auditor.json import Json, JsonObject
from auditor.webhooks.decisionlog import MAX_LINE, REDACTED, DecisionLog, looks_secret
from auditor.webhooks.snapshot import Snapshot
from tests.unit.webhooks.making import SMALL, ask, compiled, door_of, review, rules, thing


def log_of(*reviews: JsonObject, **settings: Any) -> list[JsonObject]:
    lines: list[bytes] = []
    door = door_of(Snapshot.of(compiled(rules(SMALL))), log=DecisionLog(lines.append, **settings))
    for each in reviews:
        ask(door, each)
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    return [orjson.loads(line) for line in lines]


def written(spec: JsonObject, **metadata: Json) -> JsonObject:
    found: JsonObject = log_of(
        review(thing({"size": 9, **spec}, **metadata)), redact=["/spec/users/*/pin", "/spec/a~1b"]
    )[0]
    return found


def test_a_denial_is_written_with_its_object() -> None:
    line = log_of(review(thing({"size": 9}), thing({"size": 2})))[0]
    assert (line["outcome"], line["id"], line["groups"]) == ("denied", "test-1", ["devs"])
    assert (line["object"]["spec"], line["oldObject"]["spec"]) == ({"size": 9}, {"size": 2})


@pytest.mark.parametrize(("share", "least", "most"), [(0, 0, 0), (0.25, 60, 190), (1, 500, 500)])
def test_of_plain_admissions_a_share_is_written(share: float, least: int, most: int) -> None:
    reviews = [review(uid=f"00000000-{i}") for i in range(500)]
    assert least <= len(log_of(*reviews, share=share)) <= most
    assert log_of(*reviews, share=share) == log_of(*reviews, share=share)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"password": "x"}, {"password": REDACTED}),
        ({"db": {"apiKey": {"a": 1}}}, {"db": {"apiKey": REDACTED}}),
        ({"env": [{"name": "DB_TOKEN", "value": "x"}]}, {"env": [{"name": "DB_TOKEN", "value": REDACTED}]}),
        ({"env": [{"name": "HOST", "value": "x"}]}, {"env": [{"name": "HOST", "value": "x"}]}),
        ({"users": [{"pin": 1, "n": 2}, {"pin": 3}]}, {"users": [{"pin": REDACTED, "n": 2}, {"pin": REDACTED}]}),
        ({"users": {"jo": {"pin": 1}}}, {"users": {"jo": {"pin": REDACTED}}}),
        ({"a/b": 1, "pin": 2}, {"a/b": REDACTED, "pin": 2}),
    ],
)
def test_what_is_secret_is_redacted(spec: JsonObject, expected: JsonObject) -> None:
    assert written(spec)["object"]["spec"] == {"size": 9, **expected}


def test_copies_of_the_object_are_left_out() -> None:
    copies = {"kubectl.kubernetes.io/last-applied-configuration": '{"spec": {"password": "x"}}', "a": "b"}
    metadata = written({}, annotations=copies, managedFields=[{"fieldsV1": {"f:spec": {}}}])["object"]["metadata"]
    assert "managedFields" not in metadata
    assert metadata["annotations"] == {"kubectl.kubernetes.io/last-applied-configuration": REDACTED, "a": "b"}


def test_the_data_of_secrets_is_never_written() -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"a": "x"},
        "stringData": {"b": "y"},
    }
    kind = {"group": "", "version": "v1", "kind": "Secret"}
    line = log_of(review(secret, kind=kind, requestKind=kind), share=1)[0]
    assert line["object"]["data"] == {"a": REDACTED}
    assert line["object"]["stringData"] == {"b": REDACTED}


def test_what_is_too_long_for_a_line_is_left_out_as_a_whole() -> None:
    line = written({"text": "x" * MAX_LINE})
    assert line["objectsLeftOut"] > MAX_LINE
    assert "object" not in line
    assert line["outcome"] == "denied"


def test_what_could_not_be_read_has_no_object() -> None:
    line = log_of(review(userInfo=1))[0]
    assert line["outcome"] == "errored"
    assert "object" not in line


def test_the_object_itself_is_not_changed() -> None:
    lines: list[bytes] = []
    door = door_of(
        Snapshot.of(compiled(rules({"cel": "object.spec.password == 'x'"}))), log=DecisionLog(lines.append, share=1)
    )
    assert ask(door, review(thing({"password": "x"})))["allowed"] is True
    assert b'"x"' not in lines[0]


@given(
    st.text(max_size=20) | st.sampled_from(["dbPassword", "SECRET", "api_key", "apikey", "privateKey", "token", "tok"])
)
def test_findings_hide_the_same_names(name: str) -> None:
    if "/" not in name and "~" not in name:
        assert (value_at({name: 1}, f"/{name}") is None) is looks_secret(name)
