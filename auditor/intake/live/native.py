"""Native policies with their bindings, paired as they come and go: each pair is what the API server enforces."""

from collections.abc import Callable
from dataclasses import field

from auditor.cluster import Resource
from auditor.dataclass import dataclass
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.native import NATIVE_GROUP
from auditor.intake.live.reading import Reading
from auditor.intake.live.shelf import Shelf
from auditor.json import JsonObject
from auditor.model.policy import Kind


def _resource(plural: str, kind: str) -> Resource:
    return Resource(NATIVE_GROUP, "v1", plural, kind, namespaced=False)


NATIVE: dict[Resource, Kind] = {
    _resource("validatingadmissionpolicies", Kind.VALIDATING): Kind.VALIDATING,
    _resource("mutatingadmissionpolicies", Kind.MUTATING): Kind.MUTATING,
}
"""Before Kubernetes 1.36 the second is not there in v1, and then there are none."""
BINDINGS: dict[Resource, Kind] = {
    _resource("validatingadmissionpolicybindings", f"{Kind.VALIDATING}Binding"): Kind.VALIDATING,
    _resource("mutatingadmissionpolicybindings", f"{Kind.MUTATING}Binding"): Kind.MUTATING,
}


@dataclass(slots=True)
class _Policy:
    thing: JsonObject | None = None
    """None: only bindings name it."""
    bindings: dict[str, JsonObject] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    """Under which its pairs are on the shelf."""


class NativePairs:
    """The shelf has one state for each pair, by `KIND/POLICY/BINDING`.

    Its `thing` has `policy` and `binding` in its spec. Where one of them is missing there is a state as well, with a
    warning: without the other it does nothing.
    """

    def __init__(self, read: Callable[[JsonObject], Reading[CompiledPolicy]]) -> None:
        # The API server goes on with no earlier form of anything, so neither do we: `keep` is not for these.
        self.shelf = Shelf(read)
        self._policies: dict[tuple[Kind, str], _Policy] = {}
        self._named: dict[tuple[Kind, str], str] = {}
        """By binding, the policy that it is for."""

    def take_policy(self, kind: Kind, name: str, thing: JsonObject | None) -> bool:
        """None: it is gone. Whether anything is different now."""
        self._policies.setdefault((kind, name), _Policy()).thing = None if thing is None else _trim(thing)
        return self._settle(kind, name)

    def take_binding(self, kind: Kind, name: str, thing: JsonObject | None) -> bool:
        touched = set()
        before = self._named.pop((kind, name), None)
        if before is not None:
            self._policies[kind, before].bindings.pop(name, None)
            touched.add(before)
        if thing is not None:
            after = self._named[kind, name] = str((thing.get("spec") or {}).get("policyName", ""))
            self._policies.setdefault((kind, after), _Policy()).bindings[name] = _trim(thing)
            touched.add(after)
        return True in [self._settle(kind, each) for each in touched]  # all of them are

    def _settle(self, kind: Kind, name: str) -> bool:
        known = self._policies[kind, name]
        names = list(known.bindings) or ([""] if known.thing is not None else [])
        wanted = {f"{kind}/{name}/{binding}": binding for binding in names}
        different = False
        for key in known.keys - wanted.keys():
            different |= self.shelf.remove(key)
        known.keys = set(wanted)
        for key, binding in wanted.items():
            different |= self.shelf.put(key, _pair(kind, name, known.thing, known.bindings.get(binding)))
        if not wanted:
            del self._policies[kind, name]
        return different


def _trim(thing: JsonObject) -> JsonObject:
    """What was written, without what the server notes: a status that changes is no change."""
    name = (thing.get("metadata") or {}).get("name")
    generation = (thing.get("metadata") or {}).get("generation")
    return {
        "apiVersion": thing.get("apiVersion"),
        "kind": thing.get("kind"),
        "metadata": {"name": name, "generation": generation},
        "spec": thing.get("spec"),
    }


def _pair(kind: Kind, name: str, policy: JsonObject | None, binding: JsonObject | None) -> JsonObject:
    generation = (policy or {}).get("metadata", {}).get("generation")
    return {
        "kind": str(kind),
        "metadata": {"name": name, "generation": generation},
        "spec": {"policy": policy, "binding": binding},
    }
