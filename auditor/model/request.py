"""What the engine judges: one object, and all that a rule may need to know of the world around it."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum

from auditor.dataclass import dataclass
from auditor.json import JsonObject
from auditor.model.resource import GroupVersionKind as GroupVersionKind
from auditor.model.resource import GroupVersionResource as GroupVersionResource
from auditor.model.world import World


class Operation(StrEnum):
    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    CONNECT = "CONNECT"


class Origin(StrEnum):
    """Where the object came from; a verdict must not depend on it, only what can be judged does."""

    DOOR = "door"
    STORED = "stored"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class User:
    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`kind` and `resource` are those of `object` as it stands here; `request_*` those that the client asked for."""

    operation: Operation
    kind: GroupVersionKind
    resource: GroupVersionResource
    object: JsonObject | None
    old_object: JsonObject | None = None
    subresource: str = ""
    name: str = ""
    namespace: str = ""
    namespaced: bool | None = None
    """None where the scope is not known; then a namespace, or its absence, decides."""
    request_kind: GroupVersionKind | None = None
    request_resource: GroupVersionResource | None = None
    user: User | None = None
    dry_run: bool = False
    options: JsonObject | None = None
    origin: Origin = Origin.DOOR
    namespace_object: JsonObject | None = None
    world: World = field(default_factory=World)
    time: datetime = field(default=datetime(1970, 1, 1, tzinfo=UTC))
    """The engine has no clock: expiry is judged against this."""
