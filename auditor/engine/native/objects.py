"""Native policies and their bindings, as they come, in any order."""

from dataclasses import field, replace
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.mistakes import Mistake, PolicyError
from auditor.engine.read import name_of
from auditor.json import JsonObject
from auditor.model.policy import Kind, Policy

_BINDINGS: Final = {f"{kind}Binding": kind for kind in (Kind.VALIDATING, Kind.MUTATING)}


@dataclass(slots=True)
class NativeObjects:
    """A policy without a binding does nothing, as in the cluster; it is checked nevertheless."""

    _policies: dict[tuple[Kind, str], JsonObject] = field(default_factory=dict)
    _bindings: list[tuple[Kind, JsonObject]] = field(default_factory=list)
    _mistakes: list[Mistake] = field(default_factory=list)

    def take(self, thing: JsonObject) -> bool:
        """False: it is neither."""
        kind = str(thing.get("kind", ""))
        if kind in (Kind.VALIDATING, Kind.MUTATING):
            key = Kind(kind), name_of(thing)
            if key in self._policies:
                self._tell(thing, "/metadata/name", f"another {kind} is named {name_of(thing)!r} already")
            self._policies.setdefault(key, thing)
        elif kind in _BINDINGS:
            if any((_BINDINGS[kind], name_of(thing)) == (of, name_of(each)) for of, each in self._bindings):
                self._tell(thing, "/metadata/name", f"another {kind} is named {name_of(thing)!r} already")
            else:
                self._bindings.append((_BINDINGS[kind], thing))
        else:
            return False
        return True

    def _tell(self, thing: JsonObject, pointer: str, message: str, *, warning: bool = False) -> None:
        kind = str(thing.get("kind", ""))
        self._mistakes.append(
            Mistake(policy=name_of(thing), kind=kind, pointer=pointer, message=message, warning=warning)
        )

    def policies(self) -> tuple[list[Policy], list[Mistake]]:
        """One policy of ours for each binding."""
        if not (self._policies or self._bindings):
            return [], []
        from auditor.engine.native.check import check_binding, without_nulls  # only who has native policies needs it
        from auditor.engine.native.read import read_native

        found: list[Policy] = []
        mistakes = self._mistakes = list(self._mistakes)
        wrong = self._check_policies(mistakes)
        for kind, binding in self._bindings:
            problems = check_binding(kind, binding)
            mistakes += problems
            wanted = str((binding.get("spec") or {}).get("policyName", ""))
            thing = self._policies.get((kind, wanted))
            if problems or (kind, wanted) in wrong:
                continue
            if thing is None:
                what = f"names the {kind} {wanted!r}, which is not there: it does nothing"
                self._tell(binding, "/spec/policyName", what, warning=True)
                continue
            found.append(read_native(kind, without_nulls(thing), without_nulls(binding)))
        return found, mistakes

    def _check_policies(self, mistakes: list[Mistake]) -> set[tuple[Kind, str]]:
        """Those that the API server would not take."""
        from auditor.engine.native.check import check_policy

        wrong = set()
        used = {(kind, str((each.get("spec") or {}).get("policyName", ""))) for kind, each in self._bindings}
        for (kind, name), thing in self._policies.items():
            problems = check_policy(kind, thing)
            if problems or (kind, name) not in used:
                # With a binding its expressions are compiled later, together with those of all others.
                problems += _compile(kind, thing, tuple(each.pointer for each in problems))
            mistakes += problems
            if any(not each.warning for each in problems):
                wrong.add((kind, name))
            if (kind, name) not in used:
                self._tell(thing, "", f"no {kind}Binding names it: it does nothing", warning=True)
        return wrong


def _compile(kind: Kind, thing: JsonObject, known: tuple[str, ...]) -> list[Mistake]:
    """What is wrong with its expressions, but for those of which something is known to be wrong already."""
    from auditor.engine.compile import compile_policy
    from auditor.engine.native.check import without_nulls
    from auditor.engine.native.read import read_native

    plain = without_nulls(thing)
    try:
        readable = {**plain, "spec": {**plain["spec"], "failurePolicy": "Fail"}}
        _, found = compile_policy(read_native(kind, readable, None))
    except (PolicyError, AttributeError, KeyError, TypeError, ValueError):
        return []  # of a form that cannot be read at all, which has been told
    return [replace(each, kind=str(kind)) for each in found if not each.pointer.startswith(known)]
