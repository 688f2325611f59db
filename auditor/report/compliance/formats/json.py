"""The tree as it is, for programs; and the digest of what it says, which every format carries.

Left out of it is what is told as it is known now, and may be known better later (`_NOW_OF_FINDINGS`, the name of the
cluster). Whoever has the JSON can compute it:

    jq -jcS 'del(.made, .digest, .cluster.name, (.violations[] | .apiVersion, .remediation, .writer))' report.json \
    | sha256sum
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Final

import orjson

from auditor.json import Json, JsonObject
from auditor.report.compliance.tree import Compliance, Coverage, Results


def write(report: Compliance) -> str:
    said = dump(report)
    return orjson.dumps({**said, "digest": _digest(said)}, option=orjson.OPT_INDENT_2).decode() + "\n"


def make_digest(report: Compliance) -> str:
    """Of the same report made again it is the same."""
    return _digest(dump(report))


def _digest(said: JsonObject) -> str:
    canonical = {name: value for name, value in said.items() if name != "made"}
    canonical["cluster"] = _without(said["cluster"], ("name",))
    canonical["violations"] = [_without(each, _NOW_OF_FINDINGS) for each in said["violations"]]
    text = orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)
    return sha256(text.replace(b"\x7f", b"\\u007f")).hexdigest()  # as jq writes it


_NOW_OF_FINDINGS: Final = ("apiVersion", "remediation", "writer")
"""A policy says what to do in better words, who wrote is found out: of neither the history keeps what it was."""


def _without(said: JsonObject, names: Sequence[str]) -> JsonObject:
    return {name: value for name, value in said.items() if name not in names}


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
