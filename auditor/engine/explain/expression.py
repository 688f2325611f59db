"""A CEL expression, part by part: each part is compiled and evaluated by itself, in the words of its source."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from auditor.engine.explain.parts import State, Step
from auditor.engine.explain.spans import Span, SpanError, read_spans
from auditor.engine.veil import Veil
from auditor.errors import CompileError
from auditor.json import Json
from auditor.languages import cel
from auditor.languages.cel.wording import reword
from auditor.languages.outcome import Outcome

# Parts of one expression that are evaluated; each takes some ms to compile. Nobody reads more.
_MAX_PARTS: Final = 200
# Elements of a list that are looked at one by one, where all together are an error.
_MAX_ELEMENTS: Final = 200

Context = Callable[[str], str]
"""Puts a part of a macro's body to where its variables stand for one element."""


class Expressions:
    """Of one policy with one object: what its names mean."""

    def __init__(self, scope: cel.Scope, bindings: cel.Bindings, veil: Veil, hidden: frozenset[str]) -> None:
        self.scope = scope
        self.bindings = bindings
        self.veil = veil
        self.hidden = hidden
        """Variables whose values must not be shown."""
        self._left = _MAX_PARTS

    def explain(self, text: str, outcome: Outcome) -> Step:
        """`outcome` is that of the whole expression: it is what counts."""
        self._left = _MAX_PARTS
        source = text.strip()
        steps: tuple[Step, ...] = ()
        try:
            span = read_spans(source)
            steps = self._parts(span, source, lambda inner: inner, hidden=False)
        except SpanError:
            pass
        return self.show(source, outcome, steps=steps)

    def show(self, text: str, outcome: Outcome, *, note: str = "", steps: tuple[Step, ...] = ()) -> Step:
        secret = self._is_hidden(text)
        if outcome.error is not None:
            error = "an error, which is not shown" if secret else self.veil.over_text(reword(outcome.error))
            return Step(text, State.ERROR, note=error, steps=steps)
        if secret and type(outcome.value) is not bool:
            return Step(text, State.HIDDEN, note=note, steps=steps)
        return Step(text, State.VALUE, self.veil.over(_in_order(outcome.value)), note, steps)

    def _is_hidden(self, text: str) -> bool:
        return self.veil.is_secret(text) or any(f"variables.{name}" in text for name in self.hidden)

    def _run(self, text: str, context: Context) -> Outcome:
        if self._left <= 0:
            return Outcome.failed(_TOO_MANY)
        self._left -= 1
        try:
            program = cel.compile(context(f"({text})"), self.scope, cel.ANY)
            outcome = program.run(self.bindings)
        except CompileError:
            return Outcome.failed(_ALONE)
        if program.type.name == "optional_type" and outcome.error is not None and "optional.none" in outcome.error:
            return Outcome.of("optional.none()")
        return outcome

    def _explain(self, span: Span, source: str, context: Context, *, hidden: bool) -> Step:
        text = _strip(source[span.start : span.end])
        outcome = self._run(text, context)
        if outcome.error in (_ALONE, _TOO_MANY):
            return Step(text, State.SKIPPED, note=str(outcome.error))
        steps = self._parts(span, source, context, hidden=hidden)
        step = self.show(text, outcome, steps=steps)
        if hidden and step.state is not State.HIDDEN and type(outcome.value) is not bool:
            return Step(text, State.HIDDEN, steps=steps)
        return step

    def _parts(self, span: Span, source: str, context: Context, *, hidden: bool) -> tuple[Step, ...]:
        if span.kind == "choice":
            return self._choice(span, source, context, hidden=hidden)
        if span.kind == "macro":
            return self._macro(span, source, context, hidden=hidden)
        # Behind has() stands a path that may lead nowhere.
        parts = () if span.name == "has" else span.parts
        steps = tuple(self._explain(p, source, context, hidden=hidden) for p in parts if p.kind != "literal")
        return _settle(steps, span.kind == "or") if span.kind in ("and", "or") else steps

    def _choice(self, span: Span, source: str, context: Context, *, hidden: bool) -> tuple[Step, ...]:
        condition, yes, no = span.parts
        first = self._explain(condition, source, context, hidden=hidden)
        steps = [first]
        for part, wanted in ((yes, True), (no, False)):
            if first.state is State.VALUE and first.value is wanted:
                steps.append(self._explain(part, source, context, hidden=hidden))
            else:
                steps.append(Step(_strip(source[part.start : part.end]), State.SKIPPED, note="not evaluated"))
        return tuple(steps)

    def _macro(self, span: Span, source: str, context: Context, *, hidden: bool) -> tuple[Step, ...]:
        over = span.parts[0]
        text = source[over.start : over.end]
        hidden = hidden or self._is_hidden(text)
        steps = [self._explain(over, source, context, hidden=hidden)]
        if span.name not in ("all", "exists", "exists_one", "existsOne"):
            return tuple(steps)
        body = span.parts[1]
        keys = _keys(self._run(text, context).value)
        found = self._deciding(span, source[body.start : body.end], text, context, keys)
        if found is None:
            return tuple(steps)
        inner = _at(text, span.variables, found, context)
        which = f"element {found}" if isinstance(found, int) else f"key {found!r}"
        variable = span.variables[-1]
        element = self._run(variable, inner)
        shown = self.show(variable, element, note=which)
        if hidden or self._is_hidden(source[span.start : span.end]):
            shown = Step(variable, State.HIDDEN, note=which)
        return (*steps, shown, self._explain(body, source, inner, hidden=hidden))

    def _deciding(self, span: Span, body: str, over: str, context: Context, keys: list[int | str]) -> int | str | None:
        """The first element that decides: that fails for `all`, that holds for `exists`; else the first error."""
        if not keys:
            return None
        wanted = span.name != "all"
        names = ", ".join(span.variables)
        each = "map" if len(span.variables) == 1 else "transformList"
        if isinstance(keys[0], int):  # all at once; one that is an error makes an error of it
            together = self._run(f"({over}).{each}({names}, ({body}))", context)
            if together.error is None:
                return next((key for key, value in zip(keys, together.value, strict=False) if value is wanted), None)
        failed: int | str | None = None
        for key in keys[:_MAX_ELEMENTS] if self._left > 0 else ():
            outcome = self._run(body, _at(over, span.variables, key, context))
            self._left += 1  # parts are counted, not elements
            if outcome.error is not None and failed is None:
                failed = key
            if outcome.value is wanted and outcome.error is None:
                return key
        return failed


