"""For every mixture of faults: what comes out leads to exactly what the server has, told once and in order."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from auditor.cluster.listwatch import (
    Change,
    Event,
    ListWatch,
    Scope,
    Version,
    Versions,
    is_after,
    resource_version_of,
    uid_of,
    version_of,
)
from auditor.json import JsonObject
from tests.unit.cluster.listwatch.world import STALL, WIDGETS, Move, Server

KEYS = st.sampled_from(["a/x"] * 4 + ["a/y", "a/z", "b/x", "b/y", "b/z"])
"""One more often than the others: faults matter most where much happens to one object."""
LABELS = st.sampled_from("pq")
GARBAGE = st.sampled_from(
    [
        b"garbage",
        b"{}",
        b"[]",
        b"null",
        b'"ADDED"',
        b"\xff\xfe",
        b'{"type":"ADDED"}',
        b'{"type":"ADDED","object":null}',
        b'{"type":"ADDED","object":{}}',
        b'{"type":"ADDED","object":{"metadata":[]}}',
        b'{"type":"MODIFIED","object":{"metadata":{"name":"x","namespace":"a"}}}',
        b'{"type":"MODIFIED","object":{"metadata":{"name":1,"resourceVersion":"9"}}}',
        b'{"type":"DELETED","object":{"metadata":{"name":"","resourceVersion":"9"}}}',
        b'{"type":"BOOKMARK","object":{"metadata":{}}}',
        b'{"type":"SURPRISE","object":{"metadata":{"name":"x","resourceVersion":"9"}}}',
        b'{"type":7,"object":{"metadata":{"name":"x","resourceVersion":"9"}}}',
        b'{"type":"ERROR","object":{}}',
        b'{"metadata":{},"items":[{"metadata":{"name":"x"}}]}',
        b'{"metadata":{},"items":{}}',
    ]
)
REFUSALS = st.sampled_from(
    [
        (410, ""),
        (429, ""),
        (500, ""),
        (503, ""),
        (504, ""),
        (504, "ResourceVersionTooLarge"),
        (403, ""),
        (404, ""),
        (400, ""),
    ]
)
WRITES = st.one_of(
    st.tuples(st.just("write"), KEYS, LABELS),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("recreate"), KEYS, LABELS),
)
MOVES: st.SearchStrategy[Move] = st.one_of(
    WRITES,
    WRITES,
    *[st.just(("flow",))] * 4,
    st.tuples(st.just("repeat"), st.integers(0, 20)),
    st.tuples(st.just("repeat"), st.integers(0, 20)),
    st.just(("bookmark",)),
    st.tuples(st.just("compact"), st.integers(0, 3)),
    st.tuples(st.just("pass"), st.sampled_from([0.5, 40.0])),
    st.tuples(st.just("garbage"), GARBAGE),
    REFUSALS.map(lambda refusal: ("refuse", *refusal)),
    st.sampled_from([("half",), ("cut",), ("stall",), ("close",)]),
)


ONE_REVISION = st.tuples(st.just("write"), KEYS, LABELS)
REVISIONS = ("write", "delete", "recreate", "compact")


class Listener:
    """Follows what it is told, and notes what it should not have been told."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.state: dict[str, JsonObject] = {}
        self.last: dict[str, tuple[Change, Version]] = {}
        self.events: list[Event] = []
        self.again = False
        """Whether a change of the same version may be another one: after a restore of etcd."""

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        problem = self.problem(event)
        if problem:
            self.server.problems.append(f"{problem}: {event}")
        if event.change is Change.DELETED:
            self.state.pop(event.key, None)
        elif event.object is not None:
            self.state[event.key] = event.object

    def problem(self, event: Event) -> str:
        if event.change is Change.SYNCED:
            if not self.server.complete:
                return "synced before any list was complete"
            return "" if self.state == self.server.state(self.server.complete[-1]) else "synced with another state"
        said, self.last[event.key] = self.last.get(event.key), (event.change, event.version)
        if said == self.last[event.key] and not self.again:
            return "told twice"
        if said is not None and event.change is not Change.DELETED and not self.again and not self.server.lag:
            new, old = resource_version_of(event.version), resource_version_of(said[1])
            if not is_after(new, old):
                return "told of the past"
        known = event.key in self.state
        if known == (event.change is Change.ADDED):
            return "out of order"
        if event.change is Change.UPDATED and uid_of(event.version) != self.state[event.key]["metadata"]["uid"]:
            return "another object, told as an update"
        if event.object is None:
            return "" if event.change is Change.DELETED and event.missed else "without its object"
        if version_of(event.object) != event.version:
            return "with another version"
        return ""


