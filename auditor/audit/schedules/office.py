"""ReportSchedules, as the dispatcher sees to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from auditor.audit.dispatch.audiences import Namespaces, list_audiences
from auditor.audit.dispatch.office import find_delivered
from auditor.audit.schedules.conditions import find_complete, find_ready
from auditor.audit.schedules.press import Batch, Press
from auditor.audit.schedules.spec import Schedule, read_schedule
from auditor.audit.schedules.state import ReportEntry, Runs, plan, read_runs, render_runs
from auditor.cluster import Resource
from auditor.cluster.access import dig_object
from auditor.cluster.conditions import Condition
from auditor.errors import UsageError
from auditor.json import JsonObject
from auditor.report.delivery import Parcel

SCHEDULES: Final = Resource("auditor.dev", "v1", "reportschedules", "ReportSchedule", namespaced=False)


@dataclass(frozen=True, slots=True)
class ScheduleCase:
    office: "ScheduleOffice"
    wish: Schedule
    before: Runs
    batch: Batch
    namespaces: Namespaces

    def plan(self, now: datetime) -> tuple[Runs, Sequence[Condition]]:
        schedule = self.wish
        try:
            planned = plan(schedule, self.before, now, lambda: list_audiences(schedule, self.namespaces))
        except UsageError as error:  # at midnight, nothing of today has been
            return self.before, (Condition("Ready", "False", "NoPeriod", f"{error}.", schedule.generation),)
        found = [self.office.tell(planned.standing), find_ready(schedule, planned.standing)]
        if planned.standing.last != self.before.last:
            found.append(find_complete(schedule, planned))
        return planned.standing, found

    def choose_due(self, standing: Runs, now: datetime) -> Sequence[ReportEntry]:
        return [
            each
            for each in standing.entries
            if each.name in self.wish.deliveries and (at := each.waits_until()) is not None and at <= now
        ]

    def make(self, entry: ReportEntry, now: datetime) -> Parcel:
        return self.batch.make(entry, now)


class ScheduleOffice:
    resource = SCHEDULES
    word = "report schedule"
    ways = ("file", "email", "webhook")

    def __init__(self, press: Press | None) -> None:
        """None where no history is kept."""
        self._press = press

    def read(self, status: JsonObject) -> Runs:
        return read_runs(status)

    def render(self, standing: Runs, status: JsonObject) -> JsonObject:
        return render_runs(standing, status)

    def tell(self, standing: Runs) -> Condition:
        return find_delivered(standing.entries, nothing="Nothing has been due yet.")

    def enter(self, thing: JsonObject, namespaces: Namespaces) -> ScheduleCase | Condition:
        schedule = read_schedule(thing)
        if self._press is None:
            said = "Reports are made from the history, and this watcher keeps none (--no-history)."
            return Condition("Ready", "False", "NoHistory", said, schedule.generation)
        before = read_runs(dig_object(thing, "status"))
        return ScheduleCase(self, schedule, before, Batch(self._press, schedule, namespaces), namespaces)
