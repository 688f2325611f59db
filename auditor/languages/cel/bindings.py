"""What the names of an expression stand for in one request."""

import threading
from typing import Final

import orjson
from cel_expr_python import cel as library

from auditor.json import Json
from auditor.languages.cel import environment
from auditor.languages.cel.libraries.authorizer import Answers
from auditor.languages.cel.libraries.declare import pack
from auditor.languages.cel.typed import Typed, Unreadable

_NUL: Final = b"\\u0000"
# Refuses what is no JSON, and integers beyond 53 bits, which then get a slow look.
_STRICT: Final = (
    orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
)


class Bindings:
    """The values of the names, converted to CEL once, when the first program needs it, for all programs.

    Values are plain JSON, and where a type asks for it bytes and what `typed` has. A value that the library would not
    read as it is (a NUL in a text, half a surrogate pair, more than 254 levels) is not bound: a program that uses it
    gets an error that says so. In another thread they are converted again: the library looks its memory up by thread.
    """

    __slots__ = ("_activation", "_thread", "_values", "authorizer", "unusable")

    def __init__(self, /, *, authorizer: Answers | None = None, **values: Json) -> None:
        self._values = values
        self._activation: library.Activation | None = None
        self._thread = 0
        self.authorizer = authorizer
        self.unusable: dict[str, str] = {}

    def value_of(self, name: str) -> Json:
        """Null where nothing is bound to the name."""
        return self._values.get(name)

    @property
    def activation(self) -> library.Activation:
        thread = threading.get_ident()
        if self._activation is None or self._thread != thread:
            self._thread = thread
            data: dict[str, Json] = {}
            for name, value in self._values.items():
                try:
                    data[name] = readable(value)
                except ValueError as error:
                    self.unusable[name] = str(error)
            if self.authorizer is not None:
                data["authorizer"] = pack(self.authorizer.authorizer())
                if self.authorizer.request_resource is not None:
                    data["authorizer.requestResource"] = pack(self.authorizer.request_resource)
            self._activation = environment.evaluation().Activation(data)
        return self._activation


def readable(value: Json) -> Json:
    """The value as the library can take it: integers beyond 64 bits become doubles, as in the API server.

    Serializing is the fastest way to see every value: it refuses what is no JSON, nests too deeply or has no UTF-8.
    """
    try:
        text = orjson.dumps(value, _pass, _STRICT)
    except (TypeError, ValueError, RecursionError) as error:
        if "Integer" not in str(error):
            raise ValueError(f"cannot be read: {error.__cause__ or error}") from None
        try:
            value = _within_64_bits(value)
        except OverflowError:
            raise ValueError("cannot be read: a number in it is too large for a double") from None
        text = orjson.dumps(value, _pass, _STRICT ^ orjson.OPT_STRICT_INTEGER)
    if _NUL in text and _has_nul(value):
        raise ValueError("cannot be read: a text in it has a NUL character")
    return value


def _pass(value: Json) -> None:
    """Called for what is no JSON; in the text it is null."""
    match value:
        case Typed() | bytes():
            return
        case Unreadable(reason=reason):
            raise ValueError(reason)
    raise TypeError(f"{type(value).__name__} is no type of JSON")


def _within_64_bits(value: Json) -> Json:
    match value:
        case bool():
            return value
        case int():
            return value if -(1 << 63) <= value < 1 << 63 else float(value)
        case list():
            return [_within_64_bits(each) for each in value]
        case dict():
            return {key: _within_64_bits(each) for key, each in value.items()}
        case _:
            return value


def _has_nul(value: Json) -> bool:
    match value:
        case str():
            return "\0" in value
        case list():
            return any(map(_has_nul, value))
        case dict():
            return any("\0" in key or _has_nul(each) for key, each in value.items())
        case _:
            return False
