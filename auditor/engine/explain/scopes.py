"""The names that a policy's expressions may use, as they were when it was compiled, so that parts of them compile."""

from dataclasses import replace
from typing import Final

from auditor.engine.compiled import CompiledPolicy
from auditor.errors import CompileError
from auditor.languages import cel
from auditor.model.policy import Policy

_NOTHING: Final = "dyn({})['x']"
_FAILING: Final = {"bool": f"{_NOTHING} == 1", "string": f"string({_NOTHING})", "int": f"int({_NOTHING})"}
"""By its type an expression that always fails."""


def condition_scope(policy: Policy) -> cel.Scope:
    return cel.admission_scope(params=policy.param_kind is not None or policy.params is not None)


def rule_scope(policy: Policy, failing: str = "") -> cel.Scope:
    """Raises CompileError where with the variable `failing`, which always fails, something does not compile."""
    scope = condition_scope(policy)
    if policy.lookups:
        lists = {each.name: cel.list_of(cel.DYN) for each in policy.lookups}
        scope = replace(scope, names={**scope.names, "lookups": cel.object_of(lists)})
    for each in policy.variables:
        program = cel.compile(each.text, scope, cel.ANY)
        if each.name == failing:
            program = cel.compile(_FAILING.get(program.type.name, _NOTHING), scope, cel.ANY)
        scope = scope.with_variable(each.name, program)
    return scope


def is_needed(policy: CompiledPolicy, name: str, bindings: cel.Bindings, *, violated: frozenset[str]) -> bool:
    """Whether anything would come out otherwise if the variable failed. Messages are needed where there is one."""
    programs = [program for _, program in policy.audit_annotations]
    programs += [m.cel for m in policy.mutations if m.cel is not None]
    programs += [r.message for r in policy.rules if r.message is not None and r.rule.name in violated]
    if any(name in uses(program) for program in programs):
        return True
    rules = [rule for rule in policy.rules if rule.cel is not None and name in uses(rule.cel)]
    if not rules:
        return False
    try:
        scope = rule_scope(policy.policy, name)
        for rule in rules:
            if rule.cel is None:
                continue
            before = rule.cel.run(bindings)
            after = cel.compile(str(rule.rule.body), scope, cel.ANY).run(bindings)
            if before.value is not after.value or before.error != after.error:
                return True
    except CompileError:
        return True
    return False


def uses(program: cel.Program) -> frozenset[str]:
    """The variables behind it, and those behind them."""
    found = set(program.variables)
    for each in program.variables.values():
        found |= uses(each)
    return frozenset(found)