@pytest.fixture(autouse=True, scope="module")
def _no_log() -> Iterator[None]:
    """Faults are logged, hundreds of thousands here."""
    logger = logging.getLogger("auditor.cluster.listwatch")
    level, logger.level = logger.level, logging.ERROR
    yield
    logger.level = level


def follow(server: Server, *, label: str = "", again: bool = False) -> tuple[Listener, Versions, ListWatch]:
    listener, store = Listener(server), Versions()
    listener.again = again
    list_watch = ListWatch(
        server,
        WIDGETS,
        store,
        sink=listener,
        scope=Scope(labels=f"l={label}" if label else ""),
        page_size=2,
        stall_after=STALL,
        clock=server.clock,
        now=server.clock,
        wait=server.wait,
        draw=lambda: 0.5,
    )
    server.list_watch = list_watch
    list_watch.run()
    return listener, store, list_watch


def check(server: Server, listener: Listener, store: Versions, list_watch: ListWatch) -> None:
    assert server.problems == []
    assert listener.state == server.state()
    assert {key: store.version(key) for key in store.keys()} == {  # noqa: SIM118 it is no dict
        key: version_of(obj) for key, obj in server.state().items()
    }
    status = list_watch.status
    assert status.synced
    assert status.last_error is None
    assert status.resource_version == str(server.world.revision)
    assert status.counts.sink_errors == 0
    assert status.counts.lists == sum(e.change is Change.SYNCED for e in listener.events)


SCRIPTS = st.tuples(st.lists(WRITES, max_size=12), st.lists(MOVES, max_size=60)).map(lambda parts: parts[0] + parts[1])


@given(
    moves=st.one_of(SCRIPTS, st.lists(MOVES, min_size=30, max_size=100)),
    streaming=st.sampled_from(["yes", "yes", "422", "400", "403", "ignores"]),
    label=st.sampled_from(["", "p"]),
    lag=st.integers(0, 3),
)
@settings(max_examples=300)
def test_leads_to_what_the_server_has(moves: list[Move], streaming: str, label: str, lag: int) -> None:
    server = Server(moves, streaming=streaming, label=label, lag=lag)
    listener, store, list_watch = follow(server, label=label)
    for what in ("relists", "stalls", "malformed", "repeated", "restarts"):
        event(f"{what}: {getattr(list_watch.status.counts, what) > 0}")
    event(f"missed: {any(e.missed for e in listener.events)}")
    check(server, listener, store, list_watch)


@given(
    before=st.lists(ONE_REVISION, min_size=1, max_size=12),
    lost=st.integers(1, 8),
    after=st.lists(ONE_REVISION, max_size=7),
    streaming=st.sampled_from(["yes", "422"]),
    faults=st.lists(MOVES.filter(lambda move: move[0] not in REVISIONS), max_size=10),
)
@settings(max_examples=150)
def test_etcd_is_restored(before: list[Move], lost: int, after: list[Move], streaming: str, faults: list[Move]) -> None:
    """Versions begin again at an earlier one: the same version may then be another state."""
    told: list[Move] = [("flow",)] * 40
    moves = [*before, *told, ("cut",), ("restore", lost), *after[: min(lost, len(before)) - 1], *faults]
    server = Server(moves, streaming=streaming)
    check(server, *follow(server, again=True))
