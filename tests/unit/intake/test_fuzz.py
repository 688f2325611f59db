"""Whatever stands in a file, it is judged, or somebody is told why not; nothing else ever happens."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import AuditorError, InputError
from auditor.intake.load import Loaded, load
from auditor.intake.prepare import prepare
from auditor.intake.review import read_review
from auditor.intake.scan import scan
from auditor.json import Json, JsonObject
from auditor.model.finding import Result
from auditor.model.world import World
from auditor.report.formats import FORMATS
from auditor.report.results import Results
from tests.unit.intake.files import NOW, crd, policy, thing, write

SETTINGS = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["", "*", "v1", "Policy", "\ud800", "\x1b[31m", "\0", "metadata", "example.com/v1"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "spec", "labels", "items", "a/b", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)

NATIVE = [
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "native"},
        "spec": {
            "matchConstraints": {"resourceRules": policy()["spec"]["match"]["resourceRules"]},
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "variables": [{"name": "size", "expression": "object.spec.size"}],
            "validations": [{"expression": "variables.size > 1", "messageExpression": "string(variables.size)"}],
        },
    },
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "native"},
        "spec": {
            "policyName": "native",
            "validationActions": ["Deny"],
            "paramRef": {"name": "p", "namespace": "x", "parameterNotFoundAction": "Allow"},
        },
    },
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "native"},
        "spec": {
            "matchConstraints": {"resourceRules": policy()["spec"]["match"]["resourceRules"]},
            "reinvocationPolicy": "Never",
            "mutations": [
                {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{spec: Object.spec{}}"}}
            ],
        },
    },
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": "native"},
        "spec": {"policyName": "native"},
    },
]
OWN = [
    policy(
        rules=[
            {"jq": ".spec.size > 1", "severity": "low"},
            {"cel": "object.spec.size > 1", "messageExpression": "string(object.spec.size)"},
            {"deny": '.spec.names[]? | {message: ., path: "/spec/names"}'},
            {"schema": {"properties": {"spec": {"required": ["size"]}}}},
        ],
        params={"a": 1},
        lookups=[{"name": "peers", "resource": {"group": "example.com", "resource": "things"}, "namespace": "same"}],
        matchConditions=[{"name": "c", "expression": "object.kind != 'x'"}],
        mutate=[{"name": "m", "jq": ".spec.class //= 1"}, {"name": "n", "mergePatch": {"spec": {"a": None}}}],
        enforcementOverrides=[{"namespaceSelector": {"matchLabels": {"a": "b"}}, "enforcement": "Warn"}],
        exceptions={"namespaceSelector": {}},
    ),
    {
        "apiVersion": "auditor.dev/v1",
        "kind": "PolicyException",
        "metadata": {"name": "e", "namespace": "here"},
        "spec": {
            "policies": ["sizes"],
            "owner": "me",
            "reason": "until the move is done",
            "expires": "2027-01-01T00:00:00Z",
        },
    },
    {
        "apiVersion": "auditor.dev/v1",
        "kind": "Conversion",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "resource": {"group": "example.com", "resource": "things"},
            "steps": [{"from": "v1", "to": "v2", "jq": "."}, {"from": "v2", "to": "v1", "jq": "."}],
        },
    },
    crd("v1", "v2"),
    *NATIVE,
]


def places(value: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += places(child, (*path, key))
    return found


def put(value: Json, path: tuple[Any, ...], new: Json) -> Json:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(copy[path[0]], path[1:], new)
    return copy


@st.composite
def spoilt(draw: st.DrawFn, whole: list[JsonObject]) -> list[Json]:
    """The documents with something else in one place or two."""
    documents: list[Json] = list(whole)
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(documents) - 1))
        path = draw(st.sampled_from(places(documents[at])))
        documents[at] = put(documents[at], path, draw(values))
    return documents


def judge(folder: Path, policies: str, objects: str) -> None:
    try:
        prepared = prepare([policies])
    except AuditorError:
        return
    found = scan([objects], prepared, time=NOW)
    told = {name: write_out(Results(found)).encode() for name, write_out in FORMATS.items()}
    assert told["table"], "others may have nothing to say of a clean scan"
    counts = found.counts
    assert found.incomplete == bool(found.unreadable or counts[Result.ERROR])


@SETTINGS
@given(spoilt(OWN))
def test_whatever_a_policy_is(tmp_path: Path, documents: list[Json]) -> None:
    judge(tmp_path, write(tmp_path / "p.json", *documents), write(tmp_path / "o.json", thing(size=3), thing("two")))


@SETTINGS
@given(spoilt([thing(size=3, names=["a"]), {**thing("two"), "metadata": {"name": "two", "labels": {"a": "b"}}}]))
def test_whatever_an_object_is(tmp_path: Path, documents: list[Json]) -> None:
    judge(tmp_path, write(tmp_path / "p.json", *OWN), write(tmp_path / "o.json", *documents))


@SETTINGS
@given(values)
def test_whatever_a_value_is(tmp_path: Path, value: Json) -> None:
    judge(tmp_path, write(tmp_path / "p.json", OWN[0], value), write(tmp_path / "o.json", value))


@SETTINGS
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass")))
def test_whatever_bytes_are(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(data)
    found = load([str(file)])
    assert isinstance(found, Loaded)
    assert not found.policies


REVIEW: JsonObject = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "u",
        "kind": {"group": "example.com", "version": "v1", "kind": "Thing"},
        "resource": {"group": "example.com", "version": "v1", "resource": "things"},
        "requestKind": {"group": "example.com", "version": "v1", "kind": "Thing"},
        "name": "one",
        "namespace": "here",
        "operation": "UPDATE",
        "userInfo": {"username": "jane", "groups": ["devs"], "extra": {"a": ["b"]}},
        "object": thing(size=3),
        "oldObject": {**thing(size=2), "metadata": {"name": "one", "deletionTimestamp": "x", "finalizers": ["a"]}},
        "options": {"kind": "UpdateOptions"},
        "dryRun": False,
    },
}


@SETTINGS
@given(spoilt([REVIEW]))
def test_whatever_a_review_is(tmp_path: Path, documents: list[Json]) -> None:
    judge(tmp_path, write(tmp_path / "p.json", *OWN), write(tmp_path / "o.json", *documents))
    with suppress(InputError):
        read_review(documents[0], World(), time=NOW)


def test_the_documents_are_right_before_they_are_spoilt(tmp_path: Path) -> None:
    prepared = prepare([write(tmp_path / "p.json", *OWN)])
    assert len(prepared.engine.policies) == 3
    found = scan([write(tmp_path / "o.json", thing(size=3), REVIEW)], prepared, time=NOW)
    assert not found.unreadable
    assert found.objects == 2
    assert json.loads(FORMATS["json"](Results(found)))["summary"]["pass"] > 0


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\0", b"---", b"", b"a: &a [*a]", b"!!python/object:os.system {}"])
def test_odd_bytes(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(data)
    assert not load([str(file)]).objects
