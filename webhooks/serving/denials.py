"""Events of what was refused: where people look who wonder why their object is not there."""

from collections.abc import Callable
from dataclasses import replace

from auditor.cluster.recorder import Recorder
from auditor.json import JsonObject
from auditor.model.resource import GroupVersionKind, GroupVersionResource
from auditor.webhooks.decisions import Decision, Ring

REASON = "PolicyDenied"
ACTIONS = {"validate": "Validate", "mutate": "Mutate"}
MAX_NAMES = 10
"""Rules that one Event names: its note has 1 KiB."""


FindKind = Callable[[GroupVersionResource], GroupVersionKind | None]
"""By what a resource is called. None: that is not known."""


class TellingRing(Ring):
    """Also records an Event of each refusal. The recorder bounds them, and puts repetitions together."""

    def __init__(self, recorder: Recorder | None, find_kind: FindKind = lambda _: None) -> None:
        super().__init__()
        self._recorder = recorder
        self._find_kind = find_kind

    def add(self, decision: Decision) -> None:
        super().add(decision)
        if self._recorder is not None and not decision.allowed and not decision.dry_run:
            decision = _turn_to_parent(decision, self._find_kind)
            regarding = describe_object(decision)
            action = ACTIONS.get(decision.webhook.partition("/")[0], "Validate")
            if regarding is not None:
                self._recorder.warning(regarding, reason=REASON, action=action, note=describe(decision))


def _turn_to_parent(decision: Decision, find_kind: FindKind) -> Decision:
    """A Scale is nowhere to be described: it is a part of the object that has its name and its uid. Where the kind of
    that is not known, as of built-in ones, the Event stays with what there was."""
    kind = find_kind(decision.resource) if decision.subresource and decision.resource is not None else None
    return decision if kind is None else replace(decision, api_version=kind.api_version, kind=kind.kind)


def describe_object(decision: Decision) -> JsonObject | None:
    """The object if it is there, with its uid, by which kubectl describe looks for Events; where it was to be created,
    its namespace, and the Event is found in that."""
    if decision.operation == "CREATE" and not decision.subresource:
        if not decision.namespace:
            return None
        metadata = {"name": decision.namespace, "namespace": decision.namespace}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    if not decision.name:
        return None
    metadata = {"name": decision.name, "namespace": decision.namespace, "uid": decision.object_uid}
    metadata = {key: value for key, value in metadata.items() if value}
    return {"apiVersion": decision.api_version, "kind": decision.kind, "metadata": metadata}


def describe(decision: Decision) -> str:
    """Without values, which may be secret, and without what differs each time: the same again is one Event."""
    blocking = [each for each in decision.findings if each.blocks]
    names = list(dict.fromkeys(f"{each.policy}/{each.rule}" if each.rule else each.policy for each in blocking))
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    why = f"by {', '.join(names[:MAX_NAMES])}{more}" if names else "because it could not be judged"
    kind = f"{decision.kind}/{decision.subresource}" if decision.subresource else decision.kind
    name = f" {decision.name}" if decision.name else ""
    return f"{decision.operation} of {kind}{name} by {decision.user or 'an unknown user'} was refused {why}"
