"""What is due, what is under way and what has arrived, as the status of a ReportSchedule has it.

All of it is values: from a schedule, its status and the time follows the status that is to be.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from auditor.audit.schedules.spec import Schedule, read_time
from auditor.cluster.access import dig, dig_list, dig_object, dig_text
from auditor.json import JsonObject

SETTLE: Final = timedelta(minutes=6)
"""After the end of its period a report is made: the watcher writes what it counts every 5 minutes, and a report that is
made before would say something else when it is made again."""
CLAIM: Final = timedelta(minutes=5)
"""For one attempt: it takes 60 s at most, and before that 20 s for each address of a receiver that does not answer. If
nothing is heard of it by then, whoever made it is gone."""
FIRST_PAUSE: Final = timedelta(seconds=30)
LAST_PAUSE: Final = timedelta(hours=1)
"""Between two attempts, twice as long each time. An hour is what a mail server is content with, too."""
LEAST: Final = 5
"""Attempts before one is given up, however late they began."""
MOST: Final = 1_000
"""Entries, as the CRD has it."""
WORDS: Final = 500
"""Characters of an error that are kept: the CRD takes a few more."""


class State(StrEnum):
    PENDING = "Pending"
    SENDING = "Sending"
    DELIVERED = "Delivered"
    GIVEN_UP = "GivenUp"


OPEN: Final = (State.PENDING, State.SENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    name: str
    audience: str
    due: datetime
    start: datetime
    end: datetime
    state: State = State.PENDING
    attempts: int = 0
    next_attempt: datetime | None = None
    """While it is Sending: when whoever sends has to be done."""
    delivered: datetime | None = None
    digest: str = ""
    uncertain: bool = False
    error: str = ""

    @property
    def key(self) -> tuple[str, str, datetime]:
        return self.name, self.audience, self.due

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def waits_until(self) -> datetime | None:
        return (self.next_attempt or self.due) if self.is_open else None

    def claim(self, now: datetime, digest: str) -> "Entry":
        """An attempt of which nobody has heard may have arrived."""
        lost = self.state is State.SENDING
        return replace(
            self,
            state=State.SENDING,
            attempts=self.attempts + 1,
            next_attempt=now + CLAIM,
            digest=digest,
            uncertain=self.uncertain or lost,
        )

    def arrive(self, now: datetime, note: str) -> "Entry":
        return replace(self, state=State.DELIVERED, delivered=now, next_attempt=None, error=note[:WORDS])

    def fail(
        self,
        now: datetime,
        error: str,
        *,
        retry_for: timedelta,
        uncertain: bool = False,
        retry_after: float | None = None,
    ) -> "Entry":
        over = now - self.due > retry_for and self.attempts >= LEAST
        pause = min(LAST_PAUSE, FIRST_PAUSE * 2 ** min(max(self.attempts, 1) - 1, 10))
        if retry_after is not None:
            pause = min(LAST_PAUSE, max(pause, timedelta(seconds=retry_after)))
        return replace(
            self,
            state=State.GIVEN_UP if over else State.PENDING,
            next_attempt=None if over else now + pause,
            uncertain=self.uncertain or uncertain,
            error=error[:WORDS],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    generation: int = 0
    observed: str = ""
    since: datetime | None = None
    last: datetime | None = None
    next: datetime | None = None
    entries: tuple[Entry, ...] = ()

    def put(self, entry: Entry) -> "Standing":
        return replace(self, entries=tuple(entry if each.key == entry.key else each for each in self.entries))

    def find(self, key: tuple[str, str, datetime]) -> Entry | None:
        return next((each for each in self.entries if each.key == key), None)

    def wakes(self) -> datetime | None:
        """When something is to be done, at the earliest."""
        return min((at for at in (self.next, *(each.waits_until() for each in self.entries)) if at), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    standing: Standing
    remark: str = ""
    """What is to be told of it: a run that was missed, receivers for whom there is no room."""


def plan(schedule: Schedule, standing: Standing, now: datetime, audiences: Callable[[], Sequence[str]]) -> Plan:
    """`audiences` is asked if something is due, and only then."""
    if standing.observed != schedule.observed:
        since = schedule.created if not standing.observed else now
        standing = replace(standing, observed=schedule.observed, since=since)
    standing = replace(standing, generation=schedule.generation)
    kept = tuple(each for each in standing.entries if each.name in schedule.deliveries)
    remark, last, upcoming = "", standing.last, None
    if not schedule.suspended:
        due = schedule.cron.latest(now, schedule.zone)
        anchor = max(at for at in (standing.since or now, standing.last or standing.since or now))
        if due is not None and due > anchor:
            last = due
            if now - due > schedule.deadline:
                remark = f"The run of {tell_time(due)} was missed by more than its startingDeadline."
            else:
                kept, remark = _begin(schedule, kept, due, audiences())
        upcoming = schedule.cron.next(now, schedule.zone)
    return Plan(standing=replace(standing, entries=kept, last=last, next=upcoming), remark=remark)


def _begin(
    schedule: Schedule, entries: Iterable[Entry], due: datetime, audiences: Sequence[str]
) -> tuple[tuple[Entry, ...], str]:
    """What was still to be delivered stays; of what arrived, the last of each who is still one of them."""
    period = schedule.period_of(due)
    new = [
        Entry(name=name, audience=audience, due=due, start=period.start, end=period.end, next_attempt=due + SETTLE)
        for audience in audiences
        for name in schedule.deliveries
    ]
    known = {(each.name, each.audience) for each in new}
    waiting = [each for each in entries if each.is_open and each.due != due]
    past: dict[tuple[str, str], Entry] = {}
    for each in sorted(entries, key=lambda each: each.due):
        if not each.is_open and (each.name, each.audience) in known:
            past[each.name, each.audience] = each
    remark = "" if new else f"Nobody is to have the report of {tell_time(due)}: no namespace is chosen."
    wanted = len(new) + len(waiting)
    if wanted > MOST:
        remark = f"{wanted - MOST} deliveries are left out: there is room for {MOST}."
    # The oldest of what could not be delivered goes first, then the last of those who are to have it now.
    waiting = waiting[-max(0, MOST - len(new)) :] if len(new) < MOST else []
    new = new[:MOST]
    room = MOST - len(new) - len(waiting)
    return (*list(past.values())[:room], *waiting, *new), remark


def tell_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


# -- as JSON -----------------------------------------------------------------------------------------------------------


def read_standing(status: JsonObject) -> Standing:
    """What cannot be read is as if it were not there: a person may have been at it."""
    generation = dig(status, "observedGeneration")
    return Standing(
        generation=generation if isinstance(generation, int) else 0,
        observed=dig_text(status, "observedSchedule"),
        since=_time(status, "observedSince"),
        last=_time(status, "lastScheduleTime"),
        next=_time(status, "nextScheduleTime"),
        entries=tuple(found for each in dig_list(status, "deliveries") if (found := _read_entry(each)) is not None),
    )


def _read_entry(thing: JsonObject) -> Entry | None:
    due, start, end = (_time(thing, name) for name in ("due", "start", "end"))
    state, attempts = dig_text(thing, "state"), dig(thing, "attempts")
    if due is None or start is None or end is None or state not in list(State) or not isinstance(attempts, int):
        return None
    return Entry(
        name=dig_text(thing, "name"),
        audience=dig_text(thing, "audience"),
        due=due,
        start=start,
        end=end,
        state=State(state),
        attempts=attempts,
        next_attempt=_time(thing, "nextAttempt"),
        delivered=_time(thing, "delivered"),
        digest=dig_text(thing, "digest"),
        uncertain=dig(thing, "uncertain") is True,
        error=dig_text(thing, "error"),
    )


def render_standing(standing: Standing, status: JsonObject) -> JsonObject:
    """Beside the conditions, which are not ours to make here."""
    said = {
        "observedGeneration": standing.generation or None,
        "observedSchedule": standing.observed or None,
        "observedSince": _show(standing.since),
        "lastScheduleTime": _show(standing.last),
        "nextScheduleTime": _show(standing.next),
        "deliveries": [_render_entry(each) for each in standing.entries] or None,
        "conditions": dig_object(status).get("conditions"),
    }
    return {name: value for name, value in said.items() if value is not None}


def _render_entry(entry: Entry) -> JsonObject:
    said = {
        "name": entry.name,
        "audience": entry.audience or None,
        "due": _show(entry.due),
        "start": _show(entry.start),
        "end": _show(entry.end),
        "state": str(entry.state),
        "attempts": entry.attempts,
        "nextAttempt": _show(entry.next_attempt),
        "delivered": _show(entry.delivered),
        "digest": entry.digest or None,
        "uncertain": entry.uncertain or None,
        "error": entry.error or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _time(thing: JsonObject, name: str) -> datetime | None:
    return read_time(dig_text(thing, name))


def _show(at: datetime | None) -> str | None:
    """To the microsecond where it has some: a period that is read back is the same one."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
