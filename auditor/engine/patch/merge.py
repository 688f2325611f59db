"""JSON Merge Patch, RFC 7386: null removes, objects merge, everything else replaces."""

from auditor.json import Json


def merge_patch(document: Json, patch: Json) -> Json:
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result
