"""A ReportSchedule as it was applied, read into values; what its CRD could not refuse is told here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from auditor.audit.schedules.cron import Cron
from auditor.cluster.access import dig, dig_list, dig_object, dig_text
from auditor.engine.match.selector import read_selector
from auditor.errors import CompileError, Problem, UsageError
from auditor.json import JsonObject
from auditor.model.match import LabelSelector
from auditor.model.policy import Severity
from auditor.report.compliance.period import Period, find_zone, read_period
from auditor.report.delivery.letter import PLACES, WORDS
from auditor.report.delivery.template import check

_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class Routing(StrEnum):
    ONE = ""
    NAMESPACE = "Namespace"
    LABEL = "Label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    name: str
    uid: str
    generation: int
    created: datetime
    text: str
    cron: Cron
    zone: ZoneInfo
    suspended: bool
    deadline: timedelta
    """How late a run may begin."""
    retry_for: timedelta
    period: str
    """Empty: from one due time to the next."""
    namespaces: frozenset[str] | None
    selector: LabelSelector | None
    kinds: frozenset[str]
    policies: frozenset[str]
    severity: Severity | None
    framework: str
    routing: Routing
    label: str
    formats: tuple[str, ...]
    deliveries: Mapping[str, JsonObject]
    """By name, as they were written."""

    @property
    def observed(self) -> str:
        """By what due times are reckoned. Another: what would have been due by it before is not made up for."""
        return f"{self.text} {self.zone.key}{' suspended' if self.suspended else ''}"

    def period_of(self, due: datetime) -> Period:
        """The same whenever it is asked: how late it is plays no part."""
        if self.period:
            return read_period(self.period, now=due, zone=self.zone.key)
        before = self.cron.latest(due - timedelta(microseconds=1), self.zone)
        return Period(start=before or due - timedelta(days=1), end=due, zone=self.zone.key)


def read_schedule(thing: JsonObject) -> Schedule:
    """Raises CompileError with every mistake."""
    spec, scope = dig_object(thing, "spec"), dig_object(thing, "spec", "scope")
    problems: list[Problem] = []
    cron = zone = selector = None
    try:
        cron = Cron.read(dig_text(spec, "schedule"))
    except CompileError as error:
        problems += [Problem(f"spec.schedule: {each.message}") for each in error.problems]
    try:
        zone = find_zone(dig_text(spec, "timeZone") or "UTC")
    except UsageError as error:
        problems.append(Problem(f"spec.timeZone: {error}"))
    try:
        if "namespaceSelector" in scope:
            selector = read_selector(scope["namespaceSelector"], "spec.scope.namespaceSelector")
    except CompileError as error:
        problems += error.problems
    deliveries = {dig_text(each, "name"): each for each in dig_list(spec, "deliveries")}
    for name, each in deliveries.items():
        problems += [Problem(f"delivery {name}: {problem.message}") for problem in _check(each)]
    if problems or cron is None or zone is None:
        raise CompileError(problems)
    severity = dig_text(scope, "severity")
    return Schedule(
        name=dig_text(thing, "metadata", "name"),
        uid=dig_text(thing, "metadata", "uid"),
        generation=dig(thing, "metadata", "generation", default=0),
        created=read_time(dig_text(thing, "metadata", "creationTimestamp")) or datetime.now(UTC),
        text=" ".join(dig_text(spec, "schedule").split()),
        cron=cron,
        zone=zone,
        suspended=dig(spec, "suspend") is True,
        deadline=_read_span(dig_text(spec, "startingDeadline") or "1d"),
        retry_for=_read_span(dig_text(spec, "retryFor") or "7d"),
        period=dig_text(spec, "period"),
        namespaces=frozenset(dig_list(scope, "namespaces")) if "namespaces" in scope else None,
        selector=selector,
        kinds=frozenset(dig_list(scope, "kinds")),
        policies=frozenset(dig_list(scope, "policies")),
        severity=Severity(severity) if severity else None,
        framework=dig_text(scope, "framework"),
        routing=Routing(dig_text(spec, "routing", "by")),
        label=dig_text(spec, "routing", "label"),
        formats=tuple(dig_list(spec, "formats")) or ("html",),
        deliveries=deliveries,
    )


def _check(delivery: JsonObject) -> list[Problem]:
    """Its templates."""
    email, hook = dig_object(delivery, "email"), dig_object(delivery, "webhook")
    found: list[Problem] = []
    places = [dig_text(delivery, "file", "directory"), dig_text(email, "from"), *dig_list(email, "to")]
    is_json = (dig_text(hook, "contentType") or "application/json").startswith("application/json")
    for text, known, as_json in (
        *((each, PLACES, False) for each in places),
        (dig_text(email, "subject"), WORDS, False),
        *([(dig_text(hook, "body"), WORDS, is_json)] if "body" in hook else []),
    ):
        try:
            check(text, known, is_json=as_json)
        except CompileError as error:
            found += error.problems
    return found


def read_time(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo is not None else None


def _read_span(text: str) -> timedelta:
    return int(text[:-1]) * _UNITS[text[-1]]
