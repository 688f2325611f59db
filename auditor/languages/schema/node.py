"""One level of a structural schema, read once and never changed."""

from collections.abc import Callable, Mapping
from dataclasses import field

from auditor.dataclass import dataclass
from auditor.json import Json


class Absent:
    """The default that is not there (null is no default either: the server drops it)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Rule:
    """One of `x-kubernetes-validations`."""

    rule: str
    message: str = ""
    message_expression: str = ""
    reason: str = ""
    field_path: str = ""
    optional_old_self: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """`format` is empty where the server ignores it for this type."""

    type: str = ""
    nullable: bool = False
    format: str = ""
    properties: Mapping[str, "Node"] = field(default_factory=dict)
    items: "Node | None" = None
    additional: "Node | bool | None" = None
    required: tuple[str, ...] = ()
    enum: tuple[Json, ...] = ()
    pattern: str = ""
    matches: Callable[[str], bool] | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    multiple_of: float | None = None
    min_items: int | None = None
    max_items: int | None = None
    min_properties: int | None = None
    max_properties: int | None = None
    all_of: "tuple[Node, ...]" = ()
    any_of: "tuple[Node, ...]" = ()
    one_of: "tuple[Node, ...]" = ()
    not_: "Node | None" = None
    int_or_string: bool = False
    preserve: bool = False
    embedded: bool = False
    list_type: str = ""
    list_keys: tuple[str, ...] = ()
    map_type: str = ""
    rules: tuple[Rule, ...] = ()
    default: Json | Absent = ABSENT

    @property
    def types(self) -> tuple[str, ...]:
        if self.int_or_string:
            return ("integer", "string")
        return (self.type,) if self.type else ()

    @property
    def values(self) -> "Node | None":
        """The schema of the values of a map."""
        return self.additional if isinstance(self.additional, Node) else None

    def child(self, name: str) -> "Node | None":
        """The schema of the value under a key: its property, else that of the map."""
        found = self.properties.get(name)
        return found if found is not None else self.values
