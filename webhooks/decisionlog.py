"""A log of whole decisions, with their objects, for those who have to show them later: opt-in, sampled, redacted."""

import zlib
from collections.abc import Callable, Sequence
from typing import Final

from auditor.json import Json, JsonObject
from auditor.languages.privacy import SECRET
from auditor.model.request import Request
from auditor.webhooks.decisions import Decision
from auditor.webhooks.respond import encode

REDACTED: Final = "(redacted)"
MAX_LINE: Final = 256 * 1024
"""Bytes. Many collectors of logs cut what is longer, and so break its JSON: rather a whole line without the objects."""

# Copies of what stands elsewhere in the object, where nobody would look for what is redacted there.
_COPIES: Final = ("kubectl.kubernetes.io/last-applied-configuration",)


class DecisionLog:
    """`write` gets one line of JSON at a time, and may be called by several threads at once.

    `share` is that of plain admissions, from 0 to 1; what tells something is always written. `redact` are JSON pointers
    in which `*` stands for any one step: /spec/users/*/pin.
    """

    def __init__(self, write: Callable[[bytes], object], *, share: float = 0.0, redact: Sequence[str] = ()) -> None:
        self._write = write
        self._share = share
        self._redact = tuple(tuple(_split(pointer)) for pointer in redact)

    def wants(self, uid: str, *, plain: bool) -> bool:
        """The uid decides, not chance: all replicas choose alike, and a test can know."""
        return not plain or zlib.crc32(uid.encode(errors="replace")) < self._share * 2**32

    def record(self, decision: Decision, request: Request | None) -> None:
        line = decision.describe()
        whole = {**line, **self._describe(request)} if request is not None else line
        written = encode(whole)
        if len(written) > MAX_LINE:
            written = encode({**line, "objectsLeftOut": len(written)})
        self._write(written + b"\n")

    def _describe(self, request: Request) -> JsonObject:
        return {
            "groups": list(request.user.groups) if request.user else [],
            "object": self._clean(request.object, request),
            "oldObject": self._clean(request.old_object, request),
        }

    def _clean(self, thing: JsonObject | None, request: Request) -> Json:
        if thing is None:
            return None
        paths = self._redact
        if (request.kind.group, request.kind.kind) == ("", "Secret"):
            paths = (*paths, ("data", "*"), ("stringData", "*"))
        cleaned: JsonObject = _redact(thing, paths)
        metadata = cleaned.get("metadata")
        if isinstance(metadata, dict):
            metadata.pop("managedFields", None)
        return cleaned


def _split(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _redact(value: Json, paths: Sequence[tuple[str, ...]]) -> Json:
    """A copy, without what stands at the paths and what has a name that looks secret."""
    if any(not path for path in paths):
        return REDACTED
    if isinstance(value, dict):
        # In the environment of a container the name stands beside the value.
        named = isinstance(value.get("name"), str) and looks_secret(value["name"])
        return {
            key: REDACTED
            if looks_secret(key) or key in _COPIES or (named and key == "value")
            else _redact(each, _below(paths, key))
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_redact(each, _below(paths, str(index))) for index, each in enumerate(value)]
    return value


def _below(paths: Sequence[tuple[str, ...]], step: str) -> list[tuple[str, ...]]:
    return [path[1:] for path in paths if path and path[0] in (step, "*")]


def looks_secret(name: str) -> bool:
    return SECRET.search(name) is not None
