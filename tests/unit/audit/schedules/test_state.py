from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.audit.dispatch.entry import MOST, State
from auditor.audit.schedules.state import SETTLE, ReportEntry, Runs, plan, read_runs, render_runs
from auditor.languages.schema.structural import StructuralSchema
from tests.unit.audit.schedules.making import CREATED, make_schedule, monday
from tests.unit.crds.schemas import schema_of

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


def everybody() -> Sequence[str]:
    return [""]


def look(standing: Runs, now: datetime, **spec: object) -> Runs:
    return plan(make_schedule(**spec), standing, now, everybody).standing


def begun(now: datetime = CREATED, **spec: object) -> Runs:
    return look(Runs(), now, **spec)


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
    standing = Runs()
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


def entry() -> ReportEntry:
    return ReportEntry(
        name="a", audience="", due=monday(1), start=monday(0), end=monday(1), next_attempt=monday(1) + SETTLE
    )


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=CREATED.tzinfo))
ENTRIES = st.builds(
    ReportEntry,
    name=st.sampled_from(["a", "b"]),
    audience=st.sampled_from(["", "red"]),
    due=MOMENTS,
    start=MOMENTS,
    end=MOMENTS,
    state=st.sampled_from(list(State)),
    attempts=st.integers(0, 9),
    next_attempt=st.none() | MOMENTS,
    delivered=st.none() | MOMENTS,
    sent=st.sampled_from(["", "sha256:0"]),
    uncertain=st.booleans(),
    error=st.text(max_size=20),
)
STANDINGS = st.builds(
    Runs,
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
def test_it_is_read_as_it_was_written(standing: Runs) -> None:
    rendered = render_runs(standing, {})
    assert read_runs(rendered) == standing
    thing = {
        "metadata": {"name": "a"},
        "spec": {"schedule": "0 6 * * 1", "deliveries": [{"name": "a", "file": {"directory": "a"}}]},
    }
    received = SCHEMA.receive({**thing, "status": rendered})
    assert received.unknown == []
    assert SCHEMA.validate(received.object) == []


def test_what_cannot_be_read_is_not_there() -> None:
    good = render_runs(Runs(entries=(entry(),)), {})
    good["deliveries"] += [{"name": "a"}, 7, {**good["deliveries"][0], "state": "Lost"}]
    assert read_runs({**good, "lastScheduleTime": "yesterday"}) == Runs(entries=(entry(),))
