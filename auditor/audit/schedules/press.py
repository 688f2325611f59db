"""Makes the report of an entry from the history, the same one however often it is made."""

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from auditor.audit.schedules.audiences import Namespaces, make_scope
from auditor.audit.schedules.spec import Schedule
from auditor.audit.schedules.state import Entry
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

    def make(self, schedule: Schedule, entry: Entry, namespaces: Namespaces, now: datetime) -> Parcel:
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
            key=make_key(uid, schedule.uid, entry),
            schedule=schedule.name,
            audience=entry.audience,
            due=entry.due,
            formats=schedule.formats,
        )


class Batch:
    """Of one schedule in one round: deliveries that follow each other and are for one audience share a report."""

    def __init__(self, press: Press, schedule: Schedule, namespaces: Namespaces) -> None:
        self._press, self._schedule, self._namespaces = press, schedule, namespaces
        self._last: tuple[Entry, Parcel] | None = None

    def make(self, entry: Entry, now: datetime) -> Parcel:
        if self._last is not None:
            other, parcel = self._last
            if (other.audience, other.due, other.start, other.end) == (
                entry.audience,
                entry.due,
                entry.start,
                entry.end,
            ):
                return replace(parcel, key=make_key(self._press.cluster(), self._schedule.uid, entry))
        parcel = self._press.make(self._schedule, entry, self._namespaces, now)
        self._last = entry, parcel
        return parcel


def make_key(cluster: str, schedule: str, entry: Entry) -> str:
    """Of one delivery to one audience at one due time. By uids: a schedule that is made anew delivers anew."""
    said = "\n".join((cluster, schedule, entry.name, entry.audience, entry.due.isoformat()))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _period(schedule: Schedule, entry: Entry) -> Period:
    """As it was when the run began, though the schedule may be another by now."""
    period = schedule.period_of(entry.due)
    if (period.start, period.end) == (entry.start, entry.end):
        return period
    return Period(start=entry.start, end=entry.end, zone=schedule.zone.key)
