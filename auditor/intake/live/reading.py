"""Our own objects as they are in a cluster, read one by one: what each is good for, and all that is wrong with it."""

from dataclasses import replace
from typing import TypeVar

from auditor.engine.compile import compile_policy
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.convert import Conversion
from auditor.engine.mistakes import Mistake, PolicyError
from auditor.engine.probe import probe
from auditor.engine.read import read_exception, read_policy
from auditor.engine.typos import Schemas, choose_schemas
from auditor.intake.own import check_own
from auditor.json import JsonObject
from auditor.model.exception import PolicyException

T = TypeVar("T")

Reading = tuple[T | None, list[Mistake]]
"""None where a mistake is more than a warning."""


def read_live_policy(thing: JsonObject, schemas: Schemas) -> Reading[CompiledPolicy]:
    """`schemas` are those of all kinds that are known: paths in expressions are checked against them."""
    try:
        checked, mistakes = _check(thing)
        if checked is None:
            return None, mistakes
        policy = read_policy(checked)
    except PolicyError as error:
        return None, _of(thing, error.mistakes)
    compiled, found = compile_policy(policy, choose_schemas(policy, schemas))
    mistakes += _of(thing, found)
    if compiled is None or any(not each.warning for each in mistakes):
        return None, mistakes
    return compiled, [*mistakes, *probe([compiled])]


def read_live_exception(thing: JsonObject) -> Reading[PolicyException]:
    try:
        checked, mistakes = _check(thing)
        return (None if checked is None or mistakes else read_exception(checked)), mistakes
    except PolicyError as error:
        return None, _of(thing, error.mistakes)


def read_live_conversion(thing: JsonObject) -> Reading[Conversion]:
    try:
        checked, mistakes = _check(thing)
        return (None if checked is None or mistakes else Conversion.compile(checked)), mistakes
    except PolicyError as error:
        return None, _of(thing, error.mistakes)


def _check(thing: JsonObject) -> tuple[JsonObject | None, list[Mistake]]:
    """What the server added says nothing of what was written: status is not ours to check here."""
    checked, mistakes = check_own({name: value for name, value in thing.items() if name != "status"})
    return checked, _of(thing, mistakes)


def _of(thing: JsonObject, mistakes: list[Mistake]) -> list[Mistake]:
    return [replace(each, kind=str(thing["kind"])) for each in mistakes]
