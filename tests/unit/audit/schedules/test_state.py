from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.audit.schedules.state import (
    CLAIM,
    LAST_PAUSE,
    LEAST,
    MOST,
    SETTLE,
    Entry,
    Standing,
    State,
    plan,
    read_standing,
    render_standing,
)
from auditor.languages.schema.structural import StructuralSchema
from tests.unit.audit.schedules.making import CREATED, make_schedule, monday
from tests.unit.crds.schemas import schema_of

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


def everybody() -> Sequence[str]:
    return [""]


def look(standing: Standing, now: datetime, **spec: object) -> Standing:
    return plan(make_schedule(**spec), standing, now, everybody).standing


def begun(now: datetime = CREATED, **spec: object) -> Standing:
    return look(Standing(), now, **spec)


def test_nothing_is_due_at_first() -> None:
    standing = begun()
    assert standing.entries == ()
    assert (standing.next, standing.last, standing.since) == (monday(1), None, CREATED)
    assert (standing.generation, standing.observed) == (3, "0 6 * * MON UTC")


def test_it_becomes_due() -> None:
    standing = look(begun(), monday(1))
    (entry,) = standing.entries
    assert (entry.name, entry.audience, entry.due) == ("archive", "", monday(1))
    assert (entry.start, entry.end) == (monday(0), monday(1))
    assert entry.waits_until() == monday(1) + SETTLE, "what is counted is written by then"
    assert (standing.last, standing.next) == (monday(1), monday(2))
    assert look(standing, monday(1) + HOUR) == standing, "once"


def test_not_a_second_too_early() -> None:
    assert look(begun(), monday(1) - timedelta(seconds=1)).entries == ()


def test_the_latest_of_those_missed_is_made_up_for() -> None:
    standing = look(begun(), monday(4) + HOUR)
    assert [entry.due for entry in standing.entries] == [monday(4)]
    assert standing.entries[0].start == monday(3)
    assert look(standing, monday(4) + 2 * HOUR) == standing


def test_not_after_its_deadline() -> None:
    planned = plan(make_schedule(startingDeadline="2h"), begun(startingDeadline="2h"), monday(1) + 3 * HOUR, everybody)
    assert planned.standing.entries == ()
    assert planned.standing.last == monday(1), "and not looked at again"
    assert "2026-11-02 06:00 UTC was missed" in planned.remark


def test_another_schedule_makes_up_for_nothing() -> None:
    standing = look(begun(), monday(1) + HOUR)
    now = monday(2) + HOUR
    changed = look(replace(standing, last=monday(2)), now, schedule="0 5 * * *")
    assert len(changed.entries) == 1
    assert changed.next == monday(2, 5) + timedelta(days=1)


def test_suspended() -> None:
    standing = look(begun(), monday(2) + HOUR, suspend=True)
    assert (standing.entries, standing.next) == ((), None)
    assert look(standing, monday(2) + 2 * HOUR).entries == (), "what was due meanwhile is not made up for"
    assert len(look(look(standing, monday(2) + 2 * HOUR), monday(3)).entries) == 1


def test_what_has_not_arrived_is_kept_and_of_what_has_the_last() -> None:
    schedule = make_schedule(deliveries=[{"name": "a"}, {"name": "b"}])
    standing = Standing()
    for week in range(1, 4):
        standing = plan(schedule, standing, monday(week), everybody).standing
        arrived = standing.find(("a", "", monday(week)))
        assert arrived is not None
        standing = standing.put(arrived.claim(monday(week), "d").arrive(monday(week), ""))
    standing = plan(schedule, standing, monday(4), everybody).standing
    assert [(each.name, each.due, each.state) for each in standing.entries] == [
        ("a", monday(3), State.DELIVERED),
        *(("b", monday(week), State.PENDING) for week in (1, 2, 3)),
        ("a", monday(4), State.PENDING),
        ("b", monday(4), State.PENDING),
    ]


