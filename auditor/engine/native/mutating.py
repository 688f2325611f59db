"""MutatingAdmissionPolicy as the API server runs it: before all webhooks, and once more if the policy wants it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from auditor.engine.bindings import RequestBindings
from auditor.engine.compiled import CompiledMutation, CompiledPolicy
from auditor.engine.conditions import conditions_hold
from auditor.engine.findings import FindingMaker
from auditor.engine.lookups import find_params
from auditor.engine.match import PolicyIndex
from auditor.engine.matching import find_match, is_native_exempt
from auditor.engine.messages import say_cel_error
from auditor.engine.native.shape import SchemaShape
from auditor.engine.patch import PatchError, TestFailedError, apply_configuration, apply_patch, same
from auditor.languages.schema import StructuralSchema
from auditor.model.finding import Finding
from auditor.model.json import Json, JsonObject
from auditor.model.policy import Change, Kind
from auditor.model.request import Request

# Integers beyond these are written as texts where CEL values become JSON; those of apply configurations do not.
_SAFE_INTEGER = (1 << 53) - 1


@dataclass(frozen=True, slots=True)
class _Invocation:
    """One policy with one of its bindings and one object of params."""

    policy: CompiledPolicy
    params: Json

    @property
    def key(self) -> tuple[str, str, str, str]:
        metadata = (self.params or {}).get("metadata") or {}
        policy = self.policy.policy
        return policy.name, policy.binding, str(metadata.get("namespace", "")), str(metadata.get("name", ""))


class NativeMutations:
    """`run` is the first pass, `run_again` the second: of the policies that were invoked and are to be IfNeeded.

    In each pass all policies are matched with the object as it comes in; conditions see what those before have made
    of it. The server runs them in any order, here it is that of their names.
    """

    def __init__(
        self, policies: PolicyIndex[CompiledPolicy], request: Request, schema: StructuralSchema | None
    ) -> None:
        self._policies = policies
        self._request = request
        self._schema = schema
        self._invoked: set[tuple[str, str, str, str]] = set()
        self._object: JsonObject = {}
        self.findings: list[Finding] = []
        self.applied: dict[tuple[str, str], CompiledPolicy] = {}

    @property
    def wants_again(self) -> bool:
        return bool(self._invoked)

    def run(self, thing: JsonObject) -> JsonObject:
        return self._run(thing, None)

    def run_again(self, thing: JsonObject) -> JsonObject:
        again, self._invoked = self._invoked, set()
        return self._run(thing, again)

    def _run(self, thing: JsonObject, only: set[tuple[str, str, str, str]] | None) -> JsonObject:
        self._object = thing
        # All are matched before the first one changes anything.
        for invocation in list(self._find(replace(self._request, object=thing))):
            if only is not None and invocation.key not in only:
                continue
            self._invoke(invocation)
        return self._object

    def _find(self, request: Request) -> Iterator[_Invocation]:
        found = self._policies.find(request.resource, request.world.kinds)
        native = [policy for _, policy in found if policy.policy.kind is Kind.MUTATING]
        if is_native_exempt(request):
            return
        for policy in sorted(native, key=lambda each: (each.policy.name, each.policy.binding)):
            matched, problem = find_match(policy, request)
            params: Sequence[Json] = ()
            if matched:
                params, problem = find_params(policy.policy, request)
            if problem:
                self._fail(policy, f"failed to configure binding: {problem}")
            yield from (_Invocation(policy, each) for each in params)

    def _fail(self, policy: CompiledPolicy, reason: str) -> None:
        self.findings.append(FindingMaker(self._request).errored(policy, None, reason, always=True))

    def _invoke(self, invocation: _Invocation) -> None:
        policy = invocation.policy
        hold, error = conditions_hold(policy, self._bindings(), invocation.params)
        if error:
            self._fail(policy, error)
        if not hold:
            return
        for mutation in policy.mutations:
            try:
                changed = self._change(mutation, invocation)
            except PatchError as problem:
                self._fail(policy, str(problem))
                continue
            if not same(changed, self._object):
                self.applied[policy.policy.name, mutation.mutation.name] = policy
            self._object = changed
        if policy.policy.reinvoke:
            self._invoked.add(invocation.key)

    def _bindings(self) -> RequestBindings:
        return RequestBindings(replace(self._request, object=self._object))

    def _change(self, mutation: CompiledMutation, invocation: _Invocation) -> JsonObject:
        """Raises PatchError with the server's words."""
        if mutation.cel is None:
            raise PatchError("the expression does not compile")
        bindings = self._bindings().cel(invocation.policy.names, invocation.params)
        outcome = mutation.cel.run(bindings)
        if outcome.error is not None:
            raise PatchError(say_cel_error(mutation.cel, outcome.error, bindings))
        if mutation.mutation.change is Change.APPLY_CONFIGURATION:
            changed = self._apply(outcome.value)
        else:
            changed = self._patch(outcome.value)
        return self._schema.default(changed) if self._schema is not None else changed

    def _apply(self, configuration: Json) -> JsonObject:
        try:
            return apply_configuration(self._object, configuration, SchemaShape.of(self._schema))
        except PatchError as error:
            raise PatchError(f"error applying patch: {error}") from None

    def _patch(self, operations: Json) -> JsonObject:
        try:
            changed = apply_patch(self._object, [_as_operation(each) for each in operations])
        except TestFailedError:
            return self._object
        except PatchError as error:
            raise PatchError(f"JSON Patch: {error}") from None
        if not isinstance(changed, dict):
            raise PatchError("the result is no object")
        return changed


def _as_operation(each: JsonObject) -> JsonObject:
    return {**each, "value": _as_json(each["value"])} if "value" in each else each


def _as_json(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
        return str(value)
    return value
