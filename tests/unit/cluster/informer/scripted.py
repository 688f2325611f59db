"""A server and a list-watch that do what a test says, one step at a time."""

import queue
import threading
from collections.abc import Callable, Iterator

from auditor.cluster.access import key_of
from auditor.cluster.listwatch import Change, Counts, Event, Scope, Status, Store, uid_of, version_of
from auditor.cluster.resource import Resource
from auditor.json import JsonObject

THINGS = Resource("example.com", "v1", "things", "Thing", namespaced=True)


class Server:
    """Objects of one kind, and what has happened to them."""

    def __init__(self) -> None:
        self.objects: dict[str, JsonObject] = {}
        self.history: list[tuple[str, JsonObject]] = []

    def put(self, key: str, value: str, *, team: str = "a", again: bool = False) -> JsonObject:
        """Creates or changes; `again`: what was there was deleted first, and nobody may have seen it."""
        namespace, _, name = key.rpartition("/")
        old = None if again else self.objects.get(key)
        version = str(len(self.history) + 1)
        metadata = {"namespace": namespace, "name": name, "resourceVersion": version, "labels": {"team": team}}
        metadata["uid"] = old["metadata"]["uid"] if old is not None else f"{key}-{version}"
        if again and key in self.objects:
            self.history.append(("DELETED", self.objects[key]))
        self.objects[key] = {"metadata": metadata, "spec": {"value": value}}
        self.history.append(("ADDED" if old is None else "MODIFIED", self.objects[key]))
        return self.objects[key]

    def delete(self, key: str) -> None:
        obj = self.objects.pop(key)
        version = str(len(self.history) + 1)
        self.history.append(("DELETED", {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}))


class Script:
    """A list-watch of a `Server`, as its contract has it: each change is put into the store, then told."""

    def __init__(self, server: Server, store: Store, sink: Callable[[Event], None]) -> None:
        self._server, self._store, self._sink = server, store, sink
        self._seen = 0
        self._listing: Iterator[None] | None = None
        self.listed = False

    def step(self) -> bool:
        """One object of the list, or one event after it. False if there is nothing more."""
        if not self.listed:
            self._listing = self._listing or self._list()
            next(self._listing)
            return True
        if self._seen == len(self._server.history):
            return False
        kind, obj = self._server.history[self._seen]
        self._seen += 1
        self._follow(kind, obj)
        return True

    def finish(self) -> None:
        while self.step():
            pass

    def list_anew(self) -> None:
        """As after a 410."""
        self.listed, self._listing = False, None

    def _list(self) -> Iterator[None]:
        objects, self._seen = dict(self._server.objects), len(self._server.history)
        unseen = set(self._store.keys()) - objects.keys()
        for obj in objects.values():
            self._see(obj, listed=True)
            yield
        for key in sorted(unseen):
            self._miss(key)
        self.listed, self._listing = True, None
        self._sink(Event(Change.SYNCED, listed=True))
        yield

    def _follow(self, kind: str, obj: JsonObject) -> None:
        if kind != "DELETED":
            self._see(obj, listed=False)
        elif self._store.version(key_of(obj)) is not None:
            self._store.remove(key_of(obj))
            self._sink(Event(Change.DELETED, key_of(obj), obj, version_of(obj)))

    def _see(self, obj: JsonObject, *, listed: bool) -> None:
        key, version = key_of(obj), version_of(obj)
        known = self._store.version(key)
        if known == version:
            return
        if known is not None and uid_of(known) != uid_of(version):
            self._miss(key)
            known = None
        self._store.put(key, version, obj)
        self._sink(Event(Change.ADDED if known is None else Change.UPDATED, key, obj, version, listed=listed))

    def _miss(self, key: str) -> None:
        known = self._store.version(key)
        assert known is not None
        last = self._store.get(key)
        self._store.remove(key)
        self._sink(Event(Change.DELETED, key, last, known, listed=True, missed=True))


class Threaded:
    """Makes list-watches that run in the threads of their feeds, and there do what a test wants."""

    def __init__(self) -> None:
        self.server = Server()
        self.begun: queue.Queue[Runner] = queue.Queue()
        """Those that run, in order."""

    def __call__(self, resource: Resource, store: Store, *, scope: Scope, sink: Callable[[Event], None]) -> "Runner":
        return Runner(self, Script(self.server, store, sink))


class Runner:
    def __init__(self, maker: Threaded, script: Script) -> None:
        self.script = script
        self.last_heard: float | None = None
        self.thread: threading.Thread | None = None
        self._maker = maker
        self._work: queue.Queue[Callable[[], object] | None] = queue.Queue()
        self._stopped = False

    def run(self) -> None:
        self.thread = threading.current_thread()
        if not self._stopped:
            self._maker.begun.put(self)
            while (work := self._work.get()) is not None:
                work()

    def do(self, work: Callable[[], object]) -> None:
        """In its thread; does not wait."""
        self._work.put(work)

    def sync(self) -> None:
        self.do(self.script.finish)

    def stop(self) -> None:
        self._stopped = True
        self._work.put(None)

    @property
    def status(self) -> Status:
        return Status(self.script.listed, "", self.last_heard, None, Counts())
