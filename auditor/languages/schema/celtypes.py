"""What the schema makes of values in CEL: their static types, and the few that JSON holds in another form."""

import re
from collections.abc import Callable
from typing import TypeAlias

from auditor.languages import cel
from auditor.languages.schema.celnames import escape
from auditor.languages.schema.durations import nanoseconds
from auditor.languages.schema.formats import is_date
from auditor.languages.schema.node import Node
from auditor.languages.schema.values import Kind, as_float, kind_of
from auditor.model.json import Json

Cast: TypeAlias = Callable[[Json], Json]
"""Gives the value as the CEL library reads it; what needs no change stays the same."""

_FORMATS = {"byte": cel.BYTES, "duration": cel.DURATION, "date": cel.TIMESTAMP, "date-time": cel.TIMESTAMP}
_SCALARS = {"boolean": cel.BOOL, "number": cel.DOUBLE, "integer": cel.INT}
CONVERSIONS = {cel.TIMESTAMP: "timestamp", cel.DURATION: "duration", cel.BYTES: "@bytes_of_base64"}
"""The functions that make values of these types from their texts."""
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_META = {"name": cel.STRING, "generateName": cel.STRING}


def type_of(node: Node, *, root: bool = False) -> cel.Type | None:
    """None for what CEL does not see: values without a type, and what is made of them."""
    if node.int_or_string:
        return cel.DYN
    match node.type:
        case "array":
            items = type_of(node.items) if node.items is not None else None
            return None if items is None else cel.list_of(items)
        case "object":
            if node.values is not None:
                values = type_of(node.values)
                return None if values is None else cel.map_of(cel.STRING, values)
            fields = {
                name: found
                for name, child in node.properties.items()
                if escape(name) is not None and (found := type_of(child)) is not None
            }
            if root or node.embedded:
                fields |= {"apiVersion": cel.STRING, "kind": cel.STRING, "metadata": cel.object_of(_META, escaped=True)}
            return cel.object_of(fields, escaped=True)
        case "string":
            return _FORMATS.get(node.format, cel.STRING)
        case kind:
            return _SCALARS.get(kind)


def cast_of(node: Node) -> Cast | None:
    """None where nothing under the node is held in another form."""
    if node.int_or_string:
        return None
    match node.type:
        case "number":
            return _number
        case "string":
            return {"date": _date, "date-time": _date_time, "duration": _duration}.get(node.format)
        case "array":
            items = cast_of(node.items) if node.items is not None else None
            return None if items is None else _cast_items(items)
        case "object":
            if node.values is not None:
                values = cast_of(node.values)
                return None if values is None else _cast_values(values)
            casts = {name: cast for name, child in node.properties.items() if (cast := cast_of(child)) is not None}
            escaped = {name: escape(name) for name in node.properties}
            aliases = {name: alias for name, alias in escaped.items() if alias is not None and alias != name}
            return _cast_object(casts, aliases) if casts or aliases else None
    return None


def converts_inside(type_: cel.Type, *, inside: bool = False) -> bool:
    """Whether dates, durations or bytes stand in lists or maps: there the CEL library sees texts (differences.py)."""
    if isinstance(type_, cel.ObjectType):
        return any(converts_inside(t, inside=inside) for t in type_.fields.values())
    return (inside and type_ in CONVERSIONS) or any(converts_inside(t, inside=True) for t in type_.parameters)


def _cast_items(item: Cast) -> Cast:
    return lambda value: [item(v) for v in value] if isinstance(value, list) else value


def _cast_values(item: Cast) -> Cast:
    return lambda value: {k: item(v) for k, v in value.items()} if isinstance(value, dict) else value


def _cast_object(casts: dict[str, Cast], aliases: dict[str, str]) -> Cast:
    """Fields are there under their own names and under those that rules have for them: of objects rules see no more
    than that, and `has` and `?` look for the latter."""

    def cast(value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        seen = {**value, **{name: casts[name](value[name]) for name in casts if name in value}}
        for name, alias in aliases.items():
            if name in seen:
                seen[alias] = seen[name]
        return seen

    return cast


def _number(value: Json) -> Json:
    return as_float(value) if kind_of(value) is Kind.INTEGER else value


def _date(value: Json) -> Json:
    return f"{value}T00:00:00Z" if isinstance(value, str) and is_date(value) else value


def _date_time(value: Json) -> Json:
    """The format also allows small letters and commas. For CEL the server cannot read them: such a rule errs."""
    readable = not isinstance(value, str) or _DATE_TIME.fullmatch(value) is not None
    return value if readable else f"Invalid date-time formatted string {value}"


def _duration(value: Json) -> Json:
    """The format also allows units in words ("2 weeks")."""
    length = nanoseconds(value) if isinstance(value, str) else None
    if length is None:
        return value
    seconds, rest = divmod(abs(length), 10**9)
    return f"{'-' if length < 0 else ''}{seconds}.{rest:09d}s"
