"""The limits of a number, as the API server compares them: of an integer it cuts their fractions off."""

import math
import struct
from collections.abc import Iterator

from auditor.json import Json
from auditor.languages.schema import fielderror
from auditor.languages.schema.node import Node
from auditor.languages.schema.place import Place
from auditor.languages.schema.values import MAX_INT64, MIN_INT64, Kind, as_float, is_whole, show_float
from auditor.languages.schema.violation import Violation

Found = tuple[str, Violation]


def check_number(node: Node, value: Json, kind: Kind, place: Place) -> Iterator[Found]:
    yield from _range(node, value, "Checked", place, value)
    exact = kind is Kind.INTEGER
    if node.multiple_of is not None:
        yield from _multiple(node, value, node.multiple_of, place, exact=exact)
    if node.minimum is not None:
        yield from _limit(node, value, node.minimum, place, exact=exact, lower=True)
    if node.maximum is not None:
        yield from _limit(node, value, node.maximum, place, exact=exact, lower=False)


def _range(node: Node, number: Json, what: str, place: Place, value: Json) -> Iterator[Found]:
    """A value or limit that the type and format cannot hold."""
    kind = "" if node.int_or_string else node.type
    if kind == "integer":
        low, high = (-(2**31), 2**31 - 1) if node.format == "int32" else (MIN_INT64, MAX_INT64)
        fits = _is_integral(number) and low <= int(number) <= high
    elif kind == "number" and node.format == "float":
        fits = _fits_float32(as_float(number))
    else:
        fits = True
    if not fits:
        suffix = f" with format {node.format}" if node.format else " (default format)"
        text = f"{what} value must be of type {kind}{suffix} in {place.field}"
        yield text, fielderror.general(place, text, value)


def _is_integral(number: Json) -> bool:
    return type(number) is int or (math.isfinite(number) and number == math.trunc(number))


def _fits_float32(number: float) -> bool:
    try:
        return math.isfinite(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return False


def _multiple(node: Node, value: Json, factor: float, place: Place, *, exact: bool) -> Iterator[Found]:
    broken = list(_range(node, factor, "MultipleOf", place, value))
    yield from broken
    if broken or not exact:
        number = as_float(value)
        shown: Json = factor
        positive = factor > 0
        fits = positive and is_whole(1 / factor * number if factor < 1 else number / factor)
    else:
        shown = int(factor)
        positive = shown > 0
        fits = positive and value % shown == 0
    if not positive:
        text = f"factor MultipleOf declared for {place.field} must be positive: {_show(shown)}"
        yield text, fielderror.invalid(place, shown, text, value=value)
    elif not fits:
        text = f"{place.field} in body should be a multiple of {_show(shown)}"
        yield text, fielderror.invalid(place, value, text)


def _limit(node: Node, value: Json, limit: float, place: Place, *, exact: bool, lower: bool) -> Iterator[Found]:
    broken = list(_range(node, limit, "Minimum boundary" if lower else "Maximum boundary", place, value))
    yield from broken
    exclusive = node.exclusive_minimum if lower else node.exclusive_maximum
    if broken or not exact:
        number, bound = (as_float(value), limit)
    else:
        number, bound = (value, max(MIN_INT64, min(MAX_INT64, int(limit))))
    fits = (number >= bound if lower else number <= bound) and not (exclusive and number == bound)
    if not fits:
        word = "greater than" if lower else "less than"
        equal = "" if exclusive else " or equal to"
        text = f"{place.field} in body should be {word}{equal} {_show(bound)}"
        yield text, fielderror.invalid(place, number if broken else value, text)


def _show(number: Json) -> str:
    return show_float(number) if type(number) is float else str(number)
