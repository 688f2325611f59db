"""How values are written in pages: the words and charts of compliance reports, and links that keep the filters."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from flask import Flask
from markupsafe import Markup

from auditor.dashboard.answers.asked import CLUSTER_SCOPED
from auditor.report.compliance.cells import Percent, show, show_time
from auditor.report.compliance.formats.charts import draw_gauge, draw_trend, grade
from auditor.report.compliance.overview import Overview
from auditor.report.compliance.tree import Point, Results

RESULT_WORDS: Final = {"fail": "violation", "warn": "warning", "error": "error", "skip": "excused", "pass": "pass"}


def install(app: Flask) -> None:
    app.jinja_env.filters.update(
        moment=write_moment, percent=write_percent, time=show_time, grade=_grade, number=write_number, place=write_place
    )
    app.jinja_env.globals.update(
        draw_gauge=lambda percent: Markup(draw_gauge(percent)),  # noqa: S704 - made of numbers
        draw_days=draw_days,
        change_of=find_change,
        policy_filter=lambda line: {"policy": line.name},
        namespace_filter=lambda line: {"namespace": line.name or CLUSTER_SCOPED},
        kind_filter=lambda line: {"kind": line.name},
        result_words=RESULT_WORDS,
        CLUSTER=CLUSTER_SCOPED,
    )


def write_moment(at: datetime | None) -> Markup:
    """For programs to the microsecond, for people to the minute."""
    if at is None:
        return Markup('<span class="unknown">not known</span>')
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), show(at))


def write_percent(value: float | None) -> str:
    return show(Percent(value))


def write_number(value: int | None) -> Markup | str:
    return Markup('<span class="unknown">not known</span>') if value is None else f"{value:,}"


def write_place(namespace: str) -> str:
    return namespace or "cluster-scoped"


def _grade(value: float | None) -> str:
    return "none" if value is None else grade(value)


def draw_days(points: Sequence[Point]) -> Markup:
    """By days, without the minute at which it was drawn: what has not changed is drawn the same again."""
    return Markup(draw_trend([_to_day(each) for each in points]))  # noqa: S704 - made of numbers and times


def _to_day(point: Point) -> Point:
    zone = ZoneInfo(point.period.zone)
    start, end = (
        each.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        for each in (point.period.start, point.period.end)
    )
    # It is the state at its end that is shown: that day names it.
    return replace(point, period=replace(point.period, start=end, end=end + (end - start)))


def find_change(overview: Overview) -> float | None:
    """In points, since the day before."""
    before: Results | None = overview.trend[-2].results if len(overview.trend) > 1 else None
    now = overview.results.percent if overview.results is not None else None
    then = before.percent if before is not None else None
    return None if now is None or then is None else round(now - then, 1)


def keep(asked: Mapping[str, str], defaults: Mapping[str, str], **changes: str) -> dict[str, str]:
    """The query of a link on a page: what was asked for, with some of it changed; what is the default is left out."""
    wanted = {**asked, "after": "", **changes}
    return {name: value for name, value in wanted.items() if value and value != defaults.get(name, "")}
