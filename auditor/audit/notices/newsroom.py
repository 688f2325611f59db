"""What of the history is news, and to whom; and the messages made of it, the same ones however often they are made."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from sqlalchemy import Connection

from auditor.audit.dispatch.audiences import Namespaces, find_audiences, make_scope
from auditor.audit.dispatch.keys import make_key
from auditor.audit.notices.spec import Notification
from auditor.audit.notices.state import Edition, NewsEntry
from auditor.report.compliance.scope import Scope
from auditor.report.delivery import DeliveryError, Parcel
from auditor.report.history.reader import KnownCluster, choose_cluster, open_to_read
from auditor.report.news import (
    Interest,
    choose_worst,
    find_last,
    find_last_before,
    read_lines,
    read_window,
    write_news,
)

TURNS: Final = 50_000
"""That are looked at in one go, which takes half a second; what is behind them is looked at after that."""


@dataclass(slots=True)
class Looked:
    """How far a notification has been looked at without finding anything: by us, in this process."""

    of: tuple[datetime, int] | None = None
    """The history and the generation of the spec."""
    upto: int = 0


@dataclass(frozen=True, slots=True)
class Newsroom:
    url: str
    """Of the history."""
    cluster: Callable[[], str]
    """The uid by which the history knows the cluster. Raises ClusterError."""

    @contextlib.contextmanager
    def open(self) -> Iterator[tuple[Connection, KnownCluster]]:
        """Raises HistoryError, ClusterError, UsageError where there is no history yet."""
        with contextlib.closing(open_to_read(self.url)) as database, database.reading() as connection:
            yield connection, choose_cluster(connection, self.cluster())

    def make(self, notification: Notification, entry: NewsEntry, namespaces: Namespaces) -> Parcel | None:
        """The same for all deliveries, its key as well. None: what was found is over. Raises DeliveryError where nobody
        is left to have it, too."""
        scope = make_scope(notification, entry.audience, namespaces)
        if scope is None:
            raise DeliveryError(f"no namespace belongs to {entry.audience} any more")
        with self.open() as (connection, cluster):
            interest = _interest(notification, scope)
            window = read_window(connection, cluster.id, interest, after=entry.after, upto=entry.upto)
            if not window.items:
                return None
            chosen = choose_worst(window.items, notification.listed)
            lines = read_lines(connection, chosen, entry.upto)
        return write_news(
            window.items,
            lines,
            key=make_key(
                *(cluster.uid, notification.uid, entry.audience, cluster.first_seen.isoformat()),
                *(str(entry.after), str(entry.upto)),
            ),
            notification=notification.name,
            audience=entry.audience,
            cluster=cluster.name or cluster.uid,
            start=window.begun or entry.due,
            end=window.ended or entry.due,
            at=entry.due,
        )


class Desk:
    """The history as it is now, for one notification: an `Archive`."""

    def __init__(
        self,
        connection: Connection,
        cluster: KnownCluster,
        notification: Notification,
        namespaces: Namespaces,
        looked: Looked,
    ) -> None:
        self._connection, self._cluster = connection, cluster
        self._notification, self._namespaces, self._looked = notification, namespaces, looked

    @property
    def began(self) -> datetime:
        return self._cluster.first_seen

    @cached_property
    def newest(self) -> int:
        return find_last(self._connection, self._cluster.id)

    def find_before(self, at: datetime) -> int:
        return find_last_before(self._connection, self._cluster.id, at)

    def read(self, after: int) -> Edition:
        now = self.began, self._notification.generation
        if self._looked.of == now and after <= self._looked.upto <= self.newest:
            after = self._looked.upto
        while after < self.newest:
            edition = self._read(after)
            if edition.begun is not None or edition.moved:
                return edition
            after = edition.upto
        self._looked.of, self._looked.upto = now, after
        return Edition(upto=after, begun=None, audiences=())

    def _read(self, after: int) -> Edition:
        audiences = find_audiences(self._notification, self._namespaces)
        interest = _interest(self._notification, self._unite(audiences))
        window = read_window(self._connection, self._cluster.id, interest, after=after, upto=self.newest, most=TURNS)
        told = [name for name, own in audiences.items() if window.within(own)]
        return Edition(upto=window.upto, begun=window.begun if told else None, audiences=told, moved=window.moved)

    def _unite(self, audiences: Mapping[str, frozenset[str] | None]) -> Scope:
        """Of all audiences."""
        every = audiences.values()
        known = [each for each in every if each is not None]
        wish = self._notification
        scope = Scope(kinds=wish.kinds, policies=wish.policies, severity=wish.severity, framework=wish.framework)
        return scope if len(known) < len(every) else replace(scope, namespaces=frozenset().union(*known))


def _interest(notification: Notification, scope: Scope) -> Interest:
    return Interest(scope=scope, changes=notification.changes, results=notification.results)
