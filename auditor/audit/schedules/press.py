"""Makes the report of an entry from the history, the same one however often it is made."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from auditor.audit.dispatch.audiences import Namespaces, make_scope
from auditor.audit.dispatch.keys import make_key
from auditor.audit.schedules.spec import Schedule
from auditor.audit.schedules.state import ReportEntry
from auditor.report.compliance import Compliance, Period, make_report
from auditor.report.delivery import DeliveryError, Parcel
from auditor.report.delivery.letter import write_letter
from auditor.report.history.reader import choose_cluster, open_to_read


@dataclass(frozen=True, slots=True)
class Press:
    url: str
    """Of the history."""
    cluster: Callable[[], str]
    """The uid by which the history knows the cluster. Raises ClusterError."""

    def make(self, schedule: Schedule, entry: ReportEntry, namespaces: Namespaces, now: datetime) -> Parcel:
        """Raises HistoryError, ClusterError, UsageError where there is no history yet, DeliveryError where nobody is
        left to have it."""
        scope = make_scope(schedule, entry.audience, namespaces)
        if scope is None:
            raise DeliveryError(f"no namespace belongs to {entry.audience} any more")
        uid = self.cluster()
        with contextlib.closing(open_to_read(self.url)) as database:
            with database.reading() as connection:
                cluster = choose_cluster(connection, uid)
            report: Compliance = make_report(database, cluster, _period(schedule, entry), scope, now=now)
        return write_letter(
            report,
            key=_key(uid, schedule, entry),
            schedule=schedule.name,
            audience=entry.audience,
            due=entry.due,
            formats=schedule.formats,
        )


class Batch:
    """Of one schedule in one round: deliveries that follow each other and are for one audience share a report."""

    def __init__(self, press: Press, schedule: Schedule, namespaces: Namespaces) -> None:
        self._press, self._schedule, self._namespaces = press, schedule, namespaces
        self._last: tuple[ReportEntry, Parcel] | None = None

    def make(self, entry: ReportEntry, now: datetime) -> Parcel:
        if self._last is not None:
            other, parcel = self._last
            if (other.audience, other.due, other.start, other.end) == (
                entry.audience,
                entry.due,
                entry.start,
                entry.end,
            ):
                return replace(parcel, key=_key(self._press.cluster(), self._schedule, entry))
        parcel = self._press.make(self._schedule, entry, self._namespaces, now)
        self._last = entry, parcel
        return parcel


def _key(cluster: str, schedule: Schedule, entry: ReportEntry) -> str:
    return make_key(cluster, schedule.uid, entry.name, entry.audience, entry.due.isoformat())


def _period(schedule: Schedule, entry: ReportEntry) -> Period:
    """As it was when the run began, though the schedule may be another by now."""
    period = schedule.period_of(entry.due)
    if (period.start, period.end) == (entry.start, entry.end):
        return period
    return Period(start=entry.start, end=entry.end, zone=schedule.zone.key)
