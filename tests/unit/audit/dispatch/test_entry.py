from dataclasses import replace
from datetime import UTC, datetime, timedelta

from auditor.audit.dispatch.entry import CLAIM, LAST_PAUSE, LEAST, Entry, State, keep_last

DUE = datetime(2026, 11, 2, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


def entry() -> Entry:
    return Entry(name="a", audience="", due=DUE)


def test_an_attempt_that_fails_is_made_again_later() -> None:
    now, tried, pauses = DUE, entry(), []
    for _ in range(12):
        tried = tried.claim(now, "d").fail(now, "away", retry_for=WEEK)
        due = tried.waits_until()
        assert due is not None
        pauses.append(due - now)
        now = due
    assert pauses[:3] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LAST_PAUSE
    assert (tried.attempts, tried.error, tried.uncertain) == (12, "away", False)


def test_it_is_given_up() -> None:
    tried, late = entry(), DUE + WEEK + HOUR
    for _ in range(LEAST - 1):
        tried = tried.claim(late, "d").fail(late, "away", retry_for=WEEK)
        assert tried.state is State.PENDING, "however late it began, it is tried some times"
    tried = tried.claim(late, "d").fail(late, "away", retry_for=WEEK)
    assert (tried.state, tried.waits_until()) == (State.GIVEN_UP, None)


def test_the_receiver_says_when() -> None:
    tried = entry().claim(DUE, "d").fail(DUE, "busy", retry_for=WEEK, retry_after=600)
    assert tried.waits_until() == DUE + timedelta(minutes=10)
    for much in (1e9, 1e20, float("inf")):
        tried = entry().claim(DUE, "d").fail(DUE, "busy", retry_for=WEEK, retry_after=much)
        assert tried.waits_until() == DUE + LAST_PAUSE


def test_a_claim_runs_out() -> None:
    claimed = entry().claim(DUE, "d")
    assert (claimed.state, claimed.waits_until()) == (State.SENDING, DUE + CLAIM)
    again = claimed.claim(DUE + CLAIM, "d")
    assert (again.attempts, again.uncertain) == (2, True)


def test_of_what_is_over_the_last_is_kept() -> None:
    first, second = (replace(entry(), due=DUE + number * HOUR).claim(DUE, "").arrive(DUE, "") for number in range(2))
    other = replace(first, audience="red")
    assert keep_last([second, first, other, entry()], [("a", "")]) == [second]
