"""Objects that others are judged by: when one of them changes, those are judged again that may have asked for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from auditor.cluster import Resource
from auditor.cluster.informer import Informer, Informers, Notice
from auditor.cluster.stores import WHOLE
from auditor.intake.live.objects import index_by

Values = Mapping[str, frozenset[str]]
"""By pointer, what a changed object has there, and had."""


@dataclass(slots=True)
class _Followed:
    resource: Resource
    pointers: frozenset[str]
    informer: Informer
    told: bool = False


class Lookups:
    """`follow` and `settle` are for one thread."""

    def __init__(self, informers: Informers, touched: Callable[[Resource, str, Values], None]) -> None:
        """`touched` hears of each change, with the key of what has changed: called by watches, has to be quick."""
        self._informers, self._touched = informers, touched
        self._followed: dict[tuple[str, str], _Followed] = {}

    def follow(self, wishes: Mapping[Resource, frozenset[str]]) -> None:
        wanted = {(resource.group, resource.plural): (resource, pointers) for resource, pointers in wishes.items()}
        for name, (resource, pointers) in wanted.items():
            known = self._followed.get(name)
            if known is not None and known.resource == resource:
                known.pointers = pointers
                continue
            followed = _Followed(resource, pointers, self._open(name, resource))
            self._followed[name] = followed
            if known is not None:
                known.informer.close()
        for name in [name for name in self._followed if name not in wanted]:
            self._followed.pop(name).informer.close()

    def settle(self) -> list[Resource]:
        """Those of which all is known since the last call: rules that asked for them meanwhile got an error."""
        new = [each for each in self._followed.values() if not each.told and each.informer.synced]
        for each in new:
            each.told = True
        return [each.resource for each in new]

    def _open(self, name: tuple[str, str], resource: Resource) -> Informer:
        def hear(notice: Notice) -> None:
            known = self._followed.get(name)
            if known is None or notice.initial or notice.resync or not known.told:
                return  # `settle` sees to what was there
            states = [each for each in (notice.old, notice.object) if each is not None]
            values = {
                pointer: frozenset(value for state in states for value in index_by(pointer)(state))
                for pointer in known.pointers
            }
            self._touched(known.resource, notice.key, values)

        return self._informers.open(resource, keep=WHOLE, handler=hear)
