"""One request, all policies that match it, one verdict. The order: match, conditions, params, rules, ratchet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from auditor.dataclass import dataclass
from auditor.engine.asking import Asking
from auditor.engine.bindings import RequestBindings
from auditor.engine.compiled import CompiledPolicy, CompiledRule
from auditor.engine.conditions import conditions_hold
from auditor.engine.excuse import find_excuse
from auditor.engine.findings import FindingMaker
from auditor.engine.lookups import find_lookups, find_params
from auditor.engine.match import PolicyIndex
from auditor.engine.matching import find_match, is_native_exempt
from auditor.engine.messages import say_cel_error, say_error, say_violation, trim
from auditor.json import Json, JsonObject
from auditor.languages import jq
from auditor.languages.outcome import Outcome
from auditor.model.finding import Finding, Result, Verdict
from auditor.model.policy import Enforcement, Kind, Language
from auditor.model.request import Operation, Request
from auditor.tracing import is_on, span

if TYPE_CHECKING:
    from auditor.languages.cel import Bindings
    from auditor.languages.schema import StructuralSchema

_HOLDS: Final = Outcome.of(True)


@dataclass(frozen=True, slots=True)
class Found:
    """One violation, before it is a finding: where, and in which words."""

    message: str
    path: str = ""


@dataclass(slots=True)
class _Evaluation:
    """The rules of one policy with one object of params; jq rules wait for the round trip of all."""

    policy: CompiledPolicy
    params: Json
    names: Mapping[str, Json]
    outcomes: dict[str, Outcome] = field(default_factory=dict)


def judging(
    policies: PolicyIndex[CompiledPolicy],
    request: Request,
    *,
    schema: "StructuralSchema | None" = None,
    passes: bool = True,
) -> Asking[Verdict]:
    """All findings of all policies that apply; without `passes` those that passed are named only.

    `schema` is that of the object's kind, where it is known: it tells the items of lists apart.
    """
    return _Judge(policies, request, schema, passes=passes).run(ratchet=request.operation is Operation.UPDATE)


def is_exempt(request: Request) -> bool:
    """What Kubernetes itself does to clean up is not stopped by our policies; native ones make no such exception."""
    if request.user is not None and request.user.username in request.world.excluded_users:
        return True
    return _only_loses_finalizers(request)


def _only_loses_finalizers(request: Request) -> bool:
    """What is being deleted can always lose its finalizers: no policy may keep it for ever."""
    new, old = request.object, request.old_object
    if request.operation is not Operation.UPDATE or not new or not old:
        return False
    if not isinstance(old.get("metadata"), dict) or not isinstance(new.get("metadata"), dict):
        return False
    if not old["metadata"].get("deletionTimestamp"):
        return False

    def rest(thing: Json) -> Json:
        volatile = ("finalizers", "managedFields", "resourceVersion", "generation")
        return {**thing, "metadata": {k: v for k, v in thing["metadata"].items() if k not in volatile}}

    before = set(old["metadata"].get("finalizers") or ())
    return set(new["metadata"].get("finalizers") or ()) < before and rest(new) == rest(old)


class _Judge:
    def __init__(
        self,
        policies: PolicyIndex[CompiledPolicy],
        request: Request,
        schema: "StructuralSchema | None",
        *,
        passes: bool,
    ) -> None:
        self.policies = policies
        self.request = request
        self.schema = schema
        self.passes = passes
        self.exempt = {False: is_exempt(request), True: is_native_exempt(request)}
        self.bindings = RequestBindings(request)
        self.make = FindingMaker(request, schema)
        self.findings: list[Finding] = []
        self.passed: list[tuple[str, str]] = []
        self.not_applicable: list[tuple[str, str]] = []
        self.annotations: list[tuple[str, str]] = []
        self.recheck: list[datetime] = []

    def run(self, *, ratchet: bool) -> Asking[Verdict]:
        evaluations = [evaluation for policy in self._matching() for evaluation in self._params(policy)]
        yield from self._run_rules(evaluations)
        for evaluation in evaluations:
            self._conclude(evaluation)
        if ratchet and self.request.old_object is not None:
            yield from self._forgive_what_was_there(self.request.old_object)
        return Verdict(
            findings=tuple(self.findings),
            warnings=tuple(_warnings(self.findings)),
            passed=tuple(self.passed),
            audit_annotations=_join(self.annotations),
            not_applicable=tuple(self.not_applicable),
            recheck_at=min(self.recheck, default=None),
        )

    def _matching(self) -> Iterator[CompiledPolicy]:
        request, kinds = self.request, self.request.world.kinds
        for _, policy in self.policies.find(request.resource, kinds):
            if self.exempt[policy.policy.native]:
                continue
            matched, problem = find_match(policy, request)
            if problem:
                self._misconfigured(policy, problem)
            elif matched:
                yield policy

    def _conditions_hold(self, policy: CompiledPolicy, params: Json) -> bool:
        if policy.conditions_need_user and self.request.user is None:
            self.not_applicable.append((policy.policy.name, "its matchConditions ask for the user"))
            return False
        hold, error = conditions_hold(policy, self.bindings, params)
        if error:
            self._fail(policy, error)
        return hold

    def _params(self, policy: CompiledPolicy) -> Iterator[_Evaluation]:
        """An evaluation for each object of params for which the conditions hold."""
        found, problem = find_params(policy.policy, self.request)
        if problem:
            self._misconfigured(policy, problem)
        chosen = [params for params in found if self._conditions_hold(policy, params)]
        if not chosen:
            return  # whom the conditions leave out, for him what is looked up need not be there
        names, problem = find_lookups(policy.policy, self.request)
        if problem:
            self._fail(policy, problem)
        else:
            yield from (_Evaluation(policy, params, names) for params in chosen)

    def _run_rules(self, evaluations: Sequence[_Evaluation]) -> Asking[None]:
        waiting: list[tuple[_Evaluation, CompiledRule]] = []
        if is_on():
            for evaluation in evaluations:
                with span("policy", {"auditor.policy": evaluation.policy.policy.key}):
                    self._run_policy(evaluation, waiting)
        else:
            for evaluation in evaluations:
                self._run_policy(evaluation, waiting)
        if waiting:
            calls = [(rule.jq, {"params": of.params, "lookups": of.names}) for of, rule in waiting if rule.jq]
            with span("jq", {"auditor.rules": len(calls)}):
                outcomes = yield jq.Question(calls, self.make.subject, self.bindings.jq())
            for (evaluation, rule), outcome in zip(waiting, outcomes, strict=True):
                evaluation.outcomes[rule.rule.name] = outcome

    def _run_policy(self, evaluation: _Evaluation, waiting: list[tuple[_Evaluation, CompiledRule]]) -> None:
        """Its rules in jq are put to those that wait: all of them make one round trip."""
        policy = evaluation.policy
        bindings = None
        holds = policy.together is not None and policy.together.holds(bindings := self._cel(evaluation))
        for rule in policy.rules:
            name = rule.rule.name
            if rule.needs_user and self.request.user is None:
                self.not_applicable.append((f"{policy.policy.name}/{name}", "it asks for the user"))
            elif rule.cel is not None and holds and not rule.needs_user:
                evaluation.outcomes[name] = _HOLDS
            elif rule.cel is not None:
                bindings = bindings or self._cel(evaluation)
                evaluation.outcomes[name] = rule.cel.run(bindings)
            elif rule.jq is not None:
                waiting.append((evaluation, rule))
            elif rule.schema is not None:
                evaluation.outcomes[name] = rule.schema.run(self.make.subject)

    def _conclude(self, evaluation: _Evaluation) -> None:
        policy = evaluation.policy
        for rule in policy.rules:
            outcome = evaluation.outcomes.get(rule.rule.name)
            if outcome is not None and outcome.value is True and rule.cel is not None:  # by far the most frequent end
                self._pass(policy, rule)
            elif outcome is not None:
                self._conclude_rule(evaluation, rule, outcome)
        for key, program in policy.audit_annotations:
            bindings = self._cel(evaluation)
            outcome = program.run(bindings)
            if outcome.error is not None:
                self._fail(policy, say_cel_error(program, outcome.error, bindings), always=True)
            elif isinstance(outcome.value, str) and trim(outcome.value):
                self.annotations.append((f"{policy.policy.name}/{key}", trim(outcome.value)))

    def _cel(self, evaluation: _Evaluation) -> "Bindings":
        return self.bindings.cel(evaluation.policy.names, evaluation.params, evaluation.names)

    def _conclude_rule(self, evaluation: _Evaluation, rule: CompiledRule, outcome: Outcome) -> None:
        policy = evaluation.policy
        found, error = _read(rule, outcome)
        excuse = find_excuse(policy.policy, rule.rule.name, self.request) if found or error else None
        if excuse is not None:
            self.recheck.append(excuse.until)
        bindings = self._cel(evaluation) if error or (found and rule.message) else None
        if error:
            self.findings.append(self.make.errored(policy, rule, say_error(rule, error, bindings), excuse=excuse))
        elif not found:
            self._pass(policy, rule)
        else:
            for each in found:
                message = each.message or say_violation(rule, bindings)
                self.findings.append(self.make.violated(policy, rule, message, path=each.path, excuse=excuse))

    def _pass(self, policy: CompiledPolicy, rule: CompiledRule) -> None:
        if self.passes:
            self.findings.append(self.make.passed(policy, rule))
        else:
            self.passed.append((policy.policy.key, rule.rule.name))

    def _fail(self, policy: CompiledPolicy, reason: str, *, always: bool = False) -> None:
        """The policy as a whole could not be asked: an error of each of its rules would say the same again."""
        excuse = find_excuse(policy.policy, "", self.request)
        self.findings.append(self.make.errored(policy, None, reason, excuse=excuse, always=always))

    def _misconfigured(self, policy: CompiledPolicy, reason: str) -> None:
        """Native policies refuse for this even where they would only warn."""
        native = policy.policy.native
        self._fail(policy, f"failed to configure binding: {reason}" if native else reason, always=native)

    def _forgive_what_was_there(self, old: JsonObject) -> Asking[None]:
        """`existing: Audit`: an update whose violations the old object had, too, makes nothing worse."""
        found = self.policies.find(self.request.resource, self.request.world.kinds)
        ratchets = {p.policy.name for _, p in found if p.policy.ratchets and not p.policy.native}
        names = {f.policy for f in self.findings if f.blocks and f.policy in ratchets}
        names -= {f.policy for f in self.findings if f.result is Result.ERROR}  # with an error nothing is forgiven
        if not names:
            return
        same = PolicyIndex((m, p) for m, p in found if p.policy.name in names)
        judge_before = _Judge(same, replace(self.request, object=old), self.schema, passes=False)
        before = yield from judge_before.run(ratchet=False)
        known = {f.fingerprint for f in before.findings if f.blocks and f.result is not Result.ERROR}
        worse = {f.policy for f in self.findings if f.blocks and f.fingerprint not in known}
        self.findings = [
            replace(f, blocks=False, enforcements=(Enforcement.WARN,)) if f.blocks and f.policy in names - worse else f
            for f in self.findings
        ]


def _read(rule: CompiledRule, outcome: Outcome) -> tuple[list[Found], str | None]:
    """The violations, or why there is no answer. Only `true` itself passes."""
    match rule.rule.language:
        case Language.CEL:
            outcome = outcome if outcome.error or type(outcome.value) is bool else Outcome.failed("yields no boolean")
        case Language.JQ:
            outcome = jq.condition(outcome)
        case Language.DENY:
            denied = jq.denials(outcome)
            hidden = rule.rule.sensitive  # a computed message may hold what must not be shown
            return [Found("" if hidden else each.message, each.path) for each in denied.value or ()], denied.error
        case Language.SCHEMA:
            if outcome.error is not None:
                return [], outcome.error
            return [Found(_schema_message(rule, each.message), each.path) for each in outcome.value], None
    if outcome.error is not None:
        return [], outcome.error
    return ([] if outcome.value is True else [Found("", rule.path)]), None


def _schema_message(rule: CompiledRule, message: str) -> str:
    return f"{rule.rule.message}: {message}" if rule.rule.message else message


def _join(annotations: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    if not annotations:
        return ()
    from auditor.engine.native.answer import join_annotations  # native policies alone have any

    return join_annotations(annotations)


def _warnings(findings: Sequence[Finding]) -> Iterator[str]:
    for each in findings:
        warns = Enforcement.WARN in each.enforcements and each.result in (Result.FAIL, Result.WARN, Result.ERROR)
        if warns and not each.blocks and each.kind is not Kind.POLICY:
            from auditor.engine.native.answer import say_warning

            yield say_warning(each)
        elif warns and not each.blocks:
            yield f"{each.policy}/{each.rule}: {each.message}" if each.rule else f"{each.policy}: {each.message}"
