"""A dataclass as JSON, in the same way as the JSON of compliance reports, and its JSON Schema."""

import types
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, Union, get_args, get_origin, get_type_hints

from auditor.json import Json, JsonObject
from auditor.report.compliance import Compliance
from auditor.report.compliance.tree import Coverage, Results

_NUMBER: Final[JsonObject] = {"type": ["number", "null"]}
_DERIVED: Final[dict[type, JsonObject]] = {
    Results: {"percent": _NUMBER},
    Coverage: {"percent": _NUMBER},
    Compliance: {
        "percent": _NUMBER,
        "change": _NUMBER,
        "complete": {"type": "boolean"},
        "digest": {"type": "string"},
    },
}
"""What is computed of the fields, and told beside them."""
_SIMPLE: Final[dict[object, JsonObject]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
    timedelta: {"type": "number", "description": "Seconds."},
}


def dump(value: object) -> Json:
    if isinstance(value, Enum):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        said = {_camel(each.name): dump(getattr(value, each.name)) for each in fields(value)}
        if isinstance(value, Results | Coverage):
            said["percent"] = dump(value.percent)
        return said
    if isinstance(value, frozenset):
        return sorted(map(dump, value))
    if isinstance(value, tuple | list):
        return [dump(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return dump(value.total_seconds())
    return int(value) if isinstance(value, float) and value.is_integer() else value


def describe(kind: object, schemas: JsonObject) -> JsonObject:
    """The schema of a type; those of dataclasses are put among `schemas`, and named."""
    if kind in _SIMPLE:
        return dict(_SIMPLE[kind])
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [describe(each, schemas) for each in arguments]}
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return {"type": "array", "items": describe(arguments[0], schemas)}
        items = [describe(each, schemas) for each in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin is frozenset:
        return {"type": "array", "items": describe(arguments[0], schemas)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"type": "string", "enum": [str(each) for each in kind]}
    if isinstance(kind, type) and is_dataclass(kind):
        if kind.__name__ not in schemas:
            schemas[kind.__name__] = {}  # it may be within itself
            schemas[kind.__name__] = _describe_fields(kind, schemas)
        return {"$ref": f"#/components/schemas/{kind.__name__}"}
    raise TypeError(f"{kind} is nothing that the API can tell")


def _describe_fields(kind: type, schemas: JsonObject) -> JsonObject:
    hints = get_type_hints(kind)
    told = {_camel(each.name): describe(hints[each.name], schemas) for each in fields(kind)}
    told |= _DERIVED.get(kind, {})
    return {"type": "object", "properties": told, "required": list(told), "additionalProperties": False}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(each.capitalize() for each in rest)
