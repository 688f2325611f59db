"""`"...".format([...])`, with the results of Kubernetes: the library has its own opinion of lists, maps and doubles."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from cel_expr_python import cel as library

from auditor.json import Json
from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.libraries.nulls import return_nulls
from auditor.languages.cel.types import BOOL, BYTES, DOUBLE, DYN, INT, STRING, UINT, Type, list_of

# What the server takes; a longer one is an error there, too.
MAX_PRECISION: Final = 1000

_CLAUSE: Final = re.compile(r"%(?:(%)|(?:\.([0-9]+))?([sdfebxXo]))")
_SUPERSCRIPTS: Final = str.maketrans("+-0123456789", "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DEFAULT_PRECISION: Final = 6
_EXPONENT_FROM: Final = 6
_EXPONENT_BELOW: Final = -4

_TAKES: Final = {
    "d": ("decimal clause can only be used on integers", (INT, UINT)),
    "f": ("fixed-point clause can only be used on doubles", (DOUBLE, STRING)),
    "e": ("scientific clause can only be used on doubles", (DOUBLE, STRING)),
    "b": ("only integers and bools can be formatted as binary", (INT, UINT, BOOL)),
    "o": ("octal clause can only be used on integers", (INT, UINT)),
    "x": ("only integers, byte buffers, and strings can be formatted as hex", (INT, UINT, STRING, BYTES)),
    "X": ("only integers, byte buffers, and strings can be formatted as hex", (INT, UINT, STRING, BYTES)),
}


def format_text(text: str, arguments: list[Json]) -> str:
    """Arguments that are left over do not matter; one that is missing is an error."""
    return_nulls(arguments)
    rest = iter(arguments)
    parts = []
    for literal, verb, precision in clauses(text):
        parts.append(literal)
        if verb:
            value = next(rest, _MISSING)
            if value is _MISSING:
                raise ValueError(f"index {len(arguments)} out of range")
            parts.append(_VERBS[verb](value, precision))
    return "".join(parts)


_MISSING: Final = object()


def clauses(text: str) -> Iterator[tuple[str, str, int]]:
    """The text before each clause, its verb and its precision; the verb is empty behind the last clause."""
    at = 0
    while (start := text.find("%", at)) >= 0:
        match = _CLAUSE.match(text, start)
        if match is None:
            rest = text[start + 1 : start + 2]
            raise ValueError(f"unrecognized formatting clause {rest!r}" if rest else "unexpected end of format string")
        precision = int(match[2]) if match[2] else _DEFAULT_PRECISION
        if precision > MAX_PRECISION:
            raise ValueError(f"precision specifier exceeds maximum of {MAX_PRECISION}")
        yield (text[at:start] + "%", "", 0) if match[1] else (text[at:start], match[3], precision)
        at = match.end()
    yield text[at:], "", 0


def check_arguments(text: str, types: Sequence[Type]) -> Iterator[str]:
    """What is wrong with a constant text and arguments of these types; types that are not known pass."""
    try:
        verbs = [verb for _, verb, _ in clauses(text) if verb]
    except ValueError as error:
        yield f"error during formatting: {error}"
        return
    for verb, type_ in zip(verbs, types, strict=False):
        message, allowed = _TAKES.get(verb, ("", ()))
        if allowed and type_ != DYN and type_ not in allowed:
            yield f"error during formatting: {message}, was given {type_}"
        if type_.name == "optional_type":
            yield "error during formatting: string clause cannot be used on an optional"
    if len(verbs) > len(types):
        yield f"error during formatting: index {len(types)} out of range"
    if len(verbs) < len(types):
        yield f"too many arguments supplied to string.format (expected {len(verbs)}, got {len(types)})"


def _string(value: Json, _: int = 0) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return _double(value)
        case bytes() | bytearray():
            return value.decode()
        case timedelta():
            return duration_text(value)
        case datetime():
            return timestamp_text(value)
        case list():
            return f"[{', '.join(map(_inner, value))}]"
        case dict():
            pairs = sorted((_inner(key), _inner(each)) for key, each in value.items())
            return f"{{{', '.join(f'{key}:{each}' for key, each in pairs)}}}"
        case library.Type():
            return str(value.name()).lower()
    return str(value)


def _inner(value: Json) -> str:
    """As it is written in CEL, for what stands in lists and maps."""
    match value:
        case str():
            return _quoted(value)
        case bytes() | bytearray():
            return f"b{_quoted(value.decode())}"
        case float():
            return f"{value:.{_DEFAULT_PRECISION}f}" if math.isfinite(value) else _quoted(_double(value))
        case datetime():
            return f"timestamp({_quoted(_string(value))})"
        case timedelta():
            return f"duration({_quoted(_string(value))})"
    return _string(value)


def _quoted(text: str) -> str:
    named = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b"}
    named |= {"\f": "\\f", "\v": "\\v"}
    return '"' + "".join(named.get(c, c if c.isprintable() else f"\\x{ord(c):02x}") for c in text) + '"'


def timestamp_text(value: datetime) -> str:
    text = value.replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{text.rstrip('0').rstrip('.')}Z"


def duration_text(value: timedelta) -> str:
    microseconds = value // timedelta(microseconds=1)
    text = f"{Decimal(microseconds) / 1_000_000:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}s"


def _double(value: float) -> str:
    """As Go's strconv writes it with the fewest digits."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return _shortest(value)


def _shortest(value: float) -> str:
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) + int(exponent) - 1
    if value == 0 or _EXPONENT_BELOW <= power < _EXPONENT_FROM:
        text = f"{Decimal(repr(value)):f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa = "".join(map(str, digits))
    point = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{'-' if sign else ''}{mantissa[0]}{point}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _decimal(value: Json, _: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"decimal clause can only be used on integers, was given {_string(value)}")
    return str(value)


def _number(value: Json, clause: str) -> float:
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if not isinstance(value, float):
        raise TypeError(f"{clause} clause can only be used on doubles, was given {_string(value)}")
    return value


def _fixed(value: Json, precision: int) -> str:
    number = _number(value, "fixed-point")
    return f"{number:,.{precision}f}" if math.isfinite(number) else _special(number)


def _scientific(value: Json, _: int) -> str:
    """The precision has no effect in Kubernetes."""
    number = _number(value, "scientific")
    if not math.isfinite(number):
        return _special(number)
    mantissa, exponent = f"{number:.{_DEFAULT_PRECISION}e}".split("e")
    return f"{mantissa}\u00d710{exponent.removeprefix('+').translate(_SUPERSCRIPTS)}"


def _special(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return "∞" if number > 0 else "-∞"


def _binary(value: Json, _: int) -> str:
    if not isinstance(value, int):
        raise TypeError(f"only integers and bools can be formatted as binary, was given {_string(value)}")
    return f"{int(value):b}"


def _octal(value: Json, _: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"octal clause can only be used on integers, was given {_string(value)}")
    return f"{value:o}"


def _hex(value: Json, _: int) -> str:
    if isinstance(value, str):
        return value.encode().hex()
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"only integers, byte buffers, and strings can be formatted as hex, was given {_string(value)}")
    return f"{value:x}"


_VERBS: Final[dict[str, Callable[[Json, int], str]]] = {
    "s": _string,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "o": _octal,
    "x": _hex,
    "X": lambda value, precision: _hex(value, precision).upper(),
}

LIBRARY: Final = Library((Function("@format", (STRING, list_of(DYN)), STRING, format_text, member=False),))
