"""JSON text of what was JSON text before."""

import json

import orjson

from auditor.json import JsonObject


class UnwritableError(Exception):
    """No encoder at hand takes the object: it is too deep. Whoever can create objects can create one like that."""


def encode(obj: JsonObject, option: int = 0) -> bytes:
    """Compact. orjson writes 254 levels at the most, but reads 1,024; Python's own encoder writes most of the rest."""
    try:
        return orjson.dumps(obj, option=option)
    except orjson.JSONEncodeError:
        sort = bool(option & orjson.OPT_SORT_KEYS)
        try:
            return json.dumps(obj, ensure_ascii=False, separators=(",", ":"), sort_keys=sort).encode()
        except (RecursionError, TypeError, ValueError) as error:
            raise UnwritableError(str(error)) from None
