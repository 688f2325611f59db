"""Values for a page: as JSON, cut where they are long, without what looks secret."""

from typing import Final

import orjson

from auditor.engine.findings import value_at
from auditor.engine.patch import join_pointer, split_pointer
from auditor.engine.veil import HIDDEN, Veil
from auditor.json import Json, JsonObject
from auditor.model.request import Request

LONGEST: Final = 2_000
"""Characters: what is read on a page. The object as a whole is there for kubectl."""


class Shown:
    """Of one object."""

    def __init__(self, request: Request) -> None:
        self._thing: JsonObject = request.object or {}
        self._veil = Veil(request)
        self._hidden = self._thing.get("kind") == "Secret" and self._thing.get("apiVersion") == "v1"

    def write(self, value: Json, path: str) -> str:
        """`value` may be what comes to stand there. By all names on the way to it, too."""
        if self._hidden or self._veil.is_secret(path):
            return HIDDEN
        return cut(orjson.dumps(self._conceal(self._veil.over(value)), option=orjson.OPT_INDENT_2).decode())

    def _conceal(self, value: Json) -> Json:
        """URLs with a secret in them."""
        if isinstance(value, dict):
            return {key: self._conceal(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._conceal(each) for each in value]
        if isinstance(value, str) and value and value_at({"it": value}, "/it") is None:
            return HIDDEN
        return value


def cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def find_nearest(thing: Json, path: str) -> tuple[str, Json, bool]:
    """The part at the path, or the nearest above it that is there; and whether it is the part itself."""
    tokens = split_pointer(path)
    node, depth = thing, 0
    for token in tokens:
        if isinstance(node, dict) and token in node:
            node = node[token]
        elif isinstance(node, list) and token.isdecimal() and int(token) < len(node):
            node = node[int(token)]
        else:
            break
        depth += 1
    return join_pointer(tokens[:depth]), node, depth == len(tokens)
