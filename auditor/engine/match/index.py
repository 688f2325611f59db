"""The policies that may concern a request, found without asking the others."""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Generic, TypeVar

from auditor.engine.match.program import MatchProgram
from auditor.model.match import Kinds, MatchPolicy, ResourceRule
from auditor.model.request import GroupVersionResource

T = TypeVar("T")
_NO_KINDS = Kinds()


class PolicyIndex(Generic[T]):
    """Buckets by (group, resource), `*` in either place. Built once and never changed: a new set gets a new index.

    A candidate still has to be asked; one that is no candidate would have said no.
    """

    __slots__ = ("_buckets", "_entries", "_equivalent", "_found")

    def __init__(self, entries: Iterable[tuple[MatchProgram, T]]) -> None:
        self._entries = tuple(entries)
        buckets: dict[tuple[str, str], list[int]] = {}
        for position, (program, _) in enumerate(self._entries):
            for key in sorted({key for rule in program.match.rules for key in _list_keys(rule)} or {("*", "*")}):
                buckets.setdefault(key, []).append(position)
        self._buckets = MappingProxyType({key: tuple(positions) for key, positions in buckets.items()})
        self._found: dict[GroupVersionResource, tuple[Kinds, Sequence[tuple[MatchProgram, T]]]] = {}
        """Of the resources that were asked for, which are as many as the cluster has."""
        self._equivalent = any(program.match.policy is MatchPolicy.EQUIVALENT for program, _ in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, resource: GroupVersionResource, kinds: Kinds = _NO_KINDS) -> Sequence[tuple[MatchProgram, T]]:
        """In the order in which they were given."""
        known = self._found.get(resource)
        if known is None or known[0] is not kinds:
            known = self._found[resource] = kinds, self._find(resource, kinds)
        return known[1]

    def _find(self, resource: GroupVersionResource, kinds: Kinds) -> Sequence[tuple[MatchProgram, T]]:
        pairs = {(resource.group, resource.resource)}
        if self._equivalent and kinds.equivalents:
            pairs |= {(item.resource.group, item.resource.resource) for item in kinds.equivalents.get(resource, ())}
        positions: set[int] = set()
        for group, name in pairs:
            for key in ((group, name), (group, "*"), ("*", name), ("*", "*")):
                if found := self._buckets.get(key):
                    positions.update(found)
        return [self._entries[position] for position in sorted(positions)]


def _list_keys(rule: ResourceRule) -> Iterable[tuple[str, str]]:
    groups = {"*"} if "*" in rule.groups else rule.groups
    names = {name for name, _ in rule.resources}
    return ((group, name) for group in groups for name in ({"*"} if "*" in names else names))
