"""Two forms of one CRD, compared by themselves."""

from collections.abc import Iterator, Mapping, Sequence

from auditor.engine.patch import same
from auditor.json import Json, JsonObject
from auditor.languages.schema import Crd


def find_refusals(old: JsonObject, before: Crd, after: Crd) -> Iterator[str]:
    """What the API server says to an update like this."""
    names = {each.name for each in after.versions}
    stored = (old.get("status") or {}).get("storedVersions") or [e.name for e in before.versions if e.storage]
    for version in stored:
        if version not in names:
            yield (
                f"status.storedVersions has {version}, which the new CRD does not have: objects may be stored in it. "
                f"Keep it (served: false will do), write all objects again, and take {version} out of the status first"
            )
    storing = [each.name for each in after.versions if each.storage]
    if len(storing) != 1:
        yield f"exactly one version must be the storage version, not {len(storing)}"
    for what, was, will_be in (
        ("spec.group", before.group, after.group),
        ("spec.names.plural", before.plural, after.plural),
        ("spec.names.kind", before.kind, after.kind),
        ("spec.scope", _scope(before), _scope(after)),
    ):
        if was != will_be:
            yield f"{what} cannot change: it is {was}, not {will_be}"


def _scope(crd: Crd) -> str:
    return "Namespaced" if crd.namespaced else "Cluster"


Path = tuple[str, ...]
"""`*` is any item of a list, or any key of a map."""


def changed_defaults(before: Crd, after: Crd) -> Iterator[tuple[str, Path, Json, Json]]:
    """(version, path, old, new)."""
    old = {each.name: dict(_defaults(each.schema, ())) for each in before.versions}
    for version in after.versions:
        known = old.get(version.name, {})
        for path, value in _defaults(version.schema, ()):
            if path in known and not same(known[path], value):
                yield version.name, path, known[path], value


def _defaults(schema: Json, path: Path) -> Iterator[tuple[Path, Json]]:
    if not isinstance(schema, dict):
        return
    if path and schema.get("default") is not None:
        yield path, schema["default"]
    properties: Mapping[str, Json] = schema.get("properties") or {}
    for name, each in properties.items():
        yield from _defaults(each, (*path, name))
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        yield from _defaults(inner, (*path, "*"))


def find_all(value: Json, path: Sequence[str]) -> Iterator[Json]:
    """The values at a path of `changed_defaults`."""
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if step == "*":
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for each in inner:
            yield from find_all(each, rest)
    elif isinstance(value, dict) and step in value:
        yield from find_all(value[step], rest)
