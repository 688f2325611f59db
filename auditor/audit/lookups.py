"""Objects that others are judged by: when one of them changes, those are judged again that may have asked for it."""

from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass

from auditor.cluster import Resource
from auditor.cluster.informer import Informer, Informers, Notice
from auditor.cluster.stores import WHOLE
from auditor.intake.live.objects import index_by

Pair = tuple[str, str]
"""Group and resource."""
Values = Mapping[str, frozenset[str]]
"""By pointer, what a changed object has there, and had."""


@dataclass(slots=True)
class _Followed:
    resource: Resource
    pointers: frozenset[str]
    informer: Informer | None = None
    told: bool = False
    """Changes are told: before, `settle` sees to all that is there."""

    @property
    def synced(self) -> bool:
        return self.informer is not None and self.informer.synced

    def close(self) -> None:
        if self.informer is not None:
            self.informer.close()


class Lookups:
    """`follow` and `settle` are for one thread."""

    def __init__(
        self,
        informers: Informers,
        touched: Callable[[Resource, str, Values], None],
        *,
        known: Callable[[], Set[Pair]],
    ) -> None:
        """`touched` hears of each change, with the key of what has changed: called by watches, has to be quick.
        `known`: what rules find when they look it up now."""
        self._informers, self._touched, self._known = informers, touched, known
        self._followed: dict[Pair, _Followed] = {}
        self._settled: frozenset[Pair] = frozenset()

    def follow(self, wishes: Mapping[Resource, frozenset[str]]) -> None:
        wanted = {(resource.group, resource.plural): (resource, pointers) for resource, pointers in wishes.items()}
        for name, (resource, pointers) in wanted.items():
            before = self._followed.get(name)
            if before is not None and before.resource == resource:
                before.pointers = pointers
                continue
            self._followed[name] = self._open(_Followed(resource, pointers))
            if before is not None:
                before.close()
        for name in [name for name in self._followed if name not in wanted]:
            self._followed.pop(name).close()

    def settle(self) -> Collection[Pair]:
        """Those that can be looked up since the last call, or cannot any more: who asked for them before got another
        answer."""
        known = self._known()
        for name, each in self._followed.items():
            if not each.told and each.synced and name in known:
                each.told = True
        settled = frozenset(name for name, each in self._followed.items() if each.told and name in known)
        before, self._settled = self._settled, settled
        return settled ^ before

    def _open(self, followed: _Followed) -> _Followed:
        def hear(notice: Notice) -> None:
            # Of what comes by a later list, as after a break of the watch, `initial` is said, too.
            if notice.resync or not followed.told:
                return
            states = [each for each in (notice.old, notice.object) if each is not None]
            values = {
                pointer: frozenset(value for state in states for value in index_by(pointer)(state))
                for pointer in followed.pointers
            }
            self._touched(followed.resource, notice.key, values)

        followed.informer = self._informers.open(followed.resource, keep=WHOLE, handler=hear)
        return followed
