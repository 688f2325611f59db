"""Where the events of one list-watch come in, and all who need them are told. No thread and no network in here."""

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from auditor.cluster.informer.index import Index, IndexFunction
from auditor.cluster.informer.layers import Layers
from auditor.cluster.informer.notice import Member, Notice, read_object
from auditor.cluster.listwatch import Change, Event, Version
from auditor.cluster.stores import IDENTITY, WHOLE, Keep
from auditor.json import JsonObject


class Hub:
    """One lock holds together what belongs together: the store, the indexes, and which handler was told of what.

    Readers take no lock. Handlers run under it, so that one that joins is told of each object exactly once: either by
    `join`, or by the event that comes after.
    """

    def __init__(self, name: str, keep: Keep = IDENTITY) -> None:
        self.name: Final = name
        self.layers: Final = Layers(keep | IDENTITY)
        self.synced = 0
        """The newest generation of which a whole list has been told."""
        self.members: tuple[Member, ...] = ()
        self.indexes: dict[IndexFunction, Index] = {}
        """Both are replaced as a whole, never changed: events may be on their way through them."""
        self.ended = False
        self._wide = False
        """Somebody has left, and more may be kept than is needed."""
        self._telling = threading.RLock()
        self._joining = threading.Lock()
        """For the members and indexes alone: whoever leaves does not wait for a handler."""
        self._progress = threading.Condition()

    # -- users ---------------------------------------------------------------------------------------------------------

    def join(self, member: Member, keep: Keep, functions: Iterable[IndexFunction] = (), *, fresh: bool = False) -> None:
        """Told of all that is there and serves the need, at once; if more is needed, by a list that has to begin now.

        `fresh`: of all objects by that list, so that notices carry them as the server has them.
        """
        functions = list(dict.fromkeys(functions))
        with self._telling:
            with self._joining:
                since = None if fresh else self._serves(keep, functions)
                if since is None:
                    self.layers.begin(self.layers.newest.keep | keep)
                    since = self.layers.generation
                for function in functions:
                    since = max(since, self._use(function, since).generation)
                member.keep, member.generation = keep, since
                self.members = (*self.members, member)
            for key, entry in self.layers.entries(since) if member.handler is not None else ():
                member.tell(Notice(Change.ADDED, key, read_object(entry), after=entry, initial=True))

    def _serves(self, keep: Keep, functions: Collection[IndexFunction]) -> int | None:
        """The generation from which on all that is needed is there; None if it is not there yet."""
        since = self.layers.first_with(keep)
        for function in functions:
            index = self.indexes.get(function)
            # A new index can be made of what is kept if whole objects are.
            made = index.generation if index is not None else self.layers.first_with(WHOLE)
            since = None if since is None or made is None else max(since, made)
        return since

    def _use(self, function: IndexFunction, since: int) -> Index:
        index = self.indexes.get(function)
        if index is None:
            index = Index(function, since)
            for key, entry in self.layers.entries(since):
                obj = read_object(entry)
                if obj is not None:
                    index.put(key, obj)
                else:
                    index.fail(key, "it is nested too deeply to be kept")
            self.indexes = {**self.indexes, function: index}
        index.users += 1
        return index

    def leave(self, member: Member, functions: Iterable[IndexFunction] = ()) -> None:
        """It is told nothing more, except for what it may just be told by another thread."""
        member.closed = True
        with self._joining:
            self.members = tuple(each for each in self.members if each is not member)
            for function in dict.fromkeys(functions):
                self.indexes[function].users -= 1
            self.indexes = {function: index for function, index in self.indexes.items() if index.users}
        self._wide = not self.ended
        # A handler may be at work, which may be waiting for us; then the next event does it.
        if self._wide and self._telling.acquire(blocking=False):
            try:
                self._narrow()
            finally:
                self._telling.release()
        with self._progress:
            self._progress.notify_all()

    def _narrow(self) -> None:
        """What was kept for those who have left goes."""
        needed = IDENTITY
        for member in self.members:
            needed |= member.keep
        self.layers.narrow(needed)
        self._wide = False

    # -- events --------------------------------------------------------------------------------------------------------

    def apply(self, event: Event, generation: int) -> None:
        """An event of the list-watch that was begun in that generation."""
        with self._telling:
            if self._wide:
                self._narrow()
            if event.change is Change.SYNCED:
                self._sync(generation)
            elif event.change is Change.DELETED:
                self._remove(event)
            elif event.object is not None:
                self._put(event, event.object)

    def _put(self, event: Event, obj: JsonObject) -> None:
        found = self.layers.find(event.key)
        known_since, before = found if found is not None else (0, None)
        after = self.layers.put(event.key, event.version, obj)
        # What leaves an older layer as it was has been read again for somebody else's sake. In the newest layer the
        # list-watch knows better: after a restore of etcd an equal version may be another state.
        same = before is not None and known_since < self.layers.generation and before.version == event.version
        for index in self.indexes.values():
            index.put(event.key, obj)
        for member in self.members:
            if member.handler is None:
                continue
            if before is None or known_since < member.generation:
                initial = event.listed or before is not None
                member.tell(Notice(Change.ADDED, event.key, obj, after=after, initial=initial))
            elif not same:
                member.tell(Notice(Change.UPDATED, event.key, obj, before=before, after=after))

    def _remove(self, event: Event) -> None:
        found = self.layers.find(event.key)
        if found is None:
            return
        known_since, before = found
        self.layers.remove(event.key)
        for index in self.indexes.values():
            index.remove(event.key)
        for member in self.members:
            if known_since >= member.generation:
                member.tell(Notice(Change.DELETED, event.key, event.object, before=before, missed=event.missed))

    def _sync(self, generation: int) -> None:
        self.layers.settle()
        self._narrow()
        with self._progress:
            self.synced = max(self.synced, generation)
            self._progress.notify_all()

    def tell_again(self, member: Member, key: str) -> None:
        """The same object once more, if it is there and known to that member."""
        with self._telling:
            found = self.layers.find(key)
            if found is not None and found[0] >= member.generation:
                entry = found[1]
                notice = Notice(Change.UPDATED, key, read_object(entry), before=entry, after=entry, resync=True)
                member.tell(notice)

    def end(self) -> None:
        """No event comes any more, and nobody needs to wait for one."""
        self.ended = True
        with self._progress:
            self._progress.notify_all()

    # -- state ---------------------------------------------------------------------------------------------------------

    def has_synced(self, member: Member) -> bool:
        return not member.closed and self.synced >= member.generation > 0

    def wait_synced(self, member: Member, timeout: float | None) -> bool:
        with self._progress:
            self._progress.wait_for(lambda: self.ended or member.closed or self.has_synced(member), timeout)
        return self.has_synced(member)


@dataclass(frozen=True, slots=True)
class View:
    """The store as the list-watch of one generation has it.

    What it puts and takes out is done when its event comes, which holds all that is needed: so the store, the indexes
    and the handlers never disagree.
    """

    layers: Layers
    generation: int

    def version(self, key: str) -> Version | None:
        return self.layers.known(key, self.generation)

    def put(self, key: str, version: Version, obj: JsonObject) -> None:
        pass

    def remove(self, key: str) -> None:
        pass

    def get(self, key: str) -> JsonObject | None:
        found = self.layers.find(key)
        return None if found is None else read_object(found[1])

    def keys(self) -> Collection[str]:
        return self.layers.keys()

    def __len__(self) -> int:
        return len(self.layers)
