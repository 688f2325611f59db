"""What the names of an expression stand for in one request."""

import pickle
import threading
import time
from collections.abc import Mapping
from typing import Final, Self

import orjson
from cel_expr_python import cel as library

from auditor.json import Json
from auditor.languages.cel import environment
from auditor.languages.cel.libraries.authorizer import Answers
from auditor.languages.cel.libraries.declare import pack
from auditor.languages.cel.typed import Typed, Unreadable

UNREAD: Final = -1
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

    __slots__ = (
        "_activation",
        "_packed",
        "_readable",
        "_thread",
        "_until",
        "_values",
        "authorizer",
        "digits",
        "unusable",
    )

    def __init__(self, /, *, authorizer: Answers | None = None, **values: Json) -> None:
        self._values = values
        self._readable: Mapping[str, Json] | None = None
        self._activation: library.Activation | None = None
        self._thread = 0
        self._packed: bytes | None = None
        self._until: float | None = None
        self.authorizer = authorizer
        self.unusable: dict[str, str] = {}
        self.digits = UNREAD
        """Binary digits of the size of all values together, in bytes of JSON; known when they have been read."""

    def value_of(self, name: str) -> Json:
        """Null where nothing is bound to the name."""
        return self._values.get(name)

    def read(self) -> Mapping[str, Json]:
        """The values as the library can take them."""
        if self._readable is None:
            found: dict[str, Json] = {}
            size = 0
            for name, value in self._values.items():
                try:
                    found[name], length = readable(value)
                    size += length
                except ValueError as error:
                    self.unusable[name] = str(error)
            self.digits = size.bit_length()
            self._readable = found
        return self._readable

    def count_items(self) -> int:
        """The elements and entries of all values, or more: each stands behind a comma or a bracket."""
        texts = [orjson.dumps(value, _pass) for value in self.read().values()]
        return sum(text.count(sign) for text in texts for sign in (b",", b"[", b"{"))

    def packed(self) -> bytes:
        """For another process, which unpacks it."""
        if self._packed is None:
            self._packed = pickle.dumps((self.read(), self.unusable, self.authorizer), pickle.HIGHEST_PROTOCOL)
        return self._packed

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        values: Mapping[str, Json]
        values, unusable, authorizer = pickle.loads(packed)  # noqa: S301 (our own process has packed it)
        made = cls(authorizer=authorizer)
        made._readable = values
        made.unusable = unusable
        return made

    def time_left(self, seconds: float) -> float:
        """Of so many seconds for all that is evaluated in other processes; they begin with the first question."""
        now = time.monotonic()
        if self._until is None:
            self._until = now + seconds
        return self._until - now

    @property
    def activation(self) -> library.Activation:
        thread = threading.get_ident()
        if self._activation is None or self._thread != thread:
            self._thread = thread
            data = dict(self.read())
            if self.authorizer is not None:
                data["authorizer"] = pack(self.authorizer.authorizer())
                if self.authorizer.request_resource is not None:
                    data["authorizer.requestResource"] = pack(self.authorizer.request_resource)
            self._activation = environment.evaluation().Activation(data)
        return self._activation


def readable(value: Json) -> tuple[Json, int]:
    """The value as the library can take it: integers beyond 64 bits become doubles, as in the API server. And how long
    it is as JSON.

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
    return value, len(text)


def _pass(value: Json) -> Json:
    """Called for what is no JSON."""
    match value:
        case Typed():
            return None
        case bytes():
            return value.decode("latin-1")  # as long as it is
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
