"""Label selectors: reading them with all their mistakes, and deciding."""

import re
from collections.abc import Mapping

from auditor.errors import CompileError, Problem
from auditor.json import Json
from auditor.model.match import LabelSelector, Requirement, SelectorOperator

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_FIELDS = {"matchLabels", "matchExpressions"}


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    return find_obstacle(selector, labels) is None


def find_obstacle(selector: LabelSelector, labels: Mapping[str, str]) -> Requirement | None:
    """The first requirement that does not hold."""
    for requirement in selector.requirements:
        if not holds(requirement, labels):
            return requirement
    return None


def holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """NotIn holds where the label is absent, as everywhere in Kubernetes."""
    operator = requirement.operator
    if operator is SelectorOperator.IN:
        return labels.get(requirement.key) in requirement.values
    if operator is SelectorOperator.NOT_IN:
        return labels.get(requirement.key) not in requirement.values
    return (requirement.key in labels) is (operator is SelectorOperator.EXISTS)


def read_selector(value: Json, path: str) -> LabelSelector:
    """Raises CompileError with every mistake."""
    problems: list[str] = []
    selector = collect_selector(value, path, problems)
    if problems:
        raise CompileError([Problem(text) for text in problems])
    return selector


def collect_selector(value: Json, path: str, problems: list[str]) -> LabelSelector:
    if value is None:
        return LabelSelector()
    if not isinstance(value, dict):
        problems.append(f"{path}: must be a label selector, an object with matchLabels or matchExpressions")
        return LabelSelector()
    problems += [f"{path}.{name}: unknown field" for name in sorted(value.keys() - _FIELDS)]
    labels = value.get("matchLabels") or {}
    expressions = value.get("matchExpressions") or []
    found: list[Requirement] = []
    if isinstance(labels, dict):
        for key, wanted in sorted(labels.items()):
            where = f"{path}.matchLabels.{key}"
            check_key(key, where, problems)
            if check_value(wanted, where, problems):
                found.append(Requirement(key, SelectorOperator.IN, frozenset({wanted})))
    else:
        problems.append(f"{path}.matchLabels: must be an object of strings")
    if isinstance(expressions, list):
        for index, item in enumerate(expressions):
            found += _read_expression(item, f"{path}.matchExpressions[{index}]", problems)
    else:
        problems.append(f"{path}.matchExpressions: must be a list")
    return LabelSelector(tuple(found))


def _read_expression(item: Json, path: str, problems: list[str]) -> list[Requirement]:
    if not isinstance(item, dict):
        problems.append(f"{path}: must be an object with key, operator and values")
        return []
    problems += [f"{path}.{name}: unknown field" for name in sorted(item.keys() - {"key", "operator", "values"})]
    key: Json = item.get("key")
    operator: Json = item.get("operator")
    values: Json = item.get("values") or []
    before = len(problems)
    check_key(key, f"{path}.key", problems)
    if operator not in list(SelectorOperator):
        problems.append(f"{path}.operator: must be In, NotIn, Exists or DoesNotExist, not {operator!r}")
    if not isinstance(values, list):
        problems.append(f"{path}.values: must be a list of strings")
    elif operator in {"In", "NotIn"} and not values:
        problems.append(f"{path}.values: {operator} needs at least one value")
    elif operator in {"Exists", "DoesNotExist"} and values:
        problems.append(f"{path}.values: {operator} takes no values")
    else:
        for index, wanted in enumerate(values):
            check_value(wanted, f"{path}.values[{index}]", problems)
    if len(problems) > before:
        return []
    return [Requirement(key, SelectorOperator(operator), frozenset(values))]


def check_key(key: Json, path: str, problems: list[str]) -> None:
    prefix, slash, name = key.rpartition("/") if isinstance(key, str) else ("", "", "")
    well = not slash or (len(prefix) <= 253 and _DOMAIN.fullmatch(prefix))
    if not (well and _NAME.fullmatch(name)):
        problems.append(
            f"{path}: {key!r} is not a label key (a name of at most 63 characters, behind a DNS prefix and /)"
        )


def check_value(value: Json, path: str, problems: list[str]) -> bool:
    if isinstance(value, str) and (value == "" or _NAME.fullmatch(value)):
        return True
    advice = "" if isinstance(value, str) else ", quote it"
    problems.append(f"{path}: {value!r} is not a label value (at most 63 letters, digits, -, _ and .{advice})")
    return False
