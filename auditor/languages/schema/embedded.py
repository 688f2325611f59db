"""x-kubernetes-embedded-resource: a whole object inside of another one."""

from collections.abc import Iterator

from auditor.json import JsonObject
from auditor.languages.schema import fielderror
from auditor.languages.schema.node import Node
from auditor.languages.schema.objectmeta import check_metadata
from auditor.languages.schema.patterns import search
from auditor.languages.schema.place import Place
from auditor.languages.schema.trim import Branch, walk
from auditor.languages.schema.violation import Violation

_LABEL = search(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_KIND_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character,"
    " and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is"
    " '[a-z]([-a-z0-9]*[a-z0-9])?')"
)


def wants(node: Node) -> bool:
    return node.embedded


def check_embedded(branch: Branch, obj: JsonObject) -> list[Violation]:
    return [v for _, value, place in walk(branch, obj) if isinstance(value, dict) for v in _check(value, place)]


def _check(obj: JsonObject, place: Place) -> Iterator[Violation]:
    for name in ("apiVersion", "kind"):
        if name not in obj:
            yield fielderror.required(place.child(name))
        elif not isinstance(obj[name], str):
            yield fielderror.invalid(place.child(name), obj[name], "must be a string")
        elif not obj[name]:
            yield fielderror.invalid(place.child(name), "", "must not be empty")
    version, kind = obj.get("apiVersion"), obj.get("kind")
    if isinstance(version, str) and version.count("/") > 1:
        yield fielderror.invalid(place.child("apiVersion"), version, f"unexpected GroupVersion string: {version}")
    if isinstance(kind, str) and kind:
        faults = ["must be no more than 63 characters"] if len(kind.encode("utf-8", "replace")) > 63 else []
        faults += [_KIND_RULE] if _LABEL(kind.lower()) is None else []
        if faults:
            detail = "may have mixed case, but should otherwise match: " + ",".join(faults)
            yield fielderror.invalid(place.child("kind"), kind, detail)
    if isinstance(obj.get("metadata"), dict):
        yield from check_metadata(obj["metadata"], place.child("metadata"))
