from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.audit.dispatch.entry import MOST, State
from auditor.audit.notices.state import (
    LAG,
    Edition,
    NewsEntry,
    Progress,
    choose_due,
    plan,
    read_progress,
    render_progress,
)
from auditor.languages.schema.structural import StructuralSchema
from tests.unit.audit.notices.making import CREATED, make_notification, make_thing
from tests.unit.crds.schemas import schema_of

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
NOW = CREATED + DAY
INTERVAL = 5 * MINUTE


@dataclass
class Shelf:
    """An archive: at which moments there was news, when, and for whom."""

    began: datetime = CREATED - DAY
    news: dict[int, tuple[datetime, list[str]]] = field(default_factory=dict)
    newest: int = 100
    moved: bool = False

    def put(self, at: datetime, *audiences: str) -> None:
        self.newest += 1
        self.news[self.newest] = at, [*audiences]

    def find_before(self, at: datetime) -> int:
        return 40

    def read(self, after: int) -> Edition:
        found = [each for moment, each in self.news.items() if moment > after]
        audiences = sorted({name for _, names in found for name in names})
        return Edition(
            upto=self.newest, begun=min((at for at, _ in found), default=None), audiences=audiences, moved=self.moved
        )


def look(standing: Progress, shelf: Shelf, now: datetime, *, whole: bool = True, **spec: object) -> Progress:
    return plan(make_notification(**spec), standing, now, shelf, whole=whole)[0]


def begun(shelf: Shelf) -> Progress:
    return look(Progress(), shelf, CREATED)


def arrive(standing: Progress, now: datetime) -> Progress:
    for each in choose_due(make_notification(), standing.entries, now):
        standing = standing.put(each.claim(now, "s").arrive(now, ""))
    return standing


def test_news_are_told_from_its_creation_on() -> None:
    standing = begun(Shelf())
    assert (standing.cursor, standing.since, standing.history) == (40, CREATED, CREATED - DAY)


def test_not_what_a_first_pass_finds() -> None:
    shelf = Shelf()
    notification = make_notification()
    standing, told = plan(notification, Progress(), NOW, shelf, whole=False)
    assert (standing.since, told[0].status, told[0].reason) == (None, "False", "FirstPass")
    standing = look(standing, shelf, NOW + MINUTE)
    assert (standing.cursor, standing.since) == (100, NOW + MINUTE), "though it was there before"
    shelf = Shelf(began=CREATED + SECOND)
    assert look(Progress(), shelf, NOW).cursor == 100, "all in this history came after it was made"


@pytest.mark.parametrize("changes", [{"began": NOW}, {"newest": 7}])
def test_another_history(changes: dict[str, object]) -> None:
    shelf = Shelf()
    standing = begun(shelf)
    shelf.put(NOW - MINUTE, "")
    standing = look(standing, shelf, NOW)
    other = replace(shelf, news={}, **changes)  # type: ignore[arg-type]
    moved = look(standing, other, NOW + DAY)
    assert (moved.cursor, moved.since, moved.entries) == (other.newest, NOW + DAY, ())


def test_others_may_follow() -> None:
    shelf = Shelf()
    shelf.put(NOW, "")
    standing = begun(shelf)
    assert look(standing, shelf, NOW + 9 * SECOND) == standing
    found = look(standing, shelf, NOW + 10 * SECOND)
    (entry,) = found.entries
    assert (entry.name, entry.after, entry.upto, found.cursor) == ("chat", 40, 101, 101)
    assert found.last == entry.due == NOW + 10 * SECOND


def test_one_message_in_an_interval() -> None:
    shelf = Shelf()
    shelf.put(CREATED, "")
    standing = arrive(look(begun(shelf), shelf, NOW), NOW)
    shelf.put(NOW, "")
    assert look(standing, shelf, NOW + INTERVAL - SECOND) == standing
    later = look(standing, shelf, NOW + INTERVAL)
    assert [(each.after, each.upto, each.state) for each in later.entries] == [
        (40, 101, State.DELIVERED),
        (101, 102, State.PENDING),
    ]
    arrived = arrive(later, NOW + INTERVAL)
    shelf.put(NOW, "")
    assert [each.upto for each in look(arrived, shelf, NOW + DAY).entries] == [102, 103], "of what arrived, the last"


def test_what_waits_behind_another_grows() -> None:
    """So a receiver that is down for long gets two messages, and not all that there would have been."""
    shelf = Shelf()
    shelf.put(CREATED, "")
    notification = make_notification()
    standing = look(begun(shelf), shelf, NOW)
    standing = standing.put(standing.entries[0].claim(NOW, "s").fail(NOW, "away", retry_for=DAY))
    for number in range(1, 4):
        shelf.put(NOW, "")
        standing = look(standing, shelf, NOW + number * INTERVAL)
    assert [(each.after, each.upto) for each in standing.entries] == [(40, 101), (101, 104)]
    now = NOW + 20 * MINUTE
    (first,) = choose_due(notification, standing.entries, now)
    assert first.upto == 101, "in their order"
    standing = standing.put(first.claim(now, "s").arrive(now, ""))
    assert choose_due(notification, standing.entries, now + INTERVAL - SECOND) == []
    assert [each.upto for each in choose_due(notification, standing.entries, now + INTERVAL)] == [104]


