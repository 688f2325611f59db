"""A stored object does not survive the way to another version and back."""

from dataclasses import replace
from typing import Final

from auditor.checks.notes import Notes
from auditor.checks.stored import Stored, Ways
from auditor.engine.patch import diff
from auditor.errors import AuditorError
from auditor.json import Json, JsonObject

ELSEWHERE: Final = "its versions are converted by somebody else's webhook"
_WORDS: Final = {"remove": "is lost", "add": "appears", "replace": "changes"}


def find_losses(stored: Stored, notes: Notes) -> None:
    if stored.ways is None:
        if stored.facts is not None and len(stored.facts.served) > 1:
            notes.skip(ELSEWHERE)
        return
    own = stored.request.kind.version
    others = [version for version in stored.convertible if version != own]
    if not others:
        return
    thing = _comparable(stored, stored.request.object)
    for version in others:
        try:
            back = _go_and_return(stored, stored.ways, thing, version)
        except AuditorError as error:
            notes.fail(
                f"{own}-{version}",
                f"it does not come to {version} and back: {error}",
                remediation=f"Repair the Conversion of the kind, or the object: clients that ask for {version} get no"
                " answer, and lists of the kind in that version fail as a whole.",
            )
            continue
        _tell(notes, f"{own}-{version}-{own}", thing, _comparable(stored, back))


def _go_and_return(stored: Stored, ways: Ways, thing: JsonObject, version: str) -> JsonObject:
    own = stored.request.kind
    return ways.convert(ways.convert(thing, own, version), replace(own, version=version), own.version)


def _comparable(stored: Stored, thing: Json) -> JsonObject:
    """As the API server would hold it; managedFields are none of a conversion's business, and often the larger half."""
    metadata = {name: value for name, value in (thing.get("metadata") or {}).items() if name != "managedFields"}
    thing = {**thing, "metadata": metadata}
    return stored.schema.receive(thing).object if stored.schema else thing


def _tell(notes: Notes, rule: str, before: JsonObject, after: JsonObject) -> None:
    for operation in diff(before, after):
        notes.fail(
            rule,
            f"{operation['path']} {_WORDS[operation['op']]} on the way {rule.replace('-', ' to ')}",
            path=operation["path"],
            remediation="Carry what the other version cannot hold in an annotation, in the steps of the Conversion.",
        )
