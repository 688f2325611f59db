"""Where questions are asked: a history, one cluster in it, and a moment."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from sqlalchemy import Connection

from auditor.dashboard.answers.now import Look, look_at_nothing
from auditor.dashboard.remembered import Remembered
from auditor.errors import AuditorError
from auditor.report.compliance import Scope
from auditor.report.compliance.book import Book, read_book
from auditor.report.compliance.counting import Counted, find_lengths, read_counts
from auditor.report.compliance.covering import Known, read_known
from auditor.report.compliance.standing import ALLOWED, Allowed, Cell, Standing, count_standing, stand
from auditor.report.compliance.trend import read_ends
from auditor.report.history import Database
from auditor.report.history.reader import KnownCluster

Versions: TypeAlias = Remembered[tuple[Scope, str], str]
"""What a scope was, by what the watcher had written then."""
SCOPES: Final = 1_000
"""That are remembered, each with two short texts."""


def make_versions(clock: Callable[[], float]) -> Versions:
    return Remembered(seconds=math.inf, most=SCOPES, clock=clock)


class MissingError(AuditorError):
    """There is no such thing, or none that is theirs to see: the same words for both."""

    http_code = 404

    def __init__(self) -> None:
        super().__init__("There is nothing here that you may see.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    database: Database
    cluster: KnownCluster
    scope: Scope
    """Of the visitor: nothing is read but through it, or through one that is narrower."""
    now: datetime
    allowed: Allowed = field(default_factory=lambda: ALLOWED)
    look: Look = look_at_nothing
    """How the object of a finding is now, as far as the visitor may see it."""
    versions: Versions = field(default_factory=lambda: make_versions(time.monotonic))

    def narrow(self, *, namespace: str = "", kind: str = "", policy: str = "") -> "Desk":
        """To one of each that is named. It can only become less: visitors' scopes have no kinds and no policies."""
        scope = self.scope
        if namespace:
            held = scope.namespaces
            scope = replace(scope, namespaces=frozenset((namespace,) if held is None or namespace in held else ()))
        if kind:
            scope = replace(scope, kinds=frozenset((kind,)))
        if policy:
            scope = replace(scope, policies=frozenset((policy,)))
        return replace(self, scope=scope)

    @contextmanager
    def reading(self) -> Iterator["Reading"]:
        with self.database.reading() as connection:
            yield Reading(self, connection)


@dataclass(slots=True)
class Reading:
    """What several answers need of the moment; each part is read when it is asked for, once."""

    desk: Desk
    connection: Connection
    _book: Book | None = None
    _known: Known | None = None
    _counts: list[Counted] | None = None
    _cells: list[Cell] | None = None

    @property
    def cluster(self) -> int:
        return self.desk.cluster.id

    @property
    def book(self) -> Book:
        if self._book is None:
            self._book = read_book(self.connection, self.cluster, self.desk.now)
        return self._book

    @property
    def known(self) -> Known:
        if self._known is None:
            self._known = read_known(self.connection, self.cluster, self.desk.now)
        return self._known

    @property
    def counts(self) -> list[Counted]:
        if self._counts is None:
            lengths = find_lengths(self.connection, self.cluster)
            ends = read_ends(self.connection, self.cluster, self.desk.now, lengths=lengths, running=True)
            self._counts = list(read_counts(self.connection, self.cluster, ends, self.desk.scope, self.book))
        return self._counts

    @property
    def standing(self) -> Standing:
        return stand(self.cluster, self.desk.now, self.desk.scope, self.book)

    @property
    def cells(self) -> list[Cell]:
        if self._cells is None:
            self._cells = count_standing(self.connection, self.standing, self.desk.now, self.desk.allowed)
        return self._cells
