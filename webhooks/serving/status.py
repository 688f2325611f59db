"""What the status of our objects says: whether they are in force, why not, and since when rules deny. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

import orjson

from auditor.cluster.access import dig_list, dig_object
from auditor.cluster.conditions import Condition, find_condition, render_time, set_condition
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.mistakes import Mistake
from auditor.intake.live.config import too_long_by
from auditor.intake.live.shelf import State
from auditor.json import JsonObject
from auditor.model.exception import PolicyException
from auditor.model.policy import Enforcement, Policy, Rule
from auditor.model.settings import AuditSettings
from auditor.webhooks.failure import list_rule_enforcements
from auditor.webhooks.serving.standin import find_erring, find_working

T = TypeVar("T")

Marks = Mapping[str, object]
"""By rule: all that decides on what it denies. Rules that deny nowhere are not in it."""

OUT_OF_ORDER: Final = "DoesNotCompile"
NOTHING: Final = "nothing of it is in force"


@dataclass(frozen=True, slots=True)
class Wish(Generic[T]):
    """The part of a status that is ours to write."""

    generation: int
    condition: Condition
    enforced_since: Mapping[str, str] | None = None
    """By rule. None: the kind has no such thing."""


def wish_for_policy(
    state: State[CompiledPolicy], status: JsonObject, seen: Mapping[int, Marks], now: datetime, *, called: bool = True
) -> Wish[CompiledPolicy]:
    """`seen` has the marks of what was in force when each generation was the last. `called`: API servers ask for it."""
    marks = mark(find_working(state))
    spoke_of, last = status.get("observedGeneration"), state.generation
    before = {
        entry["rule"]: entry["time"]
        for entry in dig_list(status, "enforcedSince")
        if isinstance(entry, dict) and isinstance(entry.get("rule"), str) and isinstance(entry.get("time"), str)
    }
    kept = {rule for rule in marks if isinstance(spoke_of, int) and _lasts(rule, marks, seen, spoke_of, last)}
    since = {rule: before[rule] for rule in marks if rule in kept and rule in before}
    if called:
        since = {rule: since.get(rule, render_time(now)) for rule in marks}
    condition = _ready(state, without=_say_what_holds(state))
    if not called and state.right:
        told = "API servers do not call for it: its webhook is not registered, the log of auditor tells why"
        condition = Condition("Ready", "False", "NotRegistered", told, state.generation)
    return Wish(state.generation, condition, since)


def _say_what_holds(state: State[CompiledPolicy]) -> str:
    """Where no good form of it is known."""
    if find_working(state) is not None:
        return "it goes on as if the schemas of the kinds that it reads were not known"
    return "what it matches is an error, under its failurePolicy" if find_erring(state) is not None else NOTHING


def _lasts(rule: str, marks: Marks, seen: Mapping[int, Marks], first: int, last: int) -> bool:
    """Whether it denied the same in all generations since the one that status speaks of.

    Of that one nothing may be known here: if it is the last, somebody else has seen to it before us.
    """
    if first not in seen and first != last:
        return False
    return all(known.get(rule) == marks[rule] for generation, known in seen.items() if first <= generation <= last)


def wish_for_conversion(state: State[T]) -> Wish[T]:
    return Wish(state.generation, _ready(state))


def wish_for_exception(state: State[PolicyException], settings: AuditSettings, now: datetime) -> Wish[PolicyException]:
    if state.good is None:
        condition = Condition("Active", "False", OUT_OF_ORDER, _say(state.errors), state.generation)
    elif state.good.expires <= now:
        told = f"it has ended at {render_time(state.good.expires)}, and excuses nobody any more"
        condition = Condition("Active", "False", "Expired", told, state.generation)
    elif too_long_by(state.good, settings, now) > 0:
        told = (
            f"it ends at {render_time(state.good.expires)}, more than {settings.exception_days} days ahead, and excuses"
            " nobody as long as that is so: set spec.expires nearer, or spec.exceptions.maxDays of AuditConfig default"
        )
        condition = Condition("Active", "False", "TooLong", told, state.generation)
    else:
        told = f"it excuses until {render_time(state.good.expires)}"
        condition = Condition("Active", "True", "Excuses", told, state.generation)
    return Wish(state.generation, condition)


def _ready(state: State[T], *, without: str = NOTHING) -> Condition:
    """`without` says what holds where no good form of it is known."""
    if state.right:
        warnings = [each for each in state.mistakes if each.warning]
        told = f"in force, with warnings: {_say(warnings)}" if warnings else "in force"
        return Condition("Ready", "True", "InForce", told, state.generation)
    if state.good is None:
        rest = f"does not compile, {without}"
    elif state.in_force == state.generation:  # a kind that it reads has another schema now
        rest = "does not compile any more, its last good form goes on in force"
    else:
        rest = f"does not compile, generation {state.in_force} goes on in force"
    told = f"generation {state.generation} {rest}: {_say(state.errors)}"
    return Condition("Ready", "False", OUT_OF_ORDER, told, state.generation)


def _say(mistakes: Sequence[Mistake]) -> str:
    return "; ".join(map(str, mistakes))


def mark(compiled: CompiledPolicy | None) -> Marks:
    if compiled is None or compiled.policy.native:
        return {}
    policy = compiled.policy
    return {rule.name: _mark(policy, rule) for rule in policy.rules if denies(policy, rule)}


def denies(policy: Policy, rule: Rule) -> bool:
    """Anywhere: also where an override says so for some namespaces only."""
    return Enforcement.DENY in list_rule_enforcements(policy, rule)


def _mark(policy: Policy, rule: Rule) -> object:
    """Equal if it denies the same things. Values as text: to Python, 1 and true are the same."""
    return (
        rule.language,
        orjson.dumps([rule.body, policy.params], option=orjson.OPT_SORT_KEYS),
        rule.enforcement,
        policy.enforcements,
        policy.overrides,
        policy.matches,
        [(each.name, each.text) for each in (*policy.conditions, *policy.variables)],
        policy.param_kind,
        policy.param_ref,
        policy.lookups,
    )


def render(wish: Wish[T], status: JsonObject, now: datetime) -> JsonObject | None:
    """What is to be applied as status; None if that is what is there already."""
    before = dig_list(status, "conditions")
    after = set_condition(before, wish.condition, now)
    wanted: JsonObject = {"observedGeneration": wish.generation}
    if wish.enforced_since is not None:
        wanted["enforcedSince"] = [{"rule": rule, "time": time} for rule, time in sorted(wish.enforced_since.items())]
    there: JsonObject = {
        "observedGeneration": status.get("observedGeneration"),
        "enforcedSince": sorted(dig_list(status, "enforcedSince"), key=lambda each: str(dig_object(each).get("rule"))),
    }
    if after is before and all(there[name] == value for name, value in wanted.items()):
        return None
    found = find_condition(after, wish.condition.type) or {}
    return wanted | {"conditions": [{name: found[name] for name in _OURS if name in found}]}


_OURS: Final = ("type", "status", "reason", "message", "lastTransitionTime", "observedGeneration")
