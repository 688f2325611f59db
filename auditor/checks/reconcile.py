"""The controller of an object does not follow, the object hangs in its deletion, or its owner is gone."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from auditor.checks.notes import Notes
from auditor.checks.stored import Stored
from auditor.checks.times import read_time, show_time
from auditor.checks.writers import STATUS, Writer, newest, read_writers
from auditor.json import Json, JsonObject
from auditor.languages.schema import StructuralSchema

DEPTH: Final = 5
"""Levels of a status in which observedGeneration stands: status, conditions of parents of a route, and their items."""


def find_unreconciled(stored: Stored, notes: Notes) -> None:
    thing = stored.request.object or {}
    metadata = thing.get("metadata") or {}
    owners = metadata.get("ownerReferences")
    deleted = metadata.get("deletionTimestamp")
    if deleted:  # that made a generation of its own, and whose owner is gone goes itself
        _find_stuck(stored, notes, metadata, read_time(deleted))
        return
    if owners:
        _find_lost_owners(stored, notes, owners)
    _find_lag(stored, notes, thing, metadata)


def _find_stuck(stored: Stored, notes: Notes, metadata: JsonObject, deleted: datetime | None) -> None:
    finalizers = metadata.get("finalizers") or []
    if not finalizers or deleted is None:
        return
    due = deleted + notes.settings.deletion
    if stored.request.time < due:
        notes.recheck(due)
        return
    names = ", ".join(map(str, finalizers))
    notes.fail(
        "stuck-deletion",
        f"it is being deleted since {show_time(deleted)}, and held by {names}",
        path="/metadata/finalizers",
        remediation="Look whether the controllers that set these finalizers run, and what their logs say. Only where a"
        " controller is gone for good, take its finalizer out of the object by hand.",
    )


def _find_lost_owners(stored: Stored, notes: Notes, owners: Json) -> None:
    gone = [(index, owner) for index, owner in enumerate(owners) if stored.owners(owner) is False]
    for index, owner in gone:
        named = f"{owner.get('kind')} {owner.get('name')} ({owner.get('apiVersion')}, uid {owner.get('uid')})"
        alone = len(gone) == len(owners)
        notes.fail(
            "owner-gone" if alone or owner.get("controller") is True else "dangling-reference",
            f"its owner {named} is not there" + (" any more: it should have been collected" if alone else ""),
            path=f"/metadata/ownerReferences/{index}",
            distinct=f"/metadata/ownerReferences/{owner.get('uid')}",
            remediation="Delete the object if nobody needs it. Else take the reference out, and look whether the"
            " garbage collector of the cluster works: an owner in another namespace is none.",
        )


def _find_lag(stored: Stored, notes: Notes, thing: JsonObject, metadata: JsonObject) -> None:
    status = thing.get("status")
    generation = metadata.get("generation")
    observed = status.get("observedGeneration") if isinstance(status, dict) else None
    if type(observed) is int and type(generation) is int and observed >= generation:
        return  # by far the most frequent end
    if type(observed) is not int:
        observed = max(_find_observed(status, DEPTH), default=None)
    if observed is not None:
        if type(generation) is int and observed < generation:
            _tell_behind(stored, notes, generation, observed, metadata)
    elif _shall_report(stored) and not _has_reported(thing, status):
        _tell_never(stored, notes, read_time(metadata.get("creationTimestamp")))


def _find_observed(status: Json, depth: int) -> Iterator[int]:
    """Some kinds have it in their conditions only, those of each parent or listener. Who has seen the newest counts."""
    if isinstance(status, list):
        for item in status:
            yield from _find_observed(item, depth)
    elif isinstance(status, dict) and depth:
        own = status.get("observedGeneration")
        if type(own) is int:
            yield own
        for value in status.values():
            if type(value) in (dict, list):
                yield from _find_observed(value, depth - 1)


def _tell_behind(stored: Stored, notes: Notes, generation: int, observed: int, metadata: JsonObject) -> None:
    changed = newest(filter(_writes_spec, read_writers(stored.request.object)))
    changed = changed or read_time(metadata.get("creationTimestamp"))
    if changed is None:
        return
    due = changed + notes.settings.lag
    if stored.request.time < due:
        notes.recheck(due)
        return
    notes.fail(
        "behind",
        f"its controller has seen generation {observed}, the object is at {generation} since {show_time(changed)}",
        path="/status",
        remediation="Look whether the controller of this kind runs, and what its log says of this object.",
    )


def _writes_spec(writer: Writer) -> bool:
    """What makes a new generation: all but metadata and the status."""
    return any(name not in ("f:metadata", "f:status") for name in writer.fields)


def _shall_report(stored: Stored) -> bool:
    """Whether the kind has a status by which a controller tells that it has seen the object."""
    facts, schema = stored.facts, stored.schema
    return facts is not None and facts.status_subresource and schema is not None and _has_report(schema)


def _has_report(schema: StructuralSchema) -> bool:
    status = schema.root.properties.get("status")
    return status is not None and not status.properties.keys().isdisjoint(("observedGeneration", "conditions"))


def _has_reported(thing: JsonObject, status: Json) -> bool:
    """A status that only has the defaults of the schema was written by nobody."""
    if not status:
        return False
    writers = read_writers(thing)
    return not writers or any(writer.owns(("status",), thing) for writer in writers if writer.subresource == STATUS)


def _tell_never(stored: Stored, notes: Notes, created: datetime | None) -> None:
    if created is None:
        return
    due = created + notes.settings.lag
    if stored.request.time < due:
        notes.recheck(due)
        return
    notes.fail(
        "never-reconciled",
        f"it was made at {show_time(created)}, and no controller has written its status yet",
        path="/status",
        remediation="Look whether the controller of this kind is installed, runs, and watches this namespace.",
    )
