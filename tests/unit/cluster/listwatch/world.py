"""A server that keeps real state and history, and answers list and watch as a script of faults wants it.

Everything happens in the thread of the list-watch: when it reads, the next moves of the script are made. When the
script is at its end the server is well, and once all has been said it stops the list-watch.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson

from auditor.cluster.listwatch import ListWatch
from auditor.cluster.listwatch.decode import INITIAL_EVENTS_END
from auditor.cluster.pace import Urgency
from auditor.cluster.resource import Resource
from auditor.errors import Cause, UnreachableError, make_api_error
from auditor.json import Json, JsonObject

WIDGETS = Resource("example.com", "v1", "widgets", "Widget", namespaced=True)
STALL = 150.0
MANY = 400
"""Requests: a list-watch that has not come to an end by then never will."""

Move: TypeAlias = tuple[Json, ...]
State: TypeAlias = dict[str, JsonObject]


@dataclass(slots=True)
class World:
    """What etcd has: each revision is one change of one object."""

    log: list[tuple[str, JsonObject | None]] = field(default_factory=list)
    states: list[State] = field(default_factory=lambda: [{}])
    """After each revision."""
    compacted: int = 0
    uids: int = 0
    writes: int = 0

    @property
    def revision(self) -> int:
        return len(self.log)

    def state(self, revision: int | None = None) -> State:
        return self.states[self.revision if revision is None else revision]

    def append(self, key: str, obj: JsonObject | None) -> None:
        state = {name: other for name, other in self.state().items() if name != key}
        self.states.append(state if obj is None else state | {key: obj})
        self.log.append((key, obj))

    def write(self, key: str, label: str) -> None:
        current = self.state().get(key)
        if current is None:
            self.uids += 1
        uid = current["metadata"]["uid"] if current else f"uid-{self.uids}"
        self.writes += 1
        namespace, _, name = key.partition("/")
        metadata = {
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "labels": {"l": label},
            "resourceVersion": str(self.revision + 1),
        }
        kind = {"apiVersion": "example.com/v1", "kind": "Widget"}
        self.append(key, {**kind, "metadata": metadata, "spec": {"n": self.writes}})

    def delete(self, key: str) -> None:
        if key in self.state():
            self.append(key, None)

    def restore(self, lost: int) -> None:
        kept = max(0, self.revision - lost)
        del self.log[kept:], self.states[kept + 1 :]
        self.compacted = min(self.compacted, self.revision)

    def events(self, since: int, until: int, selects: Callable[[JsonObject], bool]) -> Iterator[tuple[int, str, Json]]:
        """As a watch with a selector tells them: who leaves it is deleted."""
        for revision in range(since + 1, until + 1):
            key, new = self.log[revision - 1]
            old = self.state(revision - 1).get(key)
            was, fits = old is not None and selects(old), new is not None and selects(new)
            if fits:
                yield revision, "MODIFIED" if was else "ADDED", new
            elif was and old is not None:
                last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(revision)}}
                yield revision, "DELETED", last


@dataclass(slots=True)
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Server:
    """In the place of the transport."""

    def __init__(self, moves: Iterable[Move], *, streaming: str = "yes", label: str = "", lag: int = 0) -> None:
        self.world = World()
        self.moves = list(moves)[::-1]
        self.streaming, self.label, self.lag = streaming, label, lag
        self.clock = Clock()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.waits: list[float] = []
        self.problems: list[str] = []
        self.complete: list[int] = []
        """The revisions of lists that were told in full."""
        self.list_watch: ListWatch | None = None

    @property
    def transport(self) -> "Server":
        return self

    def stream(
        self,
        path: str,
        *,
        what: str,
        query: Iterable[tuple[str, str]] = (),
        urgency: Urgency = Urgency.BACKGROUND,
        read_timeout: float | None = None,
        begun: Callable[[], None] = lambda: None,
    ) -> "Answer":
        return Answer(self, what, dict(query))

    def selects(self, obj: JsonObject) -> bool:
        return not self.label or obj["metadata"]["labels"]["l"] == self.label

    def state(self, revision: int | None = None) -> State:
        return {key: obj for key, obj in self.world.state(revision).items() if self.selects(obj)}

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.now += seconds
        self.pass_time()

    def end(self, problem: str = "") -> None:
        """Not by an exception: the list-watch would take it for a fault, and go on."""
        if problem:
            self.problems.append(problem)
        assert self.list_watch is not None
        self.list_watch.stop()

    def pass_time(self) -> None:
        """What happens to the objects while nothing is said."""
        while self.moves and self.make(self.moves[-1]):
            self.moves.pop()

    def make(self, move: Move) -> bool:
        match move:
            case ("write", key, label):
                self.world.write(key, label)
            case ("delete", key):
                self.world.delete(key)
            case ("recreate", key, label):
                self.world.delete(key)
                self.world.write(key, label)
            case ("compact", back):
                self.world.compacted = max(self.world.compacted, self.world.revision - back)
            case ("pass", seconds):
                self.clock.now += seconds
            case ("restore", lost):
                self.world.restore(lost)
            case _:
                return False
        return True


class Answer:
    def __init__(self, server: Server, what: str, query: dict[str, str]) -> None:
        self.server, self.what, self.query = server, what, query
        self.closed = False
        self.marked = False
        """Whether the list, if there is one, has been told in full."""

    def close(self) -> None:
        self.closed = True

    def begin(self) -> None:
        """The request arrives."""
        server = self.server
        server.requests.append((self.what, self.query))
        if len(server.requests) > MANY:
            server.end(f"no end after {MANY} requests")
        server.pass_time()
        match server.moves[-1:]:
            case [("refuse", code, cause)]:
                server.moves.pop()
                raise self.refusal(code, cause)
            case [("cut",)]:
                server.moves.pop()
                raise UnreachableError("refused")

    def refusal(self, code: int, cause: str = "") -> Exception:
        causes = (Cause("", cause, "Too large resource version"),) if cause else ()
        return make_api_error(self.what, code=code, message="no", causes=causes)

    def stall(self) -> UnreachableError:
        self.server.clock.now += STALL
        return UnreachableError("nothing was heard")

    # -- pages

    def read(self) -> bytes:
        self.begin()
        moves, world = self.server.moves, self.server.world
        match moves[-1:]:
            case [("stall",)]:
                moves.pop()
                raise self.stall()
            case [("garbage", text)]:
                moves.pop()
                return bytes(text)
            case [("flow",)]:
                moves.pop()
        revision, _, after = self.query.get("continue", f"{world.revision}:").partition(":")
        if int(revision) < world.compacted:
            raise self.refusal(410)
        return self.page(int(revision), after, int(self.query["limit"]))

    def page(self, revision: int, after: str, limit: int) -> bytes:
        state = self.server.state(revision)
        keys = sorted(key for key in state if key > after)
        metadata = {"resourceVersion": str(revision)}
        if len(keys) > limit:
            metadata["continue"] = f"{revision}:{keys[limit - 1]}"
        elif self.query != {"limit": "1"}:  # that asks for the version alone
            self.server.complete.append(revision)
        # Built-in kinds leave out in lists what the list says already.
        items = [{part: state[key][part] for part in ("metadata", "spec")} for key in keys[:limit]]
        return orjson.dumps({"kind": "WidgetList", "metadata": metadata, "items": items or None})

    # -- watches

    def lines(self) -> Iterator[bytes]:
        self.begin()
        server = self.server
        streamed = self.query.get("sendInitialEvents") == "true"
        if streamed and server.streaming.isdecimal():
            raise make_api_error(self.what, code=int(server.streaming), message="sendInitialEvents is forbidden")
        since = self.query.get("resourceVersion")
        if since is not None and int(since) < server.world.compacted:
            if server.world.revision % 2:  # servers tell it in either way
                raise self.refusal(410)
            yield error_line(410)
            return
        self.marked = not streamed
        yield from self.say(self.tell(None if since is None else int(since), streamed=streamed))

    def tell(self, since: int | None, *, streamed: bool) -> Iterator[bytes | None]:
        """All that a healthy server says; None where it has nothing to say now."""
        server = self.server
        world = server.world
        if since is None:
            begun = world.revision
            since = max(begun - server.lag, world.compacted, 0)
            for _, obj in sorted(server.state(since).items()):
                yield line("ADDED", obj)
            if streamed and server.streaming == "yes":
                # The state was a little old: what has happened since is told before the mark.
                for _, kind, obj in world.events(since, begun, server.selects):
                    yield line(kind, obj)
                since = begun
                server.complete.append(begun)
                self.marked = True
                yield bookmark(since, end=True)
        while True:
            until = world.revision
            for revision, kind, obj in world.events(since, until, server.selects):
                yield line(kind, obj)
                since = revision
            since = max(since, until)
            if until == world.revision:
                yield None

    def say(self, told: Iterator[bytes | None]) -> Iterator[bytes]:
        """What it says, and what the script makes of it."""
        server = self.server
        said: list[bytes] = []
        while not self.closed:
            server.pass_time()
            if not server.moves:
                words = next(told)
                if words is not None:
                    yield words
                    continue
                if not self.marked or int(self.query.get("resourceVersion", 0)) > server.world.revision:
                    raise self.stall()  # there is nothing more to come
                yield bookmark(server.world.revision)
                server.end()
                return
            match server.moves.pop():
                case ("flow",):
                    words = next(told)
                    if words is not None:
                        said.append(words)
                        yield words
                case ("repeat", which) if said:
                    yield said[which % len(said)]
                case ("bookmark",) if said and (self.marked or server.streaming == "ignores"):
                    yield bookmark(max(int(version_in(words)) for words in said))
                case ("garbage", text):
                    yield text
                case ("half",):
                    words = next(told)
                    if words is not None:
                        yield words[: len(words) // 2]
                case ("refuse", code, cause):
                    yield error_line(code, cause)
                    return
                case ("cut",):
                    raise UnreachableError("cut")
                case ("stall",):
                    raise self.stall()
                case ("close",):
                    return


def version_in(words: bytes) -> str:
    return str(orjson.loads(words)["object"]["metadata"]["resourceVersion"])


def line(kind: str, obj: JsonObject) -> bytes:
    return orjson.dumps({"type": kind, "object": obj})


def bookmark(revision: int, *, end: bool = False) -> bytes:
    metadata: JsonObject = {"resourceVersion": str(revision)}
    if end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return line("BOOKMARK", {"kind": "Widget", "metadata": metadata})


def error_line(code: int, cause: str = "") -> bytes:
    reason = {410: "Expired", 429: "TooManyRequests", 504: "Timeout"}.get(code, "InternalError")
    status: JsonObject = {"kind": "Status", "code": code, "reason": reason, "message": "no", "details": {}}
    if cause:
        status["details"] = {"causes": [{"reason": cause, "message": "Too large resource version"}]}
    return line("ERROR", status)
