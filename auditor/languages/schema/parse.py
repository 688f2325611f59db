"""From the openAPIV3Schema of a CRD to nodes, with every reason why it is not structural.

A CRD in a cluster has passed the server's own checks; one in a file has not, so what would change a verdict is
checked again here. Unknown keywords are dropped, as the server drops them.
"""

from dataclasses import field, replace
from enum import StrEnum

from auditor.dataclass import dataclass
from auditor.errors import CompileError, Problem
from auditor.json import Json, JsonObject
from auditor.languages.schema.completeness import missing
from auditor.languages.schema.formats import FORMATS
from auditor.languages.schema.keywords import closest
from auditor.languages.schema.node import ABSENT, Node, Rule
from auditor.languages.schema.patterns import Matches, PatternError

TYPES = ("array", "boolean", "integer", "number", "object", "string")
UNSUPPORTED = ("$ref", "additionalItems", "definitions", "dependencies", "id", "patternProperties")
STRUCTURAL_ONLY = (
    "additionalProperties",
    "default",
    "description",
    "nullable",
    "title",
    "type",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
)
"""What must not stand under allOf, anyOf, oneOf and not."""
REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
"""The one anyOf that may name types: what controller-gen writes for int-or-string."""


class Level(StrEnum):
    ROOT = "at the root"
    FIELD = "for specified object fields"
    ITEM = "for specified array items"
    NESTED = ""


def parse(schema: Json) -> Node:
    reader = _Reader()
    try:
        node = reader.node(schema, "", Level.ROOT)
        if not reader.problems:
            reader.problems += [Problem(text) for text in missing(node)]
    except RecursionError:
        raise CompileError([Problem("the schema is nested too deeply")]) from None
    if reader.problems:
        raise CompileError(reader.problems)
    return node


