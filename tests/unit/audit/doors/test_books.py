"""How far each process was read, whatever the order in which pages come in and by whatever address."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from auditor.audit.doors.books import REMEMBERED, Books, Collected
from auditor.audit.doors.page import Counts, Page, read_page
from auditor.json import JsonObject
from auditor.webhooks.decisions import Ring
from tests.unit.audit.doors.standing import decide


def page(instance: str, *numbers: int, last: int = 0, missed: int = 0, total: int = 0) -> Page:
    decisions: Sequence[JsonObject] = [{"number": number} for number in numbers]
    return Page(instance, last or max(numbers, default=0), missed, decisions, Counts({("v", "denied"): total}, {}))


# A step: so many decisions are made, then one of two addresses asks for a page of this size, which comes in at once or
# after the next one.
STEPS = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5), st.booleans()), max_size=30)


@given(steps=STEPS, size=st.integers(1, 8))
def test_each_decision_is_told_once_or_missed_once(steps: list[tuple[int, int, bool]], size: int) -> None:
    import orjson

    told: list[Collected] = []
    books, ring = Books(told.append), Ring(size, instance="x")
    made, held = 0, []
    for count, limit, late in steps:
        for _ in range(count):
            made += 1
            ring.count("v", "denied", ())
            ring.add(decide(str(made)))
        asked = books.since("x")
        answer = (read_page(orjson.dumps(ring.since(asked, limit))), asked)
        if late:
            held.append(answer)
            continue
        for each, number in [answer, *held]:
            books.enter("u", each, asked=number)
        held.clear()
    for _ in range(made + 1):
        asked = books.since("x")
        books.enter("u", read_page(orjson.dumps(ring.since(asked, 5))), asked=asked)
    numbers = [each["number"] for collected in told for each in collected.decisions]
    assert numbers == sorted(set(numbers))
    assert len(numbers) + sum(collected.missed for collected in told) == made
    assert sum(sum(collected.counts.decisions.values()) for collected in told) == made
    if told:
        assert told[-1].totals.decisions == {("v", "denied"): made}


def test_processes_that_ended_are_forgotten_in_the_end_and_not_at_once() -> None:
    books = Books(lambda _: None)
    books.enter("u", page("old", 1, 2, 3), asked=0)
    for number in range(REMEMBERED - 1):
        books.enter("u", page(f"i{number}", 1), asked=0)
    assert books.since("old") == 3
    books.enter("u", page("one more", 1), asked=0)
    assert books.since("old") == 0


def test_findings_are_counted_apart() -> None:
    before = Counts({}, {("p", "fail", True): 2, ("p", "fail", False): 1})
    after = Counts({}, {("p", "fail", True): 5, ("p", "fail", False): 1, ("q", "error", True): 1})
    assert after.since(before).findings == {("p", "fail", True): 3, ("q", "error", True): 1}
    assert not after.since(after)
    assert not before.since(after)
