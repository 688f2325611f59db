"""Every verb, on any kind: plain JSON objects in and out.

Nothing here knows one kind from another: what a kind is called and where its objects are is in its `Resource`.
"""

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import orjson

from auditor.cluster.access import dig_text
from auditor.cluster.pace import Urgency
from auditor.cluster.paging import Paging
from auditor.cluster.resource import Resource
from auditor.cluster.transport import Query, Transport
from auditor.errors import ConflictError, ExpiredError, MalformedError
from auditor.json import Json, JsonObject

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML

PAGE = 500
"""Objects a page, as client-go: 10,000 objects are 20 calls."""
EDIT_ATTEMPTS = 5
"""As client-go: five writers who collide again and again have a problem that more attempts do not solve."""
CONFLICT_STEP = 0.02
"""Seconds by which the longest pause after a conflict grows: a write takes 5 to 20 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    dry_run: bool = False
    field_manager: str = "auditor"
    """Who wrote it, in managedFields."""
    field_validation: str = "Strict"
    """What the server does with unknown and duplicate fields: Strict, Warn or Ignore."""
    timeout: float | None = None
    """Seconds within which it has to be written; whoever writes under a lease has no more than that has left."""

    def query(self, method: str) -> list[tuple[str, str]]:
        """A deletion knows neither managers nor fields."""
        written = [("fieldManager", self.field_manager), ("fieldValidation", self.field_validation)]
        return (written if method != "DELETE" else []) + ([("dryRun", "All")] if self.dry_run else [])


DEFAULTS = WriteOptions()


@dataclass(frozen=True, slots=True)
class Client:
    """Safe to use from many threads. Errors are those of auditor.errors: ApiError and its kinds, UnreachableError."""

    transport: Transport
    urgency: Urgency = Urgency.WAITED_FOR

    def get(
        self,
        resource: Resource,
        name: str,
        *,
        namespace: str = "",
        subresource: str = "",
        resource_version: str = "",
        timeout: float | None = None,
    ) -> JsonObject:
        """`resource_version="0"` accepts what the server has in memory, which may be old and is cheap."""
        path, what = _object("get", resource, namespace, name, subresource)
        query = [("resourceVersion", resource_version)] if resource_version else []
        return self._read(what, self._fetch("GET", path, what, query=query, timeout=timeout))

    def list(
        self, resource: Resource, *, namespace: str = "", labels: str = "", fields: str = "", limit: int = PAGE
    ) -> Iterator[JsonObject]:
        """Page by page as they are taken, so memory holds one page: of `limit` objects at most, of fewer where they are
        large.

        If that takes longer than the server keeps a snapshot (5 minutes), the rest comes as it is by then: each
        object comes once, and what was created or deleted meanwhile may or may not be among them.
        """
        path, what = resource.path(namespace=namespace), f"list {_target(resource, namespace)}"
        token = ""
        paging = Paging(limit)
        while True:
            query = [("limit", str(paging.limit)), *_selectors(labels, fields)]
            try:
                answer = self._fetch("GET", path, what, query=[*query, ("continue", token)] if token else query)
            except ExpiredError as error:
                if not error.resume or error.resume == token:
                    raise
                token = error.resume
                continue
            page = self._read(what, answer)
            items, metadata = page.get("items"), page.get("metadata")
            if "items" not in page or not isinstance(items, list | None) or not isinstance(metadata, dict):
                raise MalformedError(f"{what}: {self.transport.server} answered with something that is no list")
            paging.note(len(items or ()), len(answer))
            del answer
            # Items of a list do not say what they are: the list does.
            kind, version = dig_text(page, "kind").removesuffix("List"), dig_text(page, "apiVersion")
            for item in items or []:  # Go writes an empty list as null
                yield {"apiVersion": version, "kind": kind} | item
            token = dig_text(page, "metadata", "continue")
            if not token:
                return

    def create(
        self, resource: Resource, obj: JsonObject, *, namespace: str = "", options: WriteOptions = DEFAULTS
    ) -> JsonObject:
        namespace = namespace or dig_text(obj, "metadata", "namespace")
        name = dig_text(obj, "metadata", "name") or dig_text(obj, "metadata", "generateName")
        what = f"create {_target(resource, namespace, name)}"
        if resource.namespaced and not namespace:
            raise ValueError(f"{what}: {resource.name} is namespaced, and no namespace was given")
        return self._write("POST", resource.path(namespace=namespace), what, body=obj, options=options)

    def update(
        self, resource: Resource, obj: JsonObject, *, subresource: str = "", options: WriteOptions = DEFAULTS
    ) -> JsonObject:
        """Replaces the whole object. With its resourceVersion, only if nobody has changed it since (ConflictError)."""
        path, what = _object("update", resource, *_place(obj), subresource)
        return self._write("PUT", path, what, body=obj, options=options)

    def patch_json(
        self,
        resource: Resource,
        name: str,
        operations: Sequence[JsonObject],
        *,
        namespace: str = "",
        subresource: str = "",
        options: WriteOptions = DEFAULTS,
    ) -> JsonObject:
        path, what = _object("patch", resource, namespace, name, subresource)
        return self._write("PATCH", path, what, body=[*operations], content_type=JSON_PATCH, options=options)

    def patch_merge(
        self,
        resource: Resource,
        name: str,
        patch: JsonObject,
        *,
        namespace: str = "",
        subresource: str = "",
        options: WriteOptions = DEFAULTS,
    ) -> JsonObject:
        """Null removes a field; lists are replaced as a whole."""
        path, what = _object("patch", resource, namespace, name, subresource)
        return self._write("PATCH", path, what, body=patch, content_type=MERGE_PATCH, options=options)

    def apply(
        self,
        resource: Resource,
        obj: JsonObject,
        *,
        force: bool = False,
        subresource: str = "",
        options: WriteOptions = DEFAULTS,
    ) -> JsonObject:
        """Server-side apply: the fields in `obj` are ours from now on, and what we no longer say is removed.

        A field that another manager owns with another value is a ConflictError that names both, unless `force`.
        """
        path, what = _object("apply", resource, *_place(obj), subresource)
        query = [("force", "true")] if force else []
        return self._write("PATCH", path, what, body=obj, content_type=APPLY_PATCH, query=query, options=options)

    def delete(
        self,
        resource: Resource,
        name: str,
        *,
        namespace: str = "",
        propagation: str = "",
        uid: str = "",
        resource_version: str = "",
        grace_seconds: int | None = None,
        options: WriteOptions = DEFAULTS,
    ) -> JsonObject:
        """`propagation`: Foreground, Background or Orphan. With uid or version, only if it is still that one.

        Gives the object as it is while finalizers hold it, or a Status where it is gone.
        """
        preconditions = {k: v for k, v in (("uid", uid), ("resourceVersion", resource_version)) if v}
        body = _delete_options(propagation, preconditions, grace_seconds, dry_run=options.dry_run)
        path, what = _object("delete", resource, namespace, name)
        return self._write("DELETE", path, what, body=body, options=options)

    def delete_collection(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        propagation: str = "",
        options: WriteOptions = DEFAULTS,
    ) -> None:
        """All that the selectors choose, in one namespace or, of a kind that has none, in the cluster."""
        what = f"deletecollection {_target(resource, namespace)}"
        if resource.namespaced and not namespace:
            raise ValueError(f"{what}: needs a namespace. To empty the whole cluster of a kind, go through namespaces")
        body = _delete_options(propagation, {}, None, dry_run=options.dry_run)
        query = _selectors(labels, fields)
        self._write("DELETE", resource.path(namespace=namespace), what, body=body, query=query, options=options)

    def edit(
        self,
        resource: Resource,
        name: str,
        change: Callable[[JsonObject], JsonObject | None],
        *,
        namespace: str = "",
        subresource: str = "",
        options: WriteOptions = DEFAULTS,
        attempts: int = EDIT_ATTEMPTS,
    ) -> JsonObject:
        """Reads it, lets `change` give the object to be, and writes that; who was faster makes us read it again.

        `change` may be called several times. It gives None where there is nothing to change: then nothing is written.
        The timeout of the options is for all of it, however often it is done.
        """
        left = countdown(options.timeout)
        for attempt in itertools.count(1):
            current = self.get(resource, name, namespace=namespace, timeout=left())
            before = _canonical(current)
            changed = change(copy := orjson.loads(before))
            if changed is None and _canonical(copy) != before:
                raise TypeError(
                    f"edit {_target(resource, namespace, name)}: the object was changed, but nothing was returned: "
                    "return it, or leave it as it is"
                )
            if changed is None or _canonical(changed) == before:
                return current
            try:
                written = replace(options, timeout=left())
                return self.update(resource, changed, subresource=subresource, options=written)
            except ConflictError:
                if attempt >= attempts:
                    raise
                time.sleep(random.uniform(0, CONFLICT_STEP * attempt))  # noqa: S311 - so that two do not collide again
        raise AssertionError("unreachable: it counts without an end")

    def get_scale(self, resource: Resource, name: str, *, namespace: str = "") -> JsonObject:
        return self.get(resource, name, namespace=namespace, subresource="scale")

    def set_scale(
        self, resource: Resource, name: str, replicas: int, *, namespace: str = "", options: WriteOptions = DEFAULTS
    ) -> JsonObject:
        patch = {"spec": {"replicas": replicas}}
        return self.patch_merge(resource, name, patch, namespace=namespace, subresource="scale", options=options)

    def _write(
        self,
        method: str,
        path: str,
        what: str,
        *,
        body: Json,
        options: WriteOptions,
        query: Query = (),
        content_type: str = "application/json",
    ) -> JsonObject:
        query = [*query, *options.query(method)]
        answer = self._fetch(
            method, path, what, query=query, body=body, content_type=content_type, timeout=options.timeout
        )
        return self._read(what, answer)

    def _fetch(
        self,
        method: str,
        path: str,
        what: str,
        *,
        query: Query = (),
        body: Json = None,
        content_type: str = "application/json",
        timeout: float | None = None,
    ) -> bytes:
        return self.transport.ask(
            method,
            path,
            what=what,
            query=query,
            body=body,
            content_type=content_type,
            urgency=self.urgency,
            timeout=timeout,
        )

    def _read(self, what: str, answer: bytes) -> JsonObject:
        try:
            found = orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            raise MalformedError(f"{what}: {self.transport.server} answered with something that is no JSON") from error
        if not isinstance(found, dict):
            raise MalformedError(f"{what}: {self.transport.server} answered with something that is no object")
        return found


def countdown(seconds: float | None) -> Callable[[], float | None]:
    """What is left of them at each call, for several requests that have one timeout; None has no end."""
    end = None if seconds is None else time.monotonic() + seconds
    return lambda: None if end is None else end - time.monotonic()


def _place(obj: JsonObject) -> tuple[str, str]:
    return dig_text(obj, "metadata", "namespace"), dig_text(obj, "metadata", "name")


def _object(verb: str, resource: Resource, namespace: str, name: str, subresource: str = "") -> tuple[str, str]:
    """The path of one object, and what is asked of it. Without a name the path is that of all of them: who deletes
    that deletes them all."""
    what = f"{verb} {_target(resource, namespace, name, subresource)}"
    if not name:
        raise ValueError(f"{what}: needs the name of an object (metadata.name), which is empty")
    return resource.path(namespace=namespace, name=name, subresource=subresource), what


def _target(resource: Resource, namespace: str = "", name: str = "", subresource: str = "") -> str:
    kind = f"{resource.name}/{subresource}" if subresource else resource.name
    where = f"{namespace}/{name}" if namespace and name else name or (f"in {namespace}" if namespace else "")
    return f"{kind} {where}".strip()


def _selectors(labels: str, fields: str) -> list[tuple[str, str]]:
    return [(k, v) for k, v in (("labelSelector", labels), ("fieldSelector", fields)) if v]


def _canonical(obj: JsonObject) -> bytes:
    """Python takes 1 and True for the same, and so would lose that change."""
    return orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)


def _delete_options(
    propagation: str, preconditions: JsonObject, grace_seconds: int | None, *, dry_run: bool
) -> JsonObject:
    options: JsonObject = {"apiVersion": "v1", "kind": "DeleteOptions"}
    if dry_run:
        # Beside a body the server does not look at the query: with dryRun there alone it would delete in earnest.
        options["dryRun"] = ["All"]
    if propagation:
        options["propagationPolicy"] = propagation
    if preconditions:
        options["preconditions"] = preconditions
    if grace_seconds is not None:
        options["gracePeriodSeconds"] = grace_seconds
    return options
