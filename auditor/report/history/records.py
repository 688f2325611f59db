"""What the history is told of, beside findings: counts, decisions of the doors, changes of policies, coverage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from auditor.json import JsonObject
from auditor.model.policy import Severity
from auditor.model.turn import FindingTurn


class Sort(StrEnum):
    POLICIES = "policies"
    EXCEPTIONS = "exceptions"
    KINDS = "kinds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Of one rule on the objects of a kind in a namespace: how many there are now, and how many judgements it took."""

    policy: str
    rule: str
    namespace: str
    passes: int = 0
    fails: int = 0
    warns: int = 0
    errors: int = 0
    skips: int = 0
    evaluations: int = 0
    """Since the last time that the interval was told; these are added up, the others replace what was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """One kind at the end of an interval, complete: what is not among the tallies is not there any more."""

    start: datetime
    length: timedelta
    group: str
    resource: str
    tallies: Sequence[Tally]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorTotals:
    """How often a process that serves a door did what since it began. What is more than was known of it counts in the
    interval: told again, by a watcher that starts anew or by another one, it counts once.
    """

    instance: str
    at: datetime
    start: datetime
    length: timedelta
    totals: Mapping[tuple[str, str, str], int]
    """By webhook, policy and outcome (allow, deny, warn, mutate, error, bypass: any word), each possibly empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorDecision:
    id: str
    at: datetime
    webhook: str
    operation: str
    group: str
    version: str
    kind: str
    namespace: str
    name: str
    outcome: str
    allowed: bool
    subresource: str = ""
    user: str = ""
    dry_run: bool = False
    broke_glass: bool = False
    late: bool = False
    seconds: float = 0.0
    findings: Sequence[JsonObject] = ()
    """With `policy`, `rule`, `result`, `blocks`, `path`, `fingerprint`."""

    @property
    def policy(self) -> str:
        """The first that refused; else the first that said anything."""
        first = next((f for f in self.findings if f.get("blocks") is True), next(iter(self.findings), {}))
        return str(first.get("policy", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenGlass:
    """An object that was written in spite of all policies: of a decision, what tells which one, and when."""

    id: str
    at: datetime
    group: str
    kind: str
    namespace: str
    name: str


def read_decision(told: JsonObject) -> DoorDecision:
    """As a door tells it on its operations port. Raises KeyError, TypeError or ValueError on what is no decision."""
    group, _, version = str(told["apiVersion"]).rpartition("/")
    return DoorDecision(
        id=str(told["id"]),
        at=datetime.fromisoformat(told["time"]),
        webhook=str(told["webhook"]),
        operation=str(told["operation"]),
        group=group,
        version=version,
        kind=str(told["kind"]),
        namespace=str(told["namespace"]),
        name=str(told["name"]),
        outcome=str(told["outcome"]),
        allowed=told["allowed"] is True,
        subresource=str(told["subresource"]),
        user=str(told["user"]),
        dry_run=told["dryRun"] is True,
        broke_glass=told["breakGlass"] is True,
        late=told["late"] is True,
        seconds=float(told["seconds"]),
        findings=tuple(told["findings"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """Told again after a restart, it is written once: only what differs from the last that is known is a change."""

    at: datetime
    policy: str
    kind: str
    """Policy, ValidatingAdmissionPolicy ..."""
    generation: int
    what: str
    """added, changed, removed, broken ..."""
    uid: str = ""
    """A policy that was deleted and made again begins with generation 1 again."""
    rules: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The controls of each of its rules."""
    title: str = ""
    severities: Mapping[str, Severity] = field(default_factory=dict)
    """Of its rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCoverage:
    """Written only where it differs from what was told of the kind last."""

    at: datetime
    group: str
    resource: str
    present: int | None
    """None: not known, because it cannot be read."""
    evaluated: int
    not_evaluated: int = 0
    stale: bool = False
    reason: str = ""
    excluded: bool = False


DOOR_ONLY: Final = "for updates or deletions only, of which stored objects know nothing"
"""Of a policy that no stored object can be judged by, as the watcher words it: the door judges by it, and it is no gap
of the watcher's."""
OTHER_VERSION: Final = "for version"
"""How a reason of the same weight begins: of a native policy for a version in which a built-in kind is not read."""


def is_pair(reason: str) -> bool:
    """Whether a policy that is not judged for that reason counts in the coverage of a kind."""
    return not reason.startswith((DOOR_ONLY, OTHER_VERSION))


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPolicies:
    """Which policies may concern a kind. Told again, it is written where it differs."""

    at: datetime
    group: str
    resource: str
    policies: Mapping[str, str]
    """By source, without bindings: empty if all objects were judged by it, else why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionChange:
    """Told again after a restart, it is written once."""

    at: datetime
    namespace: str
    name: str
    generation: int
    what: str
    """changed, removed, broken (it cannot be read) or tooLong (it reaches further ahead than it may): the last two
    excuse nobody."""
    uid: str = ""
    policies: Sequence[str] = ()
    rules: Sequence[str] = ()
    owner: str = ""
    reason: str = ""
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """All that there is of a sort. What the history has beside that went while nobody looked: it is removed."""

    at: datetime
    of: Sort
    keys: frozenset[tuple[str, str]]
    """(kind, name) of policies, (namespace, name) of exceptions, (group, resource) of kinds."""


@dataclass(frozen=True, slots=True)
class Release:
    """Which version of auditor writes from now on."""

    at: datetime
    version: str


@dataclass(frozen=True, slots=True)
class Writer:
    """Who probably wrote what a finding is about; told when it is found out."""

    fingerprint: str
    writer: str


Record: TypeAlias = (
    FindingTurn
    | Interval
    | DoorTotals
    | DoorDecision
    | PolicyChange
    | ExceptionChange
    | KindCoverage
    | KindPolicies
    | Census
    | Release
    | Writer
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Written once, however often it is sent: the numbers of one instance only grow."""

    instance: str
    number: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long what is kept. What is true now (open findings, the last of each policy and kind) stays for ever."""

    intervals: timedelta = timedelta(days=2)
    """As they were told. A large cluster has 20,000 of (rule, kind, namespace), each 0.2 KB, every hour."""
    hours: timedelta = timedelta(days=400)
    """How it was at the end of each hour, by what changed in it (0.2 KB for each count): so that a period that ends at
    midnight in any time zone has the same numbers for as long as its findings are kept. Only how days ended after that;
    so long the doors are counted by hours, too."""
    days: timedelta = timedelta(days=1096)
    """Twelve quarters: the longest trend that a report shows. Also for policy changes, coverage and turns."""
    resolved: timedelta = timedelta(days=400)
    """Findings: a year's report, and a month to make it in."""
    decisions: timedelta = timedelta(days=90)
    max_decisions: int = 500_000
    """About 0.5 GB: somebody who is refused in a loop must not fill the disk."""
