"""Events: which are written and when, what they look like, and that whoever records one never waits nor fails."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from auditor.cluster.client import DEFAULTS, WriteOptions
from auditor.cluster.pace import Pace, Urgency
from auditor.cluster.recorder import Recorder
from auditor.cluster.recorder.event import Occurrence, Reference, Reporter, cut_note, name_event, render_time
from auditor.cluster.recorder.series import BEAT, FINISH, OBJECT_BURST, OBJECT_REFILL, Book, Outcome, Series
from auditor.cluster.resource import EVENTS, Resource
from auditor.errors import NotFoundError, UnreachableError, make_api_error
from auditor.json import Json, JsonObject

WIDGET: JsonObject = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "a", "namespace": "shop", "uid": "u", "resourceVersion": "7"},
}
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
START = 1_700_000_000_123_456_789


@dataclass(slots=True)
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def wall(self) -> int:
        return START + int((self.now - 1000) * 10**9)


def occurrence(note: str = "n", name: str = "a") -> Occurrence:
    regarding = Reference("example.com/v1", "Widget", "shop", name, f"uid-{name}")
    return Occurrence(regarding, None, "Warning", "Bad", "Try", note)


@dataclass(slots=True)
class Written:
    """What a book has given out, as if all went well."""

    clock: Clock = field(default_factory=Clock)
    book: Book = field(init=False)
    counts: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.book = Book(self.clock, self.clock.wall)

    def write(self) -> list[tuple[str, int]]:
        """(note, count) of each."""
        found = []
        while (series := self.book.take()) is not None:
            found.append((series.occurrence.note, series.count))
            self.book.wrote(series, series.count)
        return found


class TestBook:
    def test_the_first_is_written_and_so_is_the_first_repetition(self) -> None:
        written = Written()
        assert written.book.record(occurrence()) is Outcome.WRITE
        assert written.write() == [("n", 1)]
        assert written.book.record(occurrence()) is Outcome.WRITE
        assert written.write() == [("n", 2)]

    def test_then_they_are_counted_and_told_at_a_slow_beat(self) -> None:
        written = Written()
        beats = []
        for second in range(1, 1201):
            written.book.record(occurrence())
            written.book.sweep()
            beats += [(second, count) for _, count in written.write()]
            written.clock.now += 1
        assert beats[:2] == [(1, 1), (2, 2)]
        assert [b - a for (a, _), (b, _) in pairwise(beats[1:])] == [BEAT] * 3
        assert all(count == second for second, count in beats)

    def test_a_series_that_has_ended_is_told_once_more(self) -> None:
        written = Written()
        for _ in range(2):
            written.book.record(occurrence())
            written.write()
        for _ in range(5):
            written.book.record(occurrence())
        assert written.write() == []
        written.clock.now += FINISH
        written.book.sweep()
        assert written.write() == [("n", 7)]
        assert written.book.open == 0

    def test_after_six_minutes_it_is_a_new_event(self) -> None:
        written = Written()
        written.book.record(occurrence())
        first = written.book.take()
        written.clock.now += FINISH
        written.book.record(occurrence())
        second = written.book.take()
        assert first is not None
        assert second is not None
        assert (first.count, second.count) == (1, 1)
        assert first.name != second.name

    def test_repetitions_while_it_is_written_are_told(self) -> None:
        written = Written()
        written.book.record(occurrence())
        series = written.book.take()
        assert series is not None
        for _ in range(3):
            written.book.record(occurrence())
        written.book.wrote(series, 1)
        assert written.write() == [("n", 4)]

    def test_what_was_not_written_begins_anew(self) -> None:
        written = Written()
        written.book.record(occurrence())
        series = written.book.take()
        assert series is not None
        written.book.lost(series)
        assert written.book.record(occurrence()) is Outcome.WRITE
        assert written.write() == [("n", 1)]

    def test_other_words_are_another_event(self) -> None:
        written = Written()
        for note in "ab":
            written.book.record(occurrence(note))
        assert written.write() == [("a", 1), ("b", 1)]

    def test_an_object_has_its_share(self) -> None:
        written = Written()
        told = [written.book.record(occurrence(str(n))) for n in range(100)]
        assert told == [Outcome.WRITE] * OBJECT_BURST + [Outcome.TOO_MANY] * (100 - OBJECT_BURST)
        assert written.book.record(occurrence("0")) is Outcome.COUNTED
        assert written.book.record(occurrence("x", name="other")) is Outcome.WRITE
        written.clock.now += OBJECT_REFILL
        assert written.book.record(occurrence("x")) is Outcome.WRITE
        assert written.book.record(occurrence("y")) is Outcome.TOO_MANY

    def test_an_object_that_was_quiet_is_forgotten(self) -> None:
        written = Written()
        written.book.record(occurrence())
        written.write()
        written.clock.now += OBJECT_REFILL * OBJECT_BURST
        written.book.sweep()
        assert not written.book._buckets
        assert not written.book._series

    def test_memory_is_bounded(self) -> None:
        clock = Clock()
        book = Book(clock, clock.wall, waiting=1000, kept=50)
        for n in range(50):
            assert book.record(occurrence(name=str(n))) is Outcome.WRITE
        assert book.record(occurrence(name="one more")) is Outcome.FULL
        while (series := book.take()) is not None:
            book.wrote(series, series.count)
        for n in range(500):
            assert book.record(occurrence(name=f"x{n}")) is Outcome.WRITE
            series = book.take()
            assert series is not None
            book.wrote(series, series.count)
        assert book.open == 50
        assert len(book._buckets) == 50

    def test_the_queue_is_bounded(self) -> None:
        clock = Clock()
        book = Book(clock, clock.wall, waiting=10)
        told = [book.record(occurrence(name=str(n))) for n in range(20)]
        assert told == [Outcome.WRITE] * 10 + [Outcome.FULL] * 10
        assert book.record(occurrence(name="0")) is Outcome.COUNTED

    def test_at_the_end_all_that_was_counted_is_told(self) -> None:
        written = Written()
        for note in "ab":
            for _ in range(2):
                written.book.record(occurrence(note))
                written.write()
        written.book.record(occurrence("a"))
        written.book.finish()
        assert written.write() == [("a", 3)]

    def test_names_differ_when_the_clock_stands_or_goes_back(self) -> None:
        times = iter([5, 5, 4, 10])
        book = Book(lambda: 0.0, lambda: next(times))
        for n in range(4):
            book.record(occurrence(str(n)))
        names = [s.name for s in iter(book.take, None)]
        assert names == ["a.5", "a.6", "a.7", "a.a"]

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["record", "write", "wait", "lose", "finish"]))))
    def test_each_occurrence_is_told_counted_or_dropped(self, steps: list[tuple[str, str]]) -> None:
        """Whatever comes in whatever order: what the server has in the end adds up to what was recorded."""
        clock = Clock()
        book = Book(clock, clock.wall)
        told: dict[str, int] = {}
        recorded = dropped = lost = 0

        def write(series: Series) -> None:
            told[series.name] = series.count
            book.wrote(series, series.count)

        for note, step in steps:
            match step:
                case "record":
                    recorded += 1
                    dropped += book.record(occurrence(note)) in (Outcome.FULL, Outcome.TOO_MANY)
                case "wait":
                    clock.now += 100
                    book.sweep()
                case "finish":
                    clock.now += FINISH
                    book.sweep()
                case _:
                    if (series := book.take()) is None:
                        continue
                    if step == "write":
                        write(series)
                    else:
                        lost += series.count - told.get(series.name, 0)
                        book.lost(series)
        book.finish()
        while (series := book.take()) is not None:
            write(series)
        assert sum(told.values()) + dropped + lost == recorded


class TestShape:
    @given(st.text(max_size=300), st.integers(0, 2**63))
    def test_names_are_valid(self, name: str, nanoseconds: int) -> None:
        made = name_event(name, nanoseconds)
        assert len(made) <= 253
        assert SUBDOMAIN.fullmatch(made)

    def test_names_are_those_of_the_object(self) -> None:
        assert name_event("orders-0", 255) == "orders-0.ff"
        assert name_event("system:node.Röle", 255) == "system-node.r-le.ff"

    @given(st.text(max_size=2000))
    def test_notes(self, note: str) -> None:
        cut = cut_note(note)
        assert len(cut.encode()) <= 1024
        if len(note.encode()) <= 1024:
            assert cut == note
        else:
            assert note.startswith(cut[:-1])
            assert cut.endswith("…")

    def test_half_a_character_does_not_break_it(self) -> None:
        assert cut_note("a\ud800b") == "a?b"

    def test_times(self) -> None:
        assert render_time(START) == "2023-11-14T22:13:20.123456Z"
        assert render_time(0) == "1970-01-01T00:00:00.000000Z"

    def test_of_the_cluster_it_goes_to_default(self) -> None:
        regarding = Reference.of({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})
        made = Reporter("c", "i").render(Occurrence(regarding, regarding, "Normal", "R", "A", ""), name="n.1", begun=0)
        assert made["metadata"] == {"name": "n.1", "namespace": "default"}
        assert made["regarding"] == made["related"] == {"apiVersion": "v1", "kind": "Node", "name": "n"}
        assert "series" not in made


@dataclass(slots=True)
class Server:
    """In place of the client's calls: what it was told, and what it answers."""

    calls: list[tuple[str, JsonObject]] = field(default_factory=list)
    answers: list[Exception | None] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def call(self, verb: str, body: JsonObject) -> JsonObject:
        with self.changed:
            self.calls.append((verb, body))
            self.changed.notify_all()
            answer = self.answers.pop(0) if self.answers else None
        assert self.held.wait(10)
        if answer is not None:
            raise answer
        return body

    def await_calls(self, count: int) -> list[tuple[str, JsonObject]]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.calls) >= count, 5)
            return list(self.calls)


