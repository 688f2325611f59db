"""AdmissionReviews to requests. What is missing or of the wrong form is said, and nothing is guessed."""

from datetime import datetime
from typing import Final

from auditor.dataclass import dataclass
from auditor.errors import InputError
from auditor.intake.form import drop_nulls_of_metadata, find_faults
from auditor.json import Json, JsonObject
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Origin, Request, User
from auditor.model.world import World

API_VERSION: Final = "admission.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Review:
    uid: str
    request: Request


def read_review(review: Json, world: World, *, time: datetime, namespace_object: JsonObject | None = None) -> Review:
    """Raises InputError, which names the field."""
    if not isinstance(review, dict) or review.get("kind") != "AdmissionReview":
        raise InputError("kind: must be AdmissionReview")
    if review.get("apiVersion") != API_VERSION:
        raise InputError(f"apiVersion: must be {API_VERSION}")
    request = _object(review, "request", "request")
    operation = _text(request, "operation", "request.operation")
    if operation not in list(Operation):
        raise InputError(f"request.operation: {operation!r} is none of {', '.join(Operation)}")
    new, old = _thing(request, "object"), _thing(request, "oldObject")
    needed = {"CREATE": ("object",), "UPDATE": ("object", "oldObject"), "DELETE": ("oldObject",)}.get(operation, ())
    for name in needed:
        if request.get(name) is None:
            raise InputError(f"request.{name}: must be there on {operation}")
    return Review(
        _text(request, "uid", "request.uid"),
        Request(
            operation=Operation(operation),
            kind=_kind(request, "kind"),
            resource=_resource(request, "resource"),
            request_kind=_kind(request, "requestKind") if request.get("requestKind") else None,
            request_resource=_resource(request, "requestResource") if request.get("requestResource") else None,
            subresource=_optional(request, "subResource"),
            name=_optional(request, "name"),
            namespace=_optional(request, "namespace"),
            object=new,
            old_object=old,
            options=_object(request, "options", "request.options") if request.get("options") is not None else None,
            dry_run=request.get("dryRun") is True,
            user=_user(request),
            origin=Origin.DOOR,
            namespace_object=namespace_object,
            world=world,
            time=time,
        ),
    )


def _thing(request: JsonObject, name: str) -> JsonObject | None:
    if request.get(name) is None:
        return None
    thing = _object(request, name, f"request.{name}")
    for pointer, what in find_faults(thing):
        raise InputError(f"request.{name}{pointer.replace('/', '.')}: {what}")
    return drop_nulls_of_metadata(thing)


def _user(request: JsonObject) -> User:
    user = _object(request, "userInfo", "request.userInfo") if request.get("userInfo") is not None else {}
    extra = _object(user, "extra", "request.userInfo.extra") if user.get("extra") is not None else {}
    return User(
        username=_optional(user, "username", "request.userInfo"),
        uid=_optional(user, "uid", "request.userInfo"),
        groups=_texts(user.get("groups"), "request.userInfo.groups"),
        extra={key: _texts(values, f"request.userInfo.extra.{key}") for key, values in extra.items()},
    )


def _object(value: JsonObject, name: str, path: str) -> JsonObject:
    found = value.get(name)
    if not isinstance(found, dict):
        raise InputError(f"{path}: must be an object")
    return found


def _text(value: JsonObject, name: str, path: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise InputError(f"{path}: must be a text that is not empty")
    return found


def _optional(value: JsonObject, name: str, path: str = "request") -> str:
    found = value.get(name)
    if not isinstance(found, str | None):
        raise InputError(f"{path}.{name}: must be a text")
    return found or ""


def _texts(value: Json, path: str) -> tuple[str, ...]:
    if not isinstance(value, list | None) or not all(isinstance(each, str) for each in value or ()):
        raise InputError(f"{path}: must be a list of texts")
    return tuple(value or ())


def _kind(request: JsonObject, name: str) -> GroupVersionKind:
    value, path = _object(request, name, f"request.{name}"), f"request.{name}"
    return GroupVersionKind(
        _optional(value, "group", path),
        _text(value, "version", f"{path}.version"),
        _text(value, "kind", f"{path}.kind"),
    )


def _resource(request: JsonObject, name: str) -> GroupVersionResource:
    value, path = _object(request, name, f"request.{name}"), f"request.{name}"
    return GroupVersionResource(
        _optional(value, "group", path),
        _text(value, "version", f"{path}.version"),
        _text(value, "resource", f"{path}.resource"),
    )
