"""What the schema makes of values in CEL: their static types, and the few that JSON holds in another form."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

from auditor.json import Json
from auditor.languages import cel
from auditor.languages.schema.durations import nanoseconds
from auditor.languages.schema.formats import is_date
from auditor.languages.schema.node import Node
from auditor.languages.schema.values import Kind, as_float, kind_of

Cast: TypeAlias = Callable[[Json], Json]
"""Gives the value as CEL has it; what needs no change stays the same."""

_FORMATS: Final = {"byte": cel.BYTES, "duration": cel.DURATION, "date": cel.TIMESTAMP, "date-time": cel.TIMESTAMP}
_SCALARS: Final = {"boolean": cel.BOOL, "number": cel.DOUBLE, "integer": cel.INT}
_DATE_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")
_URL_BASE64: Final = re.compile(r"(?:[\w-]{4})*(?:[\w-]{2}==|[\w-]{3}=)?", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_META: Final = {"name": cel.STRING, "generateName": cel.STRING}


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
                if cel.escape(name) is not None and (found := type_of(child)) is not None
            }
            if root or node.embedded:
                fields |= {"apiVersion": cel.STRING, "kind": cel.STRING, "metadata": cel.object_of(_META)}
            return cel.object_of(fields)
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
            return _CASTS.get(node.format)
        case "array":
            items = cast_of(node.items) if node.items is not None else None
            return None if items is None else _cast_items(items)
        case "object":
            if node.values is not None:
                values = cast_of(node.values)
                return None if values is None else _cast_values(values)
            casts = {name: cast for name, child in node.properties.items() if (cast := cast_of(child)) is not None}
            return _cast_object(casts) if casts else None
    return None


def _cast_items(item: Cast) -> Cast:
    return lambda value: [item(v) for v in value] if isinstance(value, list) else value


def _cast_values(item: Cast) -> Cast:
    return lambda value: {k: item(v) for k, v in value.items()} if isinstance(value, dict) else value


def _cast_object(casts: dict[str, Cast]) -> Cast:
    def cast(value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        return {**value, **{name: item(value[name]) for name, item in casts.items() if name in value}}

    return cast


def _number(value: Json) -> Json:
    return as_float(value) if kind_of(value) is Kind.INTEGER else value


def _date(value: Json) -> Json:
    return _date_time(f"{value}T00:00:00Z") if isinstance(value, str) and is_date(value) else value


def _date_time(value: Json) -> Json:
    """The format also allows small letters and commas, which CEL cannot read on the server either."""
    if not isinstance(value, str):
        return value
    try:
        text, fraction, offset = _parts(value)
        instant = datetime.fromisoformat(text + offset)
    except ValueError:
        return cel.Unreadable(f"{value!r} in it is no date that CEL knows")
    since = instant - _EPOCH
    return cel.timestamp(since.days * 86400 + since.seconds, int(fraction[:9].ljust(9, "0")))


def _parts(text: str) -> tuple[str, str, str]:
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return found[1], found[2] or "", found[3]


def _duration(value: Json) -> Json:
    """The format also allows units in words ("2 weeks")."""
    length = nanoseconds(value) if isinstance(value, str) else None
    return value if length is None else cel.duration(length)


def _bytes(value: Json) -> Json:
    """The format is the usual alphabet of base64; the server's CEL reads the one for addresses."""
    if not isinstance(value, str):
        return value
    if _URL_BASE64.fullmatch(value) is None:
        return cel.Unreadable("base64 in it is not in the alphabet that CEL reads")
    return base64.urlsafe_b64decode(value)


_CASTS: Final = {"date": _date, "date-time": _date_time, "duration": _duration, "byte": _bytes}
