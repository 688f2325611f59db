"""Doors that are asked: nothing is lost and nothing counted twice, and none holds up another."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from auditor.audit.doors import Doors
from auditor.audit.doors.pardons import Key
from auditor.errors import UsageError
from tests.unit.audit.doors.standing import NOW, Taker, standing
from tests.unit.cluster.scripted import Connection, Scripted, answering

QUICK = 0.02
NEVER = 3600.0


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


@pytest.fixture
def taker() -> Taker:
    return Taker()


def run(stack: ExitStack, doors: Doors) -> Doors:
    stack.callback(doors.stop)
    doors.start()
    return doors


def until(true: Callable[[], bool]) -> None:
    deadline, pause = time.monotonic() + 10, threading.Event()
    while not true():
        assert time.monotonic() < deadline
        pause.wait(0.01)


def test_what_is_there_comes_at_once_then_what_is_new(stack: ExitStack, taker: Taker) -> None:
    stand = stack.enter_context(standing())
    stand.decide("a", "b")
    doors = run(stack, Doors(taker.take, urls=[stand.url], interval=NEVER))
    taker.wait_for(lambda: taker.names == ["a", "b"])
    assert taker.told[0].instance == "one"
    assert taker.told[0].url == stand.url
    assert taker.told[0].counts.decisions == {("validate/fail-10s", "denied"): 2}
    assert taker.told[0].last == 2
    stand.decide("c")
    doors.hurry()
    taker.wait_for(lambda: taker.names == ["a", "b", "c"])
    assert taker.denied == 3
    assert taker.told[-1].totals.decisions == {("validate/fail-10s", "denied"): 3}
    until(lambda: doors.status.doors[0].answered is not None)
    (status,) = doors.status.doors
    assert (status.url, status.instance, status.error) == (stand.url, "one", "")


def test_nothing_new_tells_nothing(stack: ExitStack, taker: Taker) -> None:
    stand = stack.enter_context(standing())
    stand.decide("a")
    doors = run(stack, Doors(taker.take, urls=[stand.url], interval=QUICK))
    taker.wait_for(lambda: taker.names == ["a"])
    for _ in range(5):
        before = doors.status.doors[0].answered
        until(lambda before=before: doors.status.doors[0].answered != before)  # type: ignore[misc]
    assert len(taker.told) == 1


def test_many_decisions_are_read_in_pages(stack: ExitStack, taker: Taker) -> None:
    stand = stack.enter_context(standing(size=2000))
    names = [f"n{n}" for n in range(1100)]
    stand.decide(*names)
    run(stack, Doors(taker.take, urls=[stand.url], interval=NEVER))
    taker.wait_for(lambda: taker.names == names)
    assert len(taker.told) == 5
    assert taker.denied == 1100


def test_what_the_door_has_forgotten_is_missed_and_counted(stack: ExitStack, taker: Taker) -> None:
    stand = stack.enter_context(standing(size=10))
    stand.decide(*[f"n{n}" for n in range(25)])
    doors = run(stack, Doors(taker.take, urls=[stand.url], interval=NEVER))
    taker.wait_for(lambda: len(taker.names) == 10)
    assert (taker.missed, taker.denied) == (15, 25)
    stand.decide(*[f"m{n}" for n in range(12)])
    doors.hurry()
    taker.wait_for(lambda: len(taker.names) == 20)
    assert (taker.missed, taker.denied) == (17, 37)


def test_a_process_that_begins_anew_is_read_from_its_beginning(stack: ExitStack, taker: Taker) -> None:
    with standing("one") as stand:
        stand.decide("a", "b", "c")
        doors = run(stack, Doors(taker.take, urls=[stand.url], interval=NEVER))
        taker.wait_for(lambda: len(taker.names) == 3)
    with standing("two", port=stand.port) as again:
        again.decide("d")
        again.decide("e")
        doors.hurry()
        taker.wait_for(lambda: taker.names == ["a", "b", "c", "d", "e"])
    assert taker.told[-1].instance == "two"
    assert taker.denied == 5
    assert taker.missed == 0


def test_two_addresses_of_one_process_count_once(stack: ExitStack, taker: Taker) -> None:
    stand = stack.enter_context(standing())
    stand.decide("a", "b")
    urls = [stand.url, stand.url.replace("127.0.0.1", "localhost"), f"{stand.url}/"]
    doors = run(stack, Doors(taker.take, urls=urls, interval=QUICK))
    until(lambda: all(door.answered for door in doors.status.doors))
    stand.decide("c")
    taker.wait_for(lambda: "c" in taker.names)
    before = [door.answered for door in doors.status.doors]
    until(lambda: all(door.answered != old for door, old in zip(doors.status.doors, before, strict=True)))
    assert (taker.names, taker.denied) == (["a", "b", "c"], 3)


def test_what_could_not_be_taken_comes_again(stack: ExitStack, taker: Taker, caplog: pytest.LogCaptureFixture) -> None:
    stand = stack.enter_context(standing())
    stand.decide("a")
    taker.failures = 2
    doors = run(stack, Doors(taker.take, urls=[stand.url], interval=NEVER))
    until(lambda: "the disk is full" in doors.status.doors[0].error)
    doors.hurry()
    taker.wait_for(lambda: taker.failures == 0)
    doors.hurry()
    taker.wait_for(lambda: taker.names == ["a"])
    assert taker.denied == 1
    assert "could not be taken" in caplog.text


def test_a_door_that_hangs_holds_up_no_other(stack: ExitStack, taker: Taker) -> None:
    silent = Scripted([Connection.wait])
    stack.enter_context(silent.serving())
    stand = stack.enter_context(standing())
    stand.decide("a")
    doors = run(stack, Doors(taker.take, urls=[f"http://127.0.0.1:{silent.port}", stand.url], interval=QUICK))
    taker.wait_for(lambda: taker.names == ["a"])
    silent.await_requests(0)
    begun = time.monotonic()
    doors.stop()
    assert time.monotonic() - begun < 1.5


def test_a_door_that_is_away_shows_in_status_and_is_read_when_it_comes(stack: ExitStack, taker: Taker) -> None:
    with standing() as gone:
        pass
    doors = run(stack, Doors(taker.take, urls=[gone.url], interval=QUICK))
    until(lambda: "refused" in doors.status.doors[0].error)
    stand = stack.enter_context(standing(port=gone.port))
    stand.decide("a")
    taker.wait_for(lambda: taker.names == ["a"])
    until(lambda: doors.status.doors[0].error == "")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answering(b"<html>"), "no JSON"),
        (answering(b"[]"), "names no instance"),
        (answering(b'{"instance":"x","last":-1,"missed":0}'), "last must be a whole number"),
        (answering(b'{"instance":"x","last":1,"missed":true}'), "missed must be"),
        (answering(b'{"instance":"x","last":1,"missed":0,"decisions":[7]}'), "number of a decision"),
        (
            answering(b'{"instance":"x","last":2,"missed":0,"decisions":[{"number":2},{"number":1}]}'),
            "order of their numbers",
        ),
        (
            answering(b'{"instance":"x","last":0,"missed":0,"counters":{"decisions":[{"count":"1"}]}}'),
            "a count must be",
        ),
        (lambda c: (c.read(), c.answer(code=404)), "answered 404"),
        (lambda c: (c.read(), c.answer(code=302, headers="Location: http://127.0.0.1:1/\r\n")), "answered 302"),
        (lambda c: (c.read(), c.send(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n{}")), "ended too early"),
        (lambda c: (c.read(), c.send(b"SSH-2.0-x\r\n")), "SSH"),
        (lambda c: c.read(), "closed connection"),
        (
            lambda c: (c.read(), c.begin_chunks(), [c.chunk(b"x" * (1 << 20)) for _ in range(17)]),
            "larger than",
        ),
    ],
)
def test_what_is_no_answer_of_a_door_is_an_error(
    stack: ExitStack, taker: Taker, answer: Callable[[Connection], object], said: str
) -> None:
    server = Scripted([answer])  # type: ignore[list-item]
    stack.enter_context(server.serving())
    doors = run(stack, Doors(taker.take, urls=[f"http://127.0.0.1:{server.port}"], interval=NEVER))
    until(lambda: doors.status.doors[0].error != "")
    assert said in doors.status.doors[0].error
    assert taker.told == []


@pytest.mark.parametrize(
    "url",
    ["https://10.0.0.1:8081", "10.0.0.1:8081", "http://", "http://a:x", "http://u:p@a", "http://a?b", "http://[::1"],
)
def test_what_is_no_address_is_refused_at_once(url: str, taker: Taker) -> None:
    with pytest.raises(UsageError, match="door"):
        Doors(taker.take, urls=[url])


def test_broken_glass_is_told_apart(stack: ExitStack, taker: Taker) -> None:
    stand = stack.enter_context(standing())
    heard: list[Key] = []
    stand.decide("a", broke_glass=True, allowed=True, outcome="allowed")
    stand.decide("b")
    doors = run(stack, Doors(taker.take, urls=[stand.url], interval=NEVER, pardoned=heard.extend, now=lambda: NOW))
    taker.wait_for(lambda: len(taker.names) == 2)
    assert heard == [("db.example.com", "Database", "shop/a")]
    assert doors.pardons.times("db.example.com", "Database", "shop/a") == (NOW,)
    assert doors.pardons.times("db.example.com", "Database", "shop/b") == ()


def test_broken_glass_is_known_even_if_nobody_takes_it(stack: ExitStack, taker: Taker) -> None:
    """Or an object that got in with leave would be found to have got past the door, while a database is away."""
    stand = stack.enter_context(standing())
    stand.decide("a", broke_glass=True)
    taker.failures = 1
    heard: list[Key] = []
    run(stack, Doors(taker.take, urls=[stand.url], interval=NEVER, pardoned=heard.extend, now=lambda: NOW))
    taker.wait_for(lambda: taker.failures == 0)
    assert [key[2] for key in heard] == ["shop/a"]
