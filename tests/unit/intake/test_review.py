"""AdmissionReviews to requests: nothing is guessed, and what is wrong is named."""

from typing import Any

import pytest

from auditor.errors import InputError
from auditor.intake.review import read_review
from auditor.json import Json
from auditor.model.request import Operation, Origin
from auditor.model.world import World
from tests.unit.intake.files import NOW
from tests.unit.intake.test_fuzz import REVIEW, put


def test_what_it_asks() -> None:
    review = read_review(REVIEW, World(), time=NOW)
    request = review.request
    assert review.uid == "u"
    assert (request.operation, request.origin, request.name, request.namespace) == (
        Operation.UPDATE,
        Origin.DOOR,
        "one",
        "here",
    )
    assert request.object == REVIEW["request"]["object"]
    assert request.old_object == REVIEW["request"]["oldObject"]
    assert request.user is not None
    assert (request.user.username, request.user.groups, request.user.extra) == ("jane", ("devs",), {"a": ("b",)})
    assert request.kind.api_version == "example.com/v1"
    assert request.resource.resource == "things"


def test_nulls_are_read_as_the_api_server_reads_them() -> None:
    review = put(REVIEW, ("request", "object", "metadata"), {"name": "a", "labels": {"x": None}, "finalizers": None})
    new = read_review(review, World(), time=NOW).request.object
    assert new is not None
    assert new["metadata"] == {"name": "a", "labels": {"x": ""}}


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("kind",), "Pod", "kind: must be AdmissionReview"),
        (("apiVersion",), "admission.k8s.io/v1beta1", "apiVersion: must be admission.k8s.io/v1"),
        (("request",), [], "request: must be an object"),
        (("request", "uid"), "", "request.uid: must be a text that is not empty"),
        (("request", "operation"), "PATCH", "request.operation: 'PATCH' is none of CREATE, UPDATE, DELETE, CONNECT"),
        (("request", "kind"), None, "request.kind: must be an object"),
        (("request", "kind", "kind"), "", "request.kind.kind: must be a text that is not empty"),
        (("request", "resource", "group"), 1, "request.resource.group: must be a text"),
        (("request", "requestKind"), "x", "request.requestKind: must be an object"),
        (("request", "name"), ["a"], "request.name: must be a text"),
        (("request", "object"), "x", "request.object: must be an object"),
        (("request", "object"), None, "request.object: must be there on UPDATE"),
        (("request", "oldObject"), None, "request.oldObject: must be there on UPDATE"),
        (("request", "object", "metadata"), 1, "request.object.metadata: must be an object"),
        (("request", "object", "metadata", "name"), 1, "request.object.metadata.name: must be a text: quote it"),
        (("request", "userInfo"), "x", "request.userInfo: must be an object"),
        (("request", "userInfo", "groups"), [1], "request.userInfo.groups: must be a list of texts"),
        (("request", "userInfo", "extra", "a"), "b", "request.userInfo.extra.a: must be a list of texts"),
        (("request", "options"), 1, "request.options: must be an object"),
    ],
)
def test_what_is_wrong(path: tuple[Any, ...], value: Json, problem: str) -> None:
    with pytest.raises(InputError) as error:
        read_review(put(REVIEW, path, value), World(), time=NOW)
    assert str(error.value) == problem
