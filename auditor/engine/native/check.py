"""What the API server refuses of native policies and bindings when they are created, beside their expressions.

Expressions are checked when they are compiled; here they only must not be empty.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from auditor.engine.match import read_match, read_selector
from auditor.engine.mistakes import Mistake
from auditor.engine.native.form import binding_form, policy_form
from auditor.engine.read import name_of
from auditor.errors import CompileError
from auditor.json import Json, JsonObject
from auditor.languages.cel.libraries.names import dns_1035_label, dns_subdomain, qualified_name
from auditor.languages.schema import StructuralSchema
from auditor.model.policy import Kind

Wrong: TypeAlias = Iterator[tuple[str, str]]
"""Pointers and messages."""

# The limits of the API server.
_MAX_CONDITIONS: Final = 64
_MAX_ANNOTATIONS: Final = 20
_MAX_ANNOTATION: Final = 5 * 1024

_IDENTIFIER: Final = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_RESERVED: Final = re.compile(
    "true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|var|void"
    "|while"
)
_REASONS: Final = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_PATCHES: Final = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}


def check_policy(kind: Kind, thing: JsonObject) -> list[Mistake]:
    return _check(thing, policy_form(kind), _policy(kind, without_nulls(thing)))


def check_binding(kind: Kind, thing: JsonObject) -> list[Mistake]:
    return _check(thing, binding_form(kind), _binding(kind, without_nulls(thing)))


def without_nulls(value: Json) -> Json:
    """The API server reads a field that is null as one that is not there."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


def _check(thing: JsonObject, form: StructuralSchema, wrong: Wrong) -> list[Mistake]:
    plain = without_nulls(thing)
    received = form.receive(plain)
    found = [(_to_pointer(path), f"unknown field {path}") for path in received.unknown]
    of_types = [(each.path, each.message) for each in form.validate(received.object)]
    found += of_types or list(wrong)  # with a wrong type nothing more can be read
    return [
        Mistake(policy=name_of(thing), kind=str(thing.get("kind", "")), pointer=pointer, message=message)
        for pointer, message in found
    ]


def _to_pointer(path: str) -> str:
    """`spec.rules[0].x` as a JSON pointer."""
    return "/" + path.replace("[", ".").replace("]", "").strip(".").replace(".", "/")


def _policy(kind: Kind, thing: JsonObject) -> Wrong:
    spec = thing.get("spec") or {}
    yield from _name(name_of(thing))
    yield from _one_of(spec, "failurePolicy", ("Fail", "Ignore"))
    if "paramKind" in spec:
        yield from _param_kind(spec["paramKind"])
    yield from _match(spec, "matchConstraints")
    yield from _conditions(spec.get("matchConditions") or ())
    for i, each in enumerate(spec.get("variables") or ()):
        yield from _variable(each, f"/spec/variables/{i}")
    yield from _validating(spec, name_of(thing)) if kind is Kind.VALIDATING else _mutating(spec)


def _name(name: str) -> Wrong:
    for problem in dns_subdomain(name):
        yield "/metadata/name", problem


def _one_of(thing: JsonObject, field: str, known: Sequence[str], pointer: str = "/spec") -> Wrong:
    if field in thing and thing[field] not in known:
        yield f"{pointer}/{field}", f"{thing[field]!r} is none of {', '.join(known)}"


def _param_kind(value: JsonObject) -> Wrong:
    pointer = "/spec/paramKind/apiVersion"
    text = value.get("apiVersion", "")
    group, slash, version = text.rpartition("/")
    if not text:
        yield pointer, "required, for example v1"
    elif "/" in group or (slash and not version):
        yield pointer, f"{text!r} is no apiVersion, write GROUP/VERSION"
    else:
        for problem in (*(dns_subdomain(group) if group else ()), *dns_1035_label(version)):
            yield pointer, problem
    kind = value.get("kind", "")
    if not kind:
        yield "/spec/paramKind/kind", "required, for example ConfigMap"
    else:
        for problem in dns_1035_label(kind.lower()):
            yield "/spec/paramKind/kind", f"may have mixed case, but should otherwise match: {problem}"


def _match(spec: JsonObject, field: str, *, required: bool = True) -> Wrong:
    try:
        read_match(spec.get(field), field, rules_required=required)
    except CompileError as error:
        for problem in error.problems:
            yield f"/spec/{field}", problem.message


def _conditions(conditions: Sequence[JsonObject]) -> Wrong:
    if len(conditions) > _MAX_CONDITIONS:
        yield "/spec/matchConditions", f"at most {_MAX_CONDITIONS}, here are {len(conditions)}"
    seen = set()
    for i, each in enumerate(conditions):
        pointer = f"/spec/matchConditions/{i}"
        name = each.get("name", "")
        if not name:
            yield f"{pointer}/name", "required: a name that is unique among the conditions"
        else:
            for problem in qualified_name(name):
                yield f"{pointer}/name", problem
        if name and name in seen:
            yield f"{pointer}/name", f"another condition is named {name!r} already"
        seen.add(name)
        yield from _filled(each, "expression", pointer)


def _filled(each: JsonObject, field: str, pointer: str) -> Wrong:
    if not each.get(field, "").strip():
        yield f"{pointer}/{field}", "required: an expression in CEL"


