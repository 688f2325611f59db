"""The scale subresource: the server looks at the numbers of replicas that it points to, whatever the schema says."""

from collections.abc import Iterator
from typing import Self

from auditor.dataclass import dataclass
from auditor.json import Json, JsonObject
from auditor.languages.schema import fielderror
from auditor.languages.schema.place import Place
from auditor.languages.schema.values import Kind, kind_of, show_float
from auditor.languages.schema.violation import Violation, pointer

MAX_REPLICAS = 2**31 - 1
_GO_TYPES = {
    Kind.NULL: "<nil>",
    Kind.BOOLEAN: "bool",
    Kind.INTEGER: "int64",
    Kind.NUMBER: "float64",
    Kind.STRING: "string",
    Kind.ARRAY: "[]interface {}",
    Kind.OBJECT: "map[string]interface {}",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """Paths such as `.spec.replicas`; empty where there is none."""

    replicas: tuple[str, ...]
    selector: str

    @classmethod
    def of(cls, subresource: Json) -> Self | None:
        if not isinstance(subresource, dict):
            return None
        names = ("specReplicasPath", "statusReplicasPath")
        replicas = tuple(p for n in names if isinstance(p := subresource.get(n), str) and p)
        selector = subresource.get("labelSelectorPath")
        return cls(replicas, selector if isinstance(selector, str) else "")

    def check(self, obj: JsonObject) -> Iterator[Violation]:
        for path in self.replicas:
            yield from _check_replicas(obj, path)
        if self.selector:
            value, fault = _nested(obj, self.selector, Kind.STRING, "string")
            if fault:
                yield fielderror.invalid(_place(self.selector), "", fault, value=value)


def _check_replicas(obj: JsonObject, path: str) -> Iterator[Violation]:
    value, fault = _nested(obj, path, Kind.INTEGER, "int64")
    if fault:
        yield fielderror.invalid(_place(path), 0, fault, value=value)
    elif value is not None and value < 0:
        yield fielderror.invalid(_place(path), value, "should be a non-negative integer")
    elif value is not None and value > MAX_REPLICAS:
        yield fielderror.invalid(_place(path), value, f"should be less than or equal to {MAX_REPLICAS}")


def _place(path: str) -> Place:
    at = ""
    for step in path.lstrip(".").split("."):
        at = pointer(at, step)
    return Place(at, path)


def _nested(obj: Json, path: str, kind: Kind, wanted: str) -> tuple[Json, str]:
    """The value there, None where there is none; or why it cannot be read, in the words of the server."""
    steps = path.removeprefix(".").split(".")
    value = obj
    for i, step in enumerate(steps):
        if value is None:
            return None, ""
        if not isinstance(value, dict):
            return value, _fault(steps[: i + 1], value, "map[string]interface{}")
        if step not in value:
            return None, ""
        value = value[step]
    return value, "" if kind_of(value) is kind else _fault(steps, value, wanted)


def _fault(steps: list[str], value: Json, wanted: str) -> str:
    path = "." + ".".join(steps)
    return f"{path} accessor error: {_show(value)} is of the type {_GO_TYPES[kind_of(value)]}, expected {wanted}"


def _show(value: Json) -> str:
    """As Go's %v."""
    match kind_of(value):
        case Kind.NULL:
            return "<nil>"
        case Kind.BOOLEAN:
            return "true" if value else "false"
        case Kind.NUMBER:
            return show_float(float(value))
        case Kind.ARRAY:
            return "[" + " ".join(map(_show, value)) + "]"
        case Kind.OBJECT:
            return "map[" + " ".join(f"{k}:{_show(value[k])}" for k in sorted(value)) + "]"
        case _:
            return str(value)
