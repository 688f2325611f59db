"""Status conditions of the conventional shape: one entry of each type, and since when its status is what it is.

`set_condition` and `find_condition` are pure. `apply_condition` writes one condition of an object, and leaves those of
others as they are, also where several write at the same time.
"""

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from auditor.cluster.access import dig, dig_list, dig_object, dig_text
from auditor.cluster.client import Client, WriteOptions, countdown
from auditor.cluster.resource import Resource
from auditor.errors import ConflictError, NotFoundError
from auditor.json import Json, JsonObject

TYPE = re.compile(
    r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])"
)
REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
TYPE_LENGTH, REASON_LENGTH, MESSAGE_LENGTH = 316, 1024, 32768
"""As meta/v1 Condition has them, which CRDs copy."""
ATTEMPTS = 10
"""Any other write to the object, not only to its conditions, is a conflict: twice those of an ordinary edit."""
STEP = 0.02
"""Seconds by which the longest pause after a conflict grows: a write takes 5 to 20 ms. All: under 1 s."""
MANAGER_LENGTH = 128
"""Of a field manager's name: the API server refuses longer ones."""

Status = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Condition:
    """ValueError where a type, status or reason would be refused: those are words of the program. A message, which
    often quotes others, is cut."""

    type: str
    status: Status
    reason: str
    message: str = ""
    observed_generation: int | None = None
    """Of the object that was looked at. None leaves what is there."""

    def __post_init__(self) -> None:
        if len(self.type) > TYPE_LENGTH or not TYPE.fullmatch(self.type):
            raise ValueError(f"{self.type!r} is no type of a condition: it is a word like Ready or example.com/Ready")
        if self.status not in ("True", "False", "Unknown"):
            raise ValueError(
                f"condition {self.type}: the status is True, False or Unknown, as text, not {self.status!r}"
            )
        if len(self.reason) > REASON_LENGTH or not REASON.fullmatch(self.reason):
            raise ValueError(
                f"condition {self.type}: the reason {self.reason[:100]!r} is no word like BackupFailed: letters, "
                f"digits and _,: with a letter first, 1 to {REASON_LENGTH} characters"
            )
        if len(self.message) > MESSAGE_LENGTH:
            object.__setattr__(self, "message", self.message[: MESSAGE_LENGTH - 1] + "…")

    def render(self) -> JsonObject:
        """Without its time, which depends on what was there before."""
        fields = {"type": self.type, "status": self.status, "reason": self.reason, "message": self.message}
        return fields if self.observed_generation is None else fields | {"observedGeneration": self.observed_generation}


def find_condition(conditions: Json, type_: str) -> JsonObject | None:
    """Of a list that may be anything, as it is in an object that somebody wrote."""
    found = (c for c in conditions if dig(c, "type") == type_) if isinstance(conditions, list) else iter(())
    return next(found, None)


def set_condition(conditions: list[Json], condition: Condition, now: datetime) -> list[Json]:
    """The same list if nothing is to be changed; else a new one, in the same order, with what others have put into it.

    lastTransitionTime becomes `now` when the status changes, and only then.
    """
    old = find_condition(conditions, condition.type)
    new = (old or {}) | condition.render()
    if old is None or old.get("status") != condition.status or not dig_text(old, "lastTransitionTime"):
        new["lastTransitionTime"] = render_time(now)
    if old is None:
        return [*conditions, new]
    if _same(old, new):
        return conditions
    return [new if c is old else c for c in conditions]


def _same(old: JsonObject, new: JsonObject) -> bool:
    """Python takes 1 and True for the same."""
    return old == new and type(old.get("observedGeneration")) is type(new.get("observedGeneration"))


def render_time(now: datetime) -> str:
    """As metav1.Time: whole seconds, in UTC."""
    return f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _now() -> datetime:
    return datetime.now(UTC)


def apply_condition(
    client: Client,
    resource: Resource,
    name: str,
    condition: Condition,
    *,
    namespace: str = "",
    manager: str = "auditor",
    timeout: float | None = None,
    now: Callable[[], datetime] = _now,
    wait: Callable[[float], object] = time.sleep,
) -> JsonObject:
    """Reads the object, writes the condition if it is another, and gives the object as it is then.

    By server-side apply, as the manager `manager/type`: what one manager no longer says is removed, so each type has
    its own. Where the kind's schema does not make the conditions a map by their type, applying would replace the whole
    list: there the status is updated instead. Either is refused if somebody has written in between, and then all is
    done anew from what is there: the time of the transition is right, whoever else writes. `timeout` is for all of it.
    """
    what = f"set condition {condition.type} of {resource.name} {namespace}/{name}".replace(" /", " ")
    left = countdown(timeout)
    for attempt in range(1, ATTEMPTS + 1):
        current = client.get(resource, name, namespace=namespace, timeout=left())
        before = dig_list(current, "status", "conditions")
        after = set_condition(before, condition, now())
        if after is before:
            return current
        options = WriteOptions(field_manager=f"{manager}/{condition.type}"[:MANAGER_LENGTH], timeout=left())
        try:
            if before and not _is_map(current):
                return _update(client, resource, current, after, options)
            return _apply(client, resource, current, find_condition(after, condition.type) or {}, options)
        except ConflictError:
            if attempt == ATTEMPTS:
                raise
            wait(random.uniform(0, STEP * attempt))  # noqa: S311 - so that two who collided do not collide again
        except NotFoundError as error:
            # The object was there a moment ago. If it is there still, it is its status that cannot be written.
            client.get(resource, name, namespace=namespace, timeout=left())
            raise NotFoundError(
                what,
                code=404,
                reason=error.reason,
                message=f"{resource.name} in version {resource.version} has no status subresource. Its CRD needs "
                "`subresources: {status: {}}` in that version",
            ) from error
    raise AssertionError("unreachable: the last attempt returns or raises")


OURS = ("type", "status", "reason", "message", "lastTransitionTime", "observedGeneration")


def _apply(
    client: Client, resource: Resource, current: JsonObject, entry: JsonObject, options: WriteOptions
) -> JsonObject:
    meta = dig_object(current, "metadata")
    body = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {k: meta[k] for k in ("name", "namespace", "uid", "resourceVersion") if k in meta},
        "status": {"conditions": [{k: entry[k] for k in OURS if k in entry}]},
    }
    # By force, because the condition may have been written by other means before: the version guards against the rest.
    return client.apply(resource, body, force=True, subresource="status", options=options)


def _update(
    client: Client, resource: Resource, current: JsonObject, conditions: list[Json], options: WriteOptions
) -> JsonObject:
    changed = current | {"status": dig_object(current, "status") | {"conditions": conditions}}
    return client.update(resource, changed, subresource="status", options=options)


def _is_map(obj: JsonObject) -> bool:
    """Whether the server merges conditions by type. It says so in managedFields, by how it notes who owns them: each
    of its own, or the list as one. A list without any owner, which only a tampered object has, is taken as one."""
    for manager in dig_list(obj, "metadata", "managedFields"):
        owned = dig_object(manager, "fieldsV1", "f:status", "f:conditions")
        if any(key.startswith('k:{"type":') for key in owned):
            return True
    return False
