"""Packs out of a cluster: found by their label, so that one can go that does not ship any more."""

from collections.abc import Iterator

from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.resource import CRDS
from auditor.errors import NotFoundError
from auditor.intake.kinds import CONVERSIONS, POLICIES
from auditor.intake.packs import LABEL
from auditor.intake.packs.install import MANAGER, find_object, take_away
from auditor.intake.packs.step import Fate, Step
from auditor.json import JsonObject


def remove(client: Client, pack: str, *, crds: bool = False, dry_run: bool = False) -> Iterator[Step]:
    """Policies first, as nothing waits for them. Nothing at all where the pack is not in the cluster.

    CRDs go only if that is wanted and no object is there; a Conversion stays while objects of its kind are, as some may
    be stored in a version that only it can read. An object that is created between the look and the deletion is lost.
    """
    options = WriteOptions(dry_run=dry_run, field_manager=MANAGER)
    for policy in _list(client, POLICIES, pack):
        yield take_away(client, POLICIES, policy["metadata"]["name"], options)
    if crds:
        for crd in _list(client, CRDS, pack):
            name = crd["metadata"]["name"]
            if found := find_object(client, crd):
                note = f"there are objects of it, {found} for one: delete them first"
                yield Step(resource=CRDS, name=name, fate=Fate.KEPT, note=note)
            else:
                yield take_away(client, CRDS, name, options)
    for conversion in _list(client, CONVERSIONS, pack):
        name = conversion["metadata"]["name"]
        if found := _find_converted(client, name):
            note = f"there are objects of its kind, {found} for one, that may need it to be read: delete them first"
            yield Step(resource=CONVERSIONS, name=name, fate=Fate.KEPT, note=note)
        else:
            yield take_away(client, CONVERSIONS, name, options)


def _find_converted(client: Client, name: str) -> str:
    try:
        return find_object(client, client.get(CRDS, name))
    except NotFoundError:
        return ""


def _list(client: Client, resource: Resource, pack: str) -> list[JsonObject]:
    try:
        return list(client.list(resource, labels=f"{LABEL}={pack}"))
    except NotFoundError:  # auditor's own CRDs are gone already
        return []
