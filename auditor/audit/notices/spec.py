"""A Notification as it was applied, read into values; what its CRD could not refuse is told here."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from auditor.audit.dispatch.times import read_span
from auditor.audit.dispatch.wish import Wish, read_wish
from auditor.cluster.access import dig, dig_list, dig_object, dig_text, dig_time
from auditor.errors import CompileError, Problem
from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.report.news import Change
from auditor.report.news.letter import PLACES, WORDS

LISTED: Final = 20
"""Findings that a message names where nothing is said of it: what fits on some screens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification(Wish):
    created: datetime
    changes: frozenset[Change]
    results: frozenset[Result]
    group_wait: timedelta
    """After the first finding that is news: what else comes until then is in the same message."""
    interval: timedelta
    """Between two messages, at least."""
    listed: int


def read_notification(thing: JsonObject) -> Notification:
    """Raises CompileError with every mistake. Defaults as the CRD has them, which an API server has filled in."""
    spec = dig_object(thing, "spec")
    problems: list[Problem] = []
    wish = read_wish(thing, problems, places=PLACES, words=WORDS)
    if problems:
        raise CompileError(problems)
    listed = dig(spec, "list", default=LISTED)
    return Notification(
        **wish,
        created=dig_time(thing, "metadata", "creationTimestamp") or datetime.now(UTC),
        changes=frozenset(map(Change, dig_list(spec, "changes"))) or frozenset({Change.NEW, Change.REOPENED}),
        results=frozenset(map(Result, dig_list(spec, "results")))
        or frozenset({Result.FAIL, Result.WARN, Result.ERROR}),
        group_wait=read_span(dig_text(spec, "groupWait") or "10s"),
        interval=read_span(dig_text(spec, "interval") or "5m"),
        listed=listed if isinstance(listed, int) else LISTED,
    )
