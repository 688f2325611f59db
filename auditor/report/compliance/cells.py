"""Sections of tables whose cells are values, and how a value reads, which is the same in every format."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

UNKNOWN: Final = "not known"


@dataclass(frozen=True, slots=True)
class Percent:
    value: float | None


@dataclass(frozen=True, slots=True)
class Points:
    """The difference of two percentages."""

    value: float | None


Cell: TypeAlias = str | int | timedelta | datetime | Percent | Points | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    name: str
    """For programs and links."""
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    """What there is to say of it as a whole."""
    left: int = 0
    """Rows for which there was no room."""


def show(cell: Cell) -> str:
    match cell:
        case None:
            return UNKNOWN
        case Percent(value):
            return "nothing evaluated" if value is None else f"{value:.1f} %"
        case Points(value):
            return UNKNOWN if value is None else f"{value:+.1f} points"
        case datetime():
            return cell.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        case timedelta():
            return show_time(cell)
    return str(cell)


def show_time(time: timedelta) -> str:
    """Two units are enough."""
    minutes = int(time.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h" if hours and days < 10 else f"{days} d"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
