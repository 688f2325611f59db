"""One user's share of a feed: reads what is kept, looks up by index, knows how old that is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from auditor.cluster.informer.feed import Feed
from auditor.cluster.informer.index import Index, IndexFunction
from auditor.cluster.informer.notice import Member
from auditor.cluster.informer.selector import parse_selector
from auditor.cluster.informer.status import InformerStatus, age_of
from auditor.cluster.listwatch import Scope, Version
from auditor.cluster.resource import Resource
from auditor.cluster.stores import Content, Entry, Keep, content_of
from auditor.errors import ClusterError
from auditor.json import JsonObject


class Informer:
    """Made by `Informers.open`. Reads cost no call and wait for nobody; before it has synced, they know a part."""

    def __init__(
        self,
        feed: Feed,
        member: Member,
        keep: Keep,
        indexes: Mapping[str, IndexFunction],
        *,
        close: Callable[["Informer", Feed], None],
        now: Callable[[], float],
    ) -> None:
        self._feed, self._member, self._keep, self._indexes = feed, member, keep, dict(indexes)
        self._close, self._now = close, now

    @property
    def resource(self) -> Resource:
        return self._feed.resource

    @property
    def scope(self) -> Scope:
        return self._feed.scope

    # -- is it there, and how old is it --------------------------------------------------------------------------------

    @property
    def synced(self) -> bool:
        """All that was there when it was opened has been told, and can be read. It stays so: `age` tells the rest."""
        return self._feed.hub.has_synced(self._member)

    def wait_synced(self, timeout: float | None = None) -> bool:
        """False if it has not by then, or was closed."""
        return self._feed.hub.wait_synced(self._member, timeout)

    @property
    def age(self) -> float | None:
        """Seconds since the server was last heard; None: never. Up to about a minute is the age of a healthy one."""
        return age_of(self._feed, self._now())

    @property
    def status(self) -> InformerStatus:
        """Of the list-watch, which others may share."""
        return InformerStatus.of(self._feed, self._now())

    @property
    def failures(self) -> int:
        """Times that its handler raised."""
        return self._member.failures

    # -- what is kept --------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._feed.hub.layers)

    def __contains__(self, key: str) -> bool:
        return self._feed.hub.layers.find(key) is not None

    def keys(self, *, namespace: str = "") -> Sequence[str]:
        """Those of this moment, of one namespace or of all."""
        keys = self._feed.hub.layers.keys()
        return [key for key in keys if key.startswith(f"{namespace}/")] if namespace else list(keys)

    def version(self, key: str) -> Version | None:
        """None: it is not there."""
        entry = self._find(key)
        return None if entry is None else entry.version

    def digest(self, key: str, content: Content = content_of) -> bytes | None:
        """None: it is not there, or its digest is not known."""
        entry = self._find(key)
        return None if entry is None else entry.digest(content)

    def get(self, name: str, *, namespace: str = "") -> JsonObject | None:
        """None: it is not there. The object belongs to the caller: the whole one, or the fields that are kept."""
        return self.get_key(f"{namespace}/{name}" if namespace else name)

    def get_key(self, key: str) -> JsonObject | None:
        if not self._keep.whole and not self._keep.fields:
            raise ValueError(f"{self._feed.name}: no objects are kept: open it with keep=WHOLE, or with fields")
        found = self._feed.hub.layers.find(key)
        if found is None:
            return None
        generation, entry = found
        if self._member.closed and not entry.keep.covers(self._keep):  # what was kept for it alone is gone
            raise self._closed()
        if generation < self._member.generation or (obj := entry.object()) is None:
            # Of an older layer, which kept less for others. To say that it is not there would be false, and so would it
            # be to give a part of it for all.
            raise ClusterError(f"{self._feed.name}: {key} has not been read yet: wait until the informer has synced")
        return obj

    def by_index(self, name: str, value: str) -> Sequence[JsonObject]:
        """Raises where the index function failed on an object, because that one might be among them."""
        found = (self.get_key(key) for key in self.keys_by_index(name, value))
        return [obj for obj in found if obj is not None]

    def keys_by_index(self, name: str, value: str) -> Sequence[str]:
        return self._index(name).keys(value)

    def index_values(self, name: str) -> Sequence[str]:
        return self._index(name).values()

    def list(self, *, namespace: str = "", labels: str = "") -> Iterator[JsonObject]:
        """Those that the label selector lets through, decoded one by one as they are asked for."""
        selector = parse_selector(labels)
        if selector.keys and not self._keep.has(("metadata", "labels")):
            raise ValueError(f"{self._feed.name}: labels are not kept: add ('metadata', 'labels') to the fields")
        for key in self.keys(namespace=namespace):
            obj = self.get_key(key)
            if obj is not None and selector.matches(obj):
                yield obj

    def _find(self, key: str) -> Entry | None:
        found = self._feed.hub.layers.find(key)
        return None if found is None else found[1]

    def _index(self, name: str) -> Index:
        if name not in self._indexes:
            raise ValueError(
                f"{self._feed.name}: no index {name!r}: it was opened with {sorted(self._indexes) or 'none'}"
            )
        index = self._feed.hub.indexes.get(self._indexes[name])
        if index is None:
            raise self._closed()
        return index

    def _closed(self) -> ClusterError:
        return ClusterError(f"{self._feed.name}: the informer has been closed")

    # -- its end -------------------------------------------------------------------------------------------------------

    def tell_again(self, key: str) -> None:
        """Its handler, of that object as it is known, if it is there: not a change, but a reminder."""
        self._feed.hub.tell_again(self._member, key)

    def close(self) -> None:
        """Its handler is called no more, except that a call under way comes to its end. May be called again."""
        if not self._member.closed:
            self._feed.hub.leave(self._member, self._indexes.values())
            self._close(self, self._feed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
