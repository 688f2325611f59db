"""Our own objects in files, checked against our own CRDs as the API server would check them."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import orjson

from auditor import crds
from auditor.engine.mistakes import Mistake, PolicyError
from auditor.engine.read import API_VERSION, name_of
from auditor.errors import InputError
from auditor.intake.ownrules import OWN_RULES
from auditor.intake.yaml import read_documents
from auditor.json import Json, JsonObject
from auditor.languages.schema.surely import DoubtError, complete

if TYPE_CHECKING:
    from auditor.languages.schema import StructuralSchema

_VERSION: Final = API_VERSION.partition("/")[2]
# A DNS subdomain, as the API server demands of the names of custom resources.
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_NAME: Final = 253


def check_own(thing: JsonObject) -> tuple[JsonObject | None, list[Mistake]]:
    """The object with the defaults of its CRD, and all that the CRD does not allow.

    Rules that are wrong by themselves come back as rules that always pass, so that the mistakes in the others can be
    told, too. None: nothing can be read of it.
    """
    name = name_of(thing)
    sure = _look_quickly(thing, name)
    if sure is not None:
        return sure, []
    return _look_closely(thing, name)


def _look_quickly(thing: JsonObject, name: str) -> JsonObject | None:
    """With its defaults, if it is plainly right: that takes a hundredth of what compiling the schema does."""
    kind = thing["kind"]
    if thing["apiVersion"] != API_VERSION or kind not in known_kinds() or not _is_name(name):
        return None
    try:
        return complete(thing, _short(kind), OWN_RULES)
    except DoubtError:
        return None


@cache
def _short(kind: str) -> JsonObject:
    schema: JsonObject = orjson.loads(crds.read_short(kind))
    return schema


def _is_name(name: str) -> bool:
    return len(name) <= _MAX_NAME and _NAME.fullmatch(name) is not None


def _look_closely(thing: JsonObject, name: str) -> tuple[JsonObject | None, list[Mistake]]:
    from auditor.languages.schema.fielderror import unchecked_rules

    try:
        schema = _schema_of(thing, name)
    except PolicyError as error:
        return None, list(error.mistakes)
    received = schema.receive(thing)
    mistakes = [_tell_unknown(path, thing, schema, name) for path in received.unknown]
    if not _is_name(name):
        what = f"{name!r} is no name: small letters, digits, - and . are allowed, at most {_MAX_NAME} of them"
        mistakes.append(Mistake(policy=name, pointer="/metadata/name", message=what))
    violations = schema.validate(received.object)
    told = {}
    for each in violations:
        if each.message == unchecked_rules().message or (each.path and _misspells(mistakes, each.path)):
            continue  # seen again when what is told already is mended
        advised = _ADVICE.get(each.path, each.message) if " in body " in each.message else each.message
        told[each.path, advised] = Mistake(
            policy=name, pointer=each.path, message=advised, rule=_name_rule(each.path, thing)
        )
    mistakes += told.values()
    if not violations:
        return received.object, mistakes
    salvaged = _salvage(received.object, {each.path for each in violations})
    return (None if schema.validate(salvaged) else salvaged), mistakes


# Where the words of the schema, which tell of patterns and formats, help nobody.
_ADVICE: Final = {"/spec/expires": "must be a date, a time and a time zone, for example 2027-01-31T00:00:00Z"}


def _misspells(mistakes: Sequence[Mistake], path: str) -> bool:
    """Whether something is missing there because it has another name."""
    return any(each.pointer.rpartition("/")[0] == path for each in mistakes)


def _salvage(thing: JsonObject, wrong: set[str]) -> JsonObject:
    """With other rules in the place of those that are wrong."""
    spec = thing.get("spec")
    if not isinstance(spec, dict):
        return thing
    changed = {}
    for part, filler in (("rules", {"jq": "true"}), ("mutate", {"mergePatch": {}})):
        if isinstance(spec.get(part), list):
            at = {int(path.split("/")[3]) for path in wrong if re.match(rf"/spec/{part}/\d+(/|$)", path)}
            changed[part] = [{"name": f"wrong-{i}", **filler} if i in at else each for i, each in enumerate(spec[part])]
    return {**thing, "spec": {**spec, **changed}}


def _name_rule(pointer: str, thing: JsonObject) -> str:
    match = re.match(r"/spec/rules/(\d+)/", pointer)
    rule = thing["spec"]["rules"][int(match[1])] if match else None
    name = rule.get("name") if isinstance(rule, dict) else None
    return name if isinstance(name, str) else ""


def _schema_of(thing: JsonObject, name: str) -> "StructuralSchema":
    kinds = known_kinds()
    if thing["apiVersion"] != API_VERSION:
        what = f"{thing['apiVersion']} is not known: write {API_VERSION}"
        raise PolicyError([Mistake(policy=name, pointer="/apiVersion", message=what)])
    if thing["kind"] not in kinds:
        from auditor.languages.schema.keywords import closest

        near = closest(thing["kind"], tuple(kinds))
        hint = f"did you mean {near}?" if near else f"known: {', '.join(kinds)}"
        what = f"{API_VERSION} has no kind {thing['kind']}: {hint}"
        raise PolicyError([Mistake(policy=name, pointer="/kind", message=what)])
    return _compile(kinds[thing["kind"]])


@cache
def known_kinds() -> Mapping[str, str]:
    """The kinds of our group, each with the name of its CRD's file."""
    return crds.kinds()


@cache
def _compile(name: str) -> "StructuralSchema":
    from auditor.languages.schema import read_crd

    document = read_documents(crds.read(name))[0]
    if isinstance(document, InputError):
        raise document
    crd = read_crd(document.value)
    return next(each for each in crd.versions if each.name == _VERSION).compile(accepted=True)


def _tell_unknown(path: str, thing: JsonObject, schema: "StructuralSchema", name: str) -> Mistake:
    steps = split_path(path, thing)
    unknown = schema.nearest(steps)
    near = unknown.nearest if unknown else ""
    hint = f": did you mean {near}?" if near else f"; known: {', '.join(unknown.known)}" if unknown else ""
    pointer = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)
    message = f"unknown field {path}{hint}"
    return Mistake(policy=name, pointer=pointer, message=message, rule=_name_rule(pointer, thing))


def split_path(path: str, thing: Json) -> Sequence[str | int]:
    """`spec.rules[0].jqq` as its steps. The object decides where names end that have dots or brackets in them."""
    steps: list[str | int] = []
    while path:
        if isinstance(thing, list) and (index := re.match(r"\[(\d+)\]\.?", path)):
            at = int(index[1])
            steps.append(at)
            thing = thing[at] if at < len(thing) else None
            path = path[index.end() :]
            continue
        names = [name for name in thing if _begins(path, name)] if isinstance(thing, dict) else []
        step = max(names, key=len, default=path)
        steps.append(step)
        thing = thing.get(step) if isinstance(thing, dict) else None
        path = path[len(step) :].removeprefix(".")
    return steps


def _begins(path: str, name: str) -> bool:
    return path.startswith(name) and path[len(name) : len(name) + 1] in ("", ".", "[")
