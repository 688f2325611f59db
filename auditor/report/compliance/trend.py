"""Results at the end of each of several periods, and what became of findings within each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from auditor.report.compliance.book import Book, read_book
from auditor.report.compliance.counting import End, Moment, find_ends, find_lengths, sum_counts
from auditor.report.compliance.covering import Known, read_known
from auditor.report.compliance.movement import read_movement, sum_movement
from auditor.report.compliance.period import Period
from auditor.report.compliance.scope import Scope
from auditor.report.compliance.tree import Flow, Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far back what is known goes."""

    first: datetime
    """Nobody watched before."""
    horizons: Mapping[str, datetime]
    """See `read_horizons`."""

    def knows_findings(self, at: datetime) -> bool:
        """Findings that were open then."""
        return all(self.horizons.get(what, at) <= at for what in ("findings", "turns"))

    def knows_period(self, period: Period) -> bool:
        return self.first < period.end and self.knows_findings(period.start)


def read_trend(
    connection: Connection, cluster: int, period: Period, scope: Scope, *, reach: Reach, points: int, movement: bool
) -> Sequence[Point]:
    """Of the periods before this one, the oldest first."""
    found = []
    lengths = find_lengths(connection, cluster)
    for count in range(points - 1, 0, -1):
        before = period.before(count)
        if before.end <= reach.first:
            found.append(Point(period=before, results=None, flow=None))
            continue
        # What rules there were then matters to a scope that asks for what they say.
        asks = scope.framework or scope.severity is not None
        book = read_book(connection, cluster, before.end) if asks else Book()
        flow = None
        if movement and reach.knows_period(before):
            flow = read_flow(connection, cluster, before, scope, book)
        ends = read_ends(connection, cluster, before.end, lengths=lengths)
        results = sum_counts(connection, cluster, ends, scope, book)
        found.append(Point(period=before, results=results, flow=flow))
    return found


def begin(*points: Point) -> tuple[Point, ...]:
    """From the first of which something is known; the last and the one that it is compared with are there anyway."""
    first = next(
        (at for at, each in enumerate(points) if each.results is not None or each.flow is not None), len(points)
    )
    return points[min(first, max(len(points) - 2, 0)) :]


def read_flow(connection: Connection, cluster: int, period: Period, scope: Scope, book: Book) -> Flow:
    return sum_movement(read_movement(connection, cluster, period, scope, book, repairs=False).values()).flow


def read_ends(
    connection: Connection, cluster: int, at: datetime, *, lengths: tuple[int, ...], running: bool = False
) -> list[End]:
    known = read_known(connection, cluster, at)
    return find_ends(connection, cluster, make_moment(known, at, lengths=lengths, running=running))


def make_moment(known: Known, at: datetime, *, lengths: tuple[int, ...], running: bool) -> Moment:
    over = known.gone | known.unread
    return Moment(at=at, running=running, expected=known.expected, over=over, empty=known.empty, lengths=lengths)
