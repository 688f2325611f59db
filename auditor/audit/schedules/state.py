"""What is due, what is under way and what has arrived, as the status of a ReportSchedule has it.

All of it is values: from a schedule, its status and the time follows the status that is to be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from auditor.audit.dispatch.entry import (
    MOST,
    Entry,
    Standing,
    keep_last,
    read_facts,
    read_standing,
    render_facts,
    render_standing,
)
from auditor.audit.dispatch.times import show_time, tell_time
from auditor.audit.schedules.spec import Schedule
from auditor.cluster.access import dig_text, dig_time
from auditor.json import Json, JsonObject

SETTLE: Final = timedelta(minutes=6)
"""After the end of its period a report is made: the watcher writes what it counts every 5 minutes, and a report that is
made before would say something else when it is made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEntry(Entry):
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs(Standing[ReportEntry]):
    observed: str = ""
    since: datetime | None = None
    last: datetime | None = None
    next: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    standing: Runs
    remark: str = ""
    """What is to be told of it: a run that was missed, receivers for whom there is no room."""


def plan(schedule: Schedule, standing: Runs, now: datetime, audiences: Callable[[], Sequence[str]]) -> Plan:
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
    schedule: Schedule, entries: Sequence[ReportEntry], due: datetime, audiences: Sequence[str]
) -> tuple[tuple[ReportEntry, ...], str]:
    """What was still to be delivered stays; of what arrived, the last of each who is still one of them."""
    period = schedule.period_of(due)
    new = [
        ReportEntry(
            name=name, audience=audience, due=due, start=period.start, end=period.end, next_attempt=due + SETTLE
        )
        for audience in audiences
        for name in schedule.deliveries
    ]
    known = {(each.name, each.audience) for each in new}
    waiting = [each for each in entries if each.is_open and each.due != due]
    past = keep_last(entries, known)
    remark = "" if new else f"Nobody is to have the report of {tell_time(due)}: no namespace is chosen."
    wanted = len(new) + len(waiting)
    if wanted > MOST:
        remark = f"{wanted - MOST} deliveries are left out: there is room for {MOST}."
    # The oldest of what could not be delivered goes first, then the last of those who are to have it now.
    waiting = waiting[-max(0, MOST - len(new)) :] if len(new) < MOST else []
    new = new[:MOST]
    room = MOST - len(new) - len(waiting)
    return (*past[:room], *waiting, *new), remark


# -- as JSON -----------------------------------------------------------------------------------------------------------


def read_runs(status: JsonObject) -> Runs:
    return Runs(
        **read_standing(status, _read_entry),
        observed=dig_text(status, "observedSchedule"),
        since=dig_time(status, "observedSince"),
        last=dig_time(status, "lastScheduleTime"),
        next=dig_time(status, "nextScheduleTime"),
    )


def _read_entry(thing: Json) -> ReportEntry | None:
    facts, start, end = read_facts(thing, sent="digest"), dig_time(thing, "start"), dig_time(thing, "end")
    if facts is None or start is None or end is None:
        return None
    return ReportEntry(**facts, start=start, end=end)


def render_runs(standing: Runs, status: JsonObject) -> JsonObject:
    own = {
        "observedSchedule": standing.observed or None,
        "observedSince": show_time(standing.since),
        "lastScheduleTime": show_time(standing.last),
        "nextScheduleTime": show_time(standing.next),
    }
    return render_standing(standing, own, _render_entry, status)


def _render_entry(entry: ReportEntry) -> JsonObject:
    return {**render_facts(entry, sent="digest"), "start": show_time(entry.start), "end": show_time(entry.end)}