_TOO_MANY: Final = "too many parts: not evaluated"
_ALONE: Final = "cannot be evaluated by itself"


def _keys(value: Json) -> list[int | str]:
    if isinstance(value, list):
        return list(range(len(value)))
    return sorted(key for key in value if isinstance(key, str)) if isinstance(value, dict) else []


def _in_order(value: Json) -> Json:
    """Maps that come out of CEL have another order in every run."""
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(each) for each in value] if isinstance(value, list) else value


def _at(over: str, variables: tuple[str, ...], key: int | str, context: Context) -> Context:
    """A list of the one element, so that the body sees it as the macro does, with its type."""
    literal = json.dumps(key)
    if len(variables) == 2:
        first, second = variables
        return lambda inner: context(f"[{literal}].map({first}, [({over})[{literal}]].map({second}, {inner})[0])[0]")
    element = f"({over})[{literal}]" if isinstance(key, int) else literal
    return lambda inner: context(f"[{element}].map({variables[0]}, {inner})[0]")


def _settle(steps: tuple[Step, ...], decides: bool) -> tuple[Step, ...]:
    """An error on one side of `&&` and `||` does not count where another side decides."""
    if not any(step.state is State.VALUE and step.value is decides for step in steps):
        return steps
    note = "does not count, another side decides: "
    return tuple(replace(step, note=note + step.note) if step.state is State.ERROR else step for step in steps)


def _strip(text: str) -> str:
    """Without the brackets around all of it."""
    while text.startswith("(") and text.endswith(")"):
        try:
            inner = text[1:-1].strip()
            read_spans(inner)
        except SpanError:
            break
        text = inner
    return text