def test_what_waits_behind_another_hears_what_is_over() -> None:
    shelf = Shelf()
    shelf.put(CREATED, "red", "blue")
    standing = look(begun(shelf), shelf, NOW)
    for each in standing.entries:
        standing = standing.put(each.claim(NOW, "s").fail(NOW, "away", retry_for=DAY))
    shelf.put(NOW, "red")
    standing = look(standing, shelf, NOW + INTERVAL)
    shelf.newest, shelf.moved = shelf.newest + 1, True  # it was repaired, which is nothing that is told
    standing = look(standing, shelf, NOW + 2 * INTERVAL)
    assert [(each.audience, each.after, each.upto) for each in standing.entries][2:] == [("red", 101, 103)]
    shelf.moved = False
    shelf.put(NOW, "blue")
    standing = look(standing, shelf, NOW + 3 * INTERVAL)
    assert [(each.audience, each.upto) for each in standing.entries][2:] == [("red", 104), ("blue", 104)]


def test_what_was_given_up_is_in_the_next() -> None:
    shelf = Shelf()
    shelf.put(CREATED, "")
    standing = look(begun(shelf), shelf, NOW)
    standing = standing.put(replace(standing.entries[0], state=State.GIVEN_UP, attempts=5))
    assert look(standing, shelf, NOW + DAY) == standing
    shelf.put(NOW, "")
    (entry,) = look(standing, shelf, NOW + DAY).entries
    assert (entry.after, entry.upto, entry.attempts) == (40, 102, 0)


def test_suspended() -> None:
    shelf = Shelf()
    standing = look(begun(shelf), shelf, NOW, suspend=True)
    shelf.put(NOW, "")
    assert look(standing, shelf, NOW + DAY, suspend=True) == standing
    resumed = look(standing, shelf, NOW + DAY)
    assert (resumed.cursor, resumed.entries) == (101, ()), "what came meanwhile is not told"


def test_the_status_is_not_written_for_what_concerns_nobody() -> None:
    shelf = Shelf()
    standing = begun(shelf)
    shelf.newest += LAG - 60
    assert look(standing, shelf, NOW) == standing
    shelf.newest += 1
    assert look(standing, shelf, NOW).cursor == shelf.newest, "but for a long way"
    shelf = Shelf(newest=101, moved=True)
    assert look(standing, shelf, NOW).cursor == 101, "or where what comes later is another change by it"


def test_there_is_room_for_so_many() -> None:
    shelf = Shelf()
    names = [f"n{number}" for number in range(MOST + 5)]
    shelf.put(CREATED, *names)
    standing, told = plan(make_notification(), begun(shelf), NOW, shelf, whole=True)
    assert len(standing.entries) == MOST
    assert [(each.type, each.status) for each in told] == [("Ready", "True"), ("Complete", "False")]
    assert "5 messages are left out" in told[1].message
    standing = standing.put(standing.entries[0].claim(NOW, "s"))
    shelf.put(NOW, "other", *names[:2])
    assert look(standing, shelf, NOW + DAY) == standing, "it waits until there is room"
    for each in standing.entries:
        standing = standing.put(each.arrive(NOW, "")) if each.audience != "n0" else standing
    later = look(standing, shelf, NOW + DAY)
    assert len(later.entries) == MOST
    assert [each.audience for each in later.entries if each.is_open] == ["n0", "n0", "n1", "other"]


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=CREATED.tzinfo))
ENTRIES = st.builds(
    NewsEntry,
    name=st.sampled_from(["a", "b"]),
    audience=st.sampled_from(["", "red"]),
    due=MOMENTS,
    after=st.integers(0, 2**62),
    upto=st.integers(0, 2**62),
    state=st.sampled_from(list(State)),
    attempts=st.integers(0, 9),
    next_attempt=st.none() | MOMENTS,
    delivered=st.none() | MOMENTS,
    sent=st.sampled_from(["", "1 new finding"]),
    uncertain=st.booleans(),
    error=st.text(max_size=20),
)
STANDINGS = st.builds(
    Progress,
    generation=st.integers(0, 9),
    history=MOMENTS,
    cursor=st.integers(0, 2**62),
    since=st.none() | MOMENTS,
    last=st.none() | MOMENTS,
    entries=st.lists(ENTRIES, max_size=3).map(tuple),
)
SCHEMA = StructuralSchema.compile(schema_of("notification"))


@settings(deadline=None)
@given(STANDINGS)
def test_it_is_read_as_it_was_written(standing: Progress) -> None:
    rendered = render_progress(standing, {})
    assert read_progress(rendered) == standing
    received = SCHEMA.receive({**make_thing(), "status": rendered})
    assert received.unknown == []
    assert SCHEMA.validate(received.object) == []


def test_what_cannot_be_read_is_not_there() -> None:
    entry = NewsEntry(name="a", audience="", due=NOW, after=1, upto=2)
    good = render_progress(Progress(entries=(entry,)), {})
    good["deliveries"] += [{"name": "a"}, 7, {**good["deliveries"][0], "upTo": True}]
    assert read_progress({**good, "since": "yesterday", "cursor": "7"}) == Progress(entries=(entry,))
