"""Which policies read which other objects, and what is judged again when one of those changes, comes or goes."""

import functools
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, Protocol

from auditor.audit.follower import Follower
from auditor.audit.lookups import Lookups, Pair, Values
from auditor.audit.setting import Setting
from auditor.cluster import Resource
from auditor.cluster.discovery import Discovery
from auditor.errors import ClusterError
from auditor.intake.live.live import Live
from auditor.intake.live.objects import index_by
from auditor.intake.live.view import View
from auditor.json import JsonObject
from auditor.model.policy import Policy

log = logging.getLogger(__name__)

CROWD: Final = 1.0
"""Seconds that a pass waits which any change of a looked-up kind asks for: a hundred changes are one pass."""


class Ask(Protocol):
    def __call__(
        self,
        kind: str,
        reason: str,
        sources: frozenset[str],
        *,
        keys: Collection[str] | None = ...,
        delay: float = ...,
    ) -> None: ...


class Readers:
    """`follow` and `settle` are for the steering; changes are heard in the threads of watches."""

    def __init__(
        self, live: Live, discovery: Discovery, *, followers: Callable[[], Mapping[str, Follower]], ask: Ask
    ) -> None:
        self._live, self._discovery, self._followers, self._ask = live, discovery, followers, ask
        self._lookups = Lookups(live.informers, self._touch, known=lambda: live.objects.known)
        self._readers: Mapping[Pair, Sequence[tuple[str, str]]] = {}
        """By looked-up group and resource: (source, pointer) of those who read it; without a pointer all of it."""
        self._params: dict[tuple[str, str], Pair] = {}
        """By version and name of a kind of params, where it was when it was last found."""

    def follow(self, view: View) -> bool:
        """Whether something is missing of what policies read. Who reads it is noted all the same: a kind that goes, or
        comes again, concerns them."""
        readers: dict[Pair, list[tuple[str, str]]] = {}
        wishes: dict[Resource, set[str]] = {}
        missing = False
        for each in view.compiled():
            for pair, resource, pointer in self._reads(each.policy):
                readers.setdefault(pair, []).append((each.policy.key, pointer))
                missing |= resource is None
                if resource is not None:
                    wishes.setdefault(resource, set()).update({pointer} - {""})
        self._readers = readers
        self._lookups.follow({resource: frozenset(pointers) for resource, pointers in wishes.items()})
        return missing

    def settle(self) -> None:
        """Of kinds that can be looked up only now, or cannot any more, their readers got another answer before."""
        for pair in self._lookups.settle():
            sources = frozenset(source for source, _ in self._readers.get(pair, ()))
            for name, follower in self._followers().items():
                if asking := sources & follower.setting.policies.keys():
                    self._ask(name, "lookup", asking)

    def knows(self, follower: Follower) -> bool:
        """What its policies look up, but for what cannot be read: of that they say so themselves."""
        pending = self._live.objects.pending
        if not pending:
            return True
        reading = {source for pair in pending for source, _ in self._readers.get(pair, ())}
        return reading.isdisjoint(follower.setting.policies)

    def _reads(self, policy: Policy) -> Iterator[tuple[Pair, Resource | None, str]]:
        """None: there is no such kind now."""
        for lookup in policy.lookups:
            resource = self._live.find_kind(lookup.group, lookup.resource)
            yield (lookup.group, lookup.resource), resource, lookup.indexed_by
        if (kind := policy.param_kind) is None:
            return
        name, found = (kind.api_version, kind.kind), None
        try:
            found = self._discovery.find_exact(*name)
            self._params[name] = (found.group, found.plural)
        except ClusterError:
            log.debug("%s: the kind of its params is not there", policy.key)
        yield self._params.get(name, ("", "")), found, ""

    def _touch(self, resource: Resource, key: str, values: Values) -> None:
        pair = (resource.group, resource.plural)
        for source, pointer in self._readers.get(pair, ()):
            for name, follower in list(self._followers().items()):
                if source not in follower.setting.policies:
                    continue
                keys = follower.keys_with(pointer, values.get(pointer, ())) if pointer else None
                if keys is None:
                    self._ask(name, "lookup", frozenset({source}), delay=CROWD)
                    continue
                if (follower.resource.group, follower.resource.plural) == pair:
                    keys.discard(key)
                if keys:
                    self._ask(name, "lookup", frozenset({source}), keys=keys)


def find_indexes(setting: Setting) -> dict[str, Callable[[JsonObject], Sequence[str]]]:
    """By which the kind's own objects are found that ask for one that has changed."""
    pointers = {lookup.indexed_by for each in setting.policies.values() for lookup in each.policy.lookups}
    return {pointer: _index(pointer) for pointer in pointers - {""}}


@functools.lru_cache(maxsize=1024)
def _index(pointer: str) -> Callable[[JsonObject], Sequence[str]]:
    """The same function for the same pointer: by that, informers know that an index can be shared."""
    by = index_by(pointer)
    return lambda thing: tuple(by(thing))
