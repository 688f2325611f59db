"""What the history is told of policies, exceptions and coverage, in its own words. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from auditor.audit.coverage import PolicyCounts
from auditor.intake.live.shelf import State
from auditor.intake.live.view import View
from auditor.model.exception import PolicyException
from auditor.model.policy import Policy, name_source
from auditor.report.history import ExceptionChange, PolicyChange

Kind = tuple[str, str]
"""Group and resource."""


def all_policies(view: View) -> dict[str, State[object]]:
    return {**view.policies, **view.native}  # type: ignore[dict-item]


def split_key(key: str) -> tuple[str, str]:
    kind, slash, name = key.partition("/")
    return (kind, name) if slash else ("Policy", key)


def part_key(key: str) -> tuple[str, str]:
    namespace, _, name = key.partition("/")
    return namespace, name


def tell_policy(key: str, state: State[object], at: datetime) -> PolicyChange:
    kind, policy = split_key(key)
    metadata = state.thing.get("metadata") or {}
    what = "changed" if state.right else "broken"
    good: object = state.good
    source: Policy | None = getattr(good, "policy", None)
    title, controls, severity, rules = (
        ("", (), None, ()) if source is None else (source.title, source.controls, source.severity, source.rules)
    )
    return PolicyChange(
        at=at,
        policy=policy,
        kind=kind,
        generation=state.generation,
        what=what,
        uid=str(metadata.get("uid") or ""),
        title=title,
        rules={rule.name: tuple(dict.fromkeys((*controls, *rule.controls))) for rule in rules},
        severities={rule.name: worst for rule in rules if (worst := rule.severity or severity) is not None},
    )


def all_exceptions(view: View) -> dict[str, tuple[State[PolicyException], str]]:
    """With what each is: in force until it expires, or not at all."""
    found = {}
    for key, state in view.exceptions.items():
        what = "broken" if state.good is None else "tooLong" if key in view.too_long else "changed"
        found[key] = (state, what)
    return found


def tell_exception(key: str, state: State[PolicyException], what: str, at: datetime) -> ExceptionChange:
    namespace, name = part_key(key)
    good = state.good
    return ExceptionChange(
        at=at,
        namespace=namespace,
        name=name,
        generation=state.generation,
        what=what,
        uid=str((state.thing.get("metadata") or {}).get("uid") or ""),
        policies=() if good is None else good.policies,
        rules=() if good is None else good.rules,
        owner="" if good is None else good.owner,
        reason="" if good is None else good.reason,
        expires=None if good is None else good.expires,
    )


def read_pairs(policies: Iterable[PolicyCounts]) -> Mapping[Kind, Mapping[str, str]]:
    """By kind: the policies that may concern it, all bindings of one together, and why not all is judged by them."""
    found: dict[Kind, dict[str, str]] = {}
    for policy in policies:
        name = name_source(policy.of, policy.policy)
        for each in policy.kinds:
            reason = "" if each.judged and each.auditable else each.reason or "it gave errors"
            said = found.setdefault((each.group, each.resource), {})
            said[name] = said.get(name) or reason
    return found
