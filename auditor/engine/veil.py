"""What must not be shown of a request, wherever it comes up: in a value, in a message, in a part of an expression."""

import json
from typing import Final

from auditor.json import Json
from auditor.languages.privacy import SECRET, find_secrets, is_secret_object, names_secret
from auditor.model.request import Request

HIDDEN: Final = "(hidden)"
# A shorter text comes up by chance, as a part of others.
_LONG: Final = 6


class Veil:
    def __init__(self, request: Request, *around: Json) -> None:
        texts: set[str] = set()
        for thing in (request.object, request.old_object, request.namespace_object, *around):
            texts.update(find_secrets(thing))
        texts.discard("")
        self._secrets = frozenset(texts)
        # As they stand in JSON and in messages of Python, too: a key in PEM has line breaks.
        forms = {
            form for text in texts for form in (text, json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1])
        }
        self._texts = sorted((text for text in forms if len(text) >= _LONG), key=len, reverse=True)

    def is_secret(self, expression: str) -> bool:
        """By the names that it reads."""
        return SECRET.search(expression) is not None

    def over(self, value: Json) -> Json:
        if isinstance(value, str):
            return HIDDEN if value in self._secrets else self.over_text(value)
        if isinstance(value, list):
            return [self.over(each) for each in value]
        if isinstance(value, dict):
            if is_secret_object(value):
                value = {k: HIDDEN if k in ("data", "stringData") else v for k, v in value.items()}
            named = names_secret(value)
            return {
                self.over_text(key): HIDDEN if SECRET.search(key) or (named and key == "value") else self.over(each)
                for key, each in value.items()
            }
        return value

    def over_text(self, text: str) -> str:
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text
