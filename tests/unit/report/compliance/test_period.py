"""Periods as people name them, by their own calendar."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import UsageError
from auditor.report.compliance.period import read_period
from auditor.report.compliance.tree import Flow, Point, Results
from auditor.report.compliance.trend import begin

NOW = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)  # a Wednesday


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("24h", "2026-11-17T14:30", "2026-11-18T14:30"),
        ("7d", "2026-11-11T14:30", "2026-11-18T14:30"),
        ("4w", "2026-10-21T14:30", "2026-11-18T14:30"),
        ("today", "2026-11-18", "2026-11-18T14:30"),
        ("yesterday", "2026-11-17", "2026-11-18"),
        ("this-week", "2026-11-16", "2026-11-18T14:30"),
        ("last-week", "2026-11-09", "2026-11-16"),
        ("last-month", "2026-10-01", "2026-11-01"),
        ("2026-10", "2026-10-01", "2026-11-01"),
        ("2025-12", "2025-12-01", "2026-01-01"),
        ("2026-11", "2026-11-01", "2026-11-18T14:30"),
        ("2026-W45", "2026-11-02", "2026-11-09"),
        ("2026-Q3", "2026-07-01", "2026-10-01"),
        ("2025", "2025-01-01", "2026-01-01"),
        ("2026-10-05", "2026-10-05", "2026-10-06"),
        ("2026-10-01..2026-11-01", "2026-10-01", "2026-11-01"),
        ("2026-10-01T06:00..2026-10-01T07:30", "2026-10-01T06:00", "2026-10-01T07:30"),
    ],
)
def test_forms(text: str, start: str, end: str) -> None:
    period = read_period(text, now=NOW)
    assert (period.start, period.end) == (at(start), at(end))


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "0d", "2026-13", "2026-W54", "2026-02-30", "2026-11-01..2026-10-01", "2026-10-01..2026-10-01"),
        *("2027", "2026-12", "2026-11-19", "99999w", "a..b"),
    ],
)
def test_what_is_none_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(UsageError):
        read_period(text, now=NOW)


def test_the_future_is_told_apart() -> None:
    with pytest.raises(UsageError, match="future"):
        read_period("2027-01", now=NOW)
    with pytest.raises(UsageError, match="no time zone 'Mars/Base'"):
        read_period("7d", now=NOW, zone="Mars/Base")


def test_days_of_a_zone_may_have_23_or_25_hours() -> None:
    spring = read_period("2026-03-29", now=NOW, zone="Europe/Berlin")
    assert spring.end - spring.start == timedelta(hours=23)
    assert spring.start == at("2026-03-28T23:00")
    assert spring.before().end == spring.start
    autumn = read_period("2026-10-25", now=NOW, zone="Europe/Berlin")
    assert autumn.end - autumn.start == timedelta(hours=25)
    assert autumn.before().end == autumn.start


def test_a_month_that_is_not_over_is_compared_with_as_much_of_the_last() -> None:
    period = read_period("2026-11", now=NOW).before()
    assert (period.start, period.end) == (at("2026-10-01"), at("2026-10-18T14:30"))


def test_periods_of_a_trend_follow_each_other() -> None:
    for text in ("2026-10", "2026-W45", "yesterday", "2026-Q3"):
        period = read_period(text, now=NOW, zone="Europe/Berlin")
        for count in range(1, 13):
            assert period.before(count).end == period.before(count - 1).start


@given(st.integers(1, 400), st.sampled_from("hdw"), st.integers(0, 24))
def test_lengths_stay(count: int, unit: str, back: int) -> None:
    period = read_period(f"{count}{unit}", now=NOW)
    before = period.before(back)
    assert before.end - before.start == period.end - period.start
    assert before.end == period.end - back * (period.end - period.start)


@pytest.mark.parametrize(
    ("known", "begins"),
    [
        ("....", "--34"),  # the last and the one that it is compared with, whatever is known
        ("...r", "--34"),
        (".r.r", "-234"),  # a gap stays a gap
        (".f.r", "-234"),
        ("r..r", "1234"),
        (".", "1"),
    ],
)
def test_a_trend_begins_where_something_is_known(known: str, begins: str) -> None:
    day = read_period("24h", now=NOW)
    points = [
        Point(
            period=day.before(len(known) - number),
            results=Results() if what == "r" else None,
            flow=Flow(opened=1, reopened=0, resolved=0) if what == "f" else None,
        )
        for number, what in enumerate(known, 1)
    ]
    assert begin(*points) == tuple(points[int(number) - 1] for number in begins if number != "-")
