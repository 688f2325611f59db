"""What a finding says when the rule itself has no words, and what the API server would make of those that it has."""

from collections.abc import Sequence

from auditor.engine.compiled import CompiledRule
from auditor.languages import cel
from auditor.languages.outcome import Outcome
from auditor.model.policy import Language

# The API server takes no longer one from a messageExpression.
MAX_COMPUTED = 5 * 1024
_MAX_SHOWN = 200
# What the library says of a field of something that is no object, without the name of the field.
_SELECT = "Applying SELECT to non-message type"


def say_violation(rule: CompiledRule, bindings: "cel.Bindings | None") -> str:
    """The computed message, if it can be computed and is fit to be shown; else the written one; else the rule."""
    if rule.message is not None and bindings is not None and not rule.rule.sensitive:
        outcome = rule.message.run(bindings)
        if outcome.error is None and isinstance(outcome.value, str):
            text = trim(outcome.value)
            if text and "\n" not in text and len(text.encode(errors="replace")) <= MAX_COMPUTED:
                return text
    if rule.rule.sensitive and rule.rule.language is Language.DENY and not trim(rule.rule.message):
        return "why is not shown, because the rule is marked as sensitive"
    return trim(rule.rule.message) or f"failed expression: {_show(rule)}"


def say_error(rule: CompiledRule, error: str, bindings: "cel.Bindings | None") -> str:
    if rule.rule.sensitive:
        return "the rule could not be evaluated; why is not shown, because it is marked as sensitive"
    if rule.cel is not None and bindings is not None:
        return say_cel_error(rule.cel, error, bindings)
    return f"the rule could not be evaluated: {error}"


def say_cel_error(program: "cel.Program", error: str, bindings: "cel.Bindings") -> str:
    return f"expression '{program.source}' resulted in error: {_trace(program, error, bindings)}"


def say_condition_errors(errors: Sequence[str]) -> str:
    """As Go prints several errors."""
    distinct = list(dict.fromkeys(errors))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"


def _trace(program: "cel.Program", error: str, bindings: "cel.Bindings") -> str:
    """Through the variables, to the one that fails by itself."""
    for name, variable in program.variables.items():
        outcome: Outcome = variable.run(bindings)
        if outcome.error == error:
            return f'composited variable "{name}" fails to evaluate: {_trace(variable, error, bindings)}'
    if error == _SELECT:
        key = _missing_key(program, bindings)
        return f"no such key: {key}" if key else error
    from auditor.languages.cel.wording import reword  # CEL, for those who have rules in it

    return reword(error)


def _missing_key(program: "cel.Program", bindings: "cel.Bindings") -> str:
    """The first field that the expression reads of something that is no object."""
    for selected in program.selected:
        value = bindings.value_of(selected.root)
        for step in selected.path:
            if not isinstance(value, dict):
                return step
            if step not in value:
                break
            value = value[step]
    return ""


def trim(text: str) -> str:
    """As Go does: spaces of Unicode, but not the separators that Python takes for spaces, too."""
    return text.strip(_SPACES)


_SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f"
    "\u205f\u3000"
)


def _show(rule: CompiledRule) -> str:
    text = trim(str(rule.rule.body))
    return text if rule.rule.language is Language.CEL or len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
