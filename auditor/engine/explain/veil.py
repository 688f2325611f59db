"""What must not be shown of a request, wherever it comes up: in a value, in a message, in a part of an expression."""

from collections.abc import Iterator
from typing import Final

from auditor.engine.findings import SECRET
from auditor.json import Json, JsonObject
from auditor.model.request import Request

HIDDEN: Final = "(hidden)"
# A shorter text comes up by chance, as a part of others.
_LONG: Final = 6


class Veil:
    def __init__(self, request: Request, *around: Json) -> None:
        texts: set[str] = set()
        for thing in (request.object, request.old_object, request.namespace_object, *around):
            texts.update(_find(thing, secret=False))
        self._texts = sorted((text for text in texts if text), key=len, reverse=True)

    def is_secret(self, expression: str) -> bool:
        """By the names that it reads."""
        return SECRET.search(expression) is not None

    def over(self, value: Json) -> Json:
        if isinstance(value, str):
            return HIDDEN if value in self._texts else self.over_text(value)
        if isinstance(value, list):
            return [self.over(each) for each in value]
        if isinstance(value, dict):
            if _is_secret_object(value):
                value = {k: HIDDEN if k in ("data", "stringData") else v for k, v in value.items()}
            named = _names_secret(value)
            return {
                self.over_text(key): HIDDEN if SECRET.search(key) or (named and key == "value") else self.over(each)
                for key, each in value.items()
            }
        return value

    def over_text(self, text: str) -> str:
        for secret in self._texts:
            if len(secret) >= _LONG:
                text = text.replace(secret, HIDDEN)
        return text


def _find(value: Json, *, secret: bool) -> Iterator[str]:
    if isinstance(value, str):
        if secret:
            yield value
    elif isinstance(value, list):
        for each in value:
            yield from _find(each, secret=secret)
    elif isinstance(value, dict):
        whole, named = _is_secret_object(value), _names_secret(value)
        for key, each in value.items():
            inside = bool(SECRET.search(key)) or (whole and key in ("data", "stringData")) or (named and key == "value")
            yield from _find(each, secret=secret or inside)


def _is_secret_object(value: JsonObject) -> bool:
    return value.get("kind") == "Secret" and value.get("apiVersion") == "v1"


def _names_secret(value: JsonObject) -> bool:
    """`{name: DB_PASSWORD, value: ...}`, as in the environment of a container."""
    name = value.get("name")
    return isinstance(name, str) and "value" in value and SECRET.search(name) is not None
