"""An explanation for people: what counts first, each value behind the part that it belongs to."""

import json
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from auditor.engine.explain import Account, Looked, RuleAccount, State, Step
from auditor.intake.explain.explain import Explained, Explanation
from auditor.intake.printable import clean
from auditor.json import Json

Paint = Callable[[str, str], str]
"""A text in the colour of a word such as `fail`; as it is where there are no colours."""

Line: TypeAlias = str | tuple[str, str, str]
"""With a word in the middle that has a colour."""

ADVICE: Final = {
    "no such key": "a field may be missing: guard it with has(object.spec.x), or write object.spec.?x.orValue(...); "
    "--crds fills in the defaults of its CRD",
    "no such overload": "a value is of another type than the rule takes it for: ask type(x) == int, or convert it with "
    "int(x), double(x), string(x)",
}
"""What to do about the commonest errors of rules in CEL, which have the words of the API server."""

# Characters of a value or a text: what is longer is in the JSON.
_MAX_SHOWN = 160


def write_text(explanation: Explanation, paint: Paint) -> str:
    blocks = [
        "\n".join(_join(line, paint) for line in _write(account, each))
        for each in explanation.objects
        for account in each.accounts
    ]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _join(line: Line, paint: Paint) -> str:
    """Colours come last: what acts on a terminal is taken out of all that came from files."""
    if isinstance(line, str):
        return _fit(line)
    before, word, after = line
    return _fit(before) + paint(word, word) + _fit(after)


def _fit(text: str) -> str:
    """A message of several lines does not look like several of ours."""
    return clean(text.replace("\n", " "))


def _write(account: Account, of: Explained) -> Iterator[Line]:
    place = f"{of.file}:{of.line}" if of.file else "as it is stored"
    yield "", account.state, f"  {account.policy} on {of.kind} {of.name}  ({place})"
    if account.reason:
        yield f"  because: {account.reason}"
    for result, message in account.findings:
        yield "  ", result, f": {message}"
    for part in account.matches:
        word = {True: "yes", False: "no", None: "unknown"}[part.holds]
        reason = f": {part.reason}" if part.reason else ""
        yield f"  match      {part.name}: {word}{reason}"
    for each in account.conditions:
        yield f"  condition  {each.name}: {_said(each.step)}"
        yield from _tree(each.step, 4)
    for looked in (*([account.params] if account.params else ()), *account.lookups):
        yield _looked(looked, "" if looked is account.params else "lookup     ")
    for each in account.variables:
        yield f"  variable   {each.name}: {_said(each.step)}"
        if each.step.state is not State.SKIPPED:
            yield from _tree(each.step, 4)
    for rule in account.rules:
        yield from _write_rule(rule)
    if account.mutations:
        yield f"  mutations  {', '.join(account.mutations)}"
        for operation in account.patch:
            yield f"    {_shown(operation)}"


def _looked(looked: Looked, word: str) -> str:
    names = ", ".join(looked.found[:10]) + (", ..." if len(looked.found) > 10 else "")
    if not word:
        return f"  params     {looked.problem or names or 'none'}"
    count = f"{len(looked.found)} found" + (f" ({names})" if names else "")
    return f"  {word}{looked.name}: {looked.problem or count}"


def _write_rule(rule: RuleAccount) -> Iterator[Line]:
    took = f", {rule.milliseconds:g} ms" if rule.milliseconds is not None else ""
    enforcement = " and ".join(rule.enforcement) or "no enforcement"
    behind = f", {rule.severity} (of the {rule.severity_from}), {enforcement} (of the {rule.enforcement_from}){took}"
    yield f"  rule       {rule.name} ({rule.language}): ", rule.result, behind
    for result, path, message in rule.findings:
        if message:
            yield "    ", result, f": {message}{f'  at {path}' if path else ''}"
    errors = [message for result, _, message in rule.findings if result == "error"]
    yield from (f"    {advice}" for words, advice in ADVICE.items() if any(words in each for each in errors))
    if rule.exception:
        yield f"    excused by PolicyException {rule.exception}"
    if rule.note:
        yield f"    {rule.note}"
    for step in rule.steps:
        yield from _tree(step, 4)


def _tree(step: Step, indent: int) -> Iterator[str]:
    yield f"{' ' * indent}{_one_line(step.text)}  ->  {_said(step)}{_noted(step)}"
    for each in step.steps:
        yield from _tree(each, indent + 2)


def _said(step: Step) -> str:
    match step.state:
        case State.VALUE:
            return _shown(step.value)
        case State.ERROR:
            return f"error: {step.note}"
        case State.HIDDEN:
            return "(hidden)"
    return step.note


def _noted(step: Step) -> str:
    return f"  ({step.note})" if step.note and step.state in (State.VALUE, State.HIDDEN) else ""


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
