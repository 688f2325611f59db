"""A quick look at an object that is most probably right, where compiling its whole schema would take far longer.

What it returns is what the server would keep, with all defaults. Wherever it is not sure (a null, a keyword or a rule
that it does not know, and of course all that is wrong) it has a doubt, and `StructuralSchema` has the answer. It may
doubt what is right; it never takes what is wrong.
"""

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Final, TypeAlias

import orjson

from auditor.json import Json, JsonObject

SureRules: TypeAlias = Mapping[str, Callable[[Json], bool]]
"""By the text of a CEL rule, with single spaces: whether it surely holds."""

_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_RULES: Final = "x-kubernetes-validations"
_LIST: Final = "x-kubernetes-list-type"
_KEYS: Final = "x-kubernetes-list-map-keys"
_KNOWN: Final = {
    *("type", "properties", "required", "additionalProperties", "minProperties", "maxProperties"),
    *("items", "minItems", "maxItems", "minLength", "maxLength", "pattern", "enum", "minimum", "maximum", "default"),
    *(_PRESERVE, _RULES, _LIST, _KEYS, "x-kubernetes-map-type", "nullable"),
}
_TYPES: Final = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
# Those of which nothing is dropped and nothing is filled in, whatever they hold.
_METADATA: Final = frozenset(("name", "namespace", "uid", "resourceVersion", "generation", "labels", "annotations"))
_INT64: Final = 1 << 63


class DoubtError(Exception):
    """Something that the exact check has to look at."""


def complete(thing: JsonObject, schema: JsonObject, rules: SureRules) -> JsonObject:
    """The object with its defaults. Raises DoubtError unless it is surely valid, without an unknown field."""
    try:
        orjson.dumps(thing)  # refuses half a surrogate pair, numbers beyond 64 bits, and what nests too deeply
    except TypeError:
        raise DoubtError from None
    fields = schema.get("properties", {})
    _sure(isinstance(thing.get("metadata"), dict) and thing["metadata"].keys() <= _METADATA)
    known = {name: fields.get(name, {_PRESERVE: True}) for name in ("apiVersion", "kind", "metadata")}
    completed = _value(thing, {**schema, "properties": {**fields, **known}}, rules)
    return dict(completed)


def _sure(sure: bool) -> None:
    if not sure:
        raise DoubtError


def _value(value: Json, schema: JsonObject, rules: SureRules) -> Json:
    _sure(value is not None and schema.keys() <= _KNOWN)
    if "type" in schema:
        _sure(type(value) is _TYPES.get(schema["type"]))
    else:
        _sure(_PRESERVE in schema)
    if "enum" in schema:
        _sure(isinstance(value, str) and value in schema["enum"])
    if isinstance(value, dict):
        value = _object(value, schema, rules)
    elif isinstance(value, list):
        value = _list(value, schema, rules)
    elif isinstance(value, str):
        _check_text(value, schema)
    elif type(value) is int:
        _sure(-_INT64 <= value < _INT64 and _within(value, schema, "minimum", "maximum"))
    for rule in schema.get(_RULES, ()):
        holds = rules.get(" ".join(rule["rule"].split()))
        _sure(holds is not None and holds(value) is True)
    return value


def _object(value: JsonObject, schema: JsonObject, rules: SureRules) -> JsonObject:
    fields, others = schema.get("properties", {}), schema.get("additionalProperties")
    if _PRESERVE in schema:
        _sure(not fields and others is None)
        return value
    completed = {}
    for name, each in value.items():
        child = fields.get(name, others)
        _sure(isinstance(child, dict))
        completed[name] = _value(each, child, rules)
    for name, child in fields.items():
        if name not in value and "default" in child:
            completed[name] = _value(copy.deepcopy(child["default"]), child, rules)
    _sure(completed.keys() >= set(schema.get("required", ())))
    _sure(_within(len(completed), schema, "minProperties", "maxProperties"))
    return completed


def _list(value: list[Json], schema: JsonObject, rules: SureRules) -> list[Json]:
    _sure(_within(len(value), schema, "minItems", "maxItems"))
    if "items" not in schema:
        _sure(_PRESERVE in schema)
        return value
    completed = [_value(each, schema["items"], rules) for each in value]
    kind = schema.get(_LIST, "atomic")
    if kind == "set":
        _sure(_differ(completed))
    elif kind == "map":
        keys = [tuple(each.get(key) for key in schema[_KEYS]) for each in completed]
        _sure(all(isinstance(key, str) for each in keys for key in each) and len(set(keys)) == len(keys))
    return completed


def _differ(texts: Iterable[Json]) -> bool:
    listed = list(texts)
    return all(isinstance(each, str) for each in listed) and len(set(listed)) == len(listed)


def _check_text(value: str, schema: JsonObject) -> None:
    _sure(_within(len(value), schema, "minLength", "maxLength"))
    if "pattern" in schema:
        # To Python alone the end of a text is also before its last line break.
        _sure(not value.endswith("\n") and _pattern(schema["pattern"]).search(value) is not None)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.ASCII)


def _within(number: int, schema: JsonObject, least: str, most: str) -> bool:
    return bool(schema.get(least, number) <= number <= schema.get(most, number))
