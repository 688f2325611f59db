"""AdmissionReviews that are not quite right: whatever comes, there is an answer in the right form, with its uid."""

import copy
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from auditor.json import Json, JsonObject
from auditor.webhooks.app import create_app
from auditor.webhooks.respond import Answer, encode
from auditor.webhooks.snapshot import Settings, Snapshot
from tests.unit.webhooks.making import UID, compiled, door_of, read, review, rules, thing

PATHS = ("/validate", "/validate/fail-10s?timeout=10s", "/validate/unknown", "/mutate", "/mutate/fail-10s")
SOME = rules(
    {"cel": "object.spec.size <= 3", "messageExpression": "'size is ' + string(object.spec.size)"},
    {"cel": "!has(object.metadata.labels) || object.metadata.labels.all(k, k.size() > 1)"},
    {"schema": {"properties": {"spec": {"required": ["size"], "properties": {"size": {"type": "integer"}}}}}},
    name="some",
    variables=[{"name": "tags", "expression": "object.spec.tags.map(t, t.name)"}],
    matchConditions=[{"name": "not-joe", "expression": "request.userInfo.username != 'joe'"}],
)
CHANGES = rules(
    name="changes",
    mutate=[
        {"name": "class", "mergePatch": {"spec": {"class": "standard"}}},
        {"name": "tags", "cel": '[JSONPatch{op: "add", path: "/spec/tags/-", value: "new"}]'},
    ],
    failurePolicy="Ignore",
)
JQ = rules({"deny": '.spec.tags[]? | select(.name == "bad") | {message: .name, path: "/spec/tags"}'}, name="jq")


def make_client(*policies: JsonObject) -> Client:
    names = {each["metadata"]["name"] for each in policies}
    groups = {"validate/fail-10s": names, "mutate/fail-10s": names}
    snapshot = Snapshot.of(compiled(*policies), groups=groups, settings=Settings(break_glass_group="fire"))
    return Client(create_app(door_of(snapshot)))


CLIENT, WITH_JQ = make_client(SOME, CHANGES), make_client(SOME, JQ)

# Of each type one that is wrong nearly everywhere, and those at which readers of JSON stumble.
NASTY: tuple[Json, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**63,
    2**64,
    -(2**70),
    1.5,
    1e300,
    "",
    "x",
    "a\nb\x1b[31m",
    "\u0000\u202e\ud7ff",
    "v1",
    "UPDATE",
    "x" * 3000,
    [],
    [None],
    ["a", 1],
    [[[]]],
    {},
    {"": ""},
    {"a/b~c": {"d": [1, {"e": None}]}},
    {"name": {"name": "one"}},
    [{"name": "a"}, {"name": "bad"}, 3],
)


def full_review() -> JsonObject:
    new = thing({"size": 2, "tags": [{"name": "a"}]}, labels={"team": "x"}, finalizers=["a/b"])
    return review(new, thing({"size": 1}, deletionTimestamp="2026-01-01T00:00:00Z"))


def walk(value: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from walk(inner, (*path, key))


FULL = orjson.dumps(full_review())
PLACES = [path for path in walk(full_review()) if path]


def change(value: Json, path: Sequence[Any], new: Json, *, remove: bool) -> None:
    """Nothing happens where an earlier change has taken the place away."""
    for step in path[:-1]:
        if not _holds(value, step):
            return
        value = value[step]
    if not _holds(value, path[-1]):
        return
    if remove:
        del value[path[-1]]
    else:
        value[path[-1]] = new


def _holds(value: Json, step: Any) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value


def make_random(seed: int) -> Random:
    """One that hypothesis does not know of: it would keep a record of each number, which takes ten times as long."""
    return Random(seed)  # noqa: S311 - these are no secrets


def mutate_review(random: Random) -> JsonObject:
    changed = full_review()
    for _ in range(random.randint(1, 3)):
        new = copy.deepcopy(random.choice(NASTY))
        change(changed, random.choice(PLACES), new, remove=random.random() < 0.4)
    return changed


def check(client: Client, path: str, body: bytes) -> None:
    """What holds of every answer. The log says nothing of a fault of ours."""
    response = client.post(path, data=body, content_type="application/json")
    assert response.content_type == "application/json"
    try:
        parsed = orjson.loads(body)
        request = parsed["request"]
        uid = request["uid"]
    except (ValueError, TypeError, KeyError):
        uid = None
    right = isinstance(uid, str) and uid != "" and isinstance(parsed, dict) and isinstance(request, dict)
    right = right and (parsed.get("apiVersion"), parsed.get("kind")) == ("admission.k8s.io/v1", "AdmissionReview")
    if not right:
        assert response.status_code == 400
        assert orjson.loads(response.data)["message"].startswith("auditor cannot read the review: ")
        return
    assert response.status_code == 200
    answer = read(Answer(HTTPStatus.OK, response.data), uid)
    if not answer["allowed"]:
        assert answer["status"]["message"]
        assert answer["status"]["code"] in (400, 422), answer["status"]
        assert "patch" not in answer
    assert ("patch" in answer) == ("patchType" in answer)
    assert path.startswith("/mutate") or "patch" not in answer
    for warning in answer.get("warnings", ()):
        assert warning
        assert warning.isprintable()
        assert "internal error" not in warning
    for key, value in answer.get("auditAnnotations", {}).items():
        assert len(key) <= 63
        assert isinstance(value, str)


@settings(max_examples=120)
@given(st.integers(0, 2**64), st.sampled_from(PATHS))
def test_fields_that_are_changed_or_absent(seed: int, path: str) -> None:
    random = make_random(seed)
    for _ in range(20):
        check(CLIENT, path, encode(mutate_review(random)))


@settings(max_examples=10)
@given(st.integers(0, 2**64), st.sampled_from(PATHS))
def test_the_same_with_jq(seed: int, path: str) -> None:
    random = make_random(seed)
    for _ in range(20):
        check(WITH_JQ, path, encode(mutate_review(random)))


@given(st.integers(0, 2**64), st.sampled_from(PATHS))
def test_bytes_that_are_cut_doubled_or_changed(seed: int, path: str) -> None:
    random = make_random(seed)
    for _ in range(10):
        body = bytearray(FULL)
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(body))
            end = at + random.randrange(40)
            body[at:end] = random.choice((b"", random.randbytes(4), bytes(body[at:end]) * 2, b"null", b'"'))
        check(CLIENT, path, bytes(body))


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    check(CLIENT, "/validate", body)


@pytest.mark.parametrize("depth", [100, 240, 260, 500, 900, 1010])
@pytest.mark.parametrize("path", PATHS)
def test_deep_objects(depth: int, path: str) -> None:
    """What is too deep for a rule is an error of that rule, or of all; it is answered in any case."""
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    body = orjson.dumps(review(thing({"size": 1, "tags": [], "deep": "here"}))).replace(b'"here"}', deep + b"}", 1)
    response = CLIENT.post(path, data=body, content_type="application/json")
    assert response.status_code == 200
    assert orjson.loads(response.data)["response"]["uid"] == UID


def test_huge_objects() -> None:
    spec = {"size": 9, "tags": [{"name": f"tag-{i}"} for i in range(20_000)]}
    response = CLIENT.post("/validate", data=orjson.dumps(review(thing(spec))), content_type="application/json")
    answer = read(Answer(HTTPStatus.OK, response.data), UID)
    assert answer["allowed"] is False
    assert len(answer["status"]["message"]) < 32768
