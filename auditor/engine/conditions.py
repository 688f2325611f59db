"""matchConditions: any that is false skips the policy; else one that cannot be evaluated is its error."""

from dataclasses import replace

from auditor.engine.bindings import RequestBindings
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.messages import say_cel_error, say_condition_errors
from auditor.json import Json


def conditions_hold(policy: CompiledPolicy, bindings: RequestBindings, params: Json) -> tuple[bool, str]:
    """Whether they hold, and if not, the error because of which nobody knows."""
    if not policy.conditions:
        return True, ""
    native = policy.policy.native
    if native and "namespaceObject" in policy.names:
        # The API server evaluates the conditions of native policies before it has the namespace.
        bindings = RequestBindings(replace(bindings.request, namespace_object=None))
    values = bindings.cel(policy.names, params)
    errors: list[str] = []
    for name, program in policy.conditions:
        outcome = program.run(values)
        if outcome.error is not None:
            said = say_cel_error(program, outcome.error, values)
            errors.append(said if native else f"matchCondition {name}: {said}")
        elif outcome.value is not True:
            return False, ""
    return not errors, say_condition_errors(errors) if errors else ""
