"""The loop: list, then watch, and after whatever fails go on from where that is certain to lose nothing."""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from auditor.cluster.listwatch import source
from auditor.cluster.listwatch.decode import (
    bookmarked,
    complete,
    ends_list,
    identify,
    read_line,
    read_page,
)
from auditor.cluster.listwatch.event import Scope
from auditor.cluster.listwatch.recovery import Recovery
from auditor.cluster.listwatch.status import Counts, Status
from auditor.cluster.listwatch.store import Store
from auditor.cluster.listwatch.tracker import Sink, Tracker
from auditor.cluster.listwatch.turns import Turns
from auditor.cluster.listwatch.version import is_before, resource_version_of
from auditor.cluster.pace import Urgency
from auditor.cluster.paging import Paging
from auditor.cluster.resource import Resource
from auditor.cluster.status import error_of_status
from auditor.errors import ApiError, ExpiredError, MalformedError, UnreachableError
from auditor.json import JsonObject

log = logging.getLogger(__name__)

PAGE_SIZE = 500
"""Objects, as in client-go and kubectl: half a megabyte at 1 KB each. Fewer where they are large."""
STALL_AFTER = 150.0
"""Seconds. The API server sends a bookmark about each minute: two that did not come, and half a minute of grace."""
WATCH_SECONDS = 300
"""The server is asked to end a watch after one to two times that, at random, as client-go does: so that watches move
to API servers that came later, and not all at once."""
AT_ONCE = 1.0
"""Seconds: a watch that ends sooner has failed, or it would be opened again without a pause for ever."""
UNFINISHED = 2
"""Streamed lists that came to no end, after which the server counts as one that does not know them."""
NOT_STREAMED = frozenset({400, 403, 405, 422})
"""How servers refuse a streamed list: those that do not know it, or have it switched off, call it invalid."""
ANYWHERE = Scope()


