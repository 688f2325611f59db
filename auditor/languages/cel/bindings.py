"""What the names of an expression stand for in one request."""

import pickle
import threading
from collections.abc import Iterable, Mapping
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
        "_items",
        "_packed",
        "_readable",
        "_shapes",
        "_sizes",
        "_thread",
        "_values",
        "authorizer",
        "digits",
        "spent",
        "unusable",
    )

    def __init__(self, /, *, authorizer: Answers | None = None, **values: Json) -> None:
        self._values = values
        self._readable: Mapping[str, Json] | None = None
        self._activation: library.Activation | None = None
        self._thread = 0
        self._sizes: dict[str, int] = {}
        self._items: dict[str, int] = {}
        self._shapes: dict[frozenset[str], tuple[int, int]] = {}
        self._packed: dict[tuple[str, ...], bytes] = {}
        self.authorizer = authorizer
        self.unusable: dict[str, str] = {}
        self.spent = 0.0
        """Seconds that were waited for evaluations in other processes."""
        self.digits = UNREAD
        """Binary digits of the size of all values together, in bytes of JSON; known when they have been read."""

    def value_of(self, name: str) -> Json:
        """Null where nothing is bound to the name."""
        return self._values.get(name)

    def read(self) -> Mapping[str, Json]:
        """The values as the library can take them."""
        if self._readable is None:
            found: dict[str, Json] = {}
            for name, value in self._values.items():
                try:
                    found[name], self._sizes[name] = readable(value)
                except ValueError as error:
                    self.unusable[name] = str(error)
            self.digits = sum(self._sizes.values()).bit_length()
            self._readable = found
        return self._readable

    def shape(self, names: frozenset[str]) -> tuple[int, int]:
        """Binary digits of the size of these values, in bytes of JSON, and of the number of their items."""
        found = self._shapes.get(names)
        if found is None:
            items = self.count_items(names)
            size = sum(self._sizes.get(name, 0) for name in names)
            found = self._shapes[names] = size.bit_length(), items.bit_length()
        return found

    def count_items(self, names: Iterable[str]) -> int:
        """The elements and entries of these values, or more: each stands behind a comma or a bracket."""
        values = self.read()
        for name in names:
            if name not in self._items:
                text = orjson.dumps(values.get(name), _pass)
                self._items[name] = len(text) - len(text.translate(None, b",[{"))
        return sum(self._items[name] for name in names)

    def packed(self, names: Iterable[str]) -> bytes:
        """These values for another process, which unpacks them."""
        bound = tuple(sorted(name for name in names if name in self._values))
        if bound not in self._packed:
            answers = self.authorizer
            if answers is not None:  # whatever mapping it is
                answers = Answers(dict(answers.answers), answers.request_resource)
            values = {name: value for name, value in self.read().items() if name in bound}
            self._packed[bound] = pickle.dumps((values, self.unusable, answers), pickle.HIGHEST_PROTOCOL)
        return self._packed[bound]

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        values: Mapping[str, Json]
        values, unusable, authorizer = pickle.loads(packed)  # noqa: S301 (our own process has packed it)
        made = cls(authorizer=authorizer)
        made._readable = values
        made.unusable = unusable
        return made

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
