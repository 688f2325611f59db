"""JSON values as the API server holds and prints them.

It decodes a number without fraction or exponent to int64 where it fits and every other number to float64, so `1` and
`1.0` are different values of different kinds. Its messages show values with Go's formatting.
"""

import json
import math
from decimal import Decimal
from enum import StrEnum

from auditor.json import Json

MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1
MAX_SAFE = 2**53 - 1
"""Floats beyond it are no integers to the API server."""


class Kind(StrEnum):
    NULL = "null"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"
    ARRAY = "array"
    OBJECT = "object"


_KINDS: dict[type, Kind] = {
    type(None): Kind.NULL,
    bool: Kind.BOOLEAN,
    float: Kind.NUMBER,
    str: Kind.STRING,
    list: Kind.ARRAY,
    dict: Kind.OBJECT,
}


def kind_of(value: Json) -> Kind:
    """An int beyond int64 is a NUMBER: the server has it as float64."""
    if type(value) is int:
        return Kind.INTEGER if MIN_INT64 <= value <= MAX_INT64 else Kind.NUMBER
    try:
        return _KINDS[type(value)]
    except KeyError:
        raise TypeError(f"{type(value).__name__} is not a JSON value") from None


def is_composite(value: Json) -> bool:
    return isinstance(value, dict | list)


def as_float(value: Json) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def is_whole(number: float) -> bool:
    """Whether the server takes this float for an integer: with a relative tolerance of 1e-9, up to 2^53."""
    if not -MAX_SAFE <= number <= MAX_SAFE:  # also NaN
        return False
    if number == math.trunc(number):
        return True
    below = math.trunc(number)
    return number > 0 and below > 0 and (number - below) / (number + below) < 1e-9  # of negatives it wraps around


def same(left: Json, right: Json) -> bool:
    """Deep equality that tells 1, 1.0 and True apart."""
    kind = kind_of(left)
    if kind is not kind_of(right):
        return False
    if kind is Kind.OBJECT:
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if kind is Kind.ARRAY:
        return len(left) == len(right) and all(map(same, left, right))
    if kind is Kind.NUMBER:
        return as_float(left) == as_float(right)
    return bool(left == right)


def show_float(number: float) -> str:
    """As Go's %v: the shortest digits, an exponent below 1e-4 and from 1e21 on."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    return _digits(number, lowest=-4)


def _digits(number: float, *, lowest: int, pad: bool = True) -> str:
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    minus = "-" if sign else ""
    if not text:
        return minus + "0"
    power = len(digits) - 1 + int(exponent)
    if power < lowest or power >= 21:
        fraction = f".{text[1:]}" if text[1:] else ""
        return f"{minus}{text[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):0{2 if pad else 1}d}"
    return minus + f"{Decimal(text).scaleb(power - len(text) + 1):f}"


_ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}
_ESCAPES |= {"\\": r"\\", '"': r"\""}


def quote(text: str) -> str:
    """As Go's %q."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_quote_one, text)) + '"'


def _quote_one(char: str) -> str:
    code = ord(char)
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char == " " or char.isprintable():
        return char
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"  # what a lone surrogate is decoded to
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def show(value: Json) -> str:
    """A value as it stands in the message of a cause: strings quoted, composites as JSON."""
    kind = kind_of(value)
    if kind is Kind.STRING:
        return quote(value)
    if kind is Kind.BOOLEAN:
        return "true" if value else "false"
    if kind is Kind.INTEGER:
        return str(value)
    if kind is Kind.NUMBER:
        return show_float(as_float(value))
    return show_json(value)


_HTML = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}


def show_json(value: Json) -> str:
    """As Go's encoding/json: keys sorted, HTML characters escaped."""
    match kind_of(value):
        case Kind.OBJECT:
            return "{" + ",".join(f"{show_json(k)}:{show_json(value[k])}" for k in sorted(value)) + "}"
        case Kind.ARRAY:
            return "[" + ",".join(map(show_json, value)) + "]"
        case Kind.STRING:
            text = json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=False)
            return "".join(_HTML.get(c, c) for c in text)
        case Kind.NUMBER:
            number = as_float(value)
            return _digits(number, lowest=-6, pad=False) if math.isfinite(number) else "null"
        case _:
            return json.dumps(value)