@dataclass(slots=True)
class _Reader:
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, path: str, what: str) -> None:
        self.problems.append(Problem(f"{path.lstrip('.') or 'the schema'}: {what}"))

    def node(self, raw: Json, path: str, level: Level) -> Node:
        if not isinstance(raw, dict):
            self.wrong(path, "must be an object")
            return Node()
        at = _Keywords(self, raw, path)
        int_or_string = at.flag("x-kubernetes-int-or-string")
        kind = at.text("type")
        under = Level.NESTED if level is Level.NESTED else Level.FIELD
        node = Node(
            type=kind,
            nullable=at.flag("nullable"),
            format=_known_format(at.text("format"), "" if int_or_string else kind),
            properties={
                name: self.node(sub, f"{path}.properties[{name}]", under) for name, sub in at.map("properties").items()
            },
            items=at.schema("items", Level.NESTED if level is Level.NESTED else Level.ITEM),
            additional=at.additional(under),
            required=at.strings("required"),
            enum=tuple(at.list("enum")),
            pattern=at.text("pattern"),
            matches=at.pattern(),
            min_length=at.integer("minLength"),
            max_length=at.integer("maxLength"),
            minimum=at.number("minimum"),
            maximum=at.number("maximum"),
            exclusive_minimum=at.flag("exclusiveMinimum"),
            exclusive_maximum=at.flag("exclusiveMaximum"),
            multiple_of=at.number("multipleOf"),
            min_items=at.integer("minItems"),
            max_items=at.integer("maxItems"),
            min_properties=at.integer("minProperties"),
            max_properties=at.integer("maxProperties"),
            all_of=at.schemas("allOf"),
            any_of=at.schemas("anyOf"),
            one_of=at.schemas("oneOf"),
            not_=at.schema("not", Level.NESTED),
            int_or_string=int_or_string,
            preserve=at.flag("x-kubernetes-preserve-unknown-fields"),
            embedded=at.flag("x-kubernetes-embedded-resource"),
            list_type=at.text("x-kubernetes-list-type"),
            list_keys=at.strings("x-kubernetes-list-map-keys"),
            map_type=at.text("x-kubernetes-map-type"),
            rules=at.rules(),
            default=ABSENT if raw.get("default") is None else raw["default"],
        )
        for keyword in UNSUPPORTED:
            if raw.get(keyword):
                self.wrong(f"{path}.{keyword}", f"{keyword} is not supported")
        if raw.get("uniqueItems") is True:
            self.wrong(f"{path}.uniqueItems", "cannot be set to true since the runtime complexity becomes quadratic")
        if level is Level.NESTED:
            self._check_nested(raw, path)
        else:
            self._check(node, raw, path, level)
        return node

    def _check_nested(self, raw: JsonObject, path: str) -> None:
        for keyword in STRUCTURAL_ONLY:
            if raw.get(keyword):
                self.wrong(f"{path}.{keyword}", "must not be set inside allOf, anyOf, oneOf or not to be structural")
        if "metadata" in (raw.get("properties") or {}):
            self.wrong(f"{path}.properties[metadata]", "must not be specified in a nested context")

    def _check(self, node: Node, given: JsonObject, path: str, level: Level) -> None:
        if node.type and node.type not in TYPES:
            near = closest(node.type, TYPES)
            self.wrong(f"{path}.type", f"{node.type!r} is no type" + (f", did you mean {near!r}?" if near else ""))
        elif not node.type and not (node.int_or_string or (node.preserve and level is not Level.ROOT)):
            self.wrong(f"{path}.type", f"must not be empty {level}")
        if level is Level.ROOT:
            if node.type and node.type != "object":
                self.wrong(f"{path}.type", "must be object at the root")
            if node.additional is not None:
                self.wrong(f"{path}.additionalProperties", "must not be used at the root")
            if node.nullable:
                self.wrong(f"{path}.nullable", "cannot be true at the root")
        if node.type == "array" and node.items is None and not given.get("items"):
            self.wrong(f"{path}.items", "must be specified")
        if node.properties and (node.additional is False or node.values is not None):
            self.wrong(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
        if node.int_or_string and (node.preserve or node.embedded):
            self.wrong(
                path, "x-kubernetes-int-or-string goes with neither preserve-unknown-fields nor embedded-resource"
            )
        if node.embedded:
            self._check_embedded(node, path)
        if node.map_type not in ("", "atomic", "granular"):
            self.wrong(f"{path}.x-kubernetes-map-type", f"{node.map_type!r} is neither atomic nor granular")
        self._check_list(node, path)

    def _check_embedded(self, node: Node, path: str) -> None:
        if node.type != "object":
            self.wrong(f"{path}.type", "must be object if x-kubernetes-embedded-resource is true")
        if node.additional is not None:
            self.wrong(f"{path}.additionalProperties", "must not be used if x-kubernetes-embedded-resource is set")
        if not node.preserve and not node.properties:
            self.wrong(
                f"{path}.properties",
                "must not be empty if x-kubernetes-embedded-resource is true"
                " without x-kubernetes-preserve-unknown-fields",
            )

    def _check_list(self, node: Node, path: str) -> None:
        kind, at = node.list_type, f"{path}.x-kubernetes-list-type"
        if kind not in ("", "atomic", "set", "map"):
            self.wrong(at, f"{kind!r} is none of atomic, set, map")
        elif kind and node.type != "array":
            self.wrong(f"{path}.type", "must be array if x-kubernetes-list-type is specified")
        if bool(node.list_keys) != (kind == "map"):
            self.wrong(at, "map needs x-kubernetes-list-map-keys, and only map has them")
        if kind == "map" and node.items is not None:
            if node.items.type != "object":
                self.wrong(f"{path}.items.type", "must be object if parent array's x-kubernetes-list-type is map")
            for key in node.list_keys:
                found = node.items.properties.get(key)
                if found is None:
                    self.wrong(f"{path}.x-kubernetes-list-map-keys", f"{key!r} is no property of the items")
                    continue
                at = f"{path}.items.properties[{key}]"
                if found.type in ("array", "object"):
                    self.wrong(f"{at}.type", "must be a scalar type: it is a list-map key")
                if found.nullable:
                    self.wrong(f"{at}.nullable", "cannot be true: it is a list-map key")
                if key not in node.items.required and found.default is ABSENT:
                    self.wrong(f"{at}.default", "a list-map key must have a default or be a required property")
        if kind in ("set", "map") and node.items is not None and node.items.nullable:
            self.wrong(f"{path}.items.nullable", f"cannot be nullable when x-kubernetes-list-type is {kind}")


def _known_format(name: str, kind: str) -> str:
    """The server ignores formats that it does not know, and those on types that have none."""
    if kind in ("", "string"):
        return name if name.replace("-", "") in FORMATS else ""
    if kind == "integer":
        return name if name in ("int32", "int64") else ""
    if kind == "number":
        return name if name in ("float", "double") else ""
    return ""


@dataclass(slots=True)
class _Keywords:
    """Reads the keywords of one level, each with the type that it must have; null is as good as absent."""

    reader: _Reader
    raw: JsonObject
    path: str

    def _typed(self, name: str, kind: type | tuple[type, ...], what: str) -> Json:
        value = self.raw.get(name)
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if value is None or type(value) in kinds:
            return value
        self.reader.wrong(f"{self.path}.{name}", f"must be {what}")
        return None

    def flag(self, name: str) -> bool:
        return self._typed(name, bool, "a boolean") is True

    def text(self, name: str) -> str:
        return self._typed(name, str, "a string") or ""

    def integer(self, name: str) -> int | None:
        value: int | None = self._typed(name, int, "an integer")
        return value

    def number(self, name: str) -> float | None:
        value = self._typed(name, (int, float), "a number")
        return None if value is None else float(value)

    def list(self, name: str) -> list[Json]:
        return self._typed(name, list, "a list") or []

    def map(self, name: str) -> JsonObject:
        found = self._typed(name, dict, "an object") or {}
        for key in found:
            if not isinstance(key, str):
                self.reader.wrong(f"{self.path}.{name}", f"{key!r} is no text: keys of JSON are texts")
        return {key: value for key, value in found.items() if isinstance(key, str)}

    def strings(self, name: str) -> tuple[str, ...]:
        values = self.list(name)
        if not all(isinstance(v, str) for v in values):
            self.reader.wrong(f"{self.path}.{name}", "must be a list of strings")
            return ()
        return tuple(values)

    def schema(self, name: str, level: Level) -> Node | None:
        raw = self.raw.get(name)
        if isinstance(raw, list):
            self.reader.wrong(f"{self.path}.{name}", "must be a schema object and not an array")
            return None
        return None if raw is None else self.reader.node(raw, f"{self.path}.{name}", level)

    def schemas(self, name: str) -> tuple[Node, ...]:
        raws = self.list(name)
        either = tuple(Node(type=raw["type"]) for raw in INT_OR_STRING)
        if name == "anyOf" and raws == INT_OR_STRING:
            return either
        found = []
        for i, raw in enumerate(raws):
            path = f"{self.path}.{name}[{i}]"
            if name == "allOf" and i == 0 and isinstance(raw, dict) and raw.get("anyOf") == INT_OR_STRING:
                first = self.reader.node({**raw, "anyOf": None}, path, Level.NESTED)
                found.append(replace(first, any_of=either))
            else:
                found.append(self.reader.node(raw, path, Level.NESTED))
        return tuple(found)

    def additional(self, level: Level) -> Node | bool | None:
        raw = self.raw.get("additionalProperties")
        if raw is None or isinstance(raw, bool):
            return raw
        return self.reader.node(raw, f"{self.path}.additionalProperties", level)

    def pattern(self) -> Matches | None:
        pattern = self.text("pattern")
        if not pattern:
            return None
        try:
            return Matches(pattern)
        except PatternError as error:
            self.reader.wrong(f"{self.path}.pattern", f"must be a valid regular expression, but isn't: {error}")
            return None

    def rules(self) -> tuple[Rule, ...]:
        found = []
        for i, raw in enumerate(self.list("x-kubernetes-validations")):
            path = f"{self.path}.x-kubernetes-validations[{i}]"
            if not isinstance(raw, dict):
                self.reader.wrong(path, "must be an object")
                continue
            at = _Keywords(self.reader, raw, path)
            rule = Rule(
                rule=at.text("rule"),
                message=at.text("message"),
                message_expression=at.text("messageExpression"),
                reason=at.text("reason"),
                field_path=at.text("fieldPath"),
                optional_old_self=at.flag("optionalOldSelf"),
            )
            if not rule.rule.strip():
                self.reader.wrong(f"{path}.rule", "rule is not specified")
            if "\n" in rule.message.strip():
                self.reader.wrong(f"{path}.message", "must not contain line breaks")
            if rule.reason and rule.reason not in REASONS:
                self.reader.wrong(f"{path}.reason", f"{rule.reason!r} is none of {', '.join(REASONS)}")
            found.append(rule)
        return tuple(found)
