"""Notifications, as the dispatcher sees to them."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from auditor.audit.dispatch.audiences import Namespaces
from auditor.audit.dispatch.keys import make_key
from auditor.audit.dispatch.office import find_delivered
from auditor.audit.notices.newsroom import Desk, Looked, Newsroom
from auditor.audit.notices.spec import Notification, read_notification
from auditor.audit.notices.state import NewsEntry, Progress, choose_due, plan, read_progress, render_progress
from auditor.cluster import Resource
from auditor.cluster.access import dig_object
from auditor.cluster.conditions import Condition
from auditor.errors import UsageError
from auditor.json import JsonObject
from auditor.report.delivery import Parcel
from auditor.report.history import HistoryError

NOTIFICATIONS: Final = Resource("auditor.dev", "v1", "notifications", "Notification", namespaced=False)


@dataclass(slots=True)
class Made:
    """The message that was made last: deliveries that follow each other and are for one audience share it."""

    of: tuple[str, int, int] | None = None
    parcel: Parcel | None = None


@dataclass(frozen=True, slots=True)
class NoticeCase:
    office: "NoticeOffice"
    newsroom: Newsroom
    wish: Notification
    before: Progress
    namespaces: Namespaces
    made: Made = field(default_factory=Made)

    def plan(self, now: datetime) -> tuple[Progress, Sequence[Condition]]:
        notification = self.wish
        # Asked before the history is looked into, which then has all of it.
        whole = self.before.since is None and not notification.suspended and self.office.whole()
        try:
            with self.newsroom.open() as (connection, cluster):
                desk = Desk(connection, cluster, notification, self.namespaces, self.office.looked[notification.uid])
                standing, told = plan(notification, self.before, now, desk, whole=whole)
        except (HistoryError, UsageError) as error:  # UsageError: it has not been made yet
            said = f"News are found in the history: {str(error).rstrip('.')}."
            return self.before, (Condition("Ready", "False", "HistoryAway", said, notification.generation),)
        return standing, (self.office.tell(standing), *told)

    def choose_due(self, standing: Progress, now: datetime) -> Sequence[NewsEntry]:
        return choose_due(self.wish, standing.entries, now)

    def make(self, entry: NewsEntry, now: datetime) -> Parcel | None:
        wanted = entry.audience, entry.after, entry.upto
        if self.made.of != wanted:
            self.made.parcel = self.newsroom.make(self.wish, entry, self.namespaces)
            self.made.of = wanted
        parcel = self.made.parcel
        return None if parcel is None else replace(parcel, key=make_key(parcel.key, entry.name))


class NoticeOffice:
    resource = NOTIFICATIONS
    word = "notification"
    ways = ("email", "webhook")

    def __init__(self, newsroom: Newsroom | None, *, whole: Callable[[], bool]) -> None:
        """`newsroom`: None where no history is kept. `whole`: whether all there is has been judged and is written."""
        self._newsroom, self.whole = newsroom, whole
        self.looked: defaultdict[str, Looked] = defaultdict(Looked)
        """By uid."""

    def read(self, status: JsonObject) -> Progress:
        return read_progress(status)

    def render(self, standing: Progress, status: JsonObject) -> JsonObject:
        return render_progress(standing, status)

    def tell(self, standing: Progress) -> Condition:
        return find_delivered(standing.entries, nothing="There has been no news yet.")

    def enter(self, thing: JsonObject, namespaces: Namespaces) -> NoticeCase | Condition:
        notification = read_notification(thing)
        if self._newsroom is None:
            said = "News are found in the history, and this watcher keeps none (--no-history)."
            return Condition("Ready", "False", "NoHistory", said, notification.generation)
        return NoticeCase(self, self._newsroom, notification, read_progress(dig_object(thing, "status")), namespaces)
