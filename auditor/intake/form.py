"""What every Kubernetes object has: a kind, a name, metadata of the right types.

The API server reads metadata into its own types before anything else sees the object. Nothing here that it would
refuse goes further, so that neither rules nor selectors ever meet labels that are no texts.
"""

from collections.abc import Iterator
from typing import Final

from auditor.json import Json, JsonObject

_TEXTS: Final = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
)
_MAPS: Final = ("labels", "annotations")

_OURS: Final = {"apiVersion", "kind", "metadata", "spec"}
_CUSTOMIZES: Final = {"resources", "patches", "bases", "components", "namePrefix", "nameSuffix", "configMapGenerator"}
"""Fields of a kustomization, which may do without apiVersion and kind."""
_KUSTOMIZE: Final = " (a kustomization? Scan what `kustomize build` prints of its folder)"


def find_faults(thing: Json) -> Iterator[tuple[str, str]]:
    """(JSON pointer, what is wrong there)"""
    if not isinstance(thing, dict):
        yield "", "is no Kubernetes object, which has apiVersion, kind and metadata.name"
        return
    missing = [name for name in ("apiVersion", "kind") if not isinstance(thing.get(name), str) or not thing[name]]
    if missing:
        advice = _KUSTOMIZE if _CUSTOMIZES & thing.keys() else ""
        yield "", f"has no {' and no '.join(missing)}: not a Kubernetes object{advice}"
        return
    if thing["apiVersion"].count("/") > 1 or thing["apiVersion"].startswith("/") or thing["apiVersion"].endswith("/"):
        yield "/apiVersion", f"{thing['apiVersion']!r} is neither VERSION nor GROUP/VERSION"
    metadata = thing.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        yield "/metadata", "must be an object"
        return
    yield from _find_in_metadata(metadata or {})


def is_foreign(thing: Json) -> bool:
    """Nothing in it is as in a Kubernetes object: the settings of some other program."""
    return isinstance(thing, dict) and not (_OURS | _CUSTOMIZES) & thing.keys()


def find_missing_name(thing: JsonObject) -> Iterator[tuple[str, str]]:
    metadata = thing.get("metadata") or {}
    if not metadata.get("name") and not metadata.get("generateName"):
        ours = str(thing.get("apiVersion")).startswith("kustomize.config.k8s.io/")
        yield "", f"has no metadata.name: the API server would not take it{_KUSTOMIZE if ours else ''}"


def _find_in_metadata(metadata: JsonObject) -> Iterator[tuple[str, str]]:
    for name in _TEXTS:
        if not isinstance(metadata.get(name), str | None):
            yield f"/metadata/{name}", "must be a text: quote it"
    for name in _MAPS:
        labels = metadata.get(name)
        if not isinstance(labels, dict | None):
            yield f"/metadata/{name}", "must be an object of texts"
        for key, value in (labels or {}).items() if isinstance(labels, dict) else ():
            if not isinstance(value, str | None):
                pointer = key.replace("~", "~0").replace("/", "~1")
                yield f"/metadata/{name}/{pointer}", f"must be a text, not {_show(value)}: quote it"
    finalizers = metadata.get("finalizers")
    if not isinstance(finalizers, list | None) or not all(isinstance(each, str) for each in finalizers or ()):
        yield "/metadata/finalizers", "must be a list of texts"


def _show(value: Json) -> str:
    text = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else None
    return text or (str(value) if isinstance(value, int | float) else "a list or an object")


def drop_nulls_of_metadata(thing: JsonObject) -> JsonObject:
    """The API server reads `labels: {a: null}` as an empty text, and other fields that are null as absent."""
    metadata = thing.get("metadata")
    if "metadata" in thing and metadata is None:
        return {**thing, "metadata": {}}
    if not isinstance(metadata, dict):
        return thing
    maps = {
        name: {key: value or "" for key, value in metadata[name].items()}
        for name in _MAPS
        if isinstance(metadata.get(name), dict) and None in metadata[name].values()
    }
    if not maps and None not in metadata.values():
        return thing
    kept = {key: value for key, value in metadata.items() if value is not None}
    return {**thing, "metadata": {**kept, **maps}}
