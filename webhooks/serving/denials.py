"""Events of what was refused: where people look who wonder why their object is not there."""

from auditor.cluster.recorder import Recorder
from auditor.json import JsonObject
from auditor.webhooks.decisions import Decision, Ring

REASON = "PolicyDenied"
ACTIONS = {"validate": "Validate", "mutate": "Mutate"}
MAX_NAMES = 10
"""Rules that one Event names: its note has 1 KiB."""


class TellingRing(Ring):
    """Also records an Event of each refusal. The recorder bounds them, and puts repetitions together."""

    def __init__(self, recorder: Recorder | None) -> None:
        super().__init__()
        self._recorder = recorder

    def add(self, decision: Decision) -> None:
        super().add(decision)
        if self._recorder is not None and not decision.allowed and not decision.dry_run:
            regarding = describe_object(decision)
            action = ACTIONS.get(decision.webhook.partition("/")[0], "Validate")
            if regarding is not None:
                self._recorder.warning(regarding, reason=REASON, action=action, note=describe(decision))


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
    name = f" {decision.name}" if decision.name else ""
    return f"{decision.operation} of {decision.kind}{name} by {decision.user or 'an unknown user'} was refused {why}"
