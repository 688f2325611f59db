"""What all objects that ask for deliveries say alike: of what part of the cluster, to whom, where to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from auditor.audit.dispatch.times import read_span
from auditor.cluster.access import dig, dig_list, dig_object, dig_text
from auditor.engine.match.selector import read_selector
from auditor.errors import CompileError, Problem
from auditor.json import JsonObject
from auditor.model.match import LabelSelector
from auditor.model.policy import Severity
from auditor.report.delivery.template import check


class Routing(StrEnum):
    ONE = ""
    NAMESPACE = "Namespace"
    LABEL = "Label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    name: str
    uid: str
    generation: int
    suspended: bool
    retry_for: timedelta
    namespaces: frozenset[str] | None
    selector: LabelSelector | None
    kinds: frozenset[str]
    policies: frozenset[str]
    severity: Severity | None
    framework: str
    routing: Routing
    label: str
    deliveries: Mapping[str, JsonObject]
    """By name, as they were written."""


def read_wish(thing: JsonObject, problems: list[Problem], *, places: Iterable[str], words: Iterable[str]) -> JsonObject:
    """The fields of `Wish`, by name; what is wrong goes to the problems. `places`: words that receivers may have in
    them; `words`: those that templates know."""
    spec, scope = dig_object(thing, "spec"), dig_object(thing, "spec", "scope")
    selector = None
    try:
        if "namespaceSelector" in scope:
            selector = read_selector(scope["namespaceSelector"], "spec.scope.namespaceSelector")
    except CompileError as error:
        problems += error.problems
    deliveries = {dig_text(each, "name"): each for each in dig_list(spec, "deliveries")}
    for name, each in deliveries.items():
        found = _check_templates(each, (*places,), (*words,))
        problems += [Problem(f"delivery {name}: {problem.message}") for problem in found]
    severity = dig_text(scope, "severity")
    return {
        "name": dig_text(thing, "metadata", "name"),
        "uid": dig_text(thing, "metadata", "uid"),
        "generation": dig(thing, "metadata", "generation", default=0),
        "suspended": dig(spec, "suspend") is True,
        "retry_for": read_span(dig_text(spec, "retryFor") or "7d"),
        "namespaces": frozenset(dig_list(scope, "namespaces")) if "namespaces" in scope else None,
        "selector": selector,
        "kinds": frozenset(dig_list(scope, "kinds")),
        "policies": frozenset(dig_list(scope, "policies")),
        "severity": Severity(severity) if severity else None,
        "framework": dig_text(scope, "framework"),
        "routing": Routing(dig_text(spec, "routing", "by")),
        "label": dig_text(spec, "routing", "label"),
        "deliveries": deliveries,
    }


def _check_templates(delivery: JsonObject, places: tuple[str, ...], words: tuple[str, ...]) -> list[Problem]:
    email, hook = dig_object(delivery, "email"), dig_object(delivery, "webhook")
    found: list[Problem] = []
    texts = [dig_text(delivery, "file", "directory"), dig_text(email, "from"), *dig_list(email, "to")]
    is_json = (dig_text(hook, "contentType") or "application/json").startswith("application/json")
    for text, known, as_json in (
        *((each, places, False) for each in texts),
        (dig_text(email, "subject"), words, False),
        *([(dig_text(hook, "body"), words, is_json)] if "body" in hook else []),
    ):
        try:
            check(text, known, is_json=as_json)
        except CompileError as error:
            found += error.problems
    return found