class ListWatch:
    """One kind in one scope. `run` follows it until `stop`; nothing that the cluster or the network does ends it."""

    def __init__(
        self,
        client: source.Client,
        resource: Resource,
        store: Store,
        *,
        sink: Sink,
        scope: Scope = ANYWHERE,
        page_size: int = PAGE_SIZE,
        stall_after: float = STALL_AFTER,
        streamed: bool = True,
        turns: Turns | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        wait: Callable[[float], object] | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._client, self._resource, self._scope = client, resource, scope
        self._path = resource.path(namespace=scope.namespace)
        self._name = " ".join(filter(None, [resource.name, scope.namespace, scope.labels, scope.fields]))
        self._page_size, self._stall_after = page_size, stall_after
        self._clock, self._draw = clock, draw
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._answer: source.Answer | None = None
        self._turns = turns or Turns()
        self._turn: object = None

        self._counts = Counts()
        self._tracker = Tracker(store, sink, name=self._name, counts=self._counts)
        self._recovery = Recovery(
            self._name, counts=self._counts, stall_after=stall_after, clock=clock, now=now, draw=draw
        )
        self._version = ""  # as of which all has been told
        self._synced = False
        self._due = True  # a list is
        self._doubted = False  # whether the server's versions have gone backwards is to be asked
        self._token: str | None = None  # of the page that comes next; None: no list in pages has begun
        self._listed_version = ""  # of the list that has begun
        self._paging = Paging(page_size)
        self._streamed = streamed
        self._unfinished = 0

    def run(self) -> None:
        """In the caller's thread, for as long as nobody calls `stop`."""
        while not self._stopping.is_set():
            self._recovery.begin()
            try:
                self._turn = self._turns.take(self._stopping.is_set) if self._due else None
                self._follow()
            except Exception as error:
                self._end_turn()
                if not self._stopping.is_set():
                    self._recover(error)
            finally:
                self._end_turn()

    def _end_turn(self) -> None:
        self._turns.give_back(self._turn)
        self._turn = None

    def stop(self) -> None:
        """From any thread, in any state: `run` returns at once, or when the sink has returned."""
        with self._lock:
            self._stopping.set()
            answer = self._answer
        if answer is not None:
            answer.close()
        self._turns.wake()

    @property
    def status(self) -> Status:
        """As of now, from any thread."""
        counts = replace(self._counts, events=dict(self._counts.events), told=dict(self._counts.told))
        recovery = self._recovery
        return Status(self._synced, self._version, recovery.last_heard, recovery.failure, counts)

    def _follow(self) -> None:
        """One attempt. Returns at the regular end of a watch."""
        if self._doubted:
            self._check_history()
        if self._due and self._token is None and self._streamed:
            try:
                return self._watch(listing=True)
            except ApiError as error:
                if error.code not in NOT_STREAMED:
                    raise
                log.info("%s: asked for in pages, because the server does not stream the list: %s", self._name, error)
                # Who has no right to watch may get it later.
                self._streamed = error.code == 403 and "sendInitialEvents" not in error.message
        if self._due:
            self._list()
        if not self._stopping.is_set():
            self._watch()
        return None

    def _list(self) -> None:
        """In pages. What was read stays read when a page fails: the next attempt goes on with that page."""
        while self._due and not self._stopping.is_set():
            if self._token is None:
                self._tracker.begin_list()
                self._token = ""
            query = source.ask_page(self._scope, limit=self._paging.limit, token=self._token)
            try:
                body = self._ask("list", query).read()
                page = read_page(body, self._resource)
            except ExpiredError:
                if not self._token:
                    raise
                log.info("%s: the list took so long that it has to begin anew", self._name)
                self._token = None
                self._paging.widen()
                continue
            self._recovery.hear()
            self._counts.pages += 1
            self._paging.note(len(page.objects), len(body))
            del body  # as large as all that is to be told now
            if not self._token:
                self._listed_version = page.resource_version
                if is_before(page.resource_version, self._version):
                    log.warning("%s: versions went backwards (a restored etcd?): all objects are told anew", self._name)
                    self._tracker.distrust()
            for obj in page.objects:
                if self._stopping.is_set():
                    return
                identity = identify(obj)
                complete(obj, self._resource)
                self._tracker.see(identity, obj)
            self._recovery.succeed()
            self._token = page.next
            if not page.next:
                self._end_list(self._listed_version)

    def _end_list(self, version: str) -> None:
        self._version, self._due, self._token = version, False, None
        self._paging, self._unfinished, self._synced = Paging(self._page_size), 0, True
        self._tracker.end_list()  # last: who hears of it finds the status as it says
        self._end_turn()

    def _watch(self, *, listing: bool = False) -> None:
        """With `listing`, a watch that begins with all objects."""
        seconds = int(WATCH_SECONDS * (1 + self._draw()))
        if listing:
            query = source.ask_streamed_list(self._scope, seconds=seconds)
            self._tracker.begin_list()
        else:
            query = source.ask_watch(self._scope, since=self._version, seconds=seconds)
        answer = self._ask("watch", query, read_timeout=self._stall_after)
        self._counts.restarts += self._counts.streams > 0
        self._counts.streams += 1
        opened = self._clock()
        for line in answer.lines():
            if self._stopping.is_set():
                return
            if line:
                self._recovery.hear()
                kind, obj = read_line(line)
                self._take(kind, obj)
                self._counts.events[kind] = self._counts.events.get(kind, 0) + 1
                self._recovery.succeed()
        if self._due:
            self._note_unfinished()
            raise UnreachableError(f"watch {self._name}: the server ended it before its list was complete")
        if self._clock() - opened < AT_ONCE:
            raise UnreachableError(f"watch {self._name}: the server ended it at once")

    def _take(self, kind: str, obj: JsonObject) -> None:
        """One event of a watch. While a list is due, it belongs to that list."""
        if kind in ("ADDED", "MODIFIED", "DELETED"):
            identity = identify(obj)
            if self._due:
                self._tracker.see_streamed(kind, identity, obj)
            else:
                self._tracker.follow(kind, identity, obj, last=self._version)
                self._advance(resource_version_of(identity[1]))
        elif kind == "BOOKMARK":
            version = bookmarked(obj)
            if not self._due:
                self._advance(version)
            elif ends_list(obj):
                if is_before(version, self._version):
                    self._streamed = False  # pages tell before their first object what to make of versions
                    raise MalformedError(f"watch {self._name}: the versions of the server went backwards")
                self._end_list(version)
        elif kind == "ERROR":
            self._counts.events[kind] = self._counts.events.get(kind, 0) + 1
            self._recovery.refuse()
            raise error_of_status(f"watch {self._name}", obj)
        else:
            raise MalformedError(f"watch {self._name}: an event of the unknown type {kind[:50]}")

    def _advance(self, version: str) -> None:
        if not is_before(version, self._version):
            self._version = version

    def _check_history(self) -> None:
        """After a restore of etcd a watch from a version that is not reached any more waits for it in silence."""
        self._doubted = False
        page = read_page(self._ask("list", [("limit", "1")]).read(), self._resource)
        if is_before(page.resource_version, self._version):
            self._list_anew()

    def _ask(self, verb: str, query: source.Query, *, read_timeout: float | None = None) -> source.Answer:
        what = f"{verb} {self._name}"
        answer = self._client.transport.stream(
            self._path,
            what=what,
            query=query,
            urgency=Urgency.BACKGROUND,
            read_timeout=read_timeout,
            begun=self._recovery.connect,
        )
        with self._lock:
            if self._stopping.is_set():
                raise UnreachableError(f"{what}: not asked, because it is stopped")
            self._answer = answer
        return answer

    def _recover(self, error: Exception) -> None:
        remedy = self._recovery.judge(error)
        if self._due and self._token is None and (remedy.stalled or remedy.list_anew):
            self._note_unfinished()
        self._doubted = remedy.stalled and not self._due
        if remedy.list_anew:
            self._list_anew()
        if remedy.delay:
            self._wait(remedy.delay)

    def _list_anew(self) -> None:
        self._counts.relists += not self._due
        self._due, self._token = True, None

    def _note_unfinished(self) -> None:
        self._unfinished += 1
        self._streamed = self._streamed and self._unfinished < UNFINISHED
