"""The status of the AuditConfig and of policies: what the watcher covers, and what it counts. Pure.

Several watchers may write into one status, each the entries of the kinds that it owns. What is about all of them (the
per cent, the conditions, and what became of kinds that are there no more) is for the one that owns the key `status`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from auditor.audit.coverage import (
    KindCounts,
    KindCoverage,
    Pairs,
    PolicyCounts,
    Situation,
    count_pairs,
    percent,
)
from auditor.cluster.access import dig, dig_list, dig_object, dig_text
from auditor.cluster.conditions import Condition, find_condition, render_time, set_condition
from auditor.json import Json, JsonObject
from auditor.model.finding import Result
from auditor.model.resource import name_kind

STATUS: Final = "status"
"""The key of what is about all kinds."""
MAX_COVERAGE: Final = 2000
MAX_KINDS: Final = 1000
MAX_REASON: Final = 1024
"""These three are those of the CRDs."""
ALL_REASONS: Final = 400_000
"""Characters of all reasons of one status together: the whole has to stay under the 1.5 MB that etcd takes, with
managedFields of the same size as the entries."""
NEWER: Final = 3600.0
"""Seconds by which a last complete pass has to be newer to be written for that alone."""
NAMED: Final = 20
"""Kinds that a condition names; the coverage has all of them."""

FOUND: Final = (Result.FAIL, Result.WARN, Result.ERROR, Result.SKIP)
"""The results of which reports tell."""

Owns = Callable[[str], bool]
Entry = JsonObject
TIME: Final = "lastCompletePass"


@dataclass(frozen=True, slots=True)
class Rendering:
    status: JsonObject
    """All of it, what others have written included."""
    owners: frozenset[str]
    """The keys on whose behalf it is written: kinds, and STATUS."""


def render_config(status: JsonObject, situation: Situation, owns: Owns, now: datetime) -> Rendering | None:
    """The status to be, of what it is; None: there is nothing to write."""
    pairs = count_pairs(situation.policies)
    before = {_name(each): each for each in _entries(status, "coverage")}
    ours = {
        each.name: _cover(each, pairs.get(each.name, Pairs()), before.get(each.name))
        for each in situation.kinds
        if owns(each.name)
    }
    entries = _merge(_entries(status, "coverage"), ours, situation, owns)
    listed, left = _limit(entries, MAX_COVERAGE)
    wanted: JsonObject = {"coverage": _shorten(listed)}
    if owns(STATUS):
        conditions = dig_list(status, "conditions")
        for condition in _conditions(entries, left, situation, conditions):
            conditions = set_condition(conditions, condition, now)
        wanted["conditions"] = conditions
        wanted["coveragePercent"] = percent(_pairs_of(each) for each in entries)
        wanted["observedGeneration"] = situation.generation
    return _compare(status, wanted, "coverage", owns)


def render_policy(status: JsonObject, counts: PolicyCounts, situation: Situation, owns: Owns) -> Rendering | None:
    ours = {each.name: _count(each) for each in counts.kinds if owns(each.name)}
    # A kind of which something can be said, though not for this policy, is none of its kinds any more.
    left = {each.name for each in situation.kinds if owns(each.name)} - ours.keys()
    before = [each for each in _entries(status, "kinds") if _name(each) not in left]
    entries = _merge(before, ours, situation, owns)
    totals = {field: sum(int(dig(each, field) or 0) for each in entries) for field in _TOTALS} if entries else None
    return _compare(status, {"kinds": _shorten(_limit(entries, MAX_KINDS)[0]), "totals": totals}, "kinds", owns)


_TOTALS: Final = ("evaluated", "notEvaluated", "pass", "fail", "warn", "error", "skip")


def _cover(each: KindCoverage, pairs: Pairs, before: Entry | None) -> Entry:
    entry: Entry = {"group": each.group, "resource": each.resource}
    if each.present is not None:
        entry |= {"present": each.present, "evaluated": each.evaluated}
    if each.not_evaluated is not None:
        entry["notEvaluated"] = each.not_evaluated
    entry |= {"policies": pairs.policies, "policiesEvaluated": pairs.judged, "stale": each.stale}
    if each.present is not None:
        entry["findings"] = {str(result): each.findings.get(result, 0) for result in FOUND}
    elif not each.excluded and (kept := dig_object(before, "findings")):
        # A watcher that began anew cannot read it: its reports and its findings in the history stay, too.
        entry |= {"findings": kept, "stale": True}
    if each.excluded:
        entry["excluded"] = True
    return entry | _why(each.reason, each.last_complete_pass)


def _count(each: KindCounts) -> Entry:
    entry: Entry = {"group": each.group, "resource": each.resource, "evaluated": each.evaluated}
    if each.not_evaluated is not None:
        entry["notEvaluated"] = each.not_evaluated
    entry |= {
        "pass": each.passes,
        "fail": each.fails,
        "warn": each.warns,
        "error": each.errors,
        "skip": each.skips,
    }
    return entry | _why(each.reason, each.last_complete_pass)


def _why(reason: str, passed: datetime | None) -> Entry:
    entry: Entry = {}
    if reason:
        entry["reason"] = _cut(reason, MAX_REASON)
    if passed is not None:
        entry[TIME] = render_time(passed)
    return entry


def _entries(status: JsonObject, field: str) -> list[Entry]:
    return [each for each in dig_list(status, field) if isinstance(each, dict)]


def _merge(before: Sequence[Entry], ours: Mapping[str, Entry], situation: Situation, owns: Owns) -> list[Entry]:
    """Ours anew, and of the others those that are there for somebody."""
    kept = [
        each
        for each in before
        if (name := _name(each)) not in ours
        and (name in situation.known or not (owns(name) or owns(STATUS)))  # its owner, or whoever leads, takes it out
    ]
    return sorted([*kept, *ours.values()], key=lambda each: (dig_text(each, "group"), dig_text(each, "resource")))


def _limit(entries: Sequence[Entry], most: int) -> tuple[list[Entry], int]:
    """What is amiss first; how many were left out."""
    if len(entries) <= most:
        return list(entries), 0
    kept = sorted(range(len(entries)), key=lambda i: (dig(entries[i], "notEvaluated") == 0, i))[:most]
    return [entries[i] for i in sorted(kept)], len(entries) - most


def _shorten(entries: Sequence[Entry]) -> list[Entry]:
    """So that all reasons together are not too long for one object."""
    if sum(len(dig_text(each, "reason")) for each in entries) <= ALL_REASONS:
        return list(entries)
    share = ALL_REASONS // len(entries)
    return [each | {"reason": _cut(text, share)} if (text := dig_text(each, "reason")) else each for each in entries]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _name(entry: Json) -> str:
    return name_kind(dig_text(entry, "group"), dig_text(entry, "resource"))


def _pairs_of(entry: Entry) -> tuple[Pairs, bool]:
    pairs = Pairs(int(dig(entry, "policies") or 0), int(dig(entry, "policiesEvaluated") or 0))
    return pairs, is_readable(entry) or (is_excluded(entry) and pairs.policies == 0)


def is_readable(entry: Json) -> bool:
    return dig(entry, "present") is not None and dig(entry, "stale") is not True


def is_excluded(entry: Json) -> bool:
    return dig(entry, "excluded") is True


# -- conditions --------------------------------------------------------------------------------------------------------


def _conditions(entries: Sequence[Entry], left: int, situation: Situation, before: list[Json]) -> Iterable[Condition]:
    yield _ready(entries, situation)
    limits = list(situation.limits)
    if left:
        limits.append(f"the coverage lists {MAX_COVERAGE} kinds, and not {left} more of which all is evaluated first")
    if limits:
        yield Condition("WithinLimits", "False", "LimitReached", "; ".join(limits), situation.generation)
    elif find_condition(before, "WithinLimits") is not None:
        yield Condition("WithinLimits", "True", "AllWritten", "all is written", situation.generation)


def _ready(entries: Sequence[Entry], situation: Situation) -> Condition:
    unread = [each for each in entries if not is_readable(each) and not is_excluded(each)]
    told = list(situation.troubles)
    if unread:
        named = [f"{_name(each)}{_because(each)}" for each in unread[:NAMED]]
        more = [f"and {len(unread) - NAMED} more"] if len(unread) > NAMED else []
        told.insert(0, f"{len(unread)} of {len(entries)} kinds cannot be read: {'; '.join([*named, *more])}")
    generation = situation.generation
    if told:
        return Condition("Ready", "False", "NotRead" if unread else "Trouble", ". ".join(told), generation)
    if not situation.settled:
        return Condition("Ready", "Unknown", "Starting", "objects are judged for the first time", generation)
    return Condition("Ready", "True", "Following", "all that is to be followed is followed", generation)


def _because(entry: Entry) -> str:
    reason = dig_text(entry, "reason")
    return f" ({reason})" if reason else ""


# -- what is different -------------------------------------------------------------------------------------------------


def _compare(status: JsonObject, wanted: JsonObject, field: str, owns: Owns) -> Rendering | None:
    """None if all is the same, but for passes that are not much newer."""
    there = {_name(each): each for each in _entries(status, field)}
    here = {_name(each): each for each in wanted[field]}
    different = {name for name in there.keys() | here.keys() if _differs(there.get(name), here.get(name))}
    owners = {name if owns(name) else STATUS for name in different}
    if any(value != status.get(name) for name, value in wanted.items() if name != field):
        owners.add(STATUS)
    if not owns(STATUS):
        owners.discard(STATUS)
    if not owners:
        return None
    after = {name: value for name, value in {**status, **wanted}.items() if value not in (None, [])}
    return Rendering(after, frozenset(owners))


def _differs(old: Entry | None, new: Entry | None) -> bool:
    if old is None or new is None or _timeless(old) != _timeless(new) or (TIME in old) != (TIME in new):
        return True
    if TIME not in new or old[TIME] == new[TIME]:
        return False
    try:
        return (datetime.fromisoformat(new[TIME]) - datetime.fromisoformat(old[TIME])).total_seconds() > NEWER
    except (TypeError, ValueError):
        return True


def _timeless(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if name != TIME}
