"""The objects that policies look up, from informers: those kinds are followed, and no others."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from auditor.cluster import Resource
from auditor.cluster.informer import Informer, Informers, Notice
from auditor.cluster.stores import WHOLE
from auditor.dataclass import dataclass
from auditor.engine.patch import find_value
from auditor.json import Json, JsonObject
from auditor.model.world import EVERYTHING, Narrowing

Wish = tuple[str, str]
"""Group and resource."""
Pointers = frozenset[str]


@dataclass(frozen=True, slots=True)
class _Followed:
    resource: Resource
    pointers: Pointers
    informer: Informer
    before: "_Followed | None" = None
    """Asked until this one has synced, so that a policy that is changed does not make the others fail."""

    @property
    def synced(self) -> "_Followed | None":
        return self if self.informer.synced else self.before and self.before.synced

    def close(self) -> None:
        self.informer.close()
        if self.before is not None:
            self.before.close()


class LiveObjects:
    """`follow` is for one thread, the rest for all. What is not followed, or has not synced, is not known."""

    def __init__(self, informers: Informers, *, told: Callable[[str, str], None] = lambda *_: None) -> None:
        """`told` hears group and resource of each change, in the thread of the watch."""
        self._informers, self._told = informers, told
        self._followed: dict[Wish, _Followed] = {}
        self._kinds: dict[tuple[str, str], Wish] = {}

    def follow(self, wishes: Iterable[tuple[Resource, Pointers]]) -> None:
        """These from now on, with an index for each pointer; what nobody wishes any more is let go."""
        wanted = {(resource.group, resource.plural): (resource, pointers) for resource, pointers in wishes}
        followed = dict(self._followed)
        for wish, (resource, pointers) in wanted.items():
            current = followed.get(wish)
            if current is None or (current.resource, current.pointers) != (resource, pointers):
                followed[wish] = self._open(wish, resource, pointers, current)
        gone = [followed.pop(wish) for wish in list(followed) if wish not in wanted]
        # Readers see one or the other of these, and no half of any.
        self._kinds = {(each.resource.api_version, each.resource.kind): wish for wish, each in followed.items()}
        self._followed = followed
        for each in gone:
            each.close()

    def _open(self, wish: Wish, resource: Resource, pointers: Pointers, before: _Followed | None) -> _Followed:
        def tell(_: Notice) -> None:
            self._told(*wish)

        indexes = {pointer: index_by(pointer) for pointer in pointers}
        informer = self._informers.open(resource, keep=WHOLE, handler=tell, indexes=indexes)
        return _Followed(resource, pointers, informer, before)

    def settle(self) -> None:
        """Lets go of what was kept until its successor knew all."""
        for wish, each in self._followed.items():
            if each.before is not None and each.informer.synced:
                self._followed = {**self._followed, wish: replace(each, before=None)}
                each.before.close()

    def of_kind(self, api_version: str, kind: str) -> Sequence[JsonObject] | None:
        wish = self._kinds.get((api_version, kind))
        return None if wish is None else self.of_resource(*wish)

    def of_resource(self, group: str, resource: str, narrowing: Narrowing = EVERYTHING) -> Sequence[JsonObject] | None:
        known = self._followed.get((group, resource))
        found = known and known.synced
        if not found:
            return None
        if narrowing.pointer in found.pointers:
            return found.informer.by_index(narrowing.pointer, _text(narrowing.value))
        return list(found.informer.list(namespace=narrowing.namespace))

    @property
    def unsynced(self) -> list[str]:
        """What is followed and not known yet."""
        return [each.resource.name for each in self._followed.values() if each.synced is None]

    @property
    def known(self) -> frozenset[Wish]:
        """What can be looked up now."""
        return frozenset(wish for wish, each in self._followed.items() if each.synced is not None)

    @property
    def pending(self) -> frozenset[Wish]:
        """What is not known yet, and nothing says that it will not be in a moment."""
        return frozenset(
            wish
            for wish, each in self._followed.items()
            if each.synced is None and each.informer.status.last_error is None
        )

    @property
    def age(self) -> float | None:
        """Seconds since the server was last heard on the kind for which that is longest ago; None: not at all."""
        ages = [each.informer.age for each in self._followed.values()]
        return max((age for age in ages if age is not None), default=None) if None not in ages else None

    def close(self) -> None:
        self.follow(())


def index_by(pointer: str) -> Callable[[JsonObject], Iterable[str]]:
    """The value that an object has there, as text."""

    def values(obj: JsonObject) -> Iterable[str]:
        try:
            return (_text(find_value(obj, pointer)),)
        except LookupError:
            return ()

    return values


def _text(value: Json) -> str:
    """Equal for values that are the same to a policy: 1 and 1.0 are, 1 and true are not."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Json) -> Json:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
