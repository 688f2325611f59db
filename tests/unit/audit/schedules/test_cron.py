from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditor.audit.schedules.cron import Cron
from auditor.errors import CompileError

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
MINUTE = timedelta(minutes=1)


def runs(text: str, start: datetime, count: int, zone: ZoneInfo = UTC_ZONE) -> list[str]:
    cron, found = Cron.read(text), []
    for _ in range(count):
        at = cron.next(start, zone)
        assert at is not None
        found.append(f"{at:%m-%d %H:%M}")
        start = at
    return found


START = datetime(2026, 11, 1, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 6 * * MON", ["11-02 06:00", "11-09 06:00"]),
        ("0 6 * * 0", ["11-01 06:00", "11-08 06:00"]),
        ("0 6 * * 7", ["11-01 06:00", "11-08 06:00"]),
        ("0 6 * * fri-7", ["11-01 06:00", "11-06 06:00", "11-07 06:00", "11-08 06:00"]),
        ("*/20 0 1 * *", ["11-01 00:20", "11-01 00:40", "12-01 00:00"]),
        ("5/25 0 1 * *", ["11-01 00:05", "11-01 00:30", "11-01 00:55"]),
        ("0 8-10/2,12 * * *", ["11-01 08:00", "11-01 10:00", "11-01 12:00", "11-02 08:00"]),
        ("0 0 31 * *", ["12-31 00:00", "01-31 00:00", "03-31 00:00"]),
        ("0 0 15 * TUE", ["11-03 00:00", "11-10 00:00", "11-15 00:00"]),
        ("0 0 */15 * TUE", ["12-01 00:00", "12-16 00:00"][:1]),
        ("0 0 1 JAN,jul *", ["01-01 00:00", "07-01 00:00"]),
    ],
)
def test_next(text: str, expected: list[str]) -> None:
    assert runs(text, START, len(expected)) == expected


def test_a_leap_day_after_eight_years() -> None:
    found = Cron.read("0 0 29 2 *").next(datetime(2096, 3, 1, tzinfo=UTC), UTC_ZONE)
    assert found == datetime(2104, 2, 29, tzinfo=UTC)


def test_the_clock_goes_forward() -> None:
    """On 2026-03-29 there is no 2:30 in Berlin."""
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert runs("30 2 * * *", start, 2, BERLIN) == ["03-29 01:30", "03-30 00:30"]
    assert runs("30 * * * *", datetime(2026, 3, 29, 0, tzinfo=UTC), 3, BERLIN) == [
        "03-29 00:30",
        "03-29 01:30",
        "03-29 02:30",
    ]


def test_the_clock_goes_back() -> None:
    """On 2026-10-25 there is 2:30 twice in Berlin."""
    assert runs("30 2 * * *", datetime(2026, 10, 24, 12, tzinfo=UTC), 2, BERLIN) == ["10-25 00:30", "10-26 01:30"]


def test_a_zone_that_jumps_at_midnight() -> None:
    """On 2026-09-06 the day begins at 1:00 in Santiago."""
    zone = ZoneInfo("America/Santiago")
    assert runs("15 0 * * *", datetime(2026, 9, 5, 12, tzinfo=UTC), 2, zone) == ["09-06 04:15", "09-07 03:15"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 6 * *", "five fields"),
        ("60 6 * * *", "'60' is no minute"),
        ("0 a * * *", "'a' is no hour"),
        ("0 6 0 * *", "day of the month"),
        ("0 6 * foo *", "'foo' is no month"),
        ("0 6 * * fri-mon", "upwards"),
        ("*/0 6 * * *", "no minute"),
        ("-5 6 * * *", "no minute"),
        ("0 0 31 2 *", "never comes"),
        ("² 0 1 1 *", "no minute"),
    ],
)
def test_mistakes(text: str, says: str) -> None:
    with pytest.raises(CompileError, match=says):
        Cron.read(text)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    one = st.integers(low, high)
    span = st.tuples(one, one).map(lambda pair: f"{min(pair)}-{max(pair)}")
    part = st.one_of(st.just("*"), one.map(str), span, st.just("*/3"), one.map(lambda n: f"{n}/2"))
    return st.lists(part, min_size=1, max_size=2).map(",".join)


CRONS = st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(CRONS, st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_next_and_latest_are_each_other_s_inverse(text: str, naive: datetime, name: str) -> None:
    try:
        cron = Cron.read(text)
    except CompileError as error:
        assume("never comes" not in str(error))
        raise
    zone, at = ZoneInfo(name), naive.replace(tzinfo=UTC)
    after = cron.next(at, zone)
    assert after is not None
    assert after > at
    assert cron.latest(after, zone) == after
    before = cron.latest(after - MINUTE, zone)
    assert before is None or before <= at
    if before is not None:
        assert cron.next(before, zone) == after
