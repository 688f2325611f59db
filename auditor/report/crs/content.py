"""What of a report counts: all that we say, but not when, nor what the API server and others note beside it."""

import orjson

from auditor.json import Json, JsonObject
from auditor.report.crs.forms import KIND, LEFT_OUT, MANAGED_BY, uid_of

BODY = ("scope", "source", "summary", "results")
"""What we write beside metadata. Of the rest of such a report (`configuration`) we say nothing: it is whose it is."""


def content_of_report(report: JsonObject) -> bytes:
    """Equal if, and only if, there is nothing to write: of one that we built and of the same one read back.

    Not in it: timestamps, which of a finding that is there already say nothing new; labels, annotations and owners that
    are not ours, as others may add them; and the order of keys.
    """
    metadata = _part(report, "metadata")
    name = metadata.get("name")
    uid = uid_of(name) if isinstance(name, str) else ""
    owners = metadata.get("ownerReferences")
    content: JsonObject = {field: report.get(field) for field in BODY}
    if isinstance(results := content["results"], list):
        content["results"] = [_without_time(each) for each in results]
    content["labels"] = [_part(metadata, "labels").get(label) for label in (MANAGED_BY, KIND)]
    content["annotations"] = [_part(metadata, "annotations").get(key) for key in (KIND, LEFT_OUT)]
    content["owner"] = [
        each
        for each in (owners if isinstance(owners, list) else [])
        if isinstance(each, dict) and each.get("uid") == uid
    ]
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def _part(value: JsonObject, name: str) -> JsonObject:
    part = value.get(name)
    return part if isinstance(part, dict) else {}


def _without_time(result: Json) -> Json:
    return {key: value for key, value in result.items() if key != "timestamp"} if isinstance(result, dict) else result