def test_a_delivery_that_was_taken_out_is_forgotten() -> None:
    standing = look(begun(), monday(1))
    assert look(standing, monday(1) + HOUR, deliveries=[{"name": "other"}]).entries == ()


@pytest.mark.parametrize("count", [MOST - 1, MOST, MOST + 5])
def test_there_is_room_for_so_many(count: int) -> None:
    schedule = make_schedule()
    standing = plan(schedule, begun(), monday(1), lambda: ["old"]).standing
    planned = plan(schedule, standing, monday(2), lambda: [f"n{number}" for number in range(count)])
    assert len(planned.standing.entries) == min(MOST, count + 1)
    assert bool(planned.remark) == (count >= MOST)


def entry() -> Entry:
    return Entry(name="a", audience="", due=monday(1), start=monday(0), end=monday(1), next_attempt=monday(1) + SETTLE)


def test_an_attempt_that_fails_is_made_again_later() -> None:
    now, tried, pauses = monday(1), entry(), []
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
    tried, late = entry(), monday(1) + WEEK + HOUR
    for _ in range(LEAST - 1):
        tried = tried.claim(late, "d").fail(late, "away", retry_for=WEEK)
        assert tried.state is State.PENDING, "however late it began, it is tried some times"
    tried = tried.claim(late, "d").fail(late, "away", retry_for=WEEK)
    assert (tried.state, tried.waits_until()) == (State.GIVEN_UP, None)


def test_the_receiver_says_when() -> None:
    tried = entry().claim(monday(1), "d").fail(monday(1), "busy", retry_for=WEEK, retry_after=600)
    assert tried.waits_until() == monday(1) + timedelta(minutes=10)
    tried = entry().claim(monday(1), "d").fail(monday(1), "busy", retry_for=WEEK, retry_after=1e9)
    assert tried.waits_until() == monday(1) + LAST_PAUSE


def test_a_claim_runs_out() -> None:
    claimed = entry().claim(monday(1), "d")
    assert (claimed.state, claimed.waits_until()) == (State.SENDING, monday(1) + CLAIM)
    again = claimed.claim(monday(1) + CLAIM, "d")
    assert (again.attempts, again.uncertain) == (2, True)


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=CREATED.tzinfo))
ENTRIES = st.builds(
    Entry,
    name=st.sampled_from(["a", "b"]),
    audience=st.sampled_from(["", "red"]),
    due=MOMENTS,
    start=MOMENTS,
    end=MOMENTS,
    state=st.sampled_from(list(State)),
    attempts=st.integers(0, 9),
    next_attempt=st.none() | MOMENTS,
    delivered=st.none() | MOMENTS,
    digest=st.sampled_from(["", "sha256:0"]),
    uncertain=st.booleans(),
    error=st.text(max_size=20),
)
STANDINGS = st.builds(
    Standing,
    generation=st.integers(0, 9),
    observed=st.sampled_from(["", "0 6 * * 1 UTC"]),
    since=st.none() | MOMENTS,
    last=st.none() | MOMENTS,
    next=st.none() | MOMENTS,
    entries=st.lists(ENTRIES, max_size=3).map(tuple),
)
SCHEMA = StructuralSchema.compile(schema_of("reportschedule"))


@settings(deadline=None)
@given(STANDINGS)
def test_it_is_read_as_it_was_written(standing: Standing) -> None:
    rendered = render_standing(standing, {})
    assert read_standing(rendered) == standing
    thing = {
        "metadata": {"name": "a"},
        "spec": {"schedule": "0 6 * * 1", "deliveries": [{"name": "a", "file": {"directory": "a"}}]},
    }
    received = SCHEMA.receive({**thing, "status": rendered})
    assert received.unknown == []
    assert SCHEMA.validate(received.object) == []


def test_what_cannot_be_read_is_not_there() -> None:
    good = render_standing(Standing(entries=(entry(),)), {})
    good["deliveries"] += [{"name": "a"}, 7, {**good["deliveries"][0], "state": "Lost"}]
    assert read_standing({**good, "lastScheduleTime": "yesterday"}) == Standing(entries=(entry(),))
