"""What is asked, how long is waited, what the status says; and that it stops from any state."""

import threading
from collections.abc import Callable, Iterator

import orjson
import pytest

from auditor.cluster.listwatch import Change, Event, ListWatch, Scope, Versions
from auditor.cluster.listwatch.turns import Turns
from auditor.errors import ConnectionConfigError, TooManyRequestsError, UnreachableError, make_api_error
from tests.unit.cluster.listwatch.test_model import Listener
from tests.unit.cluster.listwatch.world import STALL, WIDGETS, Answer, Move, Server, line

WRITE = ("write", "a/x", "p")


def follow(*moves: Move, streaming: str = "yes", draw: float = 1.0, scope: Scope = Scope()) -> tuple[Server, ListWatch]:  # noqa: B008
    server = Server(moves, streaming=streaming)
    list_watch = ListWatch(
        server,
        WIDGETS,
        Versions(),
        sink=Listener(server),
        scope=scope,
        page_size=2,
        stall_after=STALL,
        clock=server.clock,
        now=server.clock,
        wait=server.wait,
        draw=lambda: draw,
    )
    server.list_watch = list_watch
    list_watch.run()
    assert server.problems == []
    assert list_watch.status.synced
    return server, list_watch


def queries(server: Server) -> list[dict[str, str]]:
    return [query for _, query in server.requests]


def test_streamed_list_is_asked_for() -> None:
    server, _ = follow(WRITE, draw=0.5, scope=Scope(labels="l in (p,q)", fields="metadata.name!=y"))
    assert queries(server) == [
        {
            "labelSelector": "l in (p,q)",
            "fieldSelector": "metadata.name!=y",
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "450",
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
        }
    ]
    assert server.requests[0][0] == "watch widgets.example.com l in (p,q) metadata.name!=y"


@pytest.mark.parametrize("code", ["400", "422", "403"])
def test_pages_where_lists_are_not_streamed(code: str) -> None:
    writes = [("write", f"a/{name}", "p") for name in "vwxyz"]
    server, list_watch = follow(*writes, *[("flow",)] * 3, ("refuse", 410, ""), streaming=code)
    pages = [query for query in queries(server) if "limit" in query]
    assert [query.get("continue") for query in pages] == [None, "5:a/w", "5:a/y"] * 2
    assert sum("sendInitialEvents" in query for query in queries(server)) == 1
    assert queries(server)[4]["resourceVersion"] == "5"
    assert (list_watch.status.counts.pages, list_watch.status.counts.lists) == (6, 2)


def test_expired_list_begins_anew_and_loses_no_deletion() -> None:
    writes = [("write", f"a/{name}", "p") for name in "wxyz"]
    meanwhile = [("delete", "a/w"), ("write", "a/v", "p"), ("compact", 0)]
    server, list_watch = follow(*writes, ("flow",), *meanwhile, streaming="422")
    pages = [query for query in queries(server) if "limit" in query]
    assert [(query["limit"], query.get("continue")) for query in pages] == [("2", None), ("2", "4:a/x"), ("20", None)]
    assert list_watch.status.counts.told == {"added": 5, "deleted": 1, "synced": 1}
    assert server.waits == []


def test_list_whose_token_is_refused_begins_anew() -> None:
    writes = [("write", f"a/{name}", "p") for name in "wxyz"]
    server, _ = follow(*writes, ("flow",), ("refuse", 400, ""), streaming="422")
    pages = [query for query in queries(server) if "limit" in query]
    assert [query.get("continue") for query in pages] == [None, "4:a/x", None, "4:a/x"]


def test_list_goes_on_with_the_page_that_failed() -> None:
    writes = [("write", f"a/{name}", "p") for name in "wxyz"]
    server, _ = follow(*writes, ("flow",), ("refuse", 500, ""), ("cut",), streaming="422")
    pages = [query for query in queries(server) if "limit" in query]
    assert [query.get("continue") for query in pages] == [None, *["4:a/x"] * 3]


@pytest.mark.parametrize("last_words", [[], [("repeat", 1)]], ids=["change", "bookmark of before"])
def test_cut_watch_goes_on_from_the_last_change(last_words: list[Move]) -> None:
    server, _ = follow(WRITE, ("flow",), ("flow",), WRITE, ("flow",), *last_words, ("cut",))
    assert queries(server)[1]["resourceVersion"] == "2"


def test_regular_end_goes_on_at_once_from_the_last_bookmark() -> None:
    server, list_watch = follow(
        WRITE, ("flow",), ("flow",), WRITE, ("flow",), ("bookmark",), ("pass", 40.0), ("close",)
    )
    assert queries(server)[1]["resourceVersion"] == "2"
    assert server.waits == []
    assert list_watch.status.counts.restarts == 1
    assert list_watch.status.counts.events == {"ADDED": 1, "MODIFIED": 1, "BOOKMARK": 3}


