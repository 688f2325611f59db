"""The same as text for a terminal, and as JSON. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from auditor.audit.overview.facts import CONFIGURATIONS, Facts, Holder
from auditor.audit.overview.wrong import Trouble, is_silent, why_not_ready
from auditor.audit.status import is_excluded, is_readable
from auditor.cluster import Resource
from auditor.cluster.access import dig, dig_time
from auditor.cluster.conditions import render_time
from auditor.cluster.resource import CRDS, LEASES
from auditor.intake.kinds import CONFIGS, POLICIES
from auditor.intake.printable import clean
from auditor.json import Json, JsonObject

_RESULTS: Final = ("fail", "warn", "error", "skip")
MOST_KINDS: Final = 8
"""Of those with something amiss, which are told one by one: with the others it would be no glance any more."""
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"))
UNSEEN: Final = "not known, for lack of a right"


def say(facts: Facts, wrong: Sequence[Trouble]) -> str:
    lines = [*_summary(facts)]
    bad, notes = [each for each in wrong if each.incomplete], [each for each in wrong if not each.incomplete]
    lines += ["", "What is wrong:", *_list(bad)] if bad else []
    lines += ["", "To be known:", *_list(notes)] if notes else []
    lines += [] if bad else ["", "All that is to be evaluated is evaluated."]
    return "".join(f"{clean(line.replace(chr(10), ' '))}\n" for line in lines)


def _summary(facts: Facts) -> Iterator[str]:
    for watcher in facts.watchers or (None,):
        yield f"watcher    {_holder(watcher, facts)}"
    yield f"door       {_holder(facts.door, facts)}; {_webhooks(facts)}"
    yield f"coverage   {_coverage(facts)}"
    yield f"policies   {_policies(facts)}"
    yield f"findings   {_findings(facts)}"
    yield f"reports    {', '.join(facts.reports) or _nothing(CRDS, facts, 'no CRDs of reports are installed')}"


def _nothing(resource: Resource, facts: Facts, told: str) -> str:
    """What is told where nothing was found: where nothing may be read, that is not known."""
    return UNSEEN if resource.name in facts.unseen else told


def _holder(holder: Holder | None, facts: Facts) -> str:
    if holder is None or not holder.name:
        return _nothing(LEASES, facts, "none")
    state = "silent" if is_silent(holder, facts) else "runs"
    return f"{holder.name} {state}, renewed {_ago(holder.renewed, facts.time)}"


def _ago(then: datetime | None, now: datetime) -> str:
    if then is None:
        return "never"
    seconds = max(0.0, (now - then).total_seconds())
    amount, unit = next(((seconds / size, unit) for size, unit in _UNITS if seconds >= 2 * size), (seconds, "s"))
    return f"{amount:.0f} {unit} ago"


def _webhooks(facts: Facts) -> str:
    if any(each.name in facts.unseen for each in CONFIGURATIONS):
        return f"what is registered is {UNSEEN}"
    count = sum(each or 0 for each in facts.webhooks.values())
    return f"{count} webhook{'s' * (count != 1)} registered"


def _coverage(facts: Facts) -> str:
    """How much, of how many kinds, and how old the oldest of it is."""
    entries = facts.coverage
    if not entries:
        return _nothing(CONFIGS, facts, "none is known")
    per_cent = dig(facts.config, "status", "coveragePercent")
    shown = "no policy matches any kind" if per_cent is None else f"{per_cent} % of pairs of kind and policy"
    left_out = sum(is_excluded(each) for each in entries)
    unread = sum(not is_readable(each) and not is_excluded(each) for each in entries)
    partly = sum(is_readable(each) and dig(each, "notEvaluated") != 0 for each in entries)
    parts = [f"{len(entries)} kind{'s' * (len(entries) != 1)}"]
    parts += [f"{unread} unread"] * bool(unread) + [f"{partly} evaluated in part"] * bool(partly)
    parts += [f"{left_out} left out on purpose"] * bool(left_out)
    passes = [at for each in entries if (at := dig_time(each, "lastCompletePass")) is not None]
    oldest = f"; oldest complete pass {_ago(min(passes), facts.time)}" if passes else ""
    return f"{shown}; {', '.join(parts)}{oldest}"


def _policies(facts: Facts) -> str:
    if POLICIES.name in facts.unseen:
        return UNSEEN
    out = sum(why_not_ready(each) is not None for each in facts.policies)
    denying = sum(each.enforcement == "Deny" for each in facts.policies)
    return f"{len(facts.policies)}, of which {denying} deny" + (
        f" and {out} are not in force as they are" if out else ""
    )


def _findings(facts: Facts) -> str:
    if CONFIGS.name in facts.unseen:
        return UNSEEN
    return ", ".join(f"{count} {name}" for name, count in _totals(facts).items())


def _totals(facts: Facts) -> dict[str, int]:
    """Of everything that is reported: native policies and drift checks have no status that could count them."""
    if not any(dig(each, "findings") for each in facts.coverage):  # of a watcher that is older
        return {name: sum(int(dig(each.status, "totals", name) or 0) for each in facts.policies) for name in _RESULTS}
    return {name: sum(int(dig(each, "findings", name) or 0) for each in facts.coverage) for name in _RESULTS}


def _list(troubles: Sequence[Trouble]) -> Iterator[str]:
    kinds = [each for each in troubles if each.about == "kind"]
    left = set(map(id, kinds[MOST_KINDS:]))
    for each in troubles:
        if id(each) not in left:
            yield f"  {each.about}{' ' if each.name else ''}{each.name}: {each.message}"
    if left:
        yield f"  and {len(left)} more kinds of which not all is evaluated: -o json has them"


def to_json(facts: Facts, wrong: Sequence[Trouble]) -> JsonObject:
    return {
        "time": render_time(facts.time),
        "watchers": [_holder_json(each, facts) for each in facts.watchers if each.name],
        "door": {
            "holder": _holder_json(facts.door, facts) if facts.door is not None and facts.door.name else None,
            "webhooks": dict(facts.webhooks),
        },
        "coveragePercent": dig(facts.config, "status", "coveragePercent"),
        "coverage": list(facts.coverage),
        "policies": [
            {"name": each.name, "enforcement": each.enforcement, "ready": why_not_ready(each) is None}
            | {"totals": dig(each.status, "totals")}
            for each in facts.policies
        ],
        "findings": _totals(facts),
        "reports": list(facts.reports),
        "complete": not any(each.incomplete for each in wrong),
        "troubles": [
            {"about": each.about, "name": each.name, "message": each.message, "incomplete": each.incomplete}
            for each in wrong
        ],
    }


def _holder_json(holder: Holder, facts: Facts) -> Json:
    renewed = None if holder.renewed is None else render_time(holder.renewed)
    return {"name": holder.name, "renewed": renewed, "silent": is_silent(holder, facts)}
