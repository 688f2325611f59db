"""The metadata of an object or of an embedded one: which fields there are, and what their values may be."""

from collections.abc import Iterator

from auditor.json import Json, JsonObject
from auditor.languages.schema import fielderror
from auditor.languages.schema.patterns import search
from auditor.languages.schema.place import Place
from auditor.languages.schema.values import show_json
from auditor.languages.schema.violation import Violation

OWNER_FIELDS = frozenset(("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"))
MANAGER_FIELDS = frozenset(("manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1", "subresource"))
FIELDS = frozenset(
    [
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "labels",
        "annotations",
        "ownerReferences",
        "finalizers",
        "managedFields",
    ]
)
MAX_ANNOTATIONS = 256 * 1024
"""Bytes of all annotations of one object; the API server's limit."""
_EMPTY = (None, "", 0, False)


def known_metadata(meta: Json, path: str, unknown: list[str], *, drop_empty: bool) -> Json:
    """Without the fields that metadata does not have. That of embedded objects also loses what is empty, because the
    server reads and writes it as its own type; at the root that happens too, where it cannot be seen in a verdict."""
    if not isinstance(meta, dict):
        return meta
    kept: JsonObject = {}
    for name, value in meta.items():
        at = f"{path}.{name}"
        if name not in FIELDS:
            unknown.append(at)
        elif drop_empty and _is_empty(value):
            continue
        elif name == "ownerReferences":
            kept[name] = _known_items(value, OWNER_FIELDS, at, unknown)
        elif name == "managedFields":
            kept[name] = _known_items(value, MANAGER_FIELDS, at, unknown)
        else:
            kept[name] = value
    return meta if len(kept) == len(meta) and all(kept[k] is meta[k] for k in kept) else kept


def _is_empty(value: Json) -> bool:
    return value in ([], {}) or any(value is e or (type(value) is type(e) and value == e) for e in _EMPTY)


def _known_items(items: Json, fields: frozenset[str], path: str, unknown: list[str]) -> Json:
    if not isinstance(items, list):
        return items
    new = []
    for i, item in enumerate(items):
        extra = [k for k in item if k not in fields] if isinstance(item, dict) else []
        unknown.extend(f"{path}[{i}].{k}" for k in extra)
        new.append({k: v for k, v in item.items() if k in fields} if extra else item)
    return items if all(a is b for a, b in zip(new, items, strict=True)) else new


