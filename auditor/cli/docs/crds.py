"""The page of our CRDs: every field, with its type, default, bounds and description."""

import json
from collections.abc import Iterator

import yaml

from auditor import crds
from auditor.cli.docs.markdown import code, link, page, prose, table
from auditor.json import Json, JsonObject

# Pairs of bounds in a schema, and of what they are.
BOUNDS = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", "characters"),
    ("minItems", "maxItems", "items"),
    ("minProperties", "maxProperties", "entries"),
)


def write_crds() -> str:
    loaded: list[JsonObject] = sorted(
        (yaml.load(crds.read(name), yaml.CSafeLoader) for name in crds.names()),
        key=lambda crd: str(crd["spec"]["names"]["kind"]),
    )
    return page(
        "Custom resources",
        "\n".join(f"- {link(crd['spec']['names']['kind'])}: {_tell(crd)}" for crd in loaded),
        "`[]` is an item of a list, `.*` a value of a map. Fields in bold are required.",
        *(_describe(crd) for crd in loaded),
    )


def list_fields(schema: Json, path: str = "", *, required: bool = False) -> Iterator[tuple[str, JsonObject, bool]]:
    """Each field with its path, its schema, and whether it is required, in the order of the schema."""
    if path:
        yield path, schema, required
    needed = schema.get("required", ())
    for name, below in schema.get("properties", {}).items():
        yield from list_fields(below, f"{path}.{name}".lstrip("."), required=name in needed)
    for word, sign in (("items", "[]"), ("additionalProperties", ".*")):
        below = schema.get(word)
        if isinstance(below, dict):
            yield from (each for each in list_fields(below, path + sign) if each[0] != path + sign or _says_more(below))


def _says_more(schema: JsonObject) -> bool:
    """Whether an item has to be told of itself, not only by its fields."""
    return bool(schema.keys() - {"type", "required", "properties"})


def _tell(crd: JsonObject) -> str:
    return prose(_schema(crd["spec"]["versions"][0]).get("description", ""))


def _schema(version: JsonObject) -> JsonObject:
    schema: JsonObject = version["schema"]["openAPIV3Schema"]
    return schema


def _describe(crd: JsonObject) -> str:
    spec = crd["spec"]
    names = spec["names"]
    scope = "In a namespace." if spec["scope"] == "Namespaced" else "Without a namespace."
    short = ", ".join(code(name) for name in [names["plural"], *names.get("shortNames", ())])
    parts = [f"## {names['kind']}", f"{_tell(crd)} {scope} For kubectl: {short}."]
    for version in spec["versions"]:
        schema = _schema(version)
        parts.append(f"### {spec['group']}/{version['name']} {names['kind']}")
        parts.append("\n".join(f"- {rule}" for rule in _rules(schema)))
        parts.append(table(("Field", "Type", "Default", "Meaning"), (_row(*field) for field in list_fields(schema))))
    return "\n\n".join(part for part in parts if part)


def _row(path: str, schema: JsonObject, required: bool) -> tuple[str, str, str, str]:
    default = code(json.dumps(schema["default"], ensure_ascii=False)) if "default" in schema else ""
    told = [schema.get("description", ""), *_bounds(schema), *_rules(schema)]
    meaning = " ".join(prose(each if each.endswith(".") else f"{each}.") for each in told if each)
    return f"**{code(path)}**" if required else code(path), _type(schema), default, meaning


def _type(schema: JsonObject) -> str:
    if schema.get("x-kubernetes-int-or-string"):
        return "integer or string"
    kind = str(schema.get("type", "any"))
    if schema.get("format"):
        kind += f" ({schema['format']})"
    if schema.get("nullable"):
        kind += " or null"
    if schema.get("x-kubernetes-list-type") == "map":
        kind += f", one for each {', '.join(schema['x-kubernetes-list-map-keys'])}"
    elif schema.get("x-kubernetes-list-type") == "set":
        kind += ", each once"
    return kind


def _bounds(schema: JsonObject) -> Iterator[str]:
    if "enum" in schema:
        yield "One of " + ", ".join(code(value if value != "" else '""') for value in schema["enum"])
    yield from filter(None, (_range(schema.get(least), schema.get(most), unit) for least, most, unit in BOUNDS))
    if "pattern" in schema:
        yield f"Pattern {code(schema['pattern'])}"
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        yield "Any fields"


def _range(least: Json, most: Json, unit: str) -> str:
    if least is None and most is None:
        return ""
    if most is None:
        return f"At least {least} {unit}".rstrip()
    return (f"At most {most} {unit}" if least is None else f"{least} to {most} {unit}").rstrip()


def _rules(schema: JsonObject) -> Iterator[str]:
    """What has to hold beyond the types: in words where the CRD has them."""
    for each in schema.get("x-kubernetes-validations", ()):
        yield _capital(str(each.get("message") or code(each["rule"])))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
