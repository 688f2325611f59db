"""How it stands: policies, namespaces, kinds, controls, exceptions. Counted as in a compliance report that ends now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from auditor.dashboard.answers.asked import Asked, Parameter
from auditor.dashboard.answers.desk import Desk, MissingError, Reading
from auditor.model.policy import Kind, Severity
from auditor.report.compliance import Period
from auditor.report.compliance.book import read_policy_news
from auditor.report.compliance.controls import make_controls
from auditor.report.compliance.covering import make_coverage
from auditor.report.compliance.excusing import read_exceptions
from auditor.report.compliance.make import by_kind, by_namespace, by_policy
from auditor.report.compliance.overview import Overview, read_overview
from auditor.report.compliance.tree import (
    ControlLine,
    Coverage,
    ExceptionLine,
    Line,
    Open,
    PolicyNews,
    Results,
    RuleLine,
)
from auditor.report.history.notes import POLICY_CHANGES

SOON: Final = timedelta(days=30)
"""Of changes and of exceptions that are over: a month is told."""
_FIND: Final = Parameter(name="q", what="A text in the name or title.")
FIND: Final = (_FIND,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    lines: tuple[Line, ...]
    """The worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    lines: tuple[Line, ...]
    coverage: Coverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    controls: tuple[ControlLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceptions:
    exceptions: tuple[ExceptionLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStory:
    line: Line
    rules: tuple[RuleLine, ...]
    severities: tuple[tuple[Severity, Open], ...]
    kinds: tuple[Line, ...]
    namespaces: tuple[Line, ...]
    news: tuple[PolicyNews, ...]
    """Of the last month."""
    since: datetime | None
    """When it was first heard of."""


def ask_overview(desk: Desk, _: Asked) -> Overview:
    return read_overview(desk.database, desk.cluster, desk.scope, now=desk.now, allowed=desk.allowed)


def ask_policies(desk: Desk, asked: Asked) -> Lines:
    with desk.reading() as reading:
        return Lines(lines=_search(_find_policies(reading), asked))


def ask_policy(desk: Desk, asked: Asked) -> PolicyStory:
    kind, name = asked["kind"], asked["name"]
    with desk.narrow(policy=name).reading() as reading:
        line = next((each for each in _find_policies(reading) if (each.kind, each.name) == (kind, name)), None)
        if line is None:
            raise MissingError
        counts = [each for each in reading.counts if each.rule[:2] == (kind, name)]
        cells = [each for each in reading.cells if (each.policy_kind, each.policy) == (kind, name)]
        by_severity = {
            severity: sum((cell.open for cell in cells if cell.severity is severity), Open()) for severity in Severity
        }
        return PolicyStory(
            line=line,
            rules=_tell_rules(reading, kind, name),
            severities=tuple((severity, opened) for severity, opened in by_severity.items() if opened.total),
            kinds=by_kind(counts, cells),
            namespaces=by_namespace(counts, cells),
            news=tuple(each for each in _read_news(reading) if each.kind == kind),
            since=_find_first(reading, kind, name),
        )


def ask_namespaces(desk: Desk, asked: Asked) -> Lines:
    with desk.reading() as reading:
        return Lines(lines=_search(by_namespace(reading.counts, reading.cells), asked))


def ask_kinds(desk: Desk, asked: Asked) -> Kinds:
    with desk.reading() as reading:
        return Kinds(
            lines=_search(by_kind(reading.counts, reading.cells), asked),
            coverage=make_coverage(reading.known, reading.counts, desk.scope, reading.book),
        )


def ask_controls(desk: Desk, asked: Asked) -> Controls:
    wanted = asked["q"].casefold()
    with desk.reading() as reading:
        found = make_controls(reading.book, reading.known, reading.counts, desk.scope)
        return Controls(controls=tuple(each for each in found if wanted in each.control.casefold()))


def ask_exceptions(desk: Desk, asked: Asked) -> Exceptions:
    wanted = asked["q"].casefold()
    period = Period(start=desk.now - SOON, end=desk.now)
    with desk.reading() as reading:
        found = read_exceptions(reading.connection, reading.cluster, period, desk.scope, standing=reading.standing)
        return Exceptions(
            exceptions=tuple(
                each
                for each in found
                if wanted in f"{each.namespace}/{each.name} {each.owner} {each.reason}".casefold()
            )
        )


def _find_policies(reading: Reading) -> tuple[Line, ...]:
    """Those that have to do with what is seen; and, for who sees all, those that concern nothing yet."""
    found = by_policy(reading.counts, reading.cells, reading.book)
    if reading.desk.scope.namespaces is not None:
        return found
    told = {(line.kind, line.name) for line in found}
    silent = (
        Line(name=name, kind=kind, title=entry.title, results=Results(), open=Open())
        for (kind, name), entry in sorted(reading.book.policies.items())
        if (kind, name) not in told and reading.desk.scope.admits_policy(name)
    )
    return (*found, *silent)


def _tell_rules(reading: Reading, kind: str, name: str) -> tuple[RuleLine, ...]:
    """Of a check, which is no object, those that found something."""
    entry = reading.book.policies.get((kind, name))
    rules = {rule: each.severity for rule, each in entry.rules.items()} if entry is not None else {}
    results: dict[str, Results] = {rule: Results() for rule in rules}
    for each in reading.counts:
        if each.rule[:2] == (kind, name):
            rule = each.rule[2]
            results[rule] = results.get(rule, Results()) + each.results
    gap = reading.known.gap_of((kind, name), reading.desk.scope)
    return tuple(
        RuleLine(
            policy_kind=kind,
            policy=name,
            rule=rule,
            severity=rules.get(rule),
            results=counted,
            gap="no kind that it matches is there" if gap is None and kind != Kind.CHECK else gap or "",
        )
        for rule, counted in results.items()
    )


def _read_news(reading: Reading) -> tuple[PolicyNews, ...]:
    period = Period(start=reading.desk.now - SOON, end=reading.desk.now)
    return read_policy_news(reading.connection, reading.cluster, period, reading.desk.scope)


def _find_first(reading: Reading, kind: str, name: str) -> datetime | None:
    c = POLICY_CHANGES.c
    question = select(c.at).where(c.cluster_id == reading.cluster, c.policy_kind == kind, c.policy == name)
    found: datetime | None = reading.connection.execute(question.order_by(c.id).limit(1)).scalar_one_or_none()
    return found


def _search(lines: tuple[Line, ...], asked: Asked) -> tuple[Line, ...]:
    wanted = asked["q"].casefold()
    return tuple(each for each in lines if wanted in f"{each.name} {each.title}".casefold())
