"""Objects in files against the schemas of their CRDs, as the API server would say of them: the check `schema`.

What kubectl asks of the server by default (--validate=strict) holds here, too: a field that nobody knows is a finding.
"""

from collections.abc import Iterator

from auditor.checks.notes import Notes
from auditor.checks.schema import rule_of, say
from auditor.checks.stored import Stored
from auditor.engine.engine import Engine
from auditor.json import Json, JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.languages.schema.fielderror import unchecked_rules
from auditor.model.finding import Verdict
from auditor.model.match import BUILT_IN_GROUPS
from auditor.model.request import Request
from auditor.model.settings import DEFAULT_CHECKS, Check

NO_CRD = "its CRD is not among those that were given"
UNASKED = "x-kubernetes-validations are not asked while the object is invalid otherwise"
_UNCHECKED = unchecked_rules()


def find_misshapen(request: Request, written: JsonObject, engine: Engine) -> Verdict:
    """`request` with the object as it would be stored, `written` as it stands in the file."""
    schema = engine.schemas.get(request.resource)
    stored = Stored(request=request, verdict=Verdict(), engine=engine, schema=schema, facts=None)
    notes = Notes(stored, Check.SCHEMA, DEFAULT_CHECKS[Check.SCHEMA])
    if schema is None:
        if request.resource.group not in BUILT_IN_GROUPS:
            notes.gap(NO_CRD)
    elif request.object is not None:
        _check(request, request.object, schema, notes)
        _find_unknown(written, schema, notes)
    return Verdict(findings=tuple(notes.findings()), not_applicable=tuple(notes.gaps))


def _check(request: Request, thing: JsonObject, schema: StructuralSchema, notes: Notes) -> None:
    for violation in schema.validate(thing, request.old_object):
        if violation == _UNCHECKED:
            notes.gap(UNASKED)
        elif violation.is_error:
            notes.error(rule_of(violation), violation.message, path=violation.path)
        else:
            notes.fail(
                rule_of(violation),
                f"{violation.path or 'the object'}: {say(violation)}",
                path=violation.path,
                remediation="Change the object: the API server would refuse it.",
                shows_value=True,
            )


def _find_unknown(written: JsonObject, schema: StructuralSchema, notes: Notes) -> None:
    kept, unknown = schema.prune(written)
    for path in _find_dropped(written, kept) if unknown else ():
        near = schema.nearest(_steps(path))
        meant = f": is {near.nearest} meant?" if near is not None and near.nearest else ""
        notes.fail(
            "unknown",
            f"{path}: the CRD does not know this field{meant}",
            path=path,
            remediation="Correct its name or take it out: the API server would refuse or drop it.",
        )


def _find_dropped(thing: Json, kept: Json, path: str = "") -> Iterator[str]:
    """The pointers of what the pruned object lacks; pruning takes fields only, no items of lists."""
    if thing is kept:
        return
    if isinstance(thing, dict) and isinstance(kept, dict):
        yield from _find_dropped_fields(thing, kept, path)
    elif isinstance(thing, list) and isinstance(kept, list):
        for index, (item, left) in enumerate(zip(thing, kept, strict=True)):
            yield from _find_dropped(item, left, f"{path}/{index}")


def _find_dropped_fields(thing: JsonObject, kept: JsonObject, path: str) -> Iterator[str]:
    for name, value in thing.items():
        at = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
        if name in kept:
            yield from _find_dropped(value, kept[name], at)
        else:
            yield at


def _steps(path: str) -> list[str | int]:
    steps = (step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:])
    return [int(step) if step.isdecimal() else step for step in steps]
