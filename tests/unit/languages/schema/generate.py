"""Random structural schemas, and objects that are valid, nearly valid or nonsense for them."""

from collections.abc import Callable
from random import Random

from auditor.json import Json, JsonObject

EMBEDDED = "x-kubernetes-embedded-resource"
WORDS = ["", "a", "b", "abc", "x-y", "Zz9", "10.0.0.1", "2020-01-02", "1h", "ü", "a b", "1", "5%"]
PATTERNS = [r"^[a-z]+$", r"^\d+$", r"[[:alpha:]]", r"^(a|b)?$", r"^\S*$", r"(?i)^ABC$", r"^[^-]*$", r"^.{0,2}$"]
FORMATS = [
    "date", "date-time", "duration", "ipv4", "ipv6", "cidr", "uuid", "byte", "uri", "email", "hostname", "mac",
    "hexcolor", "nonsense", "int32",
]  # fmt: skip
NUMBERS: list[Json] = [0, 1, -1, 2, 3, 5, 10, 1.5, 2.0, -0.5, 0.1, 7, 100, 2**31, 2**53 + 1, 1e21]


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - no secrets are made of it

    def schema(self, depth: int = 3) -> JsonObject:
        makers: list[Callable[[int], JsonObject]] = [
            self._string,
            self._string,
            self._integer,
            self._number,
            self._boolean,
            self._any,
            self._either,
        ]
        if depth > 0:
            makers += [
                self._object,
                self._object,
                self._object,
                self._embedded,
                self._map,
                self._list,
                self._list,
                self._list_map,
            ]
        schema = self.random.choice(makers)(depth)
        if self._chance(0.15):
            schema["nullable"] = True
        if self._chance(0.1):
            self._alternatives(schema)
        return schema

    def object_schema(self) -> JsonObject:
        return self._object(4)

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _limits(self, low: str, high: str, top: int) -> JsonObject:
        limits: JsonObject = {}
        if self._chance(0.3):
            limits[low] = self.random.randint(0, 2)
        if self._chance(0.3):
            limits[high] = self.random.randint(1, top)
        return limits

    def _string(self, _: int) -> JsonObject:
        schema: JsonObject = {"type": "string", **self._limits("minLength", "maxLength", 5)}
        if self._chance(0.3):
            schema["pattern"] = self.random.choice(PATTERNS)
        if self._chance(0.2):
            schema["enum"] = self.random.sample(WORDS, 3)
        if self._chance(0.3):
            schema["format"] = self.random.choice(FORMATS)
        return schema

    def _numeric(self, kind: str, formats: list[str]) -> JsonObject:
        schema: JsonObject = {"type": kind}
        whole = kind == "integer" and not self._chance(0.1)
        for keyword, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if self._chance(0.3):
                number = self.random.choice([0, 1, 2, 5, 10])
                schema[keyword] = number if whole else number + self.random.choice([0, 0.5])
                if self._chance(0.3):
                    schema[exclusive] = True
        if self._chance(0.2):
            schema["multipleOf"] = self.random.choice([1, 2, 5] if whole else [1, 2, 0.5, 0.1])
        if self._chance(0.15):
            schema["enum"] = self.random.sample([1, 2, 3, 5, 10], 2)
        if self._chance(0.3):
            schema["format"] = self.random.choice(formats)
        return schema

    def _integer(self, _: int) -> JsonObject:
        return self._numeric("integer", ["int32", "int64", "date"])

    def _number(self, _: int) -> JsonObject:
        return self._numeric("number", ["float", "double", "int32"])

    def _boolean(self, _: int) -> JsonObject:
        return {"type": "boolean", **({"enum": [True]} if self._chance(0.2) else {})}

    def _any(self, _: int) -> JsonObject:
        schema: JsonObject = {"x-kubernetes-preserve-unknown-fields": True}
        if self._chance(0.5):
            schema["type"] = "object"
        return schema

    def _either(self, _: int) -> JsonObject:
        schema: JsonObject = {"x-kubernetes-int-or-string": True}
        if self._chance(0.5):
            schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        if self._chance(0.3):
            schema["pattern"] = "^[0-9]+%?$"
        if self._chance(0.2):
            schema["maximum"] = 5
        return schema

    def _object(self, depth: int) -> JsonObject:
        names = self.random.sample(["a", "b", "c", "d-e", "f.g", "kind", "metadata2"], self.random.randint(1, 4))
        schema: JsonObject = {"type": "object", "properties": {n: self.schema(depth - 1) for n in names}}
        for child in schema["properties"].values():
            if self._chance(0.4) and (default := _default_of(child)) is not None:
                child["default"] = default
        if self._chance(0.5):
            schema["required"] = self.random.sample(names, self.random.randint(1, len(names)))
        if self._chance(0.2):
            schema["x-kubernetes-preserve-unknown-fields"] = True
        elif self._chance(0.05):
            schema["additionalProperties"] = True
        return schema | self._limits("minProperties", "maxProperties", 4)

    def _embedded(self, depth: int) -> JsonObject:
        schema: JsonObject = {"type": "object", "x-kubernetes-embedded-resource": True}
        if self._chance(0.5):
            schema["properties"] = {"spec": self.schema(depth - 1), "kind": {"type": "string"}}
        else:
            schema["x-kubernetes-preserve-unknown-fields"] = True
        return schema

    def _map(self, depth: int) -> JsonObject:
        values: Json = self._chance(0.7) if self._chance(0.2) else self.schema(depth - 1)
        limits = self._limits("minProperties", "maxProperties", 3)
        return {"type": "object", "additionalProperties": values, **limits}

    def _list(self, depth: int) -> JsonObject:
        limits = self._limits("minItems", "maxItems", 3)
        if self._chance(0.3):
            items: JsonObject = self.random.choice([{"type": "string"}, {"type": "integer"}, {"type": "number"}])
            return {"type": "array", "items": dict(items), "x-kubernetes-list-type": "set", **limits}
        return {"type": "array", "items": self.schema(depth - 1), **limits}

    def _list_map(self, depth: int) -> JsonObject:
        keys = {"k": {"type": self.random.choice(["string", "integer", "number"])}}
        if self._chance(0.3):
            keys["l"] = {"type": "string", "default": "x"}
        items = {
            "type": "object",
            "properties": {**keys, "v": self.schema(depth - 1)},
            "required": ["k"] if self._chance(0.99) else [],
        }
        return {
            "type": "array",
            "items": items,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": list(keys),
        }

    def _alternatives(self, schema: JsonObject) -> None:
        keyword = self.random.choice(["anyOf", "oneOf", "allOf", "not"])
        nested = [self._nested(schema) for _ in range(self.random.randint(1, 3))]
        if keyword == "not":
            schema["not"] = nested[0]
        elif keyword not in schema:
            schema[keyword] = nested

    def _nested(self, schema: JsonObject) -> JsonObject:
        kind = schema.get("type")
        if kind == "string":
            return self.random.choice([{"minLength": 2}, {"pattern": "^a"}, {"enum": ["a", "abc"]}, {"format": "ipv4"}])
        if kind in ("integer", "number"):
            return self.random.choice([{"minimum": 2}, {"maximum": 3}, {"multipleOf": 2}, {"enum": [1, 2]}])
        if kind == "array":
            return self.random.choice([{"minItems": 1}, {"maxItems": 2}])
        if kind == "object" and schema.get("properties"):
            name = self.random.choice(list(schema["properties"]))
            deeper = {"properties": {name: self._nested(schema["properties"][name])}}
            return self.random.choice(
                [{"required": [name]}, {"not": {"required": [name]}}, deeper, {"minProperties": 2}]
            )
        return {"not": {"enum": ["a"]}}

    def value(self, schema: Json, wrong: float) -> Json:
        if self._chance(wrong):
            return self.nonsense()
        if not isinstance(schema, dict):
            return self.nonsense()
        if schema.get("nullable") and self._chance(0.2):
            return None
        if schema.get("enum") and self._chance(0.7):
            return self.random.choice(schema["enum"])
        kind = schema.get("type")
        if schema.get("x-kubernetes-int-or-string"):
            kind = self.random.choice(["integer", "string"])
        if schema.get("x-kubernetes-embedded-resource"):
            return self._embedded_value(schema, wrong)
        if kind == "object":
            return self._object_value(schema, wrong)
        if kind == "array":
            return [self.value(schema["items"], wrong) for _ in range(self.random.randint(0, 3))]
        if kind == "string":
            return self.random.choice(WORDS)
        if kind == "integer":
            return self.random.choice([0, 1, 2, 3, 4, 5, 10])
        if kind == "number":
            return self.random.choice(NUMBERS)
        if kind == "boolean":
            return self._chance(0.5)
        return self.nonsense()

    def _object_value(self, schema: JsonObject, wrong: float) -> JsonObject:
        if "properties" not in schema:
            names = self.random.sample(["p", "q", "r/s", "t"], self.random.randint(0, 3))
            return {name: self.value(schema.get("additionalProperties"), wrong) for name in names}
        required = schema.get("required", [])
        present = [n for n in schema["properties"] if self._chance(0.95 if n in required else 0.6)]
        value = {name: self.value(schema["properties"][name], wrong) for name in present}
        if self._chance(wrong):
            value["unknown"] = self.nonsense()
        return value

    def _embedded_value(self, schema: JsonObject, wrong: float) -> JsonObject:
        value: JsonObject = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
        if "properties" in schema:
            value["spec"] = self.value(schema["properties"]["spec"], wrong)
        if not self._chance(wrong * 5):
            return value
        value["apiVersion"] = self.random.choice(["apps/v1", "a/b/c", "", "v1"])
        value["kind"] = self.random.choice(["Pod", "", "pod-", "9", "a" * 64])
        labels = {"a": "b", self.random.choice(["x/y", "/z", "a b", "A/b", "-", "k" * 64, "a/b/c", "a/"]): "c d"}
        labels["l"] = self.random.choice(["", "e", "v" * 64, "_"])
        owner = {"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u", "controller": True}
        owners = [owner, {k: v for k, v in owner.items() if not self._chance(0.3)}]
        keys = ["name", "generateName", "labels", "annotations", "finalizers", "namespace", "generation", "nmae"]
        keys.append("ownerReferences")
        values: list[Json] = ["a/b", "x%", labels, labels, ["f", "g.h/i", "orphan", "a b"], "N", -1, 1, owners]
        value["metadata"] = {k: v for k, v in zip(keys, values, strict=True) if self._chance(0.4)}
        return {k: v for k, v in value.items() if not self._chance(0.1)}

    def nonsense(self, depth: int = 2) -> Json:
        scalars: list[Json] = [None, True, False, *WORDS[:6], *NUMBERS]
        if depth == 0 or self._chance(0.7):
            return self.random.choice(scalars)
        if self._chance(0.5):
            return [self.nonsense(depth - 1) for _ in range(self.random.randint(0, 2))]
        return {name: self.nonsense(depth - 1) for name in self.random.sample(["a", "k", "z"], 2)}


def _default_of(schema: JsonObject) -> Json:
    """A default that is surely valid, because the server checks it; None where that is not obvious."""
    constrained = {"required", "minProperties", "anyOf", "oneOf", "allOf", "not", "enum", "format", EMBEDDED} & set(
        schema
    )
    plain = {"boolean": True, "object": {}, "integer": 5 if "multipleOf" not in schema else None}
    limited = {"minimum", "maximum", "properties"} & set(schema) and schema.get("type") == "integer"
    return None if constrained or limited else plain.get(schema.get("type", ""))
