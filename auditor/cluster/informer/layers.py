"""What a feed keeps, in layers: the newest in the form that is needed now, older ones until they are read again.

When a user comes who needs more of each object than is kept, a new layer begins, and the kind is listed anew. An
object moves to the newest layer when the list names it. Until then it is found in its old form, and known as it was.
"""

from collections.abc import Collection, Iterator

from auditor.cluster.listwatch import Version, make_version, uid_of
from auditor.cluster.stores import Entry, Keep, Packed
from auditor.json import JsonObject


class Layers:
    """One thread writes at a time; others may read meanwhile."""

    __slots__ = ("_layers",)

    def __init__(self, keep: Keep) -> None:
        self._layers: tuple[tuple[int, Packed], ...] = ((1, Packed(keep)),)
        """With their generations, the newest last. Replaced as a whole, never changed."""

    @property
    def generation(self) -> int:
        return self._layers[-1][0]

    @property
    def newest(self) -> Packed:
        return self._layers[-1][1]

    def begin(self, keep: Keep) -> None:
        self._layers = (*self._layers, (self.generation + 1, Packed(keep)))

    def first_with(self, keep: Keep) -> int | None:
        """The generation from which on all layers are enough for that; None: not even the newest is."""
        found = None
        for generation, layer in reversed(self._layers):
            if not layer.keep.covers(keep):
                break
            found = generation
        return found

    def find(self, key: str) -> tuple[int, Entry] | None:
        # The oldest first: an object that moves meanwhile is put into the newest before it leaves the old one.
        for generation, layer in self._layers:
            entry = layer.entry(key)
            if entry is not None:
                return generation, entry
        return None

    def put(self, key: str, version: Version, obj: JsonObject) -> Entry:
        layers = self._layers
        newest = layers[-1][1]
        entry = newest.set(key, version, obj)
        if len(layers) > 1:
            for _, layer in layers[:-1]:
                layer.remove(key)
        return entry

    def remove(self, key: str) -> None:
        for _, layer in self._layers:
            layer.remove(key)

    def settle(self) -> None:
        """Older layers that are empty go."""
        *older, newest = self._layers
        self._layers = (*((g, layer) for g, layer in older if len(layer)), newest)

    def narrow(self, keep: Keep) -> None:
        """Drops what is kept beyond that. Not while something is read again: then it is done later."""
        if len(self._layers) > 1 or not self.newest.keep.covers(keep) or keep.covers(self.newest.keep):
            return
        self._layers = ((self.generation, self.newest.narrowed(keep)),)

    def keys(self) -> Collection[str]:
        # A dictionary: an object that moves meanwhile is in two of them.
        return dict.fromkeys(key for _, layer in self._layers for key in layer.keys()).keys()  # noqa: SIM118 - no dictionary

    def entries(self, since: int) -> Iterator[tuple[str, Entry]]:
        """Of the layers from that generation on."""
        for key in self.keys():
            found = self.find(key)
            if found is not None and found[0] >= since:
                yield key, found[1]

    def known(self, key: str, since: int) -> Version | None:
        """For a list-watch that fills the layers from that generation on: what is in older ones seems to be of an older
        version, and so it is told again."""
        found = self.find(key)
        if found is None:
            return None
        generation, entry = found
        version = entry.version
        # The same uid, or it would be taken for another object that has replaced this one.
        return version if generation >= since else make_version(uid=uid_of(version), resource_version="0")

    def __len__(self) -> int:
        return sum(len(layer) for _, layer in self._layers)
