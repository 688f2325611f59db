"""The keywords of JSON Schema, by draft, and the name that a misspelt one is nearest to."""

import difflib
from collections.abc import Iterable
from enum import StrEnum


class Holds(StrEnum):
    """What stands under a keyword, as far as schemas are found there."""

    SCHEMA = "schema"
    SCHEMAS = "list of schemas"
    MAP = "schemas by name"
    SCHEMA_OR_SCHEMAS = "schema or list of schemas"
    MAP_OR_NAMES = "schemas or lists of names, by name"
    PLAIN = "no schema"


_SHARED = {
    **dict.fromkeys(("additionalProperties", "propertyNames", "contains", "not", "if", "then", "else"), Holds.SCHEMA),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), Holds.SCHEMAS),
    **dict.fromkeys(("properties", "patternProperties"), Holds.MAP),
    **dict.fromkeys(
        [
            "$schema",
            "$id",
            "$ref",
            "$comment",
            "title",
            "description",
            "default",
            "examples",
            "readOnly",
            "writeOnly",
            "type",
            "enum",
            "const",
            "multipleOf",
            "maximum",
            "exclusiveMaximum",
            "minimum",
            "exclusiveMinimum",
            "maxLength",
            "minLength",
            "pattern",
            "format",
            "contentEncoding",
            "contentMediaType",
            "maxItems",
            "minItems",
            "uniqueItems",
            "maxProperties",
            "minProperties",
            "required",
        ],
        Holds.PLAIN,
    ),
}
DRAFT_2020 = _SHARED | {
    **dict.fromkeys(("items", "unevaluatedItems", "unevaluatedProperties", "contentSchema"), Holds.SCHEMA),
    "prefixItems": Holds.SCHEMAS,
    **dict.fromkeys(("$defs", "dependentSchemas"), Holds.MAP),
    **dict.fromkeys(
        [
            "$anchor",
            "$dynamicRef",
            "$dynamicAnchor",
            "$vocabulary",
            "deprecated",
            "maxContains",
            "minContains",
            "dependentRequired",
        ],
        Holds.PLAIN,
    ),
}
DRAFT_7 = _SHARED | {
    "items": Holds.SCHEMA_OR_SCHEMAS,
    "additionalItems": Holds.SCHEMA,
    "definitions": Holds.MAP,
    "dependencies": Holds.MAP_OR_NAMES,
}

FORMATS_2020 = frozenset(
    [
        "date",
        "date-time",
        "time",
        "duration",
        "email",
        "idn-email",
        "hostname",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "iri",
        "iri-reference",
        "uri-template",
        "json-pointer",
        "relative-json-pointer",
        "regex",
        "uuid",
    ]
)
FORMATS_7 = FORMATS_2020 - {"duration", "uuid"}


def closest(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names, or nothing when none is near."""
    names = list(known)
    folded = {n.lower(): n for n in names}
    if name.lower() in folded:
        return folded[name.lower()]
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.7)  # misses at most a third of the letters
    return found[0] if found else ""
