"""What a plain scalar means: the YAML 1.1 of Kubernetes, which is neither the specification's nor PyYAML's.

`yes` and `on` are booleans and so are `y` and `n`; 017 and 0o17 are octal; 1:20 and dates are strings; 1.0 and 1e3
are integers, because the value travels through JSON text on its way to the API server.
"""

import base64
import binascii
import math
import re
import struct
from datetime import date
from decimal import Decimal
from functools import lru_cache

from auditor.intake.yaml.document import Fault

TAG = "tag:yaml.org,2002:"

_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False),
    **dict.fromkeys(["", "~", "null", "Null", "NULL"], None),
    **dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], math.inf),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], -math.inf),
}

WORDS = frozenset(_WORDS)
FIRST = frozenset("yYnNtTfFoO~0123456789+-.")
"""A plain scalar that begins with none of these is a string."""

_RADIX = re.compile(r"([-+]?)0([xXbBoO]?)([0-9a-fA-F]+)")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DOT_FLOAT = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")
_SIGNED_BINARY = re.compile(r"0b([-+][01]+)")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})"
    r"|[ ]+([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?)?"
)
_BASES = {"x": 16, "b": 2, "o": 8, "": 8}
_INT64 = range(-(2**63), 2**63)

Scalar = str | bool | int | float | None


def _read_integer(text: str) -> int | None:
    if _DECIMAL.fullmatch(text):
        # Longer ones are floats anyway, and Python refuses to read more than 4,300 digits.
        value = int(text) if len(text) <= 20 else None
    elif match := _RADIX.fullmatch(text):
        sign, letter, digits = match.groups()
        try:
            value = int(sign + digits, _BASES[letter.lower()])
        except ValueError:
            return None
    elif match := _SIGNED_BINARY.fullmatch(text):
        value = int(match[1], 2)
    else:
        return None
    if value is None or value in _INT64:
        return value
    return value if value < 2**64 and text[0] not in "+-" else None


def _read_float(text: str) -> float | None:
    value = float(text)
    return None if math.isinf(value) else value


def _read_number(text: str) -> int | float | None:
    plain = text.replace("_", "")
    integer = _read_integer(plain)
    if integer is not None:
        return integer
    return _read_float(plain) if _FLOAT.fullmatch(plain) else None


def _read(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    number: int | float | None = None
    if text[0] == ".":
        number = _read_float(text.replace("_", "")) if _DOT_FLOAT.fullmatch(text) else None
    elif text[0] in "+-0123456789":
        number = _read_number(text)
    return text if number is None else number


def _is_timestamp(text: str) -> bool:
    match = _TIMESTAMP.fullmatch(text)
    if not match:
        return False
    year, month, day, *clock = (int(group or 0) for group in match.groups())
    hours, minutes, seconds = (max(clock[i], clock[i + 3]) for i in range(3))
    try:
        date(year or 4, month, day)
    except ValueError:
        return False
    return hours < 24 and minutes < 60 and seconds < 60


def _read_binary(text: str) -> str:
    try:
        data = base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except binascii.Error:
        raise Fault("!!binary value is not valid base64") from None
    return data.decode("utf-8", "replace")


def read_tagged(tag: str, text: str) -> Scalar:
    """A scalar with an explicit tag. Tags that nobody knows leave the text as it is, as they do in kubectl."""
    name = tag.removeprefix(TAG) if tag.startswith(TAG) else ""
    if name == "binary":
        return _read_binary(text)
    if name == "str" or name not in {"bool", "int", "float", "null", "timestamp"}:
        return text
    if name == "timestamp" and _is_timestamp(text):
        return text
    value = _read(text)
    kind = {bool: "bool", int: "int", float: "float", type(None): "null", str: "str"}[type(value)]
    if kind == "int" and name == "float" and isinstance(value, int) and value in _INT64:
        return float(value)
    if kind != name:
        raise Fault(f"cannot read `{text}` as !!{name}", advice="correct the value or remove the tag")
    return value


def settle(value: Scalar) -> Scalar:
    """The value as it comes out of JSON text: whole floats as integers, integers beyond int64 as floats."""
    if type(value) is int:
        return value if value in _INT64 else float(value)
    if type(value) is not float:
        return value
    if not math.isfinite(value):
        raise Fault(f"{value} is not a JSON number", advice="quote it if text is meant")
    if value.is_integer() and abs(value) < 1e21:
        whole = int(Decimal(repr(value)))
        return whole if whole in _INT64 else value
    return value


# Sized for the handful of distinct numbers and booleans that manifests hold; a miss costs about 2 us.
@lru_cache(maxsize=4096)
def read_plain(text: str) -> Scalar:
    """The settled value of a plain scalar without a tag."""
    return settle(_read(text))


read_raw = _read


def name_key(value: Scalar) -> str:
    """A mapping's key as the string that JSON needs."""
    if type(value) is str:
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is int and value in _INT64:
        return str(value)
    if type(value) is float:
        return _name_float(value)
    raise Fault(f"{'null' if value is None else value} cannot be a key", advice="quote the key if text is meant")


def _name_float(value: float) -> str:
    """Keys are written with the digits of a 32-bit float, a habit of Kubernetes' YAML library."""
    if math.isnan(value):
        return ".nan"
    try:
        single: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = math.copysign(math.inf, value)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    digits = next(text for text in (f"{single:.{n}e}" for n in range(9)) if _as_single(float(text)) == single)
    mantissa, _, exponent = digits.partition("e")
    power = int(exponent)
    if -4 <= power < 6:
        return f"{Decimal(digits):f}"
    return f"{mantissa}e{power:+03d}"


def _as_single(value: float) -> float:
    try:
        single: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.inf
    return single
