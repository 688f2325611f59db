"""Objects that were read somewhere, to the requests that the engine judges."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from functools import lru_cache

from auditor.dataclass import dataclass
from auditor.intake.catalog import Catalog
from auditor.intake.load import Item
from auditor.intake.review import read_review
from auditor.json import JsonObject
from auditor.model.exception import PolicyException
from auditor.model.request import GroupVersionKind, Operation, Origin, Request, User
from auditor.model.world import Given, World


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all requests of one scan share."""

    catalog: Catalog
    world: World
    namespaces: Mapping[str, JsonObject]
    time: datetime
    received: Mapping[int, tuple[JsonObject, JsonObject]] = field(default_factory=dict)
    """By the identity of an object that was given the object itself, which keeps it alive, and what is stored of it."""


def surround(
    items: Sequence[Item], catalog: Catalog, time: datetime, *, exceptions: Sequence[PolicyException] = ()
) -> Surroundings:
    """Objects among the given ones are what lookups, params and namespaceSelectors see: as they would be stored."""
    by_kind: dict[tuple[str, str], list[JsonObject]] = {}
    by_resource: dict[tuple[str, str], list[JsonObject]] = {}
    namespaces = {}
    received = {}
    seen = set()
    for item in items:
        if item.kind == "AdmissionReview":
            continue
        kind = kind_of(item.thing)
        thing = receive(item.thing, catalog)
        received[id(item.thing)] = (item.thing, thing)
        who = (kind, _metadata(thing).get("namespace"), _metadata(thing).get("name"))
        if item.file and who in seen:
            continue  # a file that was read for two purposes, or a copy: in a cluster there is one
        seen.add(who)
        resource = catalog.resource_of(kind)
        by_kind.setdefault((thing["apiVersion"], thing["kind"]), []).append(thing)
        by_resource.setdefault((resource.group, resource.resource), []).append(thing)
        if (kind.group, kind.kind) == ("", "Namespace"):
            namespaces[_metadata(thing).get("name", "")] = thing
    world = World(objects=Given(by_kind, by_resource), kinds=catalog.kinds, exceptions=tuple(exceptions))
    return Surroundings(catalog, world, namespaces, time, received)


def kind_of(thing: JsonObject) -> GroupVersionKind:
    return _read_kind(str(thing["apiVersion"]), str(thing["kind"]))


@lru_cache(maxsize=1024)  # one is asked for four times for each object, and there are few
def _read_kind(api_version: str, kind: str) -> GroupVersionKind:
    group, _, version = api_version.rpartition("/")
    return GroupVersionKind(group, version, kind)


def receive(thing: JsonObject, catalog: Catalog) -> JsonObject:
    """What would be stored of an object in a file: in a namespace, without status, with the defaults of its CRD."""
    kind = kind_of(thing)
    metadata = _metadata(thing)
    if catalog.is_namespaced(kind) and not metadata.get("namespace"):
        thing = {**thing, "metadata": {**metadata, "namespace": "default"}}
    if catalog.has_status(kind):
        thing = {name: value for name, value in thing.items() if name != "status"}
    schema = catalog.schemas.get(catalog.resource_of(kind))
    return thing if schema is None else schema.receive(thing).object


def ask(item: Item, around: Surroundings) -> Request:
    """What a file asks: to create its object, or if it holds an AdmissionReview, what that says.

    Raises InputError for what no API server would ask.
    """
    if item.kind != "AdmissionReview":
        return make_request(item.thing, around)
    request = read_review(item.thing, around.world, time=around.time).request
    return replace(request, namespace_object=around.namespaces.get(request.namespace))


def make_request(
    thing: JsonObject,
    around: Surroundings,
    *,
    operation: Operation = Operation.CREATE,
    old: JsonObject | None = None,
    user: User | None = None,
) -> Request:
    """A file is judged as the door would: with the defaults of its CRD.

    Raises InputError for a version that the CRD does not serve.
    """
    kind = kind_of(thing)
    catalog = around.catalog
    catalog.check(kind)
    known = around.received.get(id(thing))
    thing = known[1] if known else receive(thing, catalog)
    metadata = _metadata(thing)
    namespace = str(metadata.get("namespace") or "")
    if (kind.group, kind.kind) == ("", "Namespace"):
        namespace = str(metadata.get("name") or "")  # so says the API server of requests about namespaces
    deleted = operation is Operation.DELETE
    return Request(
        operation=operation,
        kind=kind,
        resource=catalog.resource_of(kind),
        object=None if deleted else thing,
        old_object=old if old is not None else thing if deleted else None,
        name=str(metadata.get("name") or ""),
        namespace=namespace,
        namespaced=catalog.is_namespaced(kind),
        user=user,
        origin=Origin.FILE,
        namespace_object=around.namespaces.get(namespace) if namespace else None,
        world=around.world,
        time=around.time,
    )


def _metadata(thing: JsonObject) -> JsonObject:
    metadata = thing.get("metadata")
    return metadata if isinstance(metadata, dict) else {}
