"""Objects for params and lookups, listed once and kept. What could not be listed is not known, which is an error."""

from collections.abc import Iterable, Mapping, Sequence

from auditor.cluster import Resource
from auditor.cluster.discovery import CrdKind, Discovery
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.patch import find_value
from auditor.errors import ClusterError, InputError
from auditor.intake.once.reading import Reader
from auditor.json import Json, JsonObject
from auditor.model.resource import name_kind
from auditor.model.world import EVERYTHING, Narrowing


class ListedObjects:
    """By resource, with indexes that are made when they are first asked for. For one thread."""

    def __init__(self, found: Mapping[Resource, Sequence[JsonObject] | None]) -> None:
        self._by_resource = {(each.group, each.plural): things for each, things in found.items()}
        self._by_kind = {(each.api_version, each.kind): things for each, things in found.items()}
        self._indexes: dict[tuple[str, str, str], dict[str, list[JsonObject]]] = {}

    def of_kind(self, api_version: str, kind: str) -> Sequence[JsonObject] | None:
        return self._by_kind.get((api_version, kind))

    def of_resource(self, group: str, resource: str, narrowing: Narrowing = EVERYTHING) -> Sequence[JsonObject] | None:
        things = self._by_resource.get((group, resource))
        if things is None or not narrowing.pointer:
            return things
        index = self._indexes.get((group, resource, narrowing.pointer))
        if index is None:
            index = self._indexes[group, resource, narrowing.pointer] = _index(things, narrowing.pointer)
        return index.get(_bucket(narrowing.value), ())


def _index(things: Iterable[JsonObject], pointer: str) -> dict[str, list[JsonObject]]:
    index: dict[str, list[JsonObject]] = {}
    for thing in things:
        try:
            index.setdefault(_bucket(find_value(thing, pointer)), []).append(thing)
        except LookupError:
            continue
    return index


def _bucket(value: Json) -> str:
    """The same for values that are the same to a policy, and for few others: the engine compares what it gets."""
    if isinstance(value, str):
        return f"text {value}"
    if type(value) in (int, float):
        return f"number {value:g}"
    return str(type(value))


def list_objects(
    policies: Iterable[CompiledPolicy],
    reader: Reader,
    discovery: Discovery,
    kinds: Mapping[str, CrdKind],
    *,
    given: Sequence[JsonObject] = (),
) -> ListedObjects:
    """What these policies look up. Of kinds in `given`, those objects take the place of their namesakes."""
    wanted: set[Resource] = set()
    for policy in policies:
        for lookup in policy.policy.lookups:
            name = name_kind(lookup.group, lookup.resource)
            custom = kinds.get(name)
            found = custom.resource(custom.storage_version) or custom.resource() if custom is not None else None
            try:
                wanted.add(found or discovery.find(name))
            except ClusterError as error:
                reader.unread.append(InputError(f"{name}, looked up by Policy {policy.policy.name}: {error}"))
        kind = policy.policy.param_kind
        if kind is not None:
            try:
                wanted.add(discovery.find_exact(kind.api_version, kind.kind))
            except ClusterError as error:
                what = f"{kind.kind} of {kind.api_version}, params of {policy.policy.kind} {policy.policy.name}"
                reader.unread.append(InputError(f"{what}: {error}"))
    found_all: dict[Resource, Sequence[JsonObject] | None] = {}
    for resource in sorted(wanted):
        things = reader.all(resource)
        mine = [e for e in given if (e.get("apiVersion"), e.get("kind")) == (resource.api_version, resource.kind)]
        if mine and things is not None:
            names = {_name(each) for each in mine}
            things = [*(each for each in things if _name(each) not in names), *mine]
        found_all[resource] = things
    return ListedObjects(found_all)


def _name(thing: JsonObject) -> tuple[str, str]:
    metadata = thing.get("metadata") or {}
    return str(metadata.get("namespace") or "default"), str(metadata.get("name"))
