"""MutatingAdmissionPolicy as the API server runs it: before all webhooks, and once more if the policy wants it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from auditor.dataclass import dataclass
from auditor.engine.bindings import RequestBindings
from auditor.engine.compiled import CompiledMutation, CompiledPolicy
from auditor.engine.conditions import conditions_hold
from auditor.engine.findings import FindingMaker
from auditor.engine.lookups import find_params
from auditor.engine.match import PolicyIndex
from auditor.engine.matching import find_match, is_native_exempt
from auditor.engine.messages import say_cel_error
from auditor.engine.native.shape import SchemaShape
from auditor.engine.native.typed import check_typed
from auditor.engine.patch import PatchError, TestFailedError, apply_configuration, apply_patch, same
from auditor.json import Json, JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.languages.schema.defaulting import fill
from auditor.model.finding import Finding
from auditor.model.policy import Change, Enforcement, Kind
from auditor.model.request import Request

# Integers beyond these are written as texts where CEL values become JSON; those of apply configurations do not.
_SAFE_INTEGER = (1 << 53) - 1


class _IdentityError(PatchError):
    """It refuses the request, whatever the failurePolicy says."""


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
        if not same(self._object, thing):
            self._object = _drop_wrong_metadata(self._object)
            if self._schema is not None:
                self._object, _ = self._schema.prune(self._object)
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

    def _fail(self, policy: CompiledPolicy, reason: str, *, ignorable: bool = True) -> None:
        finding = FindingMaker(self._request).errored(policy, None, reason, always=True)
        if not ignorable:
            finding = replace(finding, blocks=True, enforcements=(Enforcement.DENY,))
        if finding not in self.findings:  # the second pass says the same again
            self.findings.append(finding)

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
            except _IdentityError as problem:
                self._fail(policy, str(problem), ignorable=False)
                continue
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
        self._check_identity(changed)
        return fill(changed, self._schema.root) if self._schema is not None else changed

    def _apply(self, configuration: Json) -> JsonObject:
        shape = SchemaShape.of(self._schema)
        # The API server sets what kind of object it is itself, whatever the configuration says.
        configuration = {**configuration, "apiVersion": self._object["apiVersion"], "kind": self._object["kind"]}
        try:
            check_typed(configuration, shape.node, what="patch object", written=True)
            check_typed(self._object, shape.node, what="original object", written=False)
            return apply_configuration(self._object, configuration, shape)
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
            raise _IdentityError("the result is no object")
        return changed

    def _check_identity(self, changed: JsonObject) -> None:
        """The server lets a policy rename an object, and no more; it refuses the rest in the end, in other words."""
        metadata = changed.get("metadata")
        if not isinstance(metadata, dict):
            raise _IdentityError("the result has no metadata")
        before = self._object.get("metadata") or {}
        wrong = [key for key in ("apiVersion", "kind") if changed.get(key) != self._object.get(key)]
        # Left out, the namespace is that of the request, and the uid of a new object is the server's to give.
        kept = ("namespace", "uid") if self._request.old_object else ("namespace",)
        wrong += [key for key in kept if metadata.get(key, before.get(key)) != before.get(key)]
        if wrong:
            raise _IdentityError(f"would change {', '.join(wrong)}, which say what the object is")


def _as_operation(each: JsonObject) -> JsonObject:
    """As the server's library reads it: a value that is left out is null, and what stands before the first / is not."""
    read = {**each, "value": _as_json(each.get("value"))}
    for name in ("path", "from"):
        _, slash, rest = str(read.get(name, "")).partition("/")
        if slash:
            read[name] = slash + rest
    return read


def _drop_wrong_metadata(thing: JsonObject) -> JsonObject:
    """Labels and annotations of which any is no text are all lost."""
    metadata = thing["metadata"]
    wrong = [key for key in ("labels", "annotations") if key in metadata and not _is_texts(metadata[key])]
    if not wrong:
        return thing
    return {**thing, "metadata": {key: value for key, value in metadata.items() if key not in wrong}}


def _is_texts(value: Json) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _as_json(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
        return str(value)
    return value
