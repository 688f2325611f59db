"""From what was judged to the body of an answer, in the forms that the API server reads."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from math import isfinite
from typing import Final, Self

import orjson

from auditor.json import Json, JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.request import Request
from auditor.webhooks import wording
from auditor.webhooks.decode import ADMISSION, CONVERSION

# What a rule may give as its reason, and the codes that belong to them, as for ValidatingAdmissionPolicy.
_CODES: Final = {
    "Unauthorized": HTTPStatus.UNAUTHORIZED,
    "Forbidden": HTTPStatus.FORBIDDEN,
    "Invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "RequestEntityTooLarge": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
_DEFAULT_REASON: Final = "Invalid"

_REASONS: Final = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.METHOD_NOT_ALLOWED: "MethodNotAllowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "RequestEntityTooLarge",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "UnsupportedMediaType",
    HTTPStatus.TOO_MANY_REQUESTS: "TooManyRequests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalError",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP: always JSON."""

    status: HTTPStatus
    body: bytes
    retry_after: int | None = None
    """Seconds. The API server itself calls again then, as long as the timeout of the webhook lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The response of an AdmissionReview, before it is JSON."""

    allowed: bool
    status: JsonObject | None = None
    patch: Sequence[JsonObject] = ()
    warnings: Sequence[str] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def admitted(cls, *, warnings: Sequence[str] = (), annotations: Mapping[str, str] | None = None) -> Self:
        return cls(allowed=True, warnings=warnings, annotations=annotations or {})

    @classmethod
    def patched(
        cls, patch: Sequence[JsonObject], *, warnings: Sequence[str] = (), annotations: Mapping[str, str] | None = None
    ) -> Self:
        return cls(allowed=True, patch=patch, warnings=warnings, annotations=annotations or {})

    @classmethod
    def denied(
        cls,
        findings: Sequence[Finding],
        request: Request,
        *,
        warnings: Sequence[str] = (),
        annotations: Mapping[str, str] | None = None,
    ) -> Self:
        """`findings` are those that block."""
        status = _deny(findings, request)
        return cls(allowed=False, status=status, warnings=warnings, annotations=annotations or {})

    @classmethod
    def errored(cls, message: str, *, code: HTTPStatus, annotations: Mapping[str, str] | None = None) -> Self:
        """Refused because it could not be judged. Where it passes in spite of that it is `admitted` with a warning."""
        said = wording.cut(wording.one_line(message), wording.MAX_MESSAGE)
        status = {"status": "Failure", "reason": _REASONS[code], "code": code, "message": said}
        return cls(allowed=False, status=status, annotations=annotations or {})


def _deny(findings: Sequence[Finding], request: Request) -> JsonObject:
    """kubectl shows the message, but of what is Invalid only the causes: either says everything."""
    thing = request.object if request.object is not None else request.old_object
    reasons = {each.reason or _DEFAULT_REASON for each in findings}
    reason = reasons.pop() if len(reasons) == 1 else _DEFAULT_REASON
    return {
        "status": "Failure",
        "reason": reason,
        "code": _CODES.get(reason, HTTPStatus.UNPROCESSABLE_ENTITY),
        "message": wording.say_violations(findings, thing),
        "details": {
            "group": request.kind.group,
            "kind": request.kind.kind,
            "name": name_of(request),
            "causes": _causes(findings, thing),
        },
    }


def name_of(request: Request) -> str:
    """A name that the API server is to generate is not made yet when admission is asked: then its beginning and `*`."""
    metadata = (request.object or {}).get("metadata") or {}
    return (
        request.name or metadata.get("name") or (f"{metadata['generateName']}*" if "generateName" in metadata else "")
    )


def _causes(findings: Sequence[Finding], thing: Json) -> list[JsonObject]:
    causes: list[JsonObject] = []
    room = wording.MAX_MESSAGE
    for each in wording.sort_findings(findings):
        message = wording.say_finding(each, thing, field=False)
        room -= len(message)
        if room < 0:
            rest = f"and {len(findings) - len(causes):,} more"
            causes.append({"reason": "FieldValueInvalid", "field": wording.ROOT, "message": rest})
            break
        reason = "InternalError" if each.result is Result.ERROR else "FieldValueInvalid"
        causes.append({"reason": reason, "field": wording.say_field(each.path, thing), "message": message})
    return causes


def write_review(uid: str, response: Response) -> bytes:
    written: JsonObject = {"uid": uid, "allowed": response.allowed}
    if response.status is not None:
        written["status"] = response.status
    if response.patch:
        _check_numbers(list(response.patch))
        written["patchType"] = "JSONPatch"
        written["patch"] = b64encode(encode(list(response.patch))).decode("ascii")
    if response.warnings:
        written["warnings"] = wording.say_warnings(response.warnings)
    if response.annotations:
        written["auditAnnotations"] = response.annotations
    return encode({"apiVersion": ADMISSION[0], "kind": ADMISSION[1], "response": written})


def _check_numbers(value: Json) -> None:
    """JSON has no infinity, and null, which orjson would write, is something else."""
    if isinstance(value, dict):
        for each in value.values():
            _check_numbers(each)
    elif isinstance(value, list):
        for each in value:
            _check_numbers(each)
    elif isinstance(value, float) and not isfinite(value):
        raise ValueError(f"a patch holds {value}, which is no number in JSON")


def write_conversion(uid: str, objects: Sequence[JsonObject]) -> bytes:
    return _write_conversion(uid, {"status": "Success"}, objects)


def write_failed_conversion(uid: str, message: str) -> bytes:
    """Without any object: the API server wants all or none."""
    said = wording.cut(wording.one_line(message), wording.MAX_MESSAGE)
    return _write_conversion(uid, {"status": "Failure", "message": said}, ())


def _write_conversion(uid: str, result: JsonObject, objects: Sequence[JsonObject]) -> bytes:
    response = {"uid": uid, "result": result, "convertedObjects": list(objects)}
    return encode({"apiVersion": CONVERSION[0], "kind": CONVERSION[1], "response": response})


def refuse(status: HTTPStatus, message: str, *, retry_after: int | None = None) -> Answer:
    """Where there is no review to answer: a Status. The API server shows its message to the user, and no other body."""
    body = {
        "apiVersion": "v1",
        "kind": "Status",
        "metadata": {},
        "status": "Failure",
        "code": status,
        "reason": _REASONS.get(status, ""),
        "message": wording.cut(wording.one_line(message), wording.MAX_FINDING),
    }
    return Answer(status, encode(body), retry_after)


def encode(value: Json) -> bytes:
    """orjson refuses integers beyond 64 bits, more than 254 levels and half surrogate pairs; Python's own goes on."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