def _variable(each: JsonObject, pointer: str) -> Wrong:
    name = each.get("name", "")
    if not name.strip():
        yield f"{pointer}/name", "required: expressions use it as variables.NAME"
    elif not _IDENTIFIER.fullmatch(name) or _RESERVED.fullmatch(name):
        yield f"{pointer}/name", f"{name!r} is no identifier of CEL (letters, digits and _), or one of its own words"
    yield from _filled(each, "expression", pointer)


def _validating(spec: JsonObject, name: str) -> Wrong:
    validations, annotations = spec.get("validations") or (), spec.get("auditAnnotations") or ()
    if not validations and not annotations:
        yield "/spec/validations", "required: validations or auditAnnotations must contain at least one item"
    for i, each in enumerate(validations):
        yield from _validation(each, f"/spec/validations/{i}")
    if len(annotations) > _MAX_ANNOTATIONS:
        yield "/spec/auditAnnotations", f"at most {_MAX_ANNOTATIONS}, here are {len(annotations)}"
    seen = set()
    for i, each in enumerate(annotations):
        pointer = f"/spec/auditAnnotations/{i}"
        key = each.get("key", "")
        for problem in qualified_name(f"{name}/{key}"):
            yield f"{pointer}/key", f"together with the policy's name: {problem}"
        if key in seen:
            yield f"{pointer}/key", f"another annotation has the key {key!r} already"
        seen.add(key)
        yield from _filled(each, "valueExpression", pointer)
        if len(each.get("valueExpression", "").strip().encode()) > _MAX_ANNOTATION:
            yield f"{pointer}/valueExpression", f"must not exceed {_MAX_ANNOTATION} bytes"


def _validation(each: JsonObject, pointer: str) -> Wrong:
    yield from _filled(each, "expression", pointer)
    for field in ("message", "messageExpression"):
        if each.get(field) and not each[field].strip():
            yield f"{pointer}/{field}", "must not be blank; leave it out"
    if re.search(r"[\r\n]", each.get("message", "").strip()):
        yield f"{pointer}/message", "must not contain line breaks"
    yield from _one_of(each, "reason", _REASONS, pointer)


def _mutating(spec: JsonObject) -> Wrong:
    mutations = spec.get("mutations") or ()
    if not mutations:
        yield "/spec/mutations", "required: at least one"
    for i, each in enumerate(mutations):
        yield from _mutation(each, f"/spec/mutations/{i}")
    if not spec.get("reinvocationPolicy"):
        yield "/spec/reinvocationPolicy", "required: Never or IfNeeded"
    else:
        yield from _one_of(spec, "reinvocationPolicy", ("IfNeeded", "Never"))
    # What is wrong with its form is told by who reads it; here it may have any.
    match = spec.get("matchConstraints")
    rules = match.get("resourceRules") if isinstance(match, dict) else None
    for rule in rules if isinstance(rules, list) else ():
        operations = rule.get("operations") if isinstance(rule, dict) else None
        if isinstance(operations, list) and "DELETE" in operations:
            yield "/spec/matchConstraints", "what is deleted cannot be changed: operations must not name DELETE"


def _mutation(each: JsonObject, pointer: str) -> Wrong:
    patch = each.get("patchType", "")
    if patch not in _PATCHES:
        yield f"{pointer}/patchType", f"must be one of {', '.join(_PATCHES)}"
        return
    for of, field in _PATCHES.items():
        if of != patch and field in each:
            yield f"{pointer}/{field}", f"must not be there when patchType is {patch}"
        elif of == patch and field not in each:
            yield f"{pointer}/{field}", f"required when patchType is {patch}"
        elif of == patch:
            yield from _filled(each[field], "expression", f"{pointer}/{field}")


def _binding(kind: Kind, thing: JsonObject) -> Wrong:
    spec = thing.get("spec") or {}
    yield from _name(name_of(thing))
    if not spec.get("policyName"):
        yield "/spec/policyName", f"required: the name of a {kind}"
    else:
        for problem in dns_subdomain(spec["policyName"]):
            yield "/spec/policyName", problem
    yield from _match(spec, "matchResources", required=False)
    if "paramRef" in spec:
        yield from _param_ref(spec["paramRef"])
    if kind is Kind.VALIDATING:
        yield from _actions(spec.get("validationActions") or ())


def _param_ref(ref: JsonObject) -> Wrong:
    pointer = "/spec/paramRef"
    if ref.get("name") and "selector" in ref:
        yield f"{pointer}/selector", "name and selector are mutually exclusive"
    if not ref.get("name") and "selector" not in ref:
        yield pointer, "one of name or selector must be specified"
    if "selector" in ref:
        try:
            read_selector(ref["selector"], "paramRef.selector")
        except CompileError as error:
            for problem in error.problems:
                yield f"{pointer}/selector", problem.message
    if not ref.get("parameterNotFoundAction"):
        yield f"{pointer}/parameterNotFoundAction", "required: Deny or Allow"
    else:
        yield from _one_of(ref, "parameterNotFoundAction", ("Deny", "Allow"), pointer)


def _actions(actions: Sequence[str]) -> Wrong:
    pointer = "/spec/validationActions"
    if not actions:
        yield pointer, "required: at least one of Deny, Warn and Audit"
    for i, action in enumerate(actions):
        if action not in ("Deny", "Warn", "Audit"):
            yield f"{pointer}/{i}", f"{action!r} is none of Deny, Warn, Audit"
        elif action in actions[:i]:
            yield f"{pointer}/{i}", f"{action} stands twice"
    if "Deny" in actions and "Warn" in actions:
        yield pointer, "must not contain both Deny and Warn: who is refused needs no warning"