@dataclass(frozen=True, slots=True)
class Told:
    """A client as far as a recorder needs one."""

    server: Server
    urgency: Urgency = Urgency.WAITED_FOR

    def create(self, resource: Resource, obj: JsonObject, *, options: WriteOptions = DEFAULTS) -> JsonObject:
        assert resource is EVENTS
        assert self.urgency is Urgency.BACKGROUND
        return self.server.call("create", obj)

    def patch_merge(
        self, resource: Resource, name: str, patch: JsonObject, *, namespace: str, options: WriteOptions
    ) -> JsonObject:
        assert options.timeout is not None
        return self.server.call("patch", {"name": name, "namespace": namespace, **patch})


@pytest.fixture
def server() -> Server:
    made = Server()
    made.held.set()
    return made


@pytest.fixture
def start(server: Server) -> Iterator[Callable[..., Recorder]]:
    started: list[Recorder] = []

    def make(**options: Json) -> Recorder:
        recorder = Recorder(Told(server), component="example.com/test", instance="me", **options)  # type: ignore[arg-type]
        started.append(recorder)
        return recorder

    yield make
    server.held.set()
    for recorder in started:
        recorder.close(timeout=2)
        assert not recorder._thread.is_alive()


def warn(recorder: Recorder, note: str = "n", obj: JsonObject = WIDGET) -> None:
    recorder.warning(obj, reason="Bad", action="Try", note=note)


