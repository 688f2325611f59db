"""What the server sends, as objects with their key and version. Nothing in it is taken on trust, and it is quick."""

import gc
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from auditor.cluster.access import dig
from auditor.cluster.listwatch.version import Version
from auditor.cluster.resource import Resource
from auditor.errors import MalformedError
from auditor.json import Json, JsonObject

EXCERPT = 200
"""Characters of what could not be understood: enough to see what it is."""
INITIAL_EVENTS_END = "k8s.io/initial-events-end"

Identity: TypeAlias = tuple[str, Version]
"""Key and version of an object."""


@dataclass(frozen=True, slots=True)
class Page:
    objects: list[JsonObject]
    resource_version: str
    next: str
    """The token for the next page; empty at the end."""


def read_page(body: bytes, resource: Resource) -> Page:
    try:
        page = _load(body)
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"a list of {resource.name} is not JSON: {error}") from error
    metadata = page.get("metadata") if isinstance(page, dict) else None
    if not isinstance(metadata, dict) or "items" not in page:
        raise MalformedError(f"a list of {resource.name} is not a list: {_excerpt(body)}")
    objects = [] if page["items"] is None else page["items"]  # Go writes an empty list as null
    version, token = metadata.get("resourceVersion"), metadata.get("continue") or ""
    if not isinstance(objects, list) or not isinstance(version, str) or not version or not isinstance(token, str):
        raise MalformedError(f"a list of {resource.name} has another shape: {_excerpt(body)}")
    return Page(objects, version, token)


def _load(body: bytes) -> Json:
    """Without the collector, which would look 20 times for cycles in what can have none: a quarter of all the time.

    orjson holds the interpreter's lock, so that no other thread runs without its collector meanwhile.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(body)
    finally:
        if collecting:
            gc.enable()


def complete(obj: JsonObject, resource: Resource) -> None:
    """Built-in kinds leave out in lists what they say in watches."""
    obj.setdefault("apiVersion", resource.api_version)
    obj.setdefault("kind", resource.kind)


def read_line(line: bytes) -> tuple[str, JsonObject]:
    """Type and object of one event of a watch."""
    try:
        event = orjson.loads(line)
        kind, obj = event["type"], event["object"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise MalformedError(f"a line that is no watch event: {_excerpt(line)}") from error
    if type(obj) is not dict or type(kind) is not str:
        raise MalformedError(f"a line that is no watch event: {_excerpt(line)}")
    return kind, obj


def identify(obj: Json) -> Identity:
    """Written out, without `dig`: it runs once for each object of a list."""
    try:
        metadata = obj["metadata"]
        name, resource_version = metadata["name"], metadata["resourceVersion"]
        namespace, uid = metadata.get("namespace"), metadata.get("uid", "")
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedError(f"an object without name or resourceVersion: {_show(obj)}") from error
    if type(name) is not str or type(resource_version) is not str or type(uid) is not str or not name:
        raise MalformedError(f"an object whose metadata are no texts: {_show(obj)}")
    if namespace and type(namespace) is not str:
        raise MalformedError(f"an object whose namespace is no text: {_show(obj)}")
    return f"{namespace}/{name}" if namespace else name, Version(f"{resource_version} {uid}")


def bookmarked(obj: JsonObject) -> str:
    """The resourceVersion that a bookmark is for."""
    version = dig(obj, "metadata", "resourceVersion")
    if not isinstance(version, str) or not version:
        raise MalformedError(f"a bookmark without resourceVersion: {_show(obj)}")
    return version


def ends_list(bookmark: JsonObject) -> bool:
    return bool(dig(bookmark, "metadata", "annotations", INITIAL_EVENTS_END) == "true")


def _show(value: Json) -> str:
    return _excerpt(orjson.dumps(value))


def _excerpt(text: bytes) -> str:
    return text[: EXCERPT * 4].decode(errors="replace")[:EXCERPT]
