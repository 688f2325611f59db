"""Texts that are to become numbers and times: what Go reads, which is not quite what the library reads.

Each function gives the text as the library reads it with Go's meaning, or raises ValueError.
"""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

import re2

_INTEGER: Final = re2.compile(r"[+-]?[0-9]+")
_TIMESTAMP: Final = re2.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9](?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_PART: Final = re2.compile(r"([0-9]*\.?[0-9]*)(ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_MAX_INT: Final = (1 << 63) - 1


def integer(text: str) -> str:
    """No blanks around."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"cannot convert {text!r} to a number")
    return text


def double(text: str) -> str:
    """No blanks around, nothing beyond the largest double."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if text != text.strip() or (math.isinf(number) and "inf" not in text.lower()):
        raise ValueError(f"cannot convert {text!r} to a double")
    return text


def timestamp(text: str) -> str:
    """RFC 3339 without small letters and leap seconds; an offset has minutes."""
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError(f"cannot convert {text!r} to a timestamp")
    return text.replace(",", ".")


def duration(text: str) -> str:
    """In 64 bits of nanoseconds."""
    plain = text.lstrip("+-")
    parts = _PART.findall(plain)
    known = "".join(number + unit for number, unit in parts) == plain and len(text) - len(plain) <= 1
    if text in ("0", "+0", "-0"):
        return "0s"
    if not parts or not known or any(number in ("", ".") for number, _ in parts):
        raise ValueError(f"cannot convert {text!r} to a duration")
    if sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in parts) > _MAX_INT:
        raise ValueError(f"the duration {text!r} is too long")
    return text.replace("µ", "u").replace("μ", "u")


READINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "int": integer,
    "uint": integer,
    "double": double,
    "timestamp": timestamp,
    "duration": duration,
}
"""By the name of the conversion in CEL."""
