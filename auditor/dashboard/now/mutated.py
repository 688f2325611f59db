"""What the mutations of a policy would make of an object, were it written anew now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from auditor.checks.door import is_left_alone
from auditor.cluster.discovery import CrdKind
from auditor.dashboard.answers.now import ChangeLine
from auditor.dashboard.now.showing import Shown, find_nearest
from auditor.engine.compile import needs_user
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.engine import Engine
from auditor.engine.patch import diff
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.ways import match_stored_kinds
from auditor.intake.stored import ask_stored
from auditor.json import JsonObject
from auditor.model.request import GroupVersionResource
from auditor.model.world import EVERYTHING, Narrowing, World

MOST: Final = 50
"""Changes on a page."""


class _Unknown:
    """Objects that are looked up: an error, which is told, and never that there are none."""

    def of_kind(self, api_version: str, kind: str) -> Sequence[JsonObject] | None:
        return None

    def of_resource(self, group: str, resource: str, narrowing: Narrowing = EVERYTHING) -> Sequence[JsonObject] | None:
        return None


def find_changes(
    policy: CompiledPolicy, thing: JsonObject, crd: CrdKind, namespace: JsonObject | None, now: datetime
) -> tuple[tuple[ChangeLine, ...], str]:
    """And why they cannot be told, where they cannot."""
    schemas = LiveSchemas({crd.name: crd})
    version = str(thing.get("apiVersion")).rpartition("/")[2]
    resource = GroupVersionResource(crd.group, version, crd.plural)
    world = World(objects=_Unknown(), kinds=match_stored_kinds({crd.name: crd}))
    request = ask_stored(thing, resource, namespaced=crd.namespaced, world=world, namespace_object=namespace, time=now)
    if is_left_alone(request):
        return (), "The door leaves this namespace alone."
    if policy.conditions_need_user or any(each.cel is not None and needs_user(each.cel) for each in policy.mutations):
        return (), "It depends on who writes it."
    mutated = Engine.of([policy], schemas=schemas).mutate(request)
    if mutated.findings:
        return (), f"It cannot be told here: {mutated.findings[0].message}"
    schema = schemas.get(resource)
    after = schema.receive(mutated.object).object if schema is not None else mutated.object
    shown = Shown(request)
    changes = []
    for each in diff(thing, after):
        path = str(each["path"])
        if path == "/status" or path.startswith("/status/"):
            continue
        _, before, there = find_nearest(thing, path)
        adds = each["op"] == "add" and not isinstance(_parent(thing, path), dict)  # before another item of a list
        changes.append(
            ChangeLine(
                path=path,
                before=shown.write(before, path) if there and not adds else None,
                after=shown.write(each["value"], path) if "value" in each else None,
            )
        )
    return tuple(changes[:MOST]), ""


def _parent(thing: JsonObject, path: str) -> object:
    return find_nearest(thing, path.rpartition("/")[0])[1]
