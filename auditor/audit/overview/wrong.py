"""What is wrong, of what was read: the worst first. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from auditor.audit.overview.facts import CONFIGURATIONS, Facts, Holder, PolicyFacts
from auditor.audit.status import is_excluded, is_readable
from auditor.cluster.access import dig, dig_list, dig_text, dig_time
from auditor.cluster.conditions import find_condition
from auditor.cluster.resource import CRDS, LEASES
from auditor.intake.kinds import CONFIGS
from auditor.json import JsonObject
from auditor.model.resource import name_kind

SLACK: Final = 30.0
"""Seconds that a renewal may be late: whoever holds the Lease has tried again by then, and clocks differ."""

NAMED: Final = 5
"""Kinds that are left out, of which the names are told; `-o json` has all of them."""

HANDOVER: Final = 30.0
"""Seconds after which a watcher that took over has written what it found. One that finds what was there writes nothing
but its Lease, so that only time tells; one that needs longer has said that it is starting."""


@dataclass(frozen=True, slots=True)
class Trouble:
    about: str
    """watcher, coverage, kind, kinds, policy, door, reports, rights"""
    name: str
    message: str
    incomplete: bool = True
    """Something is not evaluated because of it, or nobody knows."""


def find_wrong(facts: Facts) -> list[Trouble]:
    found = [*_rights(facts), *_watcher(facts), *_coverage(facts), *_policies(facts), *_door(facts), *_reports(facts)]
    return sorted(found, key=lambda each: not each.incomplete)


def is_silent(holder: Holder, facts: Facts) -> bool:
    return holder.renewed is None or (facts.time - holder.renewed).total_seconds() > holder.seconds + SLACK


def _rights(facts: Facts) -> Iterator[Trouble]:
    for each in facts.unread:
        yield Trouble("rights", "", each)


def _watcher(facts: Facts) -> Iterator[Trouble]:
    if LEASES.name in facts.unseen:
        return
    if not any(each.name for each in facts.watchers):
        gone = "the last one has ended" if facts.watchers else f"there is no Lease of one in {facts.namespace}"
        yield Trouble("watcher", "", f"nothing watches: {gone}. Start `auditor watch`, or say --namespace")
        return
    for each in facts.watchers:
        if is_silent(each, facts):
            when = "never" if each.renewed is None else f"last at {each.renewed:%Y-%m-%dT%H:%M:%SZ}"
            told = (
                f"its Lease was renewed {when}, for {each.seconds} s: it does not run, or cannot reach the API server"
            )
            yield Trouble("watcher", each.name, told)
        elif _took_over(each, facts):
            yield Trouble("watcher", each.name, "it has just taken over: what is told is what the one before it found")


def _took_over(holder: Holder, facts: Facts) -> bool:
    """Just now, and nothing has been written since of which that could be told."""
    if holder.acquired is None or (facts.time - holder.acquired).total_seconds() > HANDOVER:
        return False
    ready = find_condition(dig_list(facts.config, "status", "conditions"), "Ready")
    changed = dig_time(ready, "lastTransitionTime")
    return changed is not None and changed < holder.acquired.replace(microsecond=0)


def _coverage(facts: Facts) -> Iterator[Trouble]:
    if facts.config is None and CONFIGS.name in facts.unseen:
        return
    if facts.config is None or not dig(facts.config, "status"):
        yield Trouble(
            "coverage", "", "no coverage is known: the watcher writes it into the status of AuditConfig default"
        )
        return
    status, generation = facts.config["status"], dig(facts.config, "metadata", "generation")
    ready = find_condition(dig(status, "conditions"), "Ready")
    if dig(ready, "status") != "True" and dig(ready, "reason") != "NotRead":  # whose kinds are told one by one
        yield Trouble("coverage", "", dig_text(ready, "message") or "the watcher has not said that it follows all")
    if dig(status, "observedGeneration") != generation:
        spoken = dig(status, "observedGeneration")
        yield Trouble(
            "coverage", "", f"it speaks of generation {spoken} of AuditConfig default, which is at {generation}"
        )
    limits = find_condition(dig(status, "conditions"), "WithinLimits")
    if dig(limits, "status") == "False":
        yield Trouble("coverage", "", dig_text(limits, "message"), incomplete=False)
    for each in facts.coverage:
        yield from _kind(each)
    yield from _left_out(facts)


def _kind(entry: JsonObject) -> Iterator[Trouble]:
    name = name_kind(dig_text(entry, "group"), dig_text(entry, "resource"))
    reason = dig_text(entry, "reason") or "no reason was given"
    left, present = dig(entry, "notEvaluated"), dig(entry, "present")
    if is_excluded(entry):
        return
    if not is_readable(entry):
        kept = ", its findings are those from before" if dig(entry, "stale") is True else ""
        yield Trouble("kind", name, f"cannot be read{kept}: {reason}")
    elif left != 0:
        yield Trouble("kind", name, f"{left if left is not None else 'some'} of {present} not evaluated: {reason}")


def _left_out(facts: Facts) -> Iterator[Trouble]:
    """Nothing is amiss with these; but who thinks that all is covered is to see what is not, and how it would be."""
    left = [each for each in facts.coverage if is_excluded(each)]
    if left:
        names = [name_kind(dig_text(each, "group"), dig_text(each, "resource")) for each in left]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        told = f"left out on purpose: {', '.join(names[:NAMED])}{more}"
        reason = dig_text(left[0], "reason")
        yield Trouble("kinds", "", f"{told}. Why {names[0]}: {reason}" if reason else told, incomplete=False)


def _policies(facts: Facts) -> Iterator[Trouble]:
    for each in facts.policies:
        if (message := why_not_ready(each)) is not None:
            yield Trouble("policy", each.name, message)


def why_not_ready(policy: PolicyFacts) -> str | None:
    """None: it is, or nobody has said so; that is for the door."""
    ready = find_condition(dig(policy.status, "conditions"), "Ready")
    if dig(ready, "status") == "False":
        return dig_text(ready, "message")
    if ready is not None and dig(policy.status, "observedGeneration") != policy.generation:
        return f"generation {policy.generation} is not in force yet: its status speaks of an earlier one"
    return None


def _door(facts: Facts) -> Iterator[Trouble]:
    if facts.unseen & {LEASES.name, *(each.name for each in CONFIGURATIONS)}:
        return
    registered = sum(each or 0 for each in facts.webhooks.values())
    away = facts.door is None or not facts.door.name or is_silent(facts.door, facts)
    if registered and away:
        told = f"{registered} webhooks are registered, and no replica of the admission service leads: what comes in is "
        yield Trouble(
            "door",
            "",
            f"{told}refused or let through unseen, as failurePolicy says. Start one, or take the webhooks back: "
            "`auditor registration remove`",
        )
    elif not away and None in facts.webhooks.values():
        gone = ", ".join(kind for kind, count in facts.webhooks.items() if count is None)
        yield Trouble("door", "", f"not registered: {gone}", incomplete=False)
    elif away and any(each.enforcement == "Deny" for each in facts.policies):
        yield Trouble("door", "", "policies deny, and no admission service runs: `auditor webhook`", incomplete=False)


def _reports(facts: Facts) -> Iterator[Trouble]:
    api = dig_text(facts.config, "spec", "reports", "api")
    if api not in ("", "none") and api not in facts.reports and CRDS.name not in facts.unseen:
        yield Trouble("reports", api, "its CRDs are not installed: no reports are written", incomplete=False)