_NAME_PART = search(r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$")
_SUBDOMAIN = search(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_VALUE = search(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")
_LABEL = search(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character (e.g. 'my-name',  or '123-abc',"
    " regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_NAME_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    " character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_PREFIX_RULE = (
    "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and"
    " must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
    r" '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
    " '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def check_metadata(meta: JsonObject, place: Place) -> Iterator[Violation]:
    """What the server checks in the metadata of embedded objects. Values of the wrong type it refuses earlier."""
    for field in ("generateName", "name"):
        name = meta.get(field)
        if isinstance(name, str) and name:
            for fault in _segment_faults(name, prefix=field == "generateName"):
                yield fielderror.invalid(place.child(field), name, fault)
    namespace = meta.get("namespace")
    if isinstance(namespace, str) and namespace:
        if len(namespace) > 63:
            yield fielderror.invalid(place.child("namespace"), namespace, "must be no more than 63 bytes")
        if _LABEL(namespace) is None:
            yield fielderror.invalid(place.child("namespace"), namespace, _LABEL_RULE)
    generation = meta.get("generation")
    if type(generation) is int and generation < 0:
        yield fielderror.invalid(place.child("generation"), generation, "must be greater than or equal to 0")
    yield from _check_labels(_strings(meta.get("labels")), place.child("labels"))
    yield from _check_annotations(_strings(meta.get("annotations")), place.child("annotations"))
    yield from _check_owners(_objects(meta.get("ownerReferences")), place.child("ownerReferences"))
    yield from _check_finalizers(meta.get("finalizers"), place.child("finalizers"))


def _strings(value: Json) -> dict[str, str]:
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def _objects(value: Json) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _segment_faults(name: str, *, prefix: bool) -> Iterator[str]:
    if name in (".", "..") and not prefix:
        yield f"may not be '{name}'"
        return
    for char in "/%":
        if char in name:
            yield f"may not contain '{char}'"


def _check_labels(labels: dict[str, str], place: Place) -> Iterator[Violation]:
    for key, value in labels.items():
        for fault in qualified_name_faults(key):
            yield fielderror.invalid(place, key, fault)
        if len(value.encode("utf-8", "replace")) > 63:
            yield fielderror.invalid(place, value, "must be no more than 63 bytes")
        if _VALUE(value) is None:
            yield fielderror.invalid(place, value, _VALUE_RULE)


def _check_annotations(annotations: dict[str, str], place: Place) -> Iterator[Violation]:
    for key in annotations:
        for fault in qualified_name_faults(key.lower()):
            yield fielderror.invalid(place, key, fault)
    size = sum(len(text.encode("utf-8", "replace")) for pair in annotations.items() for text in pair)
    if size > MAX_ANNOTATIONS:
        yield fielderror.too_long(place, "", MAX_ANNOTATIONS)


def _check_owners(owners: list[JsonObject], place: Place) -> Iterator[Violation]:
    for owner in owners:
        version, kind = owner.get("apiVersion") or "", owner.get("kind") or ""
        if not version or version.endswith("/") or version.count("/") > 1:
            yield fielderror.invalid(place.child("apiVersion"), version, "version must not be empty")
        for name in ("kind", "name", "uid"):
            if not owner.get(name):
                yield fielderror.invalid(place.child(name), "", "must not be empty")
        if (version, kind) == ("v1", "Event"):
            yield fielderror.invalid(place, owner, "/v1, Kind=Event is disallowed from being an owner")
    controllers = [f"{o.get('kind', '')}/{o.get('name', '')}" for o in owners if o.get("controller") is True]
    for name in controllers[1:]:
        detail = 'Only one reference can have Controller set to true. Found "true" in references for '
        shown = "[" + ",".join(map(_show_owner, owners)) + "]"
        yield fielderror.invalid_text(place, shown, f"{detail}{controllers[0]} and {name}", owners)


def _show_owner(owner: JsonObject) -> str:
    """With its fields in the order of the server's type, the needed ones even where they are absent."""
    needed = {name: owner.get(name) or "" for name in ("apiVersion", "kind", "name", "uid")}
    more = {n: owner[n] for n in ("controller", "blockOwnerDeletion") if owner.get(n) is not None}
    return "{" + ",".join(f"{show_json(name)}:{show_json(value)}" for name, value in (needed | more).items()) + "}"


def _check_finalizers(finalizers: Json, place: Place) -> Iterator[Violation]:
    names = [f for f in finalizers if isinstance(f, str)] if isinstance(finalizers, list) else []
    for name in names:
        for fault in qualified_name_faults(name):
            yield fielderror.invalid(place, name, fault)
    if {"orphan", "foregroundDeletion"} <= set(names):
        detail = "finalizer orphan and foregroundDeletion cannot be both set"
        yield fielderror.invalid(place, names, detail)


def qualified_name_faults(text: str) -> Iterator[str]:
    *prefixes, name = text.split("/")
    if len(prefixes) > 1:
        rule = _NAME_RULE.removeprefix("name part ")
        yield f"a valid label key {rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return
    if prefixes and not prefixes[0]:
        yield "prefix part must be non-empty"
    elif prefixes:
        if len(prefixes[0]) > 253:
            yield "prefix part must be no more than 253 bytes"
        if _SUBDOMAIN(prefixes[0]) is None:
            yield _PREFIX_RULE
    if not name:
        yield "name part must be non-empty"
    elif len(name.encode("utf-8", "replace")) > 63:
        yield "name part must be no more than 63 bytes"
    if _NAME_PART(name) is None:
        yield _NAME_RULE
