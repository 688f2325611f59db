"""What a dashboard shows first: how it stands now. The same numbers as a report that ends now, without its lists.

Asked at each visit, so each question is one look into an index, or one count over what is open.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from auditor.model.policy import Severity
from auditor.report.compliance.book import read_book
from auditor.report.compliance.counting import find_lengths, read_counts
from auditor.report.compliance.covering import make_coverage, read_known
from auditor.report.compliance.doors import read_admissions
from auditor.report.compliance.make import by_kind, by_namespace, by_policy
from auditor.report.compliance.period import Period
from auditor.report.compliance.scope import Scope
from auditor.report.compliance.standing import ALLOWED, Allowed, count_standing, stand, sum_ages
from auditor.report.compliance.tree import Admissions, Ages, Coverage, Line, Open, Point, Results
from auditor.report.compliance.trend import Reach, read_ends, read_trend
from auditor.report.history.database import Database
from auditor.report.history.reader import KnownCluster, read_horizons

DAY: Final = timedelta(days=1)
POINTS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    at: datetime
    counted_at: datetime | None
    results: Results | None
    open: Open
    ages: Ages
    severities: tuple[tuple[Severity, Open], ...]
    policies: tuple[Line, ...]
    """The worst first; so are the next two."""
    namespaces: tuple[Line, ...]
    kinds: tuple[Line, ...]
    coverage: Coverage
    admissions: Admissions
    """Of the last day."""
    trend: tuple[Point, ...]
    """By days; without what came and went."""


def read_overview(
    database: Database,
    cluster: KnownCluster,
    scope: Scope = Scope(),  # noqa: B008  # frozen
    *,
    now: datetime,
    allowed: Allowed = ALLOWED,
) -> Overview:
    mine, day = cluster.id, Period(start=now - DAY, end=now)
    with database.reading() as connection:
        book = read_book(connection, mine, now)
        known = read_known(connection, mine, now)
        ends = read_ends(connection, mine, now, lengths=find_lengths(connection, mine), running=True)
        counts = list(read_counts(connection, mine, ends, scope, book))
        results = sum((each.results for each in counts), Results()) if ends else None
        cells = count_standing(connection, stand(mine, now, scope, book), now, allowed)
        reach = Reach(first=cluster.first_seen, horizons=read_horizons(connection, mine))
        earlier = read_trend(connection, mine, day, scope, reach=reach, points=POINTS, movement=False)
        return Overview(
            at=now,
            counted_at=max((each.at for each in ends), default=None),
            results=results,
            open=_sum(cell.open for cell in cells),
            ages=sum_ages(cells),
            severities=tuple(
                (severity, _sum(cell.open for cell in cells if cell.severity is severity)) for severity in Severity
            ),
            policies=by_policy(counts, cells, book),
            namespaces=by_namespace(counts, cells),
            kinds=by_kind(counts, cells),
            coverage=make_coverage(known, counts, scope, book),
            admissions=read_admissions(connection, mine, day, scope, known_from=reach.horizons.get("decisions")),
            trend=(*earlier, Point(period=day, results=results, flow=None)),
        )


def _sum(opened: Iterable[Open]) -> Open:
    return sum(opened, Open())
