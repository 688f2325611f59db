"""What can be told of rules that are not written in CEL: the stages of a jq program, the keywords of a schema."""

from collections.abc import Iterator, Mapping
from typing import Final

import jsonschema_rs

from auditor.engine.compile import JQ_NAMES
from auditor.engine.explain.parts import State, Step
from auditor.engine.veil import Veil
from auditor.errors import CompileError
from auditor.json import Json, JsonObject
from auditor.languages import jq
from auditor.languages.jq.lexer import Kind, tokens

# Stages of one program, and errors of one schema: nobody reads more.
_MAX_STAGES: Final = 20
_MAX_ERRORS: Final = 50
_ITSELF: Final = "(the object)"


def explain_jq(
    text: str, subject: JsonObject, bindings: Mapping[str, Json], own: Mapping[str, Json], veil: Veil
) -> tuple[Step, ...]:
    """The fields that it reads, then what comes out behind each `|` of the outermost level."""
    return (*_reads(text, subject, veil), *_stages(text, subject, bindings, own, veil))


def _reads(text: str, subject: JsonObject, veil: Veil) -> Iterator[Step]:
    try:
        found = dict.fromkeys(tuple(each.path) for each in jq.selected_paths(text))
    except (CompileError, ValueError):
        return
    for path in found:
        if None in path or not path:  # every item
            continue
        value: Json = subject
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        written = "".join(f".{step}" for step in path)
        hidden = veil.is_secret(written)
        yield Step(written, State.HIDDEN if hidden else State.VALUE, None if hidden else veil.over(value), "input")


def _stages(
    text: str, subject: JsonObject, bindings: Mapping[str, Json], own: Mapping[str, Json], veil: Veil
) -> Iterator[Step]:
    """What stands before a `|` is a program by itself, or it is left out: `. as $x`, half of a definition."""
    begin = 0
    for end in [*_pipes(text)[:_MAX_STAGES], len(text)]:
        try:
            program = jq.compile(text[:end], JQ_NAMES)
        except CompileError:
            continue
        outcome = jq.run([(program, own)], input=subject, bindings=bindings)[0]
        piece = text[begin:end].strip().removeprefix("|").strip()
        begin = end
        secret = veil.is_secret(text[:end])
        if outcome.error is not None:
            error = "an error, which is not shown" if secret else veil.over_text(outcome.error)
            yield Step(piece, State.ERROR, note=error)
        elif secret and not all(type(each) is bool for each in outcome.value):
            yield Step(piece, State.HIDDEN, note="outputs")
        else:
            shown = [_ITSELF if each == subject else veil.over(each) for each in outcome.value]
            yield Step(piece, State.VALUE, shown, "outputs")


def _pipes(text: str) -> list[int]:
    """Where a `|` stands that is in no bracket and no text."""
    found, depth, quoted = [], 0, False
    for token in tokens(text):
        if token.kind is Kind.QUOTE:
            quoted = not quoted
            depth += 1 if quoted else -1
        elif token.kind is Kind.OPEN:
            depth += 1
        elif token.kind is Kind.CLOSE:
            depth -= 1
        elif token.kind is Kind.SIGN and token.text == "|" and depth == 0:
            found.append(token.offset)
    return found


def explain_schema(schema: Json, subject: JsonObject, veil: Veil) -> tuple[Step, ...]:
    """For each error the keyword that fails, by its place in the schema, and where in the object it does."""
    validator = jsonschema_rs.validator_for(
        schema,
        validate_formats=True,
        ignore_unknown_formats=False,
        pattern_options=jsonschema_rs.RegexOptions(),
        offline=True,
    )
    steps = []
    for error in validator.iter_errors(subject):
        keyword = _pointer(error.schema_path)
        path = _pointer(error.instance_path)
        hidden = veil.is_secret(path)
        note = f"at {path or '/'}" + ("" if hidden else f": {veil.over_text(error.message)}")
        steps.append(Step(keyword, State.HIDDEN if hidden else State.ERROR, note=note))
        if len(steps) == _MAX_ERRORS:
            break
    return tuple(sorted(steps, key=lambda step: (step.note, step.text)))


def _pointer(path: "list[str | int]") -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
