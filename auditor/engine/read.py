"""From the JSON of our own objects to the words of the model.

What the CRD's schema says is not said again here: whoever reads from a file checks against it first, and the API server
has done so for what is stored.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from auditor.engine.match import read_match, read_selector
from auditor.engine.mistakes import Mistake, PolicyError, collect
from auditor.errors import CompileError
from auditor.json import Json, JsonObject
from auditor.model.exception import PolicyException
from auditor.model.match import LabelSelector, MatchResources
from auditor.model.policy import (
    Change,
    Enforcement,
    Expression,
    FailurePolicy,
    Language,
    Lookup,
    Mutation,
    Override,
    ParamKind,
    ParamRef,
    Policy,
    Rule,
    Severity,
)

T = TypeVar("T")

API_VERSION: Final = "auditor.dev/v1"


class Reader:
    """Collects the mistakes of one object, so that all are told at once."""

    def __init__(self, thing: JsonObject) -> None:
        self.thing = thing
        self.name = name_of(thing)
        self.mistakes: list[Mistake] = []

    def match(self, value: Json, pointer: str, *, rules_required: bool = True) -> MatchResources:
        path = pointer.removeprefix("/spec/").replace("/", ".")
        return self._try(lambda: read_match(value, path, rules_required=rules_required), pointer) or MatchResources()

    def selector(self, value: Json, pointer: str) -> LabelSelector:
        path = pointer.removeprefix("/spec/").replace("/", ".")
        return self._try(lambda: read_selector(value, path), pointer) or LabelSelector()

    def _try(self, act: Callable[[], T], pointer: str) -> T | None:
        try:
            return act()
        except CompileError as error:
            self.mistakes += collect(error, policy=self.name, pointer=pointer)
            return None

    def wrong(self, pointer: str, message: str) -> None:
        self.mistakes.append(Mistake(policy=self.name, pointer=pointer, message=message))

    def finish(self) -> None:
        if self.mistakes:
            raise PolicyError(self.mistakes)


def name_of(thing: JsonObject) -> str:
    metadata = thing.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""


def read_policy(thing: JsonObject) -> Policy:
    """Raises PolicyError with all mistakes."""
    reader = Reader(thing)
    spec = thing.get("spec") or {}
    exceptions = spec.get("exceptions")
    param_kind = spec.get("paramKind")
    policy = Policy(
        name=reader.name,
        title=spec.get("title", ""),
        description=spec.get("description", ""),
        severity=Severity(spec.get("severity", Severity.MEDIUM)),
        controls=tuple(spec.get("controls") or ()),
        remediation=spec.get("remediation", ""),
        matches=(reader.match(spec.get("match"), "/spec/match"),),
        conditions=read_expressions(spec, "matchConditions"),
        params=spec.get("params"),
        param_kind=ParamKind(param_kind["apiVersion"], param_kind["kind"]) if param_kind else None,
        param_ref=read_param_ref(reader, spec.get("paramRef")),
        lookups=tuple(_lookup(reader, each, i) for i, each in enumerate(spec.get("lookups") or ())),
        variables=read_expressions(spec, "variables"),
        rules=tuple(_rule(each, f"/spec/rules/{i}") for i, each in enumerate(spec.get("rules") or ())),
        mutations=tuple(_mutation(each, f"/spec/mutate/{i}") for i, each in enumerate(spec.get("mutate") or ())),
        enforcements=(Enforcement(spec.get("enforcement", Enforcement.AUDIT)),),
        overrides=tuple(
            Override(
                reader.selector(each.get("namespaceSelector"), f"/spec/enforcementOverrides/{i}/namespaceSelector"),
                Enforcement(each["enforcement"]),
            )
            for i, each in enumerate(spec.get("enforcementOverrides") or ())
        ),
        exceptions=None
        if exceptions is None
        else reader.selector(exceptions.get("namespaceSelector"), "/spec/exceptions/namespaceSelector"),
        ratchets=spec.get("existing", "Audit") == "Audit",
        failure_policy=FailurePolicy(spec.get("failurePolicy", FailurePolicy.FAIL)),
        timeout=spec.get("timeoutSeconds", 10),
        labels=(thing.get("metadata") or {}).get("labels") or {},
    )
    reader.finish()
    return policy


def read_expressions(spec: JsonObject, field: str) -> tuple[Expression, ...]:
    return tuple(
        Expression(each.get("name", ""), each.get("expression", ""), f"/spec/{field}/{i}/expression")
        for i, each in enumerate(spec.get(field) or ())
    )


def read_param_ref(reader: Reader, value: Json) -> ParamRef | None:
    if not value:
        return None
    selector = value.get("selector")
    return ParamRef(
        name=value.get("name") or "",
        namespace=value.get("namespace") or "",
        selector=None if selector is None else reader.selector(selector, "/spec/paramRef/selector"),
        allow_missing=value.get("parameterNotFoundAction", "Deny") == "Allow",
    )


def _lookup(reader: Reader, each: JsonObject, index: int) -> Lookup:
    selector = each.get("selector")
    return Lookup(
        name=each["name"],
        group=each["resource"].get("group", ""),
        resource=each["resource"]["resource"],
        namespace=each.get("namespace", ""),
        selector=None if selector is None else reader.selector(selector, f"/spec/lookups/{index}/selector"),
        indexed_by=each.get("indexedBy", ""),
    )


def _rule(each: JsonObject, pointer: str) -> Rule:
    language = next(language for language in Language if language in each)
    severity, enforcement = each.get("severity"), each.get("enforcement")
    return Rule(
        name=each["name"],
        language=language,
        body=each[language],
        pointer=pointer,
        message=each.get("message", ""),
        message_expression=each.get("messageExpression", ""),
        reason=each.get("reason", ""),
        severity=Severity(severity) if severity else None,
        enforcement=Enforcement(enforcement) if enforcement else None,
        remediation=each.get("remediation", ""),
        controls=tuple(each.get("controls") or ()),
        sensitive=each.get("sensitive") is True,
    )


def _mutation(each: JsonObject, pointer: str) -> Mutation:
    change = next(c for c in (Change.JQ, Change.JSON_PATCH, Change.MERGE_PATCH, Change.CEL) if c in each)
    return Mutation(name=each["name"], change=change, body=each[change], pointer=pointer)


def read_exception(thing: JsonObject) -> PolicyException:
    """Raises PolicyError with all mistakes."""
    reader = Reader(thing)
    spec = thing.get("spec") or {}
    match = spec.get("match")
    expires = datetime.max
    try:
        expires = datetime.fromisoformat(spec["expires"])
        if expires.tzinfo is None:
            reader.wrong("/spec/expires", "needs a time zone, for example 2027-01-31T00:00:00Z")
    except (KeyError, TypeError, ValueError):
        reader.wrong("/spec/expires", "must be a date and time, for example 2027-01-31T00:00:00Z")
    exception = PolicyException(
        namespace=(thing.get("metadata") or {}).get("namespace") or "default",
        name=reader.name,
        policies=tuple(spec.get("policies") or ()),
        rules=tuple(spec.get("rules") or ()),
        match=None if match is None else reader.match(match, "/spec/match", rules_required=False),
        owner=spec.get("owner", ""),
        reason=spec.get("reason", ""),
        expires=expires,
    )
    reader.finish()
    return exception
