"""Our own objects as they are in a cluster, read one by one: what each is good for, and all that is wrong with it."""

from dataclasses import replace
from typing import TypeVar

from auditor.engine.compile import compile_policy
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.convert import Conversion
from auditor.engine.mistakes import Mistake, PolicyError
from auditor.engine.native.check import check_binding, check_policy, without_nulls
from auditor.engine.native.read import read_native
from auditor.engine.probe import probe
from auditor.engine.read import name_of, read_exception, read_policy
from auditor.engine.typos import Schemas, choose_schemas
from auditor.intake.live.config import read_settings
from auditor.intake.own import check_own
from auditor.json import JsonObject
from auditor.model.exception import PolicyException
from auditor.model.policy import Kind
from auditor.model.settings import AuditSettings

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


def read_live_settings(thing: JsonObject) -> Reading[AuditSettings]:
    try:
        checked, mistakes = _check(thing)
        return (None if checked is None or mistakes else read_settings(checked)), mistakes
    except PolicyError as error:
        return None, _of(thing, error.mistakes)


def read_live_native(pair: JsonObject, schemas: Schemas) -> Reading[CompiledPolicy]:
    """A native policy and one of its bindings, as NativePairs has them.

    The API server has accepted both, so a mistake is a limit of ours, or something that is newer than we are.
    """
    kind, thing, binding = Kind(pair["kind"]), pair["spec"]["policy"], pair["spec"]["binding"]
    mistakes = [] if thing is None else check_policy(kind, thing)
    mistakes += [] if binding is None else check_binding(kind, binding)
    if thing is None:
        what = f"names the {kind} {name_of(pair)!r}, which is not there: it does nothing"
        return None, [*mistakes, _warn(binding, "/spec/policyName", what)]
    if binding is None:
        return None, [*mistakes, _warn(thing, "", f"no {kind}Binding names it: it does nothing")]
    if mistakes:
        return None, mistakes
    try:
        policy = read_native(kind, without_nulls(thing), without_nulls(binding))
    except PolicyError as error:
        return None, _of(thing, error.mistakes)
    compiled, found = compile_policy(policy, choose_schemas(policy, schemas))
    return compiled, _of(thing, found)


def _warn(thing: JsonObject, pointer: str, message: str) -> Mistake:
    return Mistake(policy=name_of(thing), kind=str(thing["kind"]), pointer=pointer, message=message, warning=True)


def _check(thing: JsonObject) -> tuple[JsonObject | None, list[Mistake]]:
    """What the server added says nothing of what was written: status is not ours to check here."""
    checked, mistakes = check_own({name: value for name, value in thing.items() if name != "status"})
    return checked, _of(thing, mistakes)


def _of(thing: JsonObject, mistakes: list[Mistake]) -> list[Mistake]:
    return [replace(each, kind=str(thing["kind"])) for each in mistakes]
