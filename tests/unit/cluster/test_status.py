"""Refusals of the API server, and of what stands before it, as errors for people and programs."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.status import error_of_status, read_error, read_warning
from auditor.errors import (
    AlreadyExistsError,
    ApiError,
    Cause,
    ConflictError,
    ExpiredError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ServerTroubleError,
    TooManyRequestsError,
    UnauthorizedError,
)
from auditor.json import Json, JsonObject

WHAT = "create widgets.example.com shop/a"


def status(code: int, reason: str = "", message: str = "", **details: Json) -> bytes:
    return orjson.dumps(
        {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details, "metadata": {}}
    )


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", ApiError),
        (401, "Unauthorized", UnauthorizedError),
        (403, "Forbidden", ForbiddenError),
        (404, "NotFound", NotFoundError),
        (405, "MethodNotAllowed", ApiError),
        (409, "AlreadyExists", AlreadyExistsError),
        (409, "Conflict", ConflictError),
        (410, "Expired", ExpiredError),
        (422, "Invalid", InvalidError),
        (429, "TooManyRequests", TooManyRequestsError),
        (500, "InternalError", ServerTroubleError),
        (503, "ServiceUnavailable", ServerTroubleError),
        (504, "Timeout", ServerTroubleError),
    ],
)
def test_each_has_its_class(code: int, reason: str, kind: type[ApiError]) -> None:
    error = read_error(WHAT, code, status(code, reason, "it says so"))
    assert type(error) is kind
    assert (error.code, error.reason, error.http_code) == (code, reason, code)
    assert str(error).startswith(f"{WHAT}: the API server answered {code}: it says so")
    assert str(error).endswith(kind.advice)


def test_causes_that_the_message_leaves_out_are_told() -> None:
    causes = [
        {"field": "spec.a", "reason": "FieldValueRequired", "message": "Required value"},
        {"message": "no field"},
        {"field": "spec.b", "message": "in the text"},
    ]
    error = read_error(WHAT, 422, status(422, "Invalid", "bad: spec.b: in the text", causes=causes))
    assert error.causes[0] == Cause("spec.a", "FieldValueRequired", "Required value")
    assert str(error).endswith("bad: spec.b: in the text; spec.a: Required value; no field")


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        ("", b"busy", None),
        ("7", b"busy", 7.0),
        ("0", b"busy", 0.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", b"busy", 1.0),
        ("", status(429, retryAfterSeconds=3), 3.0),
        ("7", status(429, retryAfterSeconds=3), 7.0),
        ("", status(429, retryAfterSeconds=0), None),
        ("", status(429, retryAfterSeconds=True), None),
        ("", status(429, retryAfterSeconds="3"), None),
    ],
)
def test_wishes_to_wait(header: str, body: bytes, expected: float | None) -> None:
    assert read_error(WHAT, 429, body, header).retry_after == expected


def test_a_list_may_go_on_with_the_token_of_the_refusal() -> None:
    body = orjson.loads(status(410, "Expired")) | {"metadata": {"continue": "token"}}
    error = error_of_status(WHAT, body)
    assert isinstance(error, ExpiredError)
    assert error.resume == "token"


@pytest.mark.parametrize("code", [410, 500])
def test_the_status_of_a_watch_has_the_code_in_itself(code: int) -> None:
    assert error_of_status(WHAT, orjson.loads(status(code))).code == code


@pytest.mark.parametrize("code", [None, True, "410"])
def test_a_status_without_a_code(code: Json) -> None:
    body: JsonObject = {"kind": "Status", "code": code}
    assert error_of_status(WHAT, body).code == 500


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no reason was given"),
        (b"<html>\n<h1>Bad\t  Gateway</h1>", "<html> <h1>Bad Gateway</h1>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"null", "null"),
        (b'{"kind":"Pod"}', '{"kind":"Pod"}'),
        (b"x" * 1000, "x" * 300),
    ],
)
def test_what_is_no_status(body: bytes, said: str) -> None:
    assert str(read_error(WHAT, 502, body)) == f"{WHAT}: the API server answered 502: {said}"


def test_a_path_that_is_not_served() -> None:
    assert "Is the CRD installed" in str(read_error(WHAT, 404, b"404 page not found\n"))


@given(st.integers(400, 599), st.binary(max_size=200), st.text(max_size=20))
def test_anything_becomes_an_error(code: int, body: bytes, header: str) -> None:
    assert read_error(WHAT, code, body, header).code == code


json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["code", "reason", "message", "details", "metadata"]), json_values),
    st.dictionaries(st.sampled_from(["causes", "retryAfterSeconds"]), json_values) | json_values,
)
def test_a_status_of_any_shape(shape: JsonObject, details: Json) -> None:
    error = error_of_status(WHAT, shape | {"kind": "Status", "details": details})
    assert isinstance(error.message, str)
    assert type(error.code) is int


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ('299 - "v1 is deprecated"', "v1 is deprecated"),
        (r'299 - "unknown field \"spec.x\""', 'unknown field "spec.x"'),
        (r'299 - "a \\ b"', "a \\ b"),
        ('299 - "one" "Sat, 21 Nov 2026 12:00:00 GMT"', "one"),
        ("no quotes", "no quotes"),
        ('299 - "open', '299 - "open'),
        ('299 - ""', ""),
    ],
)
def test_warnings(header: str, text: str) -> None:
    assert read_warning(header) == text


def test_a_kind_that_has_just_come_is_told_as_that() -> None:
    error = read_error(WHAT, 429, status(429, "TooManyRequests", "storage is (re)initializing", retryAfterSeconds=1))
    assert error.message == "its CRD has just come or changed, and storage is (re)initializing"
    assert error.retry_after == 1.0
