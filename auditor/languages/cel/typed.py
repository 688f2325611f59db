"""Values of types that JSON does not have, as bindings may hold them. Bytes are Python's own.

Of Python's dates the library takes none. It takes messages of protocol buffers: whatever has the name of one in its
`DESCRIPTOR` and gives its serialized form. An `Any` is to it what is in it, so a date is one with a timestamp in it.
"""

from typing import ClassVar, Final

from auditor.dataclass import dataclass
from auditor.languages.cel.protobuf import bytes_field, number_field, text_field

_NANOS: Final = 10**9
# From the beginning of the year 1 to the end of the year 9999: the library has no others.
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799


class _Any:
    full_name: Final = "google.protobuf.Any"


@dataclass(frozen=True, slots=True)
class Typed:
    serialized: bytes

    DESCRIPTOR: ClassVar = _Any

    def SerializePartialToString(self) -> bytes:  # noqa: N802 - the library's name for it
        return self.serialized


@dataclass(frozen=True, slots=True)
class Unreadable:
    """In place of a value that has none in CEL. Whatever sees it, even from above, is an error."""

    reason: str


def timestamp(seconds: int, nanos: int) -> Typed | Unreadable:
    """Counted from 1970; the second begins that many nanoseconds before."""
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        return Unreadable("a date in it is not within the years 1 to 9999")
    return _any("Timestamp", seconds, nanos)


def duration(nanoseconds: int) -> Typed:
    sign = -1 if nanoseconds < 0 else 1
    seconds, nanos = divmod(abs(nanoseconds), _NANOS)
    return _any("Duration", sign * seconds, sign * nanos)


def _any(name: str, seconds: int, nanos: int) -> Typed:
    message = number_field(1, seconds) + number_field(2, nanos)
    return Typed(text_field(1, f"type.googleapis.com/google.protobuf.{name}") + bytes_field(2, message))
