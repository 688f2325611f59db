"""From bodies to what is judged: what is wrong is said, and nothing is guessed."""

from typing import Any

import orjson
import pytest

from auditor.errors import InputError
from auditor.json import Json
from auditor.webhooks.decode import (
    ADMISSION,
    CONVERSION,
    UnreadableError,
    check_content_type,
    open_review,
    read_conversion,
    read_request,
    read_timeout,
)
from auditor.webhooks.snapshot import Snapshot
from tests.unit.webhooks.making import NOW, UID, compiled, conversion_review, review, thing


def broken(**changes: Json) -> bytes:
    return orjson.dumps({**review(), **changes})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'{"kind": NaN}', "no JSON"),
        (b'{"kind": Infinity}', "no JSON"),
        (b'{"kind": "\\ud800"}', "no JSON"),
        (b"[" * 5000 + b"]" * 5000, "no JSON"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "no JSON"),
        (b"null", "one object"),
        (b"[]", "one object"),
        (b'"AdmissionReview"', "one object"),
        (b"{}", "kind: must be AdmissionReview"),
        (broken(kind="ConversionReview"), "kind: must be AdmissionReview"),
        (broken(kind=["AdmissionReview"]), "kind: must be AdmissionReview"),
        (broken(apiVersion="admission.k8s.io/v1beta1"), "apiVersion: must be admission.k8s.io/v1"),
        (broken(apiVersion=None), "apiVersion: must be admission.k8s.io/v1"),
        (broken(request=None), "request: must be an object"),
        (broken(request=[]), "request: must be an object"),
        (broken(request={}), "request.uid"),
        (broken(request={"uid": ""}), "request.uid"),
        (broken(request={"uid": 7}), "request.uid"),
    ],
)
def test_without_a_review_there_is_a_sentence(body: bytes, said: str) -> None:
    with pytest.raises(UnreadableError, match=said) as raised:
        open_review(body, ADMISSION)
    assert raised.value.status == 400


def test_a_conversion_is_no_admission() -> None:
    with pytest.raises(UnreadableError, match="kind: must be ConversionReview"):
        open_review(orjson.dumps(review()), CONVERSION)


def test_of_a_key_that_is_there_twice_the_last_counts() -> None:
    body = orjson.dumps(review()).replace(b'"uid":', b'"uid":"first","uid":', 1)
    assert open_review(body, ADMISSION).uid == UID


def test_huge_numbers_are_doubles_as_for_the_api_server() -> None:
    body = orjson.dumps(review()).replace(b'"size":1', b'"size":' + b"9" * 400)
    with pytest.raises(UnreadableError, match="no JSON"):  # no double is as large
        open_review(body, ADMISSION)
    body = orjson.dumps(review()).replace(b'"size":1', b'"size":36893488147419103232')
    assert open_review(body, ADMISSION).request["object"]["spec"]["size"] == 2.0**65


@pytest.mark.parametrize(
    ("content_type", "encoding", "right"),
    [
        ("application/json", "", True),
        ("application/json; charset=utf-8", "identity", True),
        ("Application/JSON;charset=utf-8", "", True),
        ("application/json", "gzip", False),
        ("application/yaml", "", False),
        ("text/plain", "", False),
        ("", "", False),
    ],
)
def test_content_types(content_type: str, encoding: str, right: bool) -> None:
    if right:
        check_content_type(content_type, encoding)
        return
    with pytest.raises(UnreadableError, match="the body must") as raised:
        check_content_type(content_type, encoding)
    assert raised.value.status == 415


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"operation": "create"}, "request.operation"),
        ({"operation": None}, "request.operation"),
        ({"object": None}, "request.object: must be there on CREATE"),
        ({"object": "thing"}, "request.object: must be an object"),
        ({"object": {}}, "request.object: has no apiVersion"),
        ({"object": thing(labels={"a": 1})}, "request.object.metadata.labels.a: must be a text"),
        ({"operation": "UPDATE"}, "request.oldObject: must be there on UPDATE"),
        ({"operation": "DELETE"}, "request.oldObject: must be there on DELETE"),
        ({"kind": None}, "request.kind"),
        ({"kind": {"group": "a"}}, "request.kind.version"),
        ({"resource": {"version": "v1"}}, "request.resource.resource"),
        ({"requestKind": 1}, "request.requestKind"),
        ({"namespace": 1}, "request.namespace"),
        ({"namespace": {}}, "request.namespace"),
        ({"userInfo": "jane"}, "request.userInfo"),
        ({"userInfo": {"groups": "devs"}}, "request.userInfo.groups"),
        ({"userInfo": {"extra": {"a": 1}}}, "request.userInfo.extra.a"),
        ({"options": 1}, "request.options"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], said: str) -> None:
    snapshot = Snapshot.of(compiled())
    envelope = open_review(orjson.dumps(review(**changes)), ADMISSION)
    assert envelope.uid == UID
    with pytest.raises(InputError, match=said):
        read_request(envelope, snapshot, snapshot.world, time=NOW)


def test_the_namespace_object_comes_from_the_snapshot() -> None:
    here = {"metadata": {"name": "here", "labels": {"env": "dev"}}}
    snapshot = Snapshot.of(compiled(), namespaces={"here": here})
    for namespace, expected in (("here", here), ("there", None), ("", None)):
        envelope = open_review(orjson.dumps(review(namespace=namespace)), ADMISSION)
        request = read_request(envelope, snapshot, snapshot.world, time=NOW)
        assert request.namespace_object == expected
        assert request.time == NOW


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"desiredAPIVersion": None}, "desiredAPIVersion"),
        ({"desiredAPIVersion": "v2"}, "desiredAPIVersion"),
        ({"desiredAPIVersion": "/v2"}, "desiredAPIVersion"),
        ({"desiredAPIVersion": "a/b/c"}, "desiredAPIVersion"),
        ({"objects": None}, "objects: must be a list"),
        ({"objects": [thing(), 1]}, r"objects\[1\]: must be an object"),
        ({"objects": [{"kind": "Thing", "metadata": {}}]}, r"objects\[0\].apiVersion"),
        ({"objects": [{"apiVersion": "a/v1", "kind": 3, "metadata": {}}]}, r"objects\[0\].kind"),
        ({"objects": [{"apiVersion": "a/v1", "kind": "A"}]}, r"objects\[0\].metadata"),
    ],
)
def test_a_wrong_field_of_a_conversion_is_named(changes: dict[str, Any], said: str) -> None:
    envelope = open_review(orjson.dumps(conversion_review(**changes)), CONVERSION)
    with pytest.raises(InputError, match=said):
        read_conversion(envelope)


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("timeout=10s", 10),
        ("a=b&timeout=1m30s", 90),
        ("timeout=1h", 3600),
        ("timeout=2.5s", 2.5),
        ("", None),
        ("timeout=", None),
        ("timeout=10", None),
        ("timeout=0s", None),
        ("timeout=-1s", None),
        ("timeout=s", None),
        ("timeout=1.2.3s", None),
        ("timeout=\u0661s", None),
        ("timeout=10ms", None),
        ("timeout=" + "9" * 5000 + "s", None),
    ],
)
def test_the_timeout_of_the_api_server(query: str, seconds: float | None) -> None:
    assert read_timeout(query) == seconds
