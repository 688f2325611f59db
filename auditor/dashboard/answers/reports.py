"""A compliance report of what the visitor may see, and no more."""

from typing import Final

from auditor.dashboard.answers.asked import Asked, Parameter
from auditor.dashboard.answers.desk import Desk
from auditor.report.compliance import Compliance, Options, make_report, read_period
from auditor.report.compliance.formats import FORMATS

PERIODS: Final = {
    "24h": "the last 24 hours",
    "7d": "the last 7 days",
    "30d": "the last 30 days",
    "this-month": "this month",
    "last-week": "last week",
    "last-month": "last month",
}
MOST: Final = 5_000
"""Findings that a page or table lists, as in `auditor report`."""
SUFFIXES: Final = {"html": "html", "csv": "csv", "json": "json", "markdown": "md"}
TYPES: Final = {"html": "text/html", "csv": "text/csv", "json": "application/json", "markdown": "text/markdown"}
PARAMETERS: Final = (
    Parameter(name="period", what="As in `auditor report --period`: 7d, last-month, 2026-10 ...", default="7d"),
    Parameter(name="time_zone", what="By which days and months are counted.", default="UTC"),
    Parameter(name="namespace", what="This namespace alone."),
    Parameter(name="kind", what="This kind alone, as databases.db.example.com."),
    Parameter(name="policy", what="This policy alone."),
)


def ask_report(desk: Desk, asked: Asked) -> Compliance:
    narrowed = desk.narrow(namespace=asked["namespace"], kind=asked["kind"], policy=asked["policy"])
    period = read_period(asked["period"], now=desk.now, zone=asked["time_zone"])
    return make_report(
        desk.database,
        desk.cluster,
        period,
        narrowed.scope,
        now=desk.now,
        options=Options(allowed=desk.allowed, most=MOST),
    )


def write(report: Compliance, form: str) -> str:
    return FORMATS[form](report)
