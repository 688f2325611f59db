"""Five fields of cron, by the clock of a time zone.

Each local time counts once. One that the clock jumps over in spring comes when it would have come without the jump, so
2:30 is at 3:30 on that day; one that comes twice in autumn counts the first time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from auditor.errors import CompileError, Problem

LOOK: Final = 8 * 366 + 1
"""Days that are looked at: between two 29ths of February there may be eight years."""
_DAY: Final = timedelta(days=1)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Cron:
    times: tuple[time, ...]
    on: Callable[[date], bool]

    @classmethod
    def read(cls, text: str) -> "Cron":
        """Raises CompileError with every mistake; a time that never comes is one."""
        fields = text.split()
        if len(fields) != 5:
            raise CompileError([Problem(f"a schedule has five fields, and {text!r} has {len(fields)}")])
        problems: list[Problem] = []
        minutes = _read(fields[0], "minute", 0, 59, problems=problems)
        hours = _read(fields[1], "hour", 0, 23, problems=problems)
        days = _read(fields[2], "day of the month", 1, 31, problems=problems)
        months = _read(fields[3], "month", 1, 12, names=_MONTHS, problems=problems)
        weekdays = {each % 7 for each in _read(fields[4], "day of the week", 0, 7, names=_WEEKDAYS, problems=problems)}
        if problems:
            raise CompileError(problems)
        # As cron has always had it: where both are restricted, either is enough.
        either = not fields[2].startswith("*") and not fields[4].startswith("*")

        def on(day: date) -> bool:
            if day.month not in months:
                return False
            found = day.day in days, day.isoweekday() % 7 in weekdays
            return any(found) if either else all(found)

        cron = cls(tuple(time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)), on)
        if cron.next(datetime(2000, 1, 1, tzinfo=UTC), ZoneInfo("UTC")) is None:
            raise CompileError([Problem(f"{text!r} never comes: no such day is in any of these months")])
        return cron

    def next(self, after: datetime, zone: ZoneInfo) -> datetime | None:
        return next((at for at in self._walk(after, zone, _DAY) if at > after), None)

    def latest(self, until: datetime, zone: ZoneInfo) -> datetime | None:
        """That moment included."""
        return next((at for at in self._walk(until, zone, -_DAY) if at <= until), None)

    def _walk(self, start: datetime, zone: ZoneInfo, step: timedelta) -> Iterator[datetime]:
        """One day more on the near side: a time of yesterday that the clock jumped over may be one of today."""
        day = start.astimezone(zone).date() - step
        for _ in range(LOOK):
            if self.on(day):
                found = {datetime.combine(day, at, zone).astimezone(UTC) for at in self.times}
                yield from sorted(found, reverse=step < timedelta())
            day += step


def _read(
    text: str, what: str, first: int, last: int, *, names: Sequence[str] = (), problems: list[Problem]
) -> set[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        span, slash, step = part.partition("/")
        begin, dash, end = span.partition("-")
        try:
            pace = int(step) if slash else 1
            if span == "*":
                low, high = first, last
            else:
                low = _number(begin, names, first)
                # A step without an end goes on to the last: 5/10 is 5-59/10.
                high = _number(end, names, first) if dash else last if slash else low
        except ValueError:
            problems.append(Problem(f"{part!r} is no {what}: one, a-b or *, each with /step, from {first} to {last}"))
            continue
        if not first <= low <= high <= last or pace < 1:
            problems.append(Problem(f"{part!r} is no {what}: they go from {first} to {last}, and upwards"))
            continue
        found.update(range(low, high + 1, pace))
    return found


def _number(text: str, names: Sequence[str], first: int) -> int:
    if text in names:
        return first + names.index(text)
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)
