"""The body of a request to what is judged. What is wrong with it is said in a sentence that reaches the user."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

import orjson

from auditor.errors import InputError
from auditor.intake.review import API_VERSION, read_review
from auditor.json import Json, JsonObject
from auditor.model.request import Request
from auditor.model.world import World
from auditor.webhooks.snapshot import Snapshot

MAX_BODY: Final = 8 * 1024 * 1024
"""The API server takes requests of up to 3 MiB, and etcd keeps objects of up to 1.5 MiB. So a review holds a new object
of 3 MiB and an old one of 1.5 MiB. As JSON, and with defaults, either may be longer than it came or is kept: for that
there are 3.5 MiB more. An object that needs more than that could not be stored."""

ADMISSION: Final = (API_VERSION, "AdmissionReview")
CONVERSION: Final = ("apiextensions.k8s.io/v1", "ConversionReview")


class UnreadableError(InputError):
    """There is no review to answer in its own form; the HTTP status tells the API server, and failurePolicy decides."""

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Envelope:
    """A review of the right form, of which not more than its uid was looked at."""

    uid: str
    review: JsonObject
    request: JsonObject


def check_content_type(content_type: str, encoding: str) -> None:
    """Both as they stand in the headers, of which parameters such as `charset=utf-8` are allowed: JSON is UTF-8."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        shown = content_type[:100] or "without a content type"
        message = f"the body must be application/json, and is {shown}"
    elif encoding not in ("", "identity"):
        message = f"the body must not be compressed, and is {encoding[:100]}"
    else:
        return
    raise UnreadableError(message, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def open_review(body: bytes, form: tuple[str, str]) -> Envelope:
    """Raises UnreadableError. Where a key is there twice the last one counts, as for the API server itself.

    Integers beyond 64 bits become doubles, as they are for the API server; there is no NaN, and at most 1,024 levels.
    """
    try:
        review = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnreadableError(f"the body is no JSON: {error}") from error
    api_version, kind = form
    if not isinstance(review, dict):
        raise UnreadableError(f"the body must be one object of kind {kind} ({api_version})")
    for name, wanted in (("kind", kind), ("apiVersion", api_version)):
        if review.get(name) != wanted:
            raise UnreadableError(f"{name}: must be {wanted}")
    request = review.get("request")
    if not isinstance(request, dict):
        raise UnreadableError("request: must be an object")
    uid = request.get("uid")
    if not isinstance(uid, str) or not uid:
        raise UnreadableError("request.uid: must be a text that is not empty")
    return Envelope(uid, review, request)


def read_request(envelope: Envelope, snapshot: Snapshot, world: World, *, time: datetime) -> Request:
    """Raises InputError, which names the field. `world` is that of the snapshot, or one that notes who reads it."""
    namespace = envelope.request.get("namespace")
    known = snapshot.namespaces.get(namespace) if isinstance(namespace, str) and namespace else None
    return read_review(envelope.review, world, time=time, namespace_object=known).request


@dataclass(frozen=True, slots=True)
class ConversionRequest:
    desired: str
    """The apiVersion to which all objects are to be converted."""
    objects: tuple[JsonObject, ...]


def read_conversion(envelope: Envelope) -> ConversionRequest:
    """Raises InputError, which names the field."""
    desired = envelope.request.get("desiredAPIVersion")
    if not isinstance(desired, str) or desired.count("/") != 1 or not all(desired.split("/")):
        raise InputError("request.desiredAPIVersion: must be GROUP/VERSION")
    objects = envelope.request.get("objects")
    if not isinstance(objects, list):
        raise InputError("request.objects: must be a list")
    for index, each in enumerate(objects):
        _check_object(each, f"request.objects[{index}]")
    return ConversionRequest(desired, tuple(objects))


def _check_object(thing: Json, path: str) -> None:
    if not isinstance(thing, dict):
        raise InputError(f"{path}: must be an object")
    for name in ("apiVersion", "kind"):
        if not isinstance(thing.get(name), str) or not thing[name]:
            raise InputError(f"{path}.{name}: must be a text that is not empty")
    if not isinstance(thing.get("metadata"), dict):
        raise InputError(f"{path}.metadata: must be an object")


@lru_cache(maxsize=64)  # there is one for each timeout that is registered
def read_timeout(query: str) -> float | None:
    """Of the query `timeout=10s` with which the API server calls: seconds, whole ones, as Go writes them (`1m30s`)."""
    text = dict(parse_qsl(query)).get("timeout", "") if len(query) < 1000 else ""
    total, number = 0.0, ""
    units: Mapping[str, int] = {"h": 3600, "m": 60, "s": 1}
    for character in text[:20]:
        if character.isascii() and (character.isdigit() or character == "."):
            number += character
        elif character in units and number.replace(".", "", 1).isdigit():
            total += float(number) * units[character]
            number = ""
        else:
            return None
    return total if total > 0 and not number else None
