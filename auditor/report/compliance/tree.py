"""All that a report says, as one tree of values: every format tells it, none adds anything.

Two things are counted, and never mixed. *Results* are pairs of a rule and an object, as the watcher counted them: of
these compliance is a share. *Findings* are what is wrong at one path of an object, each with a life of its own.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.compliance.period import Period
from auditor.report.compliance.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    passes: int = 0
    fails: int = 0
    warns: int = 0
    errors: int = 0
    excused: int = 0

    def __add__(self, other: "Results") -> "Results":
        return Results(
            passes=self.passes + other.passes,
            fails=self.fails + other.fails,
            warns=self.warns + other.warns,
            errors=self.errors + other.errors,
            excused=self.excused + other.excused,
        )

    @property
    def total(self) -> int:
        return self.passes + self.fails + self.warns + self.errors + self.excused

    @property
    def percent(self) -> float | None:
        """Passes over passes and fails, to a tenth, rounded down: 100 is all of them. None: nothing was evaluated."""
        judged = self.passes + self.fails
        return 1000 * self.passes // judged / 10 if judged else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Findings that are open at the end of the period."""

    violations: int = 0
    warnings: int = 0
    errors: int = 0
    excused: int = 0
    overdue: int = 0
    """Violations that have been open for longer than their severity allows."""

    def __add__(self, other: "Open") -> "Open":
        return Open(
            violations=self.violations + other.violations,
            warnings=self.warnings + other.warnings,
            errors=self.errors + other.errors,
            excused=self.excused + other.excused,
            overdue=self.overdue + other.overdue,
        )

    @property
    def total(self) -> int:
        return self.violations + self.warnings + self.errors + self.excused


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Of a period of the trend: what came and went."""

    opened: int
    reopened: int
    resolved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What became of findings within the period. Those open at its end are those open at its beginning, and the opened
    and reopened ones, without the resolved ones."""

    opened: int = 0
    """For the first time."""
    reopened: int = 0
    resolved: int = 0
    changed: int = 0
    excused: int = 0
    repaired: int = 0
    """Violations among the resolved, of which it is known since when they were open."""
    repair_total: timedelta = timedelta()
    """How long these had been open, all together."""

    def __add__(self, other: "Movement") -> "Movement":
        return Movement(
            opened=self.opened + other.opened,
            reopened=self.reopened + other.reopened,
            resolved=self.resolved + other.resolved,
            changed=self.changed + other.changed,
            excused=self.excused + other.excused,
            repaired=self.repaired + other.repaired,
            repair_total=self.repair_total + other.repair_total,
        )

    @property
    def flow(self) -> Flow:
        return Flow(opened=self.opened, reopened=self.reopened, resolved=self.resolved)

    @property
    def repair_time(self) -> timedelta | None:
        """On average."""
        return self.repair_total / self.repaired if self.repaired else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """Violations open at the end of the period, by how long they have been."""

    day: int = 0
    week: int = 0
    month: int = 0
    quarter: int = 0
    older: int = 0
    oldest: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityLine:
    severity: Severity
    open: Open | None
    """None, here and elsewhere: it is not known any more."""
    movement: Movement | None
    allowed: timedelta | None
    """After which a violation is overdue; None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A policy, namespace or kind."""

    name: str
    kind: str = ""
    """Of a policy: Policy, Check, ValidatingAdmissionPolicy ..."""
    title: str = ""
    results: Results
    open: Open | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    policy_kind: str
    policy: str
    rule: str
    severity: Severity | None
    results: Results
    gap: str
    """Why not all of it was evaluated; empty: all was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlLine:
    control: str
    status: str
    """failed, incomplete (not all its rules were evaluated), warned, passed, excused (all of it), or empty: there was
    nothing to judge."""
    results: Results
    rules: tuple[RuleLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A finding that is open at the end of the period, as it was then."""

    fingerprint: str
    policy_kind: str
    policy: str
    rule: str
    result: Result
    severity: Severity
    message: str
    path: str
    remediation: str
    controls: tuple[str, ...]
    api_version: str
    kind: str
    namespace: str
    name: str
    since: datetime
    new: bool
    """It was opened, or reopened, in the period."""
    overdue: bool
    writer: str
    excused_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    fingerprint: str
    policy: str
    rule: str
    severity: Severity
    kind: str
    namespace: str
    name: str
    at: datetime
    after: timedelta | None
    """None: since when it was open is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionLine:
    namespace: str
    name: str
    policies: tuple[str, ...]
    rules: tuple[str, ...]
    owner: str
    reason: str
    expires: datetime | None
    state: str
    """in force, about to expire, expired, removed (both in the period), not in force, unknown (it is not recorded)."""
    excuses: int
    """Findings that it excuses at the end of the period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageLine:
    kind: str
    present: int | None
    """Objects. None: not known, or not to be known by who sees some namespaces only."""
    not_evaluated: int | None
    stale: bool
    reason: str
    policies: tuple[str, ...]
    """By which not all of it is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    kinds: int
    """That are followed, or should be."""
    gaps: tuple[CoverageLine, ...]
    excluded: int
    """Kinds that are left out on purpose."""
    pairs: int = 0
    """Of a kind and a policy that may concern it; a kind that cannot be read is one at least."""
    judged: int = 0
    """Of these, in full."""

    @property
    def percent(self) -> float | None:
        """Of the pairs, as `auditor status` and the metrics count it. None: there are none."""
        return 1000 * self.judged // self.pairs / 10 if self.pairs else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    at: datetime
    operation: str
    kind: str
    namespace: str
    name: str
    user: str
    policy: str
    what: str
    """denied, errored or bypassed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admissions:
    """What the doors decided in the period. None: it is not known, which is not 0."""

    reviews: int | None
    denied: int | None
    warned: int | None
    mutated: int | None
    errors: int | None
    bypassed: int | None
    """Let in against the policies, because somebody broke the glass."""
    late: int | None
    by_policy: tuple[tuple[str, int], ...]
    """Denials, the most first."""
    recent: tuple[Denial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftLine:
    check: str
    open: Open | None
    movement: Movement | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyNews:
    at: datetime
    kind: str
    policy: str
    title: str
    what: str
    """added, changed, removed, broken or repaired."""
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One period of the trend."""

    period: Period
    results: Results | None
    """None: nothing was counted then, or it is gone."""
    flow: Flow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    uid: str
    name: str
    known_since: datetime

    @property
    def label(self) -> str:
        return self.name or self.uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Not part of what the digest is of: the same report made again has the same one."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compliance:
    cluster: Cluster
    period: Period
    scope: Scope
    made: Made
    recorded_by: tuple[str, ...]
    """The versions of auditor that watched in the period."""
    counted_at: datetime | None
    """When the results were counted; None: never."""
    missing: tuple[str, ...]
    """What is not known of this period, and why, as sentences."""
    results: Results | None
    previous: Results | None
    """Of the period before, of the same length."""
    open: Open | None
    open_before: Open | None
    """At the beginning of the period."""
    movement: Movement | None
    ages: Ages | None
    severities: tuple[SeverityLine, ...] = ()
    policies: tuple[Line, ...] = ()
    controls: tuple[ControlLine, ...] = ()
    namespaces: tuple[Line, ...] = ()
    kinds: tuple[Line, ...] = ()
    violations: tuple[Violation, ...] = ()
    """The worst first; no more than were asked for."""
    violations_left: int = 0
    """Beyond these."""
    resolved: tuple[Resolved, ...] = ()
    resolved_left: int = 0
    exceptions: tuple[ExceptionLine, ...] = ()
    coverage: Coverage = field(default_factory=lambda: Coverage(kinds=0, gaps=(), excluded=0))
    admissions: Admissions
    drift: tuple[DriftLine, ...] = ()
    policy_news: tuple[PolicyNews, ...] = ()
    trend: tuple[Point, ...] = ()
    """The oldest first; the last is this period."""

    @property
    def percent(self) -> float | None:
        return None if self.results is None else self.results.percent

    @property
    def change(self) -> float | None:
        """In points, against the period before."""
        before = None if self.previous is None else self.previous.percent
        return None if self.percent is None or before is None else round(self.percent - before, 1)

    @property
    def complete(self) -> bool:
        """All was evaluated, and all of it is known."""
        errors = self.results.errors if self.results is not None else 0
        return not self.missing and not self.coverage.gaps and not errors and self.percent is not None
