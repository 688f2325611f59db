"""A period: from a moment, included, to another, left out. And how people name one."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from auditor.errors import UsageError

FORMS: Final = (
    "24h, 7d or 4w (up to now), today, yesterday, this-week, last-week, this-month, last-month, "
    "2026-10-05, 2026-W45, 2026-10, 2026-Q4, 2026, or 2026-10-01..2026-11-01 (the end is left out)"
)
WEEK: Final = timedelta(days=7)
# Moments are counted from 1970, and a trend goes back by twelve of the length.
_FIRST: Final = datetime(1971, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    start: datetime
    end: datetime
    zone: str = "UTC"
    """By whose calendar days and months are counted."""
    months: int = 0
    """How far it is from one of its sort to the next: by months, or by days of the calendar, which may have 23 or 25
    hours; with neither by its own length."""
    days: int = 0

    def before(self, count: int = 1) -> "Period":
        """The one of the same sort that lies so many back. A month that is not over is compared with as much of
        the month before."""
        return replace(self, start=self._back(self.start, count), end=self._back(self.end, count))

    def _back(self, at: datetime, count: int) -> datetime:
        if not self.months and not self.days:
            return at - count * (self.end - self.start)
        local = at.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        if self.months:
            moved = _shift_months(local.date(), -count * self.months)
        else:
            moved = local.date() - timedelta(days=count * self.days)
        return _at(datetime.combine(moved, local.time()), ZoneInfo(self.zone))

    def __str__(self) -> str:
        zone = ZoneInfo(self.zone)
        start, end = (at.astimezone(zone) for at in (self.start, self.end))
        return f"{_tell(start)} to {_tell(end)} {self.zone}"


def _tell(at: datetime) -> str:
    return at.strftime("%Y-%m-%d" if at.time() == time() else "%Y-%m-%d %H:%M")


def find_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"there is no time zone {name!r}: write it as in Europe/Berlin or UTC") from error


def read_period(text: str, *, now: datetime, zone: str = "UTC") -> Period:
    """What is not over yet ends now. Raises UsageError for what is no period, and for one that has not begun."""
    place = find_zone(zone)
    for pattern, read in _READERS:
        if match := pattern.fullmatch(text.strip().lower()):
            try:
                period = read(match, now, place)
            except (ValueError, OverflowError) as error:
                raise UsageError(f"there is no period {text!r}: {error}") from error
            break
    else:
        raise UsageError(f"{text!r} is no period. There are {FORMS}")
    if period.end <= period.start:
        raise UsageError(f"the period {text!r} ends before it begins")
    if period.start < _FIRST:
        raise UsageError(f"the period {text!r} begins before there were clusters: at {period.start.date()}")
    if period.start >= now:
        raise UsageError(f"the period {text!r} lies in the future: nothing is known of it yet")
    return replace(period, end=min(period.end, now))


Reader = Callable[[re.Match[str], datetime, ZoneInfo], Period]


def _read_last(match: re.Match[str], now: datetime, zone: ZoneInfo) -> Period:
    unit = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": WEEK}[match["unit"]]
    return Period(start=now - int(match["count"]) * unit, end=now, zone=zone.key)


def _read_word(match: re.Match[str], now: datetime, zone: ZoneInfo) -> Period:
    today = now.astimezone(zone).date()
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    match match[0]:
        case "today":
            return _of_days(today, 1, zone)
        case "yesterday":
            return _of_days(today - timedelta(days=1), 1, zone)
        case "this-week":
            return _of_days(monday, 7, zone)
        case "last-week":
            return _of_days(monday - WEEK, 7, zone)
        case "this-month":
            return _of_months(first, 1, zone)
    return _of_months(_shift_months(first, -1), 1, zone)


def _read_day(match: re.Match[str], _: datetime, zone: ZoneInfo) -> Period:
    return _of_days(date.fromisoformat(match[0]), 1, zone)


def _read_week(match: re.Match[str], _: datetime, zone: ZoneInfo) -> Period:
    return _of_days(date.fromisocalendar(int(match["year"]), int(match["week"]), 1), 7, zone)


def _read_month(match: re.Match[str], _: datetime, zone: ZoneInfo) -> Period:
    return _of_months(date(int(match["year"]), int(match["month"]), 1), 1, zone)


def _read_quarter(match: re.Match[str], _: datetime, zone: ZoneInfo) -> Period:
    return _of_months(date(int(match["year"]), 3 * int(match["quarter"]) - 2, 1), 3, zone)


def _read_year(match: re.Match[str], _: datetime, zone: ZoneInfo) -> Period:
    return _of_months(date(int(match["year"]), 1, 1), 12, zone)


def _read_range(match: re.Match[str], _: datetime, zone: ZoneInfo) -> Period:
    start, end = (datetime.fromisoformat(match[name]) for name in ("start", "end"))
    days = (end.date() - start.date()).days if start.time() == end.time() == time() else 0
    start, end = (each.astimezone(UTC) if each.tzinfo else _at(each, zone) for each in (start, end))
    return Period(start=start, end=end, zone=zone.key, days=max(days, 0))


def _of_days(first: date, count: int, zone: ZoneInfo) -> Period:
    start, end = (_at(datetime.combine(day, time()), zone) for day in (first, first + timedelta(days=count)))
    return Period(start=start, end=end, zone=zone.key, days=count)


def _of_months(first: date, count: int, zone: ZoneInfo) -> Period:
    start, end = (_at(datetime.combine(day, time()), zone) for day in (first, _shift_months(first, count)))
    return Period(start=start, end=end, zone=zone.key, months=count)


def _shift_months(day: date, count: int) -> date:
    """The 31st of a month that has none is its last."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _at(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)


_YEAR: Final = r"(?P<year>\d{4})"
_READERS: Final[tuple[tuple[re.Pattern[str], Reader], ...]] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (r"(?P<count>[1-9]\d{0,4})(?P<unit>[hdw])", _read_last),
        (r"today|yesterday|(this|last)-(week|month)", _read_word),
        (r"\d{4}-\d{2}-\d{2}", _read_day),
        (rf"{_YEAR}-w(?P<week>\d\d?)", _read_week),
        (rf"{_YEAR}-(?P<month>\d\d)", _read_month),
        (rf"{_YEAR}-q(?P<quarter>[1-4])", _read_quarter),
        (_YEAR, _read_year),
        (r"(?P<start>\S+)\.\.(?P<end>\S+)", _read_range),
    )
)
