"""A ReportSchedule as it was applied, read into values; what its CRD could not refuse is told here."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from auditor.audit.dispatch.times import read_span
from auditor.audit.dispatch.wish import Wish, read_wish
from auditor.audit.schedules.cron import Cron
from auditor.cluster.access import dig_list, dig_object, dig_text, dig_time
from auditor.errors import CompileError, Problem, UsageError
from auditor.json import JsonObject
from auditor.report.compliance.period import Period, find_zone, read_period
from auditor.report.delivery.letter import PLACES, WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Wish):
    created: datetime
    text: str
    cron: Cron
    zone: ZoneInfo
    deadline: timedelta
    """How late a run may begin."""
    period: str
    """Empty: from one due time to the next."""
    formats: tuple[str, ...]

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
    spec = dig_object(thing, "spec")
    problems: list[Problem] = []
    cron = zone = None
    try:
        cron = Cron.read(dig_text(spec, "schedule"))
    except CompileError as error:
        problems += [Problem(f"spec.schedule: {each.message}") for each in error.problems]
    try:
        zone = find_zone(dig_text(spec, "timeZone") or "UTC")
    except UsageError as error:
        problems.append(Problem(f"spec.timeZone: {error}"))
    wish = read_wish(thing, problems, places=PLACES, words=WORDS)
    if problems or cron is None or zone is None:
        raise CompileError(problems)
    return Schedule(
        **wish,
        created=dig_time(thing, "metadata", "creationTimestamp") or datetime.now(UTC),
        text=" ".join(dig_text(spec, "schedule").split()),
        cron=cron,
        zone=zone,
        deadline=read_span(dig_text(spec, "startingDeadline") or "1d"),
        period=dig_text(spec, "period"),
        formats=tuple(dig_list(spec, "formats")) or ("html",),
    )
