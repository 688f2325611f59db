"""Whether a CRD of ours that is in a cluster is older than the one that comes with us. Pure."""

from collections.abc import Iterator

from auditor.cluster.access import dig, dig_list, dig_object, dig_text
from auditor.json import Json, JsonObject


def list_lacks(there: JsonObject, ours: JsonObject) -> list[str]:
    """The fields of ours that it does not know: it is older. None where it knows others, which we do not: then it is
    newer, or somebody's own, and taking a field away would take what is stored in it, too."""
    known, wanted = set(_list_fields(there)), set(_list_fields(ours))
    return sorted(wanted - known) if known < wanted else []


def _list_fields(crd: JsonObject) -> Iterator[str]:
    for version in dig_list(crd, "spec", "versions"):
        yield from _walk(dig(version, "schema", "openAPIV3Schema"), dig_text(version, "name"))


def _walk(schema: Json, place: str) -> Iterator[str]:
    yield place
    for name, below in dig_object(schema, "properties").items():
        yield from _walk(below, f"{place}.{name}")
    for each in ("items", "additionalProperties"):
        if below := dig_object(schema, each):
            yield from _walk(below, f"{place}[]")
