"""Results of the library as plain JSON."""

import base64
from datetime import datetime, timedelta
from typing import Final

from cel_expr_python import cel as library

from auditor.json import Json
from auditor.languages.cel.libraries.text import duration_text, timestamp_text

# A result is read element by element, and no further than this: lists in lists can stand for far more elements than
# the memory holds. An object in the API server has at most 3 MB, which is less than a million values.
MAX_VALUES: Final = 1_000_000


class ResultError(Exception):
    """A result that is no JSON, or too large."""


def to_json(value: library.Value) -> Json:
    return _Reader().read(value)


class _Reader:
    def __init__(self) -> None:
        self.left = MAX_VALUES

    def read(self, value: library.Value) -> Json:
        self.left -= 1
        if self.left < 0:
            raise ResultError(f"the result has more than {MAX_VALUES} values")
        type_ = value.type()
        if type_ == library.Type.NULL:
            return None
        if type_ == library.Type.ERROR:
            raise ResultError(str(value))
        plain = value.value()
        match plain:
            case bool() | int() | float() | str():
                return plain
            case list():
                return [self.read(each) for each in plain]
            case dict():
                return {_key(key): self.read(each) for key, each in plain.items()}
            case bytearray() | bytes():
                return base64.b64encode(plain).decode()
            case datetime():
                return timestamp_text(plain)
            case timedelta():
                return duration_text(plain)
            case _:
                return str(plain)


def _key(key: Json) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)