def test_failures_are_waited_for_longer_each_time() -> None:
    server, list_watch = follow(*[("cut",)] * 9)
    assert server.waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert list_watch.status.counts.failures == 9
    assert list_watch.status.last_error is None


def test_jitter_is_full() -> None:
    server, _ = follow(*[("cut",)] * 3, draw=0.25)
    assert server.waits == [0.125, 0.25, 0.5]


def test_healthy_time_forgives() -> None:
    moves = [("flow",), ("flow",), ("pass", 31.0), ("bookmark",), ("cut",)]
    server, _ = follow(("cut",), ("cut",), WRITE, *moves, ("flow",), ("cut",))
    assert server.waits == [0.5, 1.0, 0.5, 1.0]


def test_watch_that_ends_at_once_is_not_opened_without_a_pause() -> None:
    server, _ = follow(("flow",), ("close",), ("close",), ("close",))
    assert server.waits == [0.5, 1.0, 2.0]


def test_first_expiry_is_not_waited_for() -> None:
    server, list_watch = follow(("flow",), ("refuse", 410, ""), ("flow",), ("refuse", 410, ""), ("flow",))
    assert server.waits == [1.0]
    assert list_watch.status.counts.relists == 2


def test_same_error_again_and_again_leads_to_a_list() -> None:
    # A move that says nothing stands before each refusal, so that it comes as an event and not as the answer.
    server, list_watch = follow(("flow",), *[("bookmark",), ("refuse", 500, "")] * 3)
    assert [query.get("resourceVersion") for query in queries(server)] == [None, "0", "0", None]
    assert list_watch.status.counts.relists == 1


def test_error_that_comes_now_and_then_leads_to_none() -> None:
    error = [("bookmark",), ("refuse", 500, "")]
    _, list_watch = follow(("flow",), *error, *error, WRITE, ("bookmark",), ("flow",), *error, *error)
    assert list_watch.status.counts.events["ERROR"] == 4
    assert list_watch.status.counts.relists == 0


def test_version_that_stays_too_large_leads_to_a_list() -> None:
    server, list_watch = follow(("flow",), ("cut",), *[("refuse", 504, "ResourceVersionTooLarge")] * 3)
    assert [query.get("resourceVersion") for query in queries(server)] == [None, "0", "0", "0", None]
    assert list_watch.status.counts.relists == 1


def test_server_that_is_down_is_not_asked_for_a_list_when_it_is_back() -> None:
    _, list_watch = follow(("flow",), ("cut",), *[("refuse", 503, "")] * 9, ("cut",), ("stall",))
    assert list_watch.status.counts.relists == 0


def test_wish_of_the_server_is_granted() -> None:
    class Busy(Server):
        def stream(self, *args: object, **kwargs: object) -> Answer:
            if not self.waits:
                raise make_api_error("list", code=429, retry_after=20.0)
            return super().stream(*args, **kwargs)  # type: ignore[arg-type]

    server = Busy([])
    list_watch = ListWatch(server, WIDGETS, Versions(), sink=Listener(server), wait=server.wait, draw=lambda: 0.5)
    server.list_watch = list_watch
    list_watch.run()
    assert server.waits == [21.0]


def test_stall_is_noticed_and_the_history_checked() -> None:
    server, list_watch = follow(WRITE, ("flow",), ("flow",), ("stall",))
    assert queries(server)[1] == {"limit": "1"}
    assert queries(server)[2]["resourceVersion"] == "1"
    assert list_watch.status.counts.stalls == 1
    assert list_watch.status.counts.relists == 0


def test_server_that_ignores_streamed_lists_is_asked_for_pages() -> None:
    server, list_watch = follow(WRITE, streaming="ignores")
    assert ["sendInitialEvents" in query for query in queries(server)] == [True, True, False, False]
    assert list_watch.status.counts.stalls == 2


@pytest.mark.parametrize(
    "error",
    [
        make_api_error("watch", code=403, message="no right"),
        make_api_error("watch", code=429, message="no right yet"),
        ConnectionConfigError("no right"),
        KeyError("no right"),
    ],
)
def test_status_says_what_is_wrong(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="auditor.cluster.listwatch")

    class Wrong(Server):
        def stream(self, *args: object, **kwargs: object) -> Answer:
            raise error

    server = Wrong([])

    def wait(seconds: float) -> None:
        server.wait(seconds)
        if len(server.waits) == 3:
            list_watch.stop()

    list_watch = ListWatch(server, WIDGETS, Versions(), sink=Listener(server), now=server.clock, wait=wait)
    list_watch.run()
    failure = list_watch.status.last_error
    assert failure is not None
    assert "no right" in failure.message
    assert (failure.count, failure.since, failure.code) == (3, 1000.0, getattr(error, "code", 0))
    assert not list_watch.status.synced
    told = [each.levelname for each in caplog.records if "; again in" in each.message and each.levelname != "DEBUG"]
    expected = ["ERROR"] * 3 if isinstance(error, KeyError) else ["WARNING"]
    if isinstance(error, TooManyRequestsError):  # a moment's wish is no trouble until it comes again
        expected = ["INFO", "WARNING"]
    assert told == expected


