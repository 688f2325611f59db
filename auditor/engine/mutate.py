"""Mutations of one request, in the order of the policies' names: the smallest patch, or why it could not be made.

Native policies come first, as in the API server, then ours, as its webhook; then, if anything changed, those native
ones that want to be invoked again, and ours.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.dataclass import dataclass
from auditor.engine import patch
from auditor.engine.asking import Asking, answer
from auditor.engine.bindings import RequestBindings
from auditor.engine.compiled import CompiledMutation, CompiledPolicy
from auditor.engine.conditions import conditions_hold
from auditor.engine.findings import FindingMaker, value_at
from auditor.engine.lookups import find_lookups, find_params
from auditor.engine.match import PolicyIndex
from auditor.engine.matching import find_match
from auditor.engine.patch import diff, same
from auditor.json import Json, JsonObject
from auditor.languages import jq
from auditor.languages.outcome import Outcome
from auditor.model.finding import Finding
from auditor.model.policy import Change
from auditor.model.request import Operation, Request
from auditor.tracing import span

if TYPE_CHECKING:
    from auditor.engine.native.mutating import NativeMutations
    from auditor.languages.schema import StructuralSchema

UNSETTLED = "has not settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutated:
    object: JsonObject
    """The whole object, after what could be applied."""
    patch: Sequence[JsonObject] = ()
    findings: Sequence[Finding] = ()
    """Errors of mutations; under failurePolicy Fail they refuse the request."""
    applied: Sequence[tuple[str, str]] = ()
    """(policy, mutation) of those that changed something."""

    @property
    def allowed(self) -> bool:
        return not any(finding.blocks for finding in self.findings)


def mutate(
    policies: PolicyIndex[CompiledPolicy], request: Request, schema: "StructuralSchema | None" = None
) -> Mutated:
    return answer(mutating(policies, request, schema))


def mutating(
    policies: PolicyIndex[CompiledPolicy], request: Request, schema: "StructuralSchema | None" = None
) -> Asking[Mutated]:
    """Applied twice, as the API server may call twice; what of ours a third time would change has not settled.

    `schema` is that of the object's CRD, by which apply configurations of native policies are merged.
    """
    before = request.object
    if before is None or request.operation is Operation.DELETE:
        return Mutated(object=before or {})
    if not any(policy.mutations for _, policy in policies.find(request.resource, request.world.kinds)):
        return Mutated(object=before)
    from auditor.engine.native.mutating import NativeMutations  # only a policy that mutates needs it

    native = NativeMutations(policies, request, schema)
    mutator = _Mutator(policies, request)
    mutator.object = native.run(before)
    yield from mutator.run_pass()
    if _go_on(native, mutator) and (native.wants_again or not same(mutator.object, before)):
        mutator.object = native.run_again(mutator.object)
        for again in range(2):
            settled = mutator.object
            mutator.applied_now.clear()
            yield from mutator.run_pass()
            if not _go_on(native, mutator) or same(mutator.object, settled):
                break
            if again:
                mutator.unsettled()
    return Mutated(
        object=mutator.object,
        patch=tuple(diff(before, mutator.object)),
        findings=(*native.findings, *mutator.findings),
        applied=(*native.applied, *mutator.applied),
    )


def _go_on(native: "NativeMutations", mutator: "_Mutator") -> bool:
    return not any(finding.blocks for finding in (*native.findings, *mutator.findings))


class MutationError(Exception):
    """It cannot be applied; the text says why."""


class _Mutator:
    def __init__(self, policies: PolicyIndex[CompiledPolicy], request: Request) -> None:
        self.policies = policies
        self.request = request
        self.object: JsonObject = request.object or {}
        self.findings: list[Finding] = []
        self.applied: dict[tuple[str, str], CompiledPolicy] = {}
        self.applied_now: dict[tuple[str, str], CompiledPolicy] = {}

    def run_pass(self) -> Asking[None]:
        found = self.policies.find(self.request.resource, self.request.world.kinds)
        with_mutations = [policy for _, policy in found if policy.mutations and not policy.policy.native]
        for policy in sorted(with_mutations, key=lambda p: p.policy.name):
            try:
                with span("policy", {"auditor.policy": policy.policy.key}):
                    yield from self._apply(policy)
            except MutationError as error:
                self._fail(policy, str(error))

    def unsettled(self) -> None:
        """Names those whose last run still changed something."""
        for (_, name), policy in self.applied_now.items():
            self._fail(policy, f"mutation {name}: {UNSETTLED}: applied again, it changes the object again")

    def _fail(self, policy: CompiledPolicy, reason: str) -> None:
        """A mutation that fails leaves the object in a state that nobody wanted, whatever the rules only warn of."""
        self.findings.append(FindingMaker(self.request).errored(policy, None, reason, always=True))

    def _apply(self, policy: CompiledPolicy) -> Asking[None]:
        request = replace(self.request, object=self.object)
        if not self._matches(policy, request):
            return
        found, missing = find_params(policy.policy, request)
        if missing:
            raise MutationError(missing)
        for params in found:
            hold, error = conditions_hold(policy, RequestBindings(request), params)
            if error:
                raise MutationError(error)
            if not hold:
                continue  # what is looked up need not be there
            names, problem = find_lookups(policy.policy, request)
            if problem:
                raise MutationError(problem)
            for mutation in policy.mutations:
                yield from self._apply_one(policy, mutation, params, names)

    def _matches(self, policy: CompiledPolicy, request: Request) -> bool:
        matched, problem = find_match(policy, request)
        if problem:
            raise MutationError(problem)
        return matched

    def _apply_one(self, policy: CompiledPolicy, mutation: CompiledMutation, params: Json, names: Json) -> Asking[None]:
        bindings = RequestBindings(replace(self.request, object=self.object))
        try:
            changed = yield from _change(mutation, self.object, bindings, policy=policy, params=params, lookups=names)
            _check_identity(self.object, changed)
        except (MutationError, patch.PatchError) as error:
            self._fail(policy, f"mutation {mutation.mutation.name}: {error}")
            return
        if not same(changed, self.object):
            self.applied[policy.policy.name, mutation.mutation.name] = policy
            self.applied_now[policy.policy.name, mutation.mutation.name] = policy
            self.object = changed


def _change(
    mutation: CompiledMutation,
    thing: JsonObject,
    bindings: RequestBindings,
    *,
    policy: CompiledPolicy,
    params: Json,
    lookups: Json,
) -> Asking[JsonObject]:
    source = mutation.mutation
    if mutation.jq is not None:
        calls = [(mutation.jq, {"params": params, "lookups": lookups})]
        outputs = _value((yield jq.Question(calls, thing, bindings.jq()))[0])
        if len(outputs) != 1 or not isinstance(outputs[0], dict):
            raise MutationError(f"must yield exactly one object, and yields {len(outputs)} values")
        return dict(outputs[0])
    if mutation.cel is not None:
        value = _value(mutation.cel.run(bindings.cel(policy.names, params, lookups)))
        changed = patch.apply_patch(thing, value) if isinstance(value, list) else patch.merge_patch(thing, value)
    elif source.change is Change.JSON_PATCH:
        changed = patch.apply_patch(thing, mutation.patch)
    else:
        changed = patch.merge_patch(thing, mutation.patch)
    if not isinstance(changed, dict):
        raise MutationError("the result is no object")
    return changed


def _value(outcome: Outcome) -> Json:
    if outcome.error is not None:
        raise MutationError(outcome.error)
    return outcome.value


def _check_identity(before: JsonObject, after: JsonObject) -> None:
    """A mutation changes an object into a better form of itself, never into another one."""
    for pointer in ("/apiVersion", "/kind", "/metadata/name", "/metadata/namespace", "/metadata/uid"):
        if not same(value_at(before, pointer), value_at(after, pointer)):
            raise MutationError(f"would change {pointer}, which says what the object is")
