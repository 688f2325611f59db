"""What looks secret, by its name or its form: no message, report or log shows it."""

import re
from collections.abc import Iterator
from typing import Final

from auditor.json import Json, JsonObject

SECRET: Final = re.compile(r"passw|secret|token|credential|api-?key|private-?key|connection-?string", re.IGNORECASE)
"""Names of fields whose values are never shown. Rather too many than too few: the path is shown in any case."""

_OPEN: Final = re.compile(rf"://[^/?#\s]*@|[?&;][^=\s]*(?:{SECRET.pattern}|signature|\bsig)[^=\s]*=", re.IGNORECASE)
"""A URL with a user in it, or with a secret behind the question mark."""


def is_open(value: Json) -> bool:
    """Whether it is a text that tells a secret by itself."""
    return isinstance(value, str) and _OPEN.search(value) is not None


def find_secrets(value: Json, *, secret: bool = False) -> Iterator[str]:
    """The texts in it that stand under a name that looks secret, or that tell one by themselves."""
    if isinstance(value, str):
        if secret or is_open(value):
            yield value
    elif isinstance(value, list):
        for each in value:
            yield from find_secrets(each, secret=secret)
    elif isinstance(value, dict):
        whole, named = is_secret_object(value), names_secret(value)
        for key, each in value.items():
            inside = bool(SECRET.search(key)) or (whole and key in ("data", "stringData")) or (named and key == "value")
            yield from find_secrets(each, secret=secret or inside)


def is_private_at(path: str, value: Json, around: Json) -> bool:
    """By its path, a JSON pointer, by what it is, and by the name beside it in the object `around` it."""
    beside = path.endswith("/value") and names_secret(around)
    return beside or SECRET.search(path) is not None or is_open(value)


def is_secret_object(value: JsonObject) -> bool:
    return value.get("kind") == "Secret" and value.get("apiVersion") == "v1"


def names_secret(value: Json) -> bool:
    """`{name: DB_PASSWORD, value: ...}`, as in the environment of a container."""
    name = value.get("name") if isinstance(value, dict) and "value" in value else None
    return isinstance(name, str) and SECRET.search(name) is not None