class Blocked:
    """A transport on which a thread waits until it is closed."""

    def __init__(self, lines: list[bytes]) -> None:
        self.said, self.waiting, self.closed = lines, threading.Event(), threading.Event()
        self.page = b""

    @property
    def transport(self) -> "Blocked":
        return self

    def stream(self, *args: object, **kwargs: object) -> "Blocked":
        return self

    def lines(self) -> Iterator[bytes]:
        yield from self.said
        self.block()

    def read(self) -> bytes:
        if not self.page:
            self.block()
            raise UnreachableError("closed")
        return self.page

    def block(self) -> None:
        self.waiting.set()
        assert self.closed.wait(30)

    def close(self) -> None:
        self.closed.set()


def stop(run: Callable[[], None], waiting: threading.Event, stop: Callable[[], None]) -> None:
    thread = threading.Thread(target=run)
    thread.start()
    assert waiting.wait(30)
    stop()
    thread.join(1)
    assert not thread.is_alive()


@pytest.mark.parametrize("streamed", [True, False])
def test_stops_while_it_reads(streamed: bool) -> None:
    told: list[Event] = []
    blocked = Blocked([b'{"type":"ADDED","object":{"metadata":{"name":"n","resourceVersion":"1"}}}'] * streamed)
    list_watch = ListWatch(blocked, WIDGETS, Versions(), sink=told.append, streamed=streamed)
    stop(list_watch.run, blocked.waiting, list_watch.stop)
    assert [event.change for event in told] == [Change.ADDED] * streamed
    assert list_watch.status.last_error is None
    assert not list_watch.status.synced


def test_stops_while_it_waits() -> None:
    server, waiting = Server([("cut",)] * 100), threading.Event()
    list_watch = ListWatch(server, WIDGETS, Versions(), sink=Listener(server), draw=lambda: 1.0)
    wait = list_watch._wait

    def note(seconds: float) -> None:
        if seconds >= 1:  # the second failure
            waiting.set()
        wait(seconds)

    list_watch._wait = note
    stop(list_watch.run, waiting, list_watch.stop)
    assert len(server.requests) == 2


def test_stopped_before_it_runs() -> None:
    server = Server([])
    list_watch = ListWatch(server, WIDGETS, Versions(), sink=Listener(server))
    list_watch.stop()
    list_watch.run()
    assert server.requests == []


@pytest.mark.parametrize("streamed", [True, False])
def test_sink_may_stop_it(streamed: bool) -> None:
    """What has been read by then is not told any more."""
    objects = [{"metadata": {"name": name, "resourceVersion": "1"}} for name in "xyz"]
    answers = Blocked([line("ADDED", obj) for obj in objects])
    answers.page = orjson.dumps({"metadata": {"resourceVersion": "1"}, "items": objects})
    told: list[Event] = []

    def take(event: Event) -> None:
        told.append(event)
        list_watch.stop()

    list_watch = ListWatch(answers, WIDGETS, Versions(), sink=take, streamed=streamed)
    list_watch.run()
    assert [event.key for event in told] == ["x"]
    assert list_watch.status.last_error is None


def test_lists_run_one_after_the_other() -> None:
    """Together they would only keep each other from coming on."""
    turns, first, second = Turns(patience=100.0), Blocked([]), Blocked([])
    watches = [ListWatch(each, WIDGETS, Versions(), sink=lambda _: None, turns=turns) for each in (first, second)]
    threads = [threading.Thread(target=each.run) for each in watches]
    threads[0].start()
    assert first.waiting.wait(10)
    threads[1].start()
    assert not second.waiting.wait(0.1)
    watches[0].stop()
    assert second.waiting.wait(10)
    watches[1].stop()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_one_that_waits_for_its_turn_can_be_stopped() -> None:
    turns, first, second = Turns(patience=100.0), Blocked([]), Blocked([])
    held = turns.take(lambda: False)
    waiting = ListWatch(second, WIDGETS, Versions(), sink=lambda _: None, turns=turns)
    thread = threading.Thread(target=waiting.run)
    thread.start()
    assert not second.waiting.wait(0.1)
    waiting.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert not second.waiting.is_set()
    turns.give_back(held)
    assert turns.take(lambda: False)
    assert not first.waiting.is_set()
