"""Times and spans of time as they stand in our objects."""

from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def show_time(at: datetime | None) -> str | None:
    """To the microsecond where it has some: what is read back is the same."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def tell_time(at: datetime) -> str:
    """To people."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def read_span(text: str) -> timedelta:
    """As the CRDs have it: 90m, 12h, 7d."""
    return int(text[:-1]) * _UNITS[text[-1]]
