"""The tree as it is, for programs; and the digest of what it says, which every format carries.

Whoever has the JSON can compute it: `jq -jcS 'del(.made, .digest)' report.json | sha256sum`.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from hashlib import sha256

import orjson

from auditor.json import Json, JsonObject
from auditor.report.compliance.tree import Compliance, Coverage, Results


def write(report: Compliance) -> str:
    said = dump(report)
    return orjson.dumps({**said, "digest": _digest(said)}, option=orjson.OPT_INDENT_2).decode() + "\n"


def make_digest(report: Compliance) -> str:
    """Of the same report made again it is the same: when it was made, and by which version, is not in it."""
    return _digest(dump(report))


def _digest(said: JsonObject) -> str:
    canonical = {name: value for name, value in said.items() if name != "made"}
    return sha256(orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)).hexdigest()


def dump(report: Compliance) -> JsonObject:
    said: JsonObject = _dump(report)
    return {
        **said,
        "percent": _plain(report.percent),
        "change": _plain(report.change),
        "complete": report.complete,
    }


def _dump(value: object) -> Json:
    if isinstance(value, Enum):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        said = {_camel(each.name): _dump(getattr(value, each.name)) for each in fields(value)}
        if isinstance(value, Results | Coverage):
            said["percent"] = _plain(value.percent)
        return said
    if isinstance(value, Mapping):
        return {str(key): _dump(each) for key, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(_dump(each) for each in value)
    if isinstance(value, tuple | list):
        return [_dump(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return _plain(value.total_seconds())
    return _plain(value) if isinstance(value, float) else value


def _plain(number: float | None) -> Json:
    """A whole number without a fraction, as every program writes it: the digest is of texts."""
    return int(number) if number is not None and number == int(number) else number


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(each.capitalize() for each in rest)
