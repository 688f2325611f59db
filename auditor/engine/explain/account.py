"""One policy and one object: what was asked, what was answered, and how it comes to the verdict."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.bindings import RequestBindings
from auditor.engine.compiled import CompiledPolicy, CompiledRule
from auditor.engine.conditions import conditions_hold
from auditor.engine.engine import Engine
from auditor.engine.explain.expression import Expressions
from auditor.engine.explain.matching import explain_match, find_obstacle
from auditor.engine.explain.otherwise import explain_jq, explain_schema
from auditor.engine.explain.parts import Account, Looked, Named, RuleAccount, State, Step
from auditor.engine.explain.scopes import condition_scope, is_needed, rule_scope, uses
from auditor.engine.findings import FindingMaker
from auditor.engine.lookups import find_lookups, find_params
from auditor.engine.veil import HIDDEN, Veil
from auditor.json import Json
from auditor.languages import cel, jq
from auditor.languages.outcome import Outcome
from auditor.languages.schema import StructuralSchema
from auditor.model.finding import Finding, Result
from auditor.model.policy import Enforcement
from auditor.model.request import Request

Clock = Callable[[], float]
"""Seconds; only differences count."""

DOES_NOT_MATCH: Final = "does not match"
DOES_NOT_APPLY: Final = "does not apply"
CHANGES: Final = "changes"
CHANGES_NOTHING: Final = "changes nothing"
_WORST: Final = (Result.ERROR, Result.FAIL, Result.WARN, Result.SKIP, Result.PASS)


def explain(
    policy: CompiledPolicy,
    request: Request,
    findings: Sequence[Finding],
    *,
    clock: Clock,
    before: Request | None = None,
    schema: StructuralSchema | None = None,
) -> list[Account]:
    """Once for each object of params. `findings` are those of the verdict that are of this policy; `before` is the
    request as it was before all mutations."""
    if policy.mutations and not policy.rules:  # it is asked before it changes anything
        request = before or request
    own = tuple((str(f.result), Veil(request).over_text(f.message)) for f in findings if not f.rule)
    account = Account(policy.policy.key, worst(findings), "", explain_match(policy, request))
    if obstacle := find_obstacle(policy, request):
        return [replace(account, state=account.state or DOES_NOT_MATCH, reason=obstacle, findings=own)]
    names, lookup_problem = find_lookups(policy.policy, request)
    params, params_problem = find_params(policy.policy, request)
    if lookup_problem and not any(conditions_hold(policy, RequestBindings(request), each)[0] for each in params):
        lookup_problem = ""  # whom the conditions leave out, for him nothing is looked up
    veil = Veil(request, names, list(params))
    account = replace(
        account,
        lookups=_looked_up(policy, names, lookup_problem),
        findings=tuple((result, veil.over_text(message)) for result, message in own),
    )
    if policy.mutations:
        patch, mutations = _mutations(policy, before or request, schema, veil)
        account = replace(account, patch=patch, mutations=mutations)
    if lookup_problem or params_problem or not params:
        found = Looked("params", (), params_problem or "none: the policy does not apply")
        reason = lookup_problem or params_problem or "there are no params"
        return [replace(account, state=account.state or DOES_NOT_APPLY, reason=reason, params=found)]
    return [
        _Asked(policy, request, findings, params=each, lookups=names, veil=veil, clock=clock).account(account)
        for each in params
    ]


def worst(findings: Sequence[Finding]) -> str:
    """Empty where there is none."""
    return next((str(result) for result in _WORST if any(f.result is result for f in findings)), "")


def _looked_up(policy: CompiledPolicy, names: object, problem: str) -> tuple[Looked, ...]:
    found = names if isinstance(names, dict) else {}
    return tuple(
        Looked(each.name, tuple(map(_name, found.get(each.name, ()))), problem if each.name not in found else "")
        for each in policy.policy.lookups
    )


def _name(thing: Json) -> str:
    metadata = (thing.get("metadata") if isinstance(thing, dict) else None) or {}
    return "/".join(str(part) for part in (metadata.get("namespace"), metadata.get("name")) if part)


def _mutations(
    policy: CompiledPolicy, request: Request, schema: StructuralSchema | None, veil: Veil
) -> tuple[tuple[Json, ...], tuple[str, ...]]:
    alone = Engine.of([policy], schemas={request.resource: schema} if schema else None)
    mutated = alone.mutate(request)
    patch = tuple(
        {**each, "value": HIDDEN} if "value" in each and veil.is_secret(str(each["path"])) else veil.over(each)
        for each in mutated.patch
    )
    return patch, tuple(name for _, name in mutated.applied)


@dataclass(slots=True)
class _Asked:
    """A policy that is asked, with one object of params."""

    policy: CompiledPolicy
    request: Request
    findings: Sequence[Finding]
    params: Json
    lookups: Json
    veil: Veil
    clock: Clock

    def account(self, account: Account) -> Account:
        source = self.policy.policy
        if source.param_kind is not None:
            account = replace(account, params=Looked("params", (_name(self.params),) if self.params else ()))
        elif source.params is not None:
            account = replace(account, params=Looked("params", ("of the policy",)))
        if self.policy.conditions_need_user and self.request.user is None:
            reason = "its matchConditions ask for the user"
            return replace(account, state=account.state or DOES_NOT_APPLY, reason=reason)
        shared = RequestBindings(self.request)
        account = replace(account, conditions=self._conditions())
        hold, error = conditions_hold(self.policy, shared, self.params)
        if not hold:
            reason = self.veil.over_text(error) or "a matchCondition is false"
            return replace(account, state=account.state or DOES_NOT_APPLY, reason=reason)
        bindings = shared.cel(self.policy.names, self.params, self.lookups)
        hidden = self._hidden_variables()
        rules = tuple(self._rule(rule, shared, bindings, hidden) for rule in self.policy.rules)
        variables = tuple(self._variables(bindings, hidden))
        only_changes = (CHANGES if account.mutations else CHANGES_NOTHING) if self.policy.mutations else DOES_NOT_APPLY
        state = account.state or (DOES_NOT_APPLY if source.rules else only_changes)
        return replace(account, state=state, rules=rules, variables=variables)

    def _conditions(self) -> tuple[Named, ...]:
        request = self.request
        if self.policy.policy.native and "namespaceObject" in self.policy.names:
            request = replace(request, namespace_object=None)  # as the API server has it
        bindings = RequestBindings(request).cel(self.policy.names, self.params)
        expressions = Expressions(condition_scope(self.policy.policy), bindings, self.veil, frozenset())
        return tuple(
            Named(name, expressions.explain(program.source, program.run(bindings)))
            for name, program in self.policy.conditions
        )

    def _hidden_variables(self) -> frozenset[str]:
        programs = _programs(self.policy)
        hidden = {each.name for each in self.policy.policy.variables if self.veil.is_secret(each.text)}
        for rule in self.policy.rules:
            if rule.rule.sensitive and rule.cel is not None:
                hidden |= uses(rule.cel)
        return frozenset(hidden | {name for name, program in programs.items() if uses(program) & hidden})

    def _variables(self, bindings: cel.Bindings, hidden: frozenset[str]) -> list[Named]:
        programs = _programs(self.policy)
        violated = frozenset(f.rule for f in self.findings if f.result is not Result.PASS)
        expressions = Expressions(rule_scope(self.policy.policy), bindings, self.veil, hidden)
        found = []
        for each in self.policy.policy.variables:
            program = programs.get(each.name)
            if program is None or not is_needed(self.policy, each.name, bindings, violated=violated):
                step = Step(each.text.strip(), State.SKIPPED, note="not needed")
            elif each.name in hidden:
                step = Step(each.text.strip(), State.HIDDEN)
            else:
                step = expressions.explain(each.text, program.run(bindings))
            found.append(Named(each.name, step))
        return found

    def _rule(
        self, rule: CompiledRule, shared: RequestBindings, bindings: cel.Bindings, hidden: frozenset[str]
    ) -> RuleAccount:
        source, own = self.policy.policy, rule.rule
        findings = [f for f in self.findings if f.rule == own.name]
        asked = not (rule.needs_user and self.request.user is None)
        steps, milliseconds = self._steps(rule, shared, bindings, hidden) if asked else ((), None)
        maker = FindingMaker(self.request)
        enforcement = maker.enforcements(source, rule)
        notes = [] if asked else ["it asks for the user, and nobody knows one"]
        if own.sensitive:
            notes.append("sensitive: its values are not shown")
        if any(f.result is Result.FAIL and not f.blocks for f in findings) and Enforcement.DENY in enforcement:
            notes.append("existing: Audit: the old object was in violation, too")
        return RuleAccount(
            name=own.name,
            language=str(own.language),
            result=worst(findings) or "not asked",
            findings=tuple((str(f.result), f.path, self._message(f, rule)) for f in findings),
            severity=str(own.severity or source.severity),
            severity_from="rule" if own.severity else "policy",
            enforcement=tuple(map(str, enforcement)),
            enforcement_from=self._origin(rule, maker),
            exception=next((f.exception for f in findings if f.exception), ""),
            note="; ".join(notes),
            milliseconds=milliseconds,
            steps=steps,
        )

    def _message(self, finding: Finding, rule: CompiledRule) -> str:
        """A schema's own words have the value in them, and a secret may be too short to be found in there."""
        if rule.schema is not None and self.veil.is_secret(finding.path):
            return rule.rule.message or HIDDEN
        return self.veil.over_text(finding.message)

    def _origin(self, rule: CompiledRule, maker: FindingMaker) -> str:
        source = self.policy.policy
        for number, each in enumerate(source.overrides, 1):
            if maker.enforcements(replace(source, overrides=(each,), enforcements=(), rules=()), None):
                return f"enforcementOverrides, the {number}."
        if rule.rule.enforcement is not None:
            return "rule"
        return "binding" if source.native else "policy"

    def _steps(
        self, rule: CompiledRule, shared: RequestBindings, bindings: cel.Bindings, hidden: frozenset[str]
    ) -> tuple[tuple[Step, ...], float]:
        subject = FindingMaker(self.request).subject
        own = {"params": self.params, "lookups": self.lookups}
        started = self.clock()
        outcome = Outcome()
        if rule.cel is not None:
            outcome = rule.cel.run(bindings)
        elif rule.jq is not None:
            calls = [(rule.jq, own)]
            jq.run(calls, input=subject, bindings=shared.jq())  # the first may wait for a process
            started = self.clock()
            jq.run(calls, input=subject, bindings=shared.jq())
        elif rule.schema is not None:
            rule.schema.run(subject)
        milliseconds = round((self.clock() - started) * 1000, 3)
        if rule.rule.sensitive:
            return (), milliseconds
        if rule.cel is not None:
            expressions = Expressions(rule_scope(self.policy.policy), bindings, self.veil, hidden)
            return (expressions.explain(rule.cel.source, outcome),), milliseconds
        if rule.jq is not None:
            return explain_jq(rule.jq.text, subject, shared.jq(), own, self.veil), milliseconds
        return explain_schema(rule.rule.body, subject, self.veil), milliseconds


def _programs(policy: CompiledPolicy) -> dict[str, cel.Program]:
    """Variables by name, those that something uses or not."""
    return dict(rule_scope(policy.policy).variables)