Start = Callable[..., Recorder]


class TestRecorder:
    def test_an_event(self, start: Start, server: Server) -> None:
        recorder = start(wall_clock=lambda: START)
        recorder.normal(WIDGET, reason="Made", action="Make", note="well", related=WIDGET)
        reference = {"apiVersion": "example.com/v1", "kind": "Widget", "namespace": "shop", "name": "a", "uid": "u"}
        assert server.await_calls(1) == [
            (
                "create",
                {
                    "apiVersion": "events.k8s.io/v1",
                    "kind": "Event",
                    "metadata": {"name": f"a.{START:x}", "namespace": "shop"},
                    "eventTime": "2023-11-14T22:13:20.123456Z",
                    "reportingController": "example.com/test",
                    "reportingInstance": "me",
                    "type": "Normal",
                    "reason": "Made",
                    "action": "Make",
                    "note": "well",
                    "regarding": reference,
                    "related": reference,
                },
            )
        ]

    def test_after_the_end_they_are_dropped_and_counted(self, start: Start, server: Server) -> None:
        recorder = start(wall_clock=lambda: START)
        warn(recorder)
        server.await_calls(1)
        assert recorder.close()
        warn(recorder)
        assert recorder.counts.full == 1

    def test_repetitions_are_a_patch_of_the_series(self, start: Start, server: Server) -> None:
        recorder = start(wall_clock=lambda: START)
        warn(recorder)
        server.await_calls(1)
        warn(recorder, obj={**WIDGET, "metadata": {**WIDGET["metadata"], "resourceVersion": "8"}})
        series = {"count": 2, "lastObservedTime": "2023-11-14T22:13:20.123456Z"}
        assert server.await_calls(2)[1] == ("patch", {"name": f"a.{START:x}", "namespace": "shop", "series": series})
        for _ in range(10):
            warn(recorder)
        assert recorder.close()
        assert [(verb, body["series"]["count"]) for verb, body in server.calls[2:]] == [("patch", 12)]
        assert (recorder.counts.recorded, recorder.counts.created, recorder.counts.updated) == (12, 1, 2)
        assert recorder.counts.dropped == 0

    def test_several_recorders_are_counted_together(self, start: Start, server: Server) -> None:
        """A program may have one for each of its controllers: the last one must not hide the others."""

        def sample(result: str) -> float:
            return REGISTRY.get_sample_value("auditor_cluster_events_total", {"result": result}) or 0.0

        before = sample("recorded"), sample("created")
        for _ in range(2):
            recorder = start()
            warn(recorder)
            assert recorder.close()
        assert (sample("recorded"), sample("created")) == (before[0] + 2, before[1] + 2)

    def test_an_event_that_has_expired_is_made_again(self, start: Start, server: Server) -> None:
        server.answers = [None, NotFoundError("patch", code=404)]
        recorder = start()
        warn(recorder)
        server.await_calls(1)
        warn(recorder)
        verb, body = server.await_calls(3)[2]
        assert verb == "create"
        assert body["series"]["count"] == 2

    def test_nobody_waits_while_the_server_does_not_answer(self, start: Start, server: Server) -> None:
        server.held.clear()
        recorder = start(waiting=10)
        for n in range(5000):
            warn(recorder, obj={**WIDGET, "metadata": {"name": str(n), "namespace": "shop"}})
        assert recorder.counts.full in (4989, 4990)  # one may be in the hands of the writer
        assert len(server.calls) <= 1

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda r: r.warning({}, reason="Bad", action="Try"),
            lambda r: r.warning(None, reason="Bad", action="Try"),
            lambda r: r.warning(WIDGET, reason="", action="Try"),
            lambda r: r.warning(WIDGET, reason="Bad", action="x" * 129),
            lambda r: r.warning(WIDGET, reason="Bad", action="Try", note=None),
            lambda r: r.warning(WIDGET, reason="Bad", action="Try", related={"kind": "X"}),
            lambda r: r.warning(WIDGET, reason=7, action="Try"),
        ],
    )
    def test_mistakes_are_told_and_not_raised(
        self, start: Start, server: Server, caplog: pytest.LogCaptureFixture, wrong: Callable[[Recorder], None]
    ) -> None:
        recorder = start()
        wrong(recorder)
        wrong(recorder)
        assert recorder.counts.invalid == 2
        assert len(caplog.records) == 1
        assert recorder.close()
        assert server.calls == []

    @pytest.mark.parametrize(
        "fault",
        [
            UnreachableError("gone"),
            make_api_error("create", code=500),
            make_api_error("create", code=429, retry_after=0.01),
        ],
    )
    def test_what_passes_is_tried_again(
        self, start: Start, server: Server, monkeypatch: pytest.MonkeyPatch, fault: Exception
    ) -> None:
        monkeypatch.setattr("auditor.cluster.recorder.recorder.FIRST_DELAY", 0.001)
        server.answers = [fault] * 3
        recorder = start()
        warn(recorder)
        server.await_calls(4)
        assert recorder.close()
        assert (recorder.counts.created, recorder.counts.lost) == (1, 0)

    def test_but_not_for_ever(
        self, start: Start, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("auditor.cluster.recorder.recorder.FIRST_DELAY", 0.001)
        monkeypatch.setattr("auditor.cluster.recorder.recorder.LONGEST_DELAY", 0.001)
        server.answers = [UnreachableError("gone")] * 16
        recorder = start()
        warn(recorder, "one")
        warn(recorder, "two")
        warn(recorder, "three")
        server.await_calls(17)
        assert recorder.close()
        assert (recorder.counts.created, recorder.counts.lost) == (1, 2)
        assert [r.getMessage() for r in caplog.records] == [
            "Events are lost: gone. This is logged once, and counted each time"
        ]

    def test_what_was_written_without_our_hearing_of_it(self, start: Start, server: Server) -> None:
        server.answers = [make_api_error("create", code=409, reason="AlreadyExists")]
        recorder = start()
        warn(recorder)
        server.await_calls(1)
        assert recorder.close()
        assert recorder.counts.lost == 0
        assert len(server.calls) == 1

    @pytest.mark.parametrize(
        ("fault", "logged"),
        [
            (make_api_error("create", code=404, message='namespaces "shop" not found'), False),
            (make_api_error("create", code=403, message="namespace shop is being terminated"), False),
            (make_api_error("create", code=403, message="user may not create events"), True),
            (make_api_error("create", code=422, message="bad"), True),
        ],
    )
    def test_refusals_are_final_and_told_unless_the_object_goes_anyway(
        self, start: Start, server: Server, caplog: pytest.LogCaptureFixture, fault: Exception, logged: bool
    ) -> None:
        server.answers = [fault, fault]
        recorder = start()
        warn(recorder, "one")
        warn(recorder, "two")
        server.await_calls(2)
        assert recorder.close()
        assert (len(server.calls), recorder.counts.lost) == (2, 2)
        assert len(caplog.records) == logged

    def test_a_fault_of_ours_does_not_end_the_thread(
        self, start: Start, server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.answers = [RuntimeError("a bug")]
        recorder = start()
        warn(recorder, "one")
        warn(recorder, "two")
        server.await_calls(2)
        assert recorder.close()
        assert (recorder.counts.created, recorder.counts.lost) == (1, 1)

    def test_the_pace_of_all(self, start: Start, server: Server) -> None:
        clock = Clock()
        recorder = start(pace=Pace(1, 3, clock=clock))
        for n in range(10):
            warn(recorder, str(n))
        server.await_calls(3)
        assert len(server.calls) == 3
        assert recorder.close()  # at the end nothing is held back
        assert len(server.calls) == 10

    def test_close_ends_while_the_server_hangs(self, start: Start, server: Server) -> None:
        server.held.clear()
        recorder = start()
        for n in range(5):
            warn(recorder, str(n))
        server.await_calls(1)
        assert recorder.close(timeout=0.05) is False
        server.held.set()
        recorder._thread.join(5)
        assert not recorder._thread.is_alive()
        assert len(server.calls) == 1  # nothing after the deadline

    def test_close_ends_a_pause_between_attempts(self, start: Start, server: Server) -> None:
        server.answers = [make_api_error("create", code=429, retry_after=50)]
        recorder = start()
        warn(recorder)
        server.await_calls(1)
        assert recorder.close(timeout=5)
        assert recorder.counts.created == 1

    def test_a_component_is_a_qualified_name(self, server: Server) -> None:
        for wrong in ("", "a b", "Example.com/x", "a/b/c", "x" * 129, "/x", "x/"):
            with pytest.raises(ValueError, match="is no qualified name"):
                Recorder(Told(server), component=wrong)  # type: ignore[arg-type]
