"""What is evaluated, and what is not and why: by kind, and by policy and kind. Pure.

Coverage in per cent is the share of pairs (kind, policy) that are fully judged. A kind that cannot be read is unknown:
its pairs are there and not judged, and where not even those are known it counts as one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from auditor.intake.live.shelf import State
from auditor.intake.live.view import View
from auditor.model.finding import Result
from auditor.model.policy import Kind
from auditor.model.resource import name_kind

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCoverage:
    group: str
    resource: str
    """The plural."""
    present: int | None
    """None: it cannot be known, because it cannot be read."""
    evaluated: int = 0
    not_evaluated: int | None = None
    """Objects for which at least one rule or check gave no result. None: it cannot be known."""
    findings: Mapping[Result, int] = field(default_factory=dict)
    """Of all policies and checks, one for each object, rule and path."""
    stale: bool = False
    """Its findings are kept from before, because it cannot be read now."""
    reason: str = ""
    """Why something of it is not evaluated, and what to do."""
    last_complete_pass: datetime | None = None
    excluded: bool = False
    """Left out on purpose: the AuditConfig does not follow it, or no policy names it and the rights are `listed`."""

    @property
    def name(self) -> str:
        return name_kind(self.group, self.resource)

    @property
    def readable(self) -> bool:
        return self.present is not None and not self.stale


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCounts:
    """What one policy says of one kind."""

    group: str
    resource: str
    evaluated: int = 0
    """Objects for which every rule gave a result."""
    not_evaluated: int | None = None
    """None: it cannot be known."""
    passes: int = 0
    """Results, one for each rule and object: so are the others."""
    fails: int = 0
    warns: int = 0
    errors: int = 0
    skips: int = 0
    reason: str = ""
    last_complete_pass: datetime | None = None
    auditable: bool = True
    """False: it is for updates or deletions only, of which stored objects know nothing. It is no pair."""

    @property
    def name(self) -> str:
        return name_kind(self.group, self.resource)

    @property
    def judged(self) -> bool:
        """In full."""
        return self.not_evaluated == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCounts:
    policy: str
    of: Kind = Kind.POLICY
    """A native policy, here one for each binding, has no status of ours; its pairs count."""
    kinds: Sequence[KindCounts] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What one watcher knows at one moment."""

    kinds: Sequence[KindCoverage] = ()
    """Of those that it owns. One of which nothing can be said yet, as it has not been read for the first time, is left
    out: what was said of it before stays."""
    policies: Sequence[PolicyCounts] = ()
    """Of all that are there, also of those that match nothing, with the kinds that it owns."""
    known: frozenset[str] = frozenset()
    """The names of all kinds that are followed, or shown as not followed, by whomever: see `name_kind`."""
    generation: int = 0
    """Of the AuditConfig that is in force; 0: there is none."""
    settled: bool = True
    """All that it owns has been judged once."""
    troubles: Sequence[str] = ()
    """What else keeps it from doing all that it shall, as sentences: see `find_troubles`."""
    limits: Sequence[str] = ()
    """Limits that are reached, so that something is not written: as sentences with their figures."""


def find_troubles(view: View) -> Iterator[str]:
    """Policies that are there and cannot be judged by, or not in their present form; and an AuditConfig like that."""
    for key, state in sorted(view.policies.items()):
        yield from _tell(f"Policy {key}", state)
    for key, state in sorted(view.native.items()):
        kind, name, binding = key.split("/")
        yield from _tell(f"{kind} {name} with binding {binding}" if binding else f"{kind} {name}", state)
    if view.config is not None:
        yield from _tell("AuditConfig default", view.config)


def _tell(title: str, state: State[T]) -> Iterator[str]:
    if state.errors:
        rest = "is not evaluated" if state.good is None else "is in force as it was before"
        yield f"{title} {rest}: {'; '.join(each.message for each in state.errors)}"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Of one kind."""

    policies: int = 0
    judged: int = 0


def count_pairs(policies: Iterable[PolicyCounts]) -> Mapping[str, Pairs]:
    """By the name of the kind. A native policy with several bindings is one policy, as it is one to the history."""
    judged: dict[str, dict[tuple[Kind, str], bool]] = {}
    for policy in policies:
        for kind in policy.kinds:
            if kind.auditable:
                of_kind, name = judged.setdefault(kind.name, {}), (policy.of, policy.policy)
                of_kind[name] = of_kind.get(name, True) and kind.judged
    return {name: Pairs(len(each), sum(each.values())) for name, each in judged.items()}


def percent_of(situation: Situation) -> int | None:
    """As far as one watcher knows: of the kinds that it owns."""
    pairs = count_pairs(situation.policies)
    found = ((each, pairs.get(each.name, Pairs())) for each in situation.kinds)
    return percent((few, each.readable or (each.excluded and not few.policies)) for each, few in found)


def percent(pairs: Iterable[tuple[Pairs, bool]]) -> int | None:
    """Of the pairs of each kind, and whether the kind can be read; rounded down. None: there are none at all."""
    total = judged = 0
    for each, readable in pairs:
        total += each.policies if readable else max(each.policies, 1)
        judged += each.judged if readable else 0
    return 100 * judged // total if total else None
