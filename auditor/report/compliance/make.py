"""A report of one cluster, one period and one scope: read in one moment of the database, and made into a tree."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from auditor import __version__
from auditor.model.policy import Kind as PolicyKind
from auditor.model.policy import Severity
from auditor.model.resource import name_kind
from auditor.report.compliance.book import Book, read_book, read_policy_news
from auditor.report.compliance.controls import make_controls
from auditor.report.compliance.counting import (
    Counted,
    End,
    Kind,
    find_blind_days,
    find_ends,
    find_lengths,
    read_counts,
)
from auditor.report.compliance.covering import Known, make_coverage, read_known
from auditor.report.compliance.doors import read_admissions
from auditor.report.compliance.excusing import SOON, read_exceptions
from auditor.report.compliance.movement import Key, list_resolved, read_movement, sum_movement
from auditor.report.compliance.period import Period
from auditor.report.compliance.scope import Scope
from auditor.report.compliance.standing import (
    ALLOWED,
    Allowed,
    Cell,
    count_standing,
    list_standing,
    stand,
    sum_ages,
)
from auditor.report.compliance.tree import (
    Cluster,
    Compliance,
    DriftLine,
    Line,
    Made,
    Movement,
    Open,
    Point,
    PolicyNews,
    Results,
    SeverityLine,
)
from auditor.report.compliance.trend import Reach, begin, make_moment, read_trend
from auditor.report.history.database import Database
from auditor.report.history.notes import RELEASES
from auditor.report.history.reader import KnownCluster, read_horizons, read_last_written

POINTS: Final = 12
LATE: Final = timedelta(minutes=15)
"""The watcher writes every 5 minutes: after three that are missing something is wrong."""
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    allowed: Allowed = field(default_factory=lambda: ALLOWED)
    """How long a violation may be open, by severity."""
    soon: timedelta = SOON
    """An exception that expires within that time is about to."""
    most: int = 5_000
    """Findings that are listed: a page of 5,000 has 4 MB, and browsers still turn it quickly."""
    points: int = POINTS
    """Periods of the trend, this one included."""


def make_report(
    database: Database,
    cluster: KnownCluster,
    period: Period,
    scope: Scope = Scope(),  # noqa: B008  # frozen
    *,
    now: datetime,
    options: Options = Options(),  # frozen
) -> Compliance:
    """Nothing that happened after the period is in it: made again, it says the same."""
    with database.reading() as connection:
        return _Maker(connection, cluster, period, scope, now, options).make()


@dataclass(slots=True)
class _Maker:
    connection: Connection
    cluster: KnownCluster
    period: Period
    scope: Scope
    now: datetime
    options: Options

    def make(self) -> Compliance:
        connection, period, scope, options, mine = (
            self.connection,
            self.period,
            self.scope,
            self.options,
            self.cluster.id,
        )
        reach = Reach(first=self.cluster.first_seen, horizons=read_horizons(connection, mine))
        book = read_book(connection, mine, period.end)
        known = read_known(connection, mine, period.end)
        lengths, running = find_lengths(connection, mine), period.end >= self.now
        ends = find_ends(connection, mine, make_moment(known, period.end, lengths=lengths, running=running))
        counts = list(read_counts(connection, mine, ends, scope, book))
        results = sum((each.results for each in counts), Results()) if ends else None
        standing = stand(mine, period.end, scope, book)
        there, whole = reach.knows_findings(period.end), reach.knows_period(period)
        cells = count_standing(connection, standing, period.end, options.allowed) if there else None
        moved = read_movement(connection, mine, period, scope, book) if whole else None
        movement = None if moved is None else sum_movement(moved.values())
        earlier = read_trend(connection, mine, period, scope, reach=reach, points=max(options.points, 2), movement=True)
        listed = (
            list_standing(
                connection,
                standing,
                book,
                start=period.start,
                at=period.end,
                allowed=options.allowed,
                most=options.most,
            )
            if there
            else []
        )
        resolved = list_resolved(connection, mine, period, scope, book, most=options.most) if whole else []
        opened = None if cells is None else _sum_open(cells)
        return Compliance(
            cluster=Cluster(uid=self.cluster.uid, name=self.cluster.name, known_since=self.cluster.first_seen),
            period=period,
            scope=scope,
            made=Made(at=self.now, by=f"auditor {__version__}"),
            recorded_by=self._read_releases(),
            counted_at=max((each.at for each in ends), default=None),
            missing=tuple(self._find_missing(reach, ends, known, counts, book)),
            results=results,
            previous=earlier[-1].results,
            open=opened,
            open_before=self._open_before(book) if whole and reach.first <= period.start else None,
            movement=movement,
            ages=None if cells is None else sum_ages(cells),
            severities=_by_severity(cells, moved, options.allowed),
            policies=by_policy(counts, cells, book),
            controls=make_controls(book, known, counts, scope),
            namespaces=by_namespace(counts, cells),
            kinds=by_kind(counts, cells),
            violations=tuple(listed),
            violations_left=max(0, opened.total - len(listed)) if opened is not None else 0,
            resolved=tuple(resolved),
            resolved_left=max(0, movement.resolved - len(resolved)) if movement is not None else 0,
            exceptions=read_exceptions(connection, mine, period, scope, standing=standing, soon=options.soon),
            coverage=make_coverage(known, counts, scope, book),
            admissions=read_admissions(connection, mine, period, scope, known_from=reach.horizons.get("decisions")),
            drift=_find_drift(cells, moved),
            policy_news=self._news(counts, cells),
            trend=begin(
                *earlier, Point(period=period, results=results, flow=None if movement is None else movement.flow)
            ),
        )

    def _open_before(self, book: Book) -> Open:
        """By the rules of the end of the period, as all of the report."""
        standing = stand(self.cluster.id, self.period.start, self.scope, book)
        return _sum_open(count_standing(self.connection, standing, self.period.start, self.options.allowed))

    def _read_releases(self) -> tuple[str, ...]:
        c = RELEASES.c
        question = select(c.at, c.version).where(c.cluster_id == self.cluster.id, c.at < self.period.end)
        rows = self.connection.execute(question.order_by(c.id)).all()
        first = max((number for number, row in enumerate(rows) if row.at <= self.period.start), default=0)
        return tuple(dict.fromkeys(row.version for row in rows[first:]))

    def _news(self, counts: Iterable[Counted], cells: Iterable[Cell] | None) -> tuple[PolicyNews, ...]:
        news = read_policy_news(self.connection, self.cluster.id, self.period, self.scope)
        if self.scope.namespaces is None:
            return news
        # A team hears of those policies that have to do with it.
        theirs = {each.rule[:2] for each in counts} | {(cell.policy_kind, cell.policy) for cell in cells or ()}
        return tuple(each for each in news if (each.kind, each.policy.partition("/")[0]) in theirs)

    def _find_missing(
        self, reach: Reach, ends: Sequence[End], known: Known, counts: Sequence[Counted], book: Book
    ) -> Iterator[str]:
        period, horizons = self.period, reach.horizons
        if reach.first > period.start:
            yield f"Nothing is known from before {_tell(reach.first)}: the watcher began then."
        if not ends:
            yield "No results were counted in the two days before its end: nothing can be said of compliance."
        else:
            yield from self._tell_ends(ends, known, horizons)
        for what, meant in _HORIZONS.items():
            cut = horizons.get(what)
            if cut is not None and cut > period.start:
                yield f"{meant} before {_tell(cut)} have been deleted, as they are older than is kept."
        blind = find_blind_days(self.connection, self.cluster.id, self._days(reach))
        if blind:
            yield f"Nothing was counted on {_list(blind)} (UTC): nobody watched."
        written = read_last_written(self.connection, self.cluster.id)
        # Of a period that is over all must be told by now; of the present it is told a little later.
        if written is not None and written < period.end - (LATE if period.end >= self.now else timedelta()):
            yield f"The watcher has written nothing since {_tell(written)}: what happened later is not in here."
        if self.scope.severity is not None and any(rule.severity is None for rule in book.rules()):
            yield "Of some rules the severity was not recorded: their results are left out."

    def _days(self, reach: Reach) -> Period:
        """The part of the period in which somebody should have counted, and of which it would be known."""
        first = max(self.period.start, reach.first, reach.horizons.get("intervals", reach.first))
        return replace(self.period, start=first)

    def _tell_ends(self, ends: Sequence[End], known: Known, horizons: Mapping[str, datetime]) -> Iterator[str]:
        end, latest = self.period.end, max(each.at for each in ends)
        if latest < end - HOUR:
            rolled = ends[0].is_day and horizons.get("hours", latest) > latest
            why = "hours have become days meanwhile" if rolled else "the watcher did not count later"
            yield f"Results are those of {_tell(latest)}: {why}."
        old = sorted(name_kind(*kind) for each in ends for kind in self._asked(each.kinds) if each.at < latest - HOUR)
        if old:
            yield f"Results of {_list(old)} are older: the watcher did not know these kinds whole."
        found = {kind for each in ends for kind in each.kinds}
        lost = sorted(name_kind(*kind) for kind in self._asked(known.expected - found))
        if lost:
            yield f"Not counted for a day: {_list(lost)}."

    def _asked(self, kinds: Iterable[Kind]) -> list[Kind]:
        return [kind for kind in kinds if self.scope.admits_kind(*kind)]


_HORIZONS: Final = {
    "findings": "Resolved findings from",
    "turns": "Changes of findings from",
    "decisions": "Decisions of the doors from",
    "doors": "Counts of the doors from",
    "policy_changes": "Changes of policies from",
    "exception_changes": "Changes of exceptions from",
}


def _tell(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _list(names: Sequence[str], most: int = 5) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _sum_open(cells: Iterable[Cell]) -> Open:
    return sum((cell.open for cell in cells), Open())


def _by_severity(
    cells: Iterable[Cell] | None, moved: Mapping[Key, Movement] | None, allowed: Allowed
) -> tuple[SeverityLine, ...]:
    found: dict[Severity, Open] = defaultdict(Open)
    for cell in cells or ():
        found[cell.severity] += cell.open
    return tuple(
        SeverityLine(
            severity=severity,
            open=None if cells is None else found[severity],
            movement=None if moved is None else sum_movement(m for key, m in moved.items() if key[0] is severity),
            allowed=allowed.get(severity),
        )
        for severity in Severity
    )


Named = tuple[str, str]


def by_policy(counts: Iterable[Counted], cells: Iterable[Cell] | None, book: Book) -> tuple[Line, ...]:
    lines = _group(
        ((each.rule[:2], each.results) for each in counts),
        None if cells is None else (((cell.policy_kind, cell.policy), cell.open) for cell in cells),
    )
    return _sort(
        Line(name=policy, kind=kind, title=book.title_of(kind, policy), results=results, open=opened)
        for (kind, policy), (results, opened) in lines.items()
    )


def by_namespace(counts: Iterable[Counted], cells: Iterable[Cell] | None) -> tuple[Line, ...]:
    lines = _group(
        ((("", each.namespace), each.results) for each in counts),
        None if cells is None else ((("", cell.namespace), cell.open) for cell in cells),
    )
    return _sort(Line(name=name, results=results, open=opened) for (_, name), (results, opened) in lines.items())


def by_kind(counts: Iterable[Counted], cells: Iterable[Cell] | None) -> tuple[Line, ...]:
    lines = _group(
        ((each.kind, each.results) for each in counts),
        None if cells is None else (((cell.api_group, cell.resource), cell.open) for cell in cells),
    )
    return _sort(Line(name=name_kind(*kind), results=results, open=opened) for kind, (results, opened) in lines.items())


def _group(
    counts: Iterable[tuple[Named, Results]], opened: Iterable[tuple[Named, Open]] | None
) -> dict[Named, tuple[Results, Open | None]]:
    results: dict[Named, Results] = defaultdict(Results)
    for key, each in counts:
        results[key] += each
    findings: dict[Named, Open] = defaultdict(Open)
    for key, found in opened or ():
        findings[key] += found
    keys = {**dict.fromkeys(results), **dict.fromkeys(findings)}
    return {key: (results.get(key, Results()), None if opened is None else findings.get(key, Open())) for key in keys}


def _sort(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The worst first."""
    return tuple(sorted(lines, key=_badness))


def _badness(line: Line) -> tuple[int, int, str, str]:
    violations = line.open.violations if line.open is not None else 0
    return (-violations, -line.results.fails, line.kind, line.name)


def _find_drift(cells: Iterable[Cell] | None, moved: Mapping[Key, Movement] | None) -> tuple[DriftLine, ...]:
    checks = {cell.policy for cell in cells or () if cell.policy_kind == PolicyKind.CHECK}
    checks |= {policy for _, kind, policy in moved or () if kind == PolicyKind.CHECK}
    return tuple(
        DriftLine(
            check=check,
            open=(
                None
                if cells is None
                else _sum_open(cell for cell in cells if cell.policy_kind == PolicyKind.CHECK and cell.policy == check)
            ),
            movement=(
                None
                if moved is None
                else sum_movement(
                    m for (_, kind, policy), m in moved.items() if (kind, policy) == (PolicyKind.CHECK, check)
                )
            ),
        )
        for check in sorted(checks)
    )
