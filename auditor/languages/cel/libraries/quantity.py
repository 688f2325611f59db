"""Quantities such as `1.5Gi` and `200m`: `quantity`, `isQuantity` and their members; exact, and usable without CEL.

A quantity keeps the digits and the power of ten that it was written with, because Kubernetes calls `1000m` no integer
though it equals 1, and prints are of no concern here.
"""

from typing import ClassVar, Final, Self

import re2

from auditor.dataclass import dataclass
from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.types import BOOL, DOUBLE, INT, STRING, Type

_TEXT: Final = re2.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_MAX_INT: Final = (1 << 63) - 1
_NANO: Final = -9
_DIGITS_OF_INT: Final = 18
_INT32: Final = 1 << 31

# Kubernetes writes out the zeros between two exponents, whatever that takes; this much no real quantity needs.
_MAX_SHIFT: Final = 10_000


class QuantityError(ValueError):
    pass


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` times ten to the power of `scale`; `large` where 64 bits did not hold it on the way."""

    value: int
    scale: int = 0
    large: bool = False

    TYPE: ClassVar[Type] = Type("kubernetes.Quantity")

    def to_text(self) -> str:
        return f"{self.value} {self.scale} {int(self.large)}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        value, scale, large = text.split(" ")
        return cls(int(value), int(scale), large == "1")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises QuantityError."""
        match = _TEXT.fullmatch(text)
        if not text or match is None:
            raise QuantityError(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            )
        sign, whole, fraction, suffix = match.groups(default="")
        whole = whole.lstrip("0") or "0"
        factor = 1
        if suffix in _BINARY:
            exponent = 0
            factor = 1 << _BINARY[suffix]
            room = 15 - len(whole) - _BINARY[suffix] * 3 // 10 - 1 if not fraction else -1
        else:
            exponent = _exponent(suffix)
            room = _DIGITS_OF_INT - len(whole) - len(fraction)
        value = int(whole + fraction) * factor * (-1 if sign == "-" else 1)
        scale = exponent - len(fraction)
        if room >= 0 and scale >= _NANO and abs(value) <= _MAX_INT:
            return cls(value, scale)
        if value and scale < _NANO:
            value, scale = _round_up(value, _NANO - scale), _NANO
        if factor > 1 and _compare(abs(value), scale, _MAX_INT, 0) > 0:
            value, scale = (_MAX_INT if value > 0 else -_MAX_INT), 0
        return cls(value, scale, large=True)

    @property
    def integer(self) -> int | None:
        """None where Kubernetes does not see one."""
        if self.large or self.scale < 0:
            return None
        if self.scale > _DIGITS_OF_INT:
            return None
        value: int = self.value * _power_of_ten(self.scale)
        return value if abs(value) <= _MAX_INT else None

    def compare(self, other: "Quantity") -> int:
        return _compare(self.value, self.scale, other.value, other.scale)

    def add(self, other: "Quantity") -> "Quantity":
        small = not self.large and not other.large
        if small and other.value == 0:
            return self
        if small and self.value == 0:
            return other
        scale = min(self.scale, other.scale)
        if max(self.scale, other.scale) - scale > _MAX_SHIFT:
            raise QuantityError("the exponents of the quantities are too far apart")
        value = self.value * 10 ** (self.scale - scale) + other.value * 10 ** (other.scale - scale)
        return Quantity(value, scale, large=not small or abs(value) > _MAX_INT)

    def subtract(self, other: "Quantity") -> "Quantity":
        return self.add(Quantity(-other.value, other.scale, other.large))

    def __float__(self) -> float:
        try:
            return float(self.value) * 10.0**self.scale
        except OverflowError:
            return float("-inf" if self.value < 0 else "inf")

    @property
    def sign(self) -> int:
        return (self.value > 0) - (self.value < 0)


def _power_of_ten(exponent: int) -> int:
    return int(f"1{'0' * exponent}")


def is_quantity(text: str) -> bool:
    try:
        Quantity.parse(text)
    except QuantityError:
        return False
    return True


def _exponent(suffix: str) -> int:
    if suffix in _DECIMAL:
        return _DECIMAL[suffix]
    try:
        exponent = int(suffix[1:]) if suffix[0] in "eE" else None
    except ValueError:
        exponent = None
    if exponent is None or abs(exponent) > _MAX_INT:
        raise QuantityError("unable to parse quantity's suffix")
    return (exponent + _INT32) % (2 * _INT32) - _INT32  # Go cuts it down to 32 bits


def _round_up(value: int, digits: int) -> int:
    """Away from zero: whoever asks for a little shall not get nothing."""
    if digits > len(str(value)):
        return 1 if value > 0 else -1
    quotient, rest = divmod(abs(value), _power_of_ten(digits))
    return (quotient + bool(rest)) * (1 if value > 0 else -1)


def _compare(left: int, left_scale: int, right: int, right_scale: int) -> int:
    """By the number of digits first: exponents may be far too large to be written out."""
    if not left or not right or (left > 0) != (right > 0):
        return (left > right) - (left < right)
    sign = 1 if left > 0 else -1
    left_size, right_size = len(str(abs(left))) + left_scale, len(str(abs(right))) + right_scale
    if left_size != right_size:
        return sign if left_size > right_size else -sign
    scale = min(left_scale, right_scale)
    left, right = left * 10 ** (left_scale - scale), right * 10 ** (right_scale - scale)
    return (left > right) - (left < right)


def _as_integer(quantity: Quantity) -> int:
    if quantity.integer is None:
        raise QuantityError("cannot convert value to integer")
    return quantity.integer


_Q = Quantity.TYPE

LIBRARY: Final = Library(
    (
        Function("quantity", (STRING,), _Q, Quantity.parse, member=False),
        Function("isQuantity", (STRING,), BOOL, is_quantity, member=False),
        Function("sign", (_Q,), INT, lambda q: q.sign, member=False),
        Function("isInteger", (_Q,), BOOL, lambda q: q.integer is not None),
        Function("asInteger", (_Q,), INT, _as_integer),
        Function("asApproximateFloat", (_Q,), DOUBLE, float),
        Function("add", (_Q, _Q), _Q, Quantity.add),
        Function("add", (_Q, INT), _Q, lambda q, n: q.add(Quantity(n))),
        Function("sub", (_Q, _Q), _Q, Quantity.subtract),
        Function("sub", (_Q, INT), _Q, lambda q, n: q.subtract(Quantity(n))),
        Function("isLessThan", (_Q, _Q), BOOL, lambda a, b: a.compare(b) < 0),
        Function("isGreaterThan", (_Q, _Q), BOOL, lambda a, b: a.compare(b) > 0),
        Function("compareTo", (_Q, _Q), INT, Quantity.compare),
        Function("@equal", (_Q, _Q), BOOL, lambda a, b: a.compare(b) == 0, member=False),
    ),
    (Quantity,),
)
