"""The fast check: a structural schema as a JSON Schema for jsonschema-rs.

What it accepts, the API server accepts; what it refuses, the exact check decides (check.py). So a difference between
the two worlds is translated to something stricter, never looser. Under `not` and `oneOf` stricter would be looser:
what has no exact translation there becomes `false`, and the exact check decides.
"""

import math
from collections.abc import Callable
from dataclasses import field

import jsonschema_rs

from auditor.dataclass import dataclass
from auditor.json import Json, JsonObject
from auditor.languages.schema.formats import is_format
from auditor.languages.schema.node import Node
from auditor.languages.schema.patterns import is_portable
from auditor.languages.schema.values import MAX_SAFE, Kind, kind_of

MAX_FLOAT32 = 3.4e38  # just below it


def fast_check(node: Node) -> Callable[[Json], bool]:
    """A function that says True only for what is valid. It may raise ValueError for what is no JSON."""
    translator = _Translator()
    schema = translator.node(node)
    validator = jsonschema_rs.Draft202012Validator(
        schema,
        formats=translator.formats,
        validate_formats=True,
        pattern_options=jsonschema_rs.RegexOptions(),
    )
    check: Callable[[Json], bool] = validator.is_valid
    return check


@dataclass(slots=True)
class _Translator:
    formats: dict[str, Callable[[str], bool]] = field(default_factory=dict)

    def node(self, node: Node) -> JsonObject:
        schema: JsonObject = {}
        types = list(node.types)
        if types:
            schema["type"] = [*types, "null"] if node.nullable else types
        elif node.format:
            schema["type"] = ["string", "null"]  # the server refuses other scalars and objects under a format
        parts: list[JsonObject] = []
        if node.enum:
            schema["enum"] = [v for v in node.enum if v is not None and not _holds_numbers(v)]
        self._numbers(node, schema)
        self._strings(node, schema, parts)
        for keyword, limit in (
            ("minItems", node.min_items),
            ("maxItems", node.max_items),
            ("minProperties", node.min_properties),
            ("maxProperties", node.max_properties),
        ):
            if limit is not None:
                schema[keyword] = max(limit, 0)
                if limit < 0 and keyword.startswith("max"):
                    parts.append({"type": ["string", "number", "boolean", "null"]})
        if node.items is not None:
            schema["items"] = self.node(node.items)
        if node.required:
            schema["required"] = list(dict.fromkeys(node.required))
        if node.properties:
            schema["properties"] = {name: self.node(child) for name, child in node.properties.items()}
        if node.values is not None:
            schema["additionalProperties"] = self.node(node.values)
        elif node.additional is False:
            schema["additionalProperties"] = False
        if node.any_of:
            schema["anyOf"] = [self.node(n) for n in node.any_of]
        if node.one_of:
            schema["oneOf"] = [self.node(n) for n in node.one_of] if all(map(_is_exact, node.one_of)) else [False]
        if node.not_ is not None:
            schema["not"] = self.node(node.not_) if _is_exact(node.not_) else True
        parts += [self.node(n) for n in node.all_of]
        if parts:
            schema["allOf"] = parts
        return schema

    def _numbers(self, node: Node, schema: JsonObject) -> None:
        """Limits with a fraction are tightened: the server compares integers with them in a way of its own."""
        low, high = -math.inf, math.inf
        if "integer" in node.types:
            low, high = (-(2**31), 2**31 - 1) if node.format == "int32" else (-MAX_SAFE, MAX_SAFE)
        elif node.format == "float":
            low, high = -MAX_FLOAT32, MAX_FLOAT32
        if node.minimum is not None:
            bound = math.ceil(node.minimum)
            if node.exclusive_minimum:
                schema["exclusiveMinimum"] = bound
            else:
                low = max(low, bound)
        if node.maximum is not None:
            bound = math.floor(node.maximum)
            if node.exclusive_maximum:
                schema["exclusiveMaximum"] = bound
            else:
                high = min(high, bound)
        if node.multiple_of is not None:
            schema["multipleOf"] = node.multiple_of if node.multiple_of > 0 else 1
            low, high = max(low, -MAX_SAFE), min(high, MAX_SAFE)
        if _has_odd_limits(node):
            low, high = 1, 0  # no number passes
        if low > -math.inf:
            schema["minimum"] = low
        if high < math.inf:
            schema["maximum"] = high

    def _strings(self, node: Node, schema: JsonObject, parts: list[JsonObject]) -> None:
        if node.min_length is not None and node.min_length > 0:
            schema["minLength"] = node.min_length
        if node.max_length is not None:
            if node.max_length >= 0:
                schema["maxLength"] = node.max_length
            else:
                parts.append({"type": ["array", "object", "number", "boolean", "null"]})
        if node.format and not {"integer", "number"} & {node.type}:
            schema["format"] = self._format(f"format {node.format}", _FormatCheck(node.format))
        if node.matches is not None:
            if is_portable(node.pattern):
                schema["pattern"] = node.pattern
            else:
                parts.append({"format": self._format(f"pattern {node.pattern}", node.matches)})

    def _format(self, name: str, check: Callable[[str], bool]) -> str:
        self.formats[name] = check
        return name


@dataclass(frozen=True, slots=True)
class _FormatCheck:
    name: str

    def __call__(self, text: str) -> bool:
        return is_format(self.name, text)


def _holds_numbers(value: Json) -> bool:
    """Inside of composites the server tells 1 from 1.0, JSON Schema does not."""
    kind = kind_of(value)
    if kind is Kind.OBJECT:
        return any(kind_of(v) in (Kind.INTEGER, Kind.NUMBER) or _holds_numbers(v) for v in value.values())
    if kind is Kind.ARRAY:
        return any(kind_of(v) in (Kind.INTEGER, Kind.NUMBER) or _holds_numbers(v) for v in value)
    return False


def _has_odd_limits(node: Node) -> bool:
    """Limits with a fraction on integers, factors with one: the server refuses more than they say."""
    limits = (node.minimum, node.maximum)
    if "integer" in node.types and any(x is not None and x != math.trunc(x) for x in limits):
        return True
    return node.multiple_of is not None and (node.multiple_of != math.trunc(node.multiple_of) or node.multiple_of <= 0)


def _is_exact(node: Node, *, inner: bool = False) -> bool:
    """Whether the translation accepts exactly what the server accepts, so that it may be negated."""
    alternatives = (*node.any_of, *node.one_of, *node.all_of, *((node.not_,) if node.not_ is not None else ()))
    if alternatives and inner:
        return False  # the server looks at no alternatives for null
    if node.types or node.format or _has_odd_limits(node) or node.multiple_of is not None:
        return False
    if any(not isinstance(v, bool) and not (isinstance(v, str) and len(v) != 1) for v in node.enum):
        return False
    if any(x is not None and x != math.trunc(x) for x in (node.minimum, node.maximum)):
        return False
    below = (*node.properties.values(), *((node.items,) if node.items is not None else ()))
    return all(_is_exact(n, inner=inner) for n in alternatives) and all(_is_exact(n, inner=True) for n in below)
