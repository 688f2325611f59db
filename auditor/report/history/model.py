"""The tables of the history, once for SQLite and PostgreSQL. Every row belongs to a cluster: several share one.

The indexes are those that a dashboard over 100,000 open findings and a report of a past month need. Most are partial,
on open findings: those of the past, which are many more, cost nothing there.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Double, Enum, ForeignKey, Index, Integer, MetaData, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from auditor.json import Json
from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.history.types import Document, Moment, Name, Rank, Words

# SQLite gives out numbers by itself for INTEGER alone.
_Number = BigInteger().with_variant(Integer, "sqlite")


class Step(StrEnum):
    """What became of a finding. The ledger knows what is; only the history knows that it had been there before."""

    OPENED = "opened"
    CHANGED = "changed"
    EXCUSED = "excused"
    RESOLVED = "resolved"
    REOPENED = "reopened"


def _words_of(words: type[StrEnum]) -> Enum:
    # As texts without a constraint: a new word needs no migration. Longer ones than 16 characters we do not make.
    return Enum(words, native_enum=False, length=16, values_callable=lambda each: [word.value for word in each])


class Table(DeclarativeBase):
    # Names of constraints by rule, so that a migration can name them in either database.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _cluster(*, key: bool = False) -> Mapped[int]:
    return mapped_column(ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=key)


class ClusterRow(Table):
    __tablename__ = "clusters"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    uid: Mapped[str] = mapped_column(Name, unique=True)
    """Of its namespace kube-system."""
    name: Mapped[str] = mapped_column(Name)
    first_seen: Mapped[datetime] = mapped_column(Moment)
    """Before that nothing is known of it."""


_OPEN = text("resolved_at IS NULL")
_RESOLVED = text("resolved_at IS NOT NULL")


class FindingRow(Table):
    __tablename__ = "findings"
    __table_args__ = (
        Index("ix_findings_fingerprint", "cluster_id", "fingerprint", unique=True),
        Index("ix_findings_new", "cluster_id", "first_seen"),
        Index("ix_findings_turned", "cluster_id", "turned_at"),
        Index("ix_findings_resolved", "cluster_id", "resolved_at", sqlite_where=_RESOLVED, postgresql_where=_RESOLVED),
        *(
            Index(f"ix_findings_open_{name}", "cluster_id", *columns, sqlite_where=_OPEN, postgresql_where=_OPEN)
            for name, columns in {
                "severity": ("severity", "id"),
                "policy": ("policy", "rule", "result", "id"),
                "namespace": ("namespace", "name", "id"),
                "kind": ("api_group", "resource", "id"),
                # All that is counted of what is open, in the order in which it is grouped: no row is read for it.
                "count": (
                    *("policy_kind", "policy", "rule", "api_group", "resource", "namespace"),
                    *("severity", "result", "opened_at", "turned_at"),
                ),
            }.items()
        ),
    )

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    cluster_id: Mapped[int] = _cluster()
    fingerprint: Mapped[str] = mapped_column(Name)
    policy: Mapped[str] = mapped_column(Name)
    rule: Mapped[str] = mapped_column(Name)
    policy_kind: Mapped[str] = mapped_column(Name)
    result: Mapped[Result] = mapped_column(_words_of(Result))
    severity: Mapped[Severity] = mapped_column(Rank)
    message: Mapped[str] = mapped_column(Words)
    path: Mapped[str] = mapped_column(Words)
    remediation: Mapped[str] = mapped_column(Words)
    controls: Mapped[Json] = mapped_column(Document)
    api_group: Mapped[str] = mapped_column(Name)
    api_version: Mapped[str] = mapped_column(Name)
    """Without the group."""
    kind: Mapped[str] = mapped_column(Name)
    resource: Mapped[str] = mapped_column(Name)
    namespace: Mapped[str] = mapped_column(Name)
    name: Mapped[str] = mapped_column(Name)
    uid: Mapped[str] = mapped_column(Name)
    first_seen: Mapped[datetime] = mapped_column(Moment)
    opened_at: Mapped[datetime] = mapped_column(Moment)
    """When it appeared last: its age counts from there, also after it was reopened."""
    last_seen: Mapped[datetime] = mapped_column(Moment)
    """When it was last told of or confirmed by a complete pass. In no index: each pass writes it."""
    turned_at: Mapped[datetime] = mapped_column(Moment)
    """When the last thing became of it."""
    resolved_at: Mapped[datetime | None] = mapped_column(Moment)
    reopened_count: Mapped[int]
    excused_by: Mapped[str] = mapped_column(Words)
    writer: Mapped[str] = mapped_column(Words)


class TurnRow(Table):
    """What a finding was at any time is its last turn before then."""

    __tablename__ = "turns"
    __table_args__ = (
        Index("ix_turns_at", "cluster_id", "at"),
        Index("ix_turns_finding", "finding_id", "at"),
        # News: what comes after a moment. A quiet cluster would else be looked for among all turns of busy ones.
        Index("ix_turns_cluster", "cluster_id", "id"),
    )

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    cluster_id: Mapped[int] = _cluster()
    finding_id: Mapped[int] = mapped_column(ForeignKey("findings.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(Moment)
    turn: Mapped[Step] = mapped_column(_words_of(Step))
    result: Mapped[Result] = mapped_column(_words_of(Result))
    severity: Mapped[Severity] = mapped_column(Rank)
    excused_by: Mapped[str] = mapped_column(Words)
    message_before: Mapped[str | None] = mapped_column(Words)
    """Where this turn changed the message, what it was until then: a report of the past says what was said then."""


class IntervalRow(Table):
    """How many objects passed and failed a rule at the end of an interval; how many were judged in it."""

    __tablename__ = "intervals"

    cluster_id: Mapped[int] = _cluster(key=True)
    length: Mapped[int] = mapped_column(primary_key=True)
    """Seconds; 86,400 for those that were rolled up."""
    start: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    api_group: Mapped[str] = mapped_column(Name, primary_key=True)
    resource: Mapped[str] = mapped_column(Name, primary_key=True)
    policy: Mapped[str] = mapped_column(Name, primary_key=True)
    rule: Mapped[str] = mapped_column(Name, primary_key=True)
    namespace: Mapped[str] = mapped_column(Name, primary_key=True)
    passes: Mapped[int]
    fails: Mapped[int]
    warns: Mapped[int]
    errors: Mapped[int]
    skips: Mapped[int]
    evaluations: Mapped[int] = mapped_column(BigInteger)


class CountedHoursRow(Table):
    """In which hours of a day a kind was counted. Its rows of these hours have gone: what they said follows from those
    of the day, and from the differences."""

    __tablename__ = "counted_hours"

    cluster_id: Mapped[int] = _cluster(key=True)
    start: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    """Of the day."""
    api_group: Mapped[str] = mapped_column(Name, primary_key=True)
    resource: Mapped[str] = mapped_column(Name, primary_key=True)
    hours: Mapped[int]
    """Bits: the first for the hour that begins with the day."""


class DifferenceRow(Table):
    """What was counted at the end of an hour, less what was at the end of the next one of that day. Where nothing
    became different there is none, so that hours can be kept for long: what was at the end of an hour is what was at
    the end of the day and all differences from that hour on."""

    __tablename__ = "differences"

    cluster_id: Mapped[int] = _cluster(key=True)
    start: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    """Of the hour."""
    api_group: Mapped[str] = mapped_column(Name, primary_key=True)
    resource: Mapped[str] = mapped_column(Name, primary_key=True)
    policy: Mapped[str] = mapped_column(Name, primary_key=True)
    rule: Mapped[str] = mapped_column(Name, primary_key=True)
    namespace: Mapped[str] = mapped_column(Name, primary_key=True)
    passes: Mapped[int]
    fails: Mapped[int]
    warns: Mapped[int]
    errors: Mapped[int]
    skips: Mapped[int]


class DoorRow(Table):
    """How often the doors said what in an interval."""

    __tablename__ = "doors"

    cluster_id: Mapped[int] = _cluster(key=True)
    length: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    webhook: Mapped[str] = mapped_column(Name, primary_key=True)
    policy: Mapped[str] = mapped_column(Name, primary_key=True)
    outcome: Mapped[str] = mapped_column(Name, primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class DoorTotalRow(Table):
    """What is counted already of each process that serves a door."""

    __tablename__ = "door_totals"

    cluster_id: Mapped[int] = _cluster(key=True)
    instance: Mapped[str] = mapped_column(Name, primary_key=True)
    webhook: Mapped[str] = mapped_column(Name, primary_key=True)
    policy: Mapped[str] = mapped_column(Name, primary_key=True)
    outcome: Mapped[str] = mapped_column(Name, primary_key=True)
    total: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(Moment)


class DecisionRow(Table):
    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_at", "cluster_id", "at"),
        Index("ix_decisions_policy", "cluster_id", "policy", "at"),
        Index("ix_decisions_namespace", "cluster_id", "namespace", "at"),
    )

    cluster_id: Mapped[int] = _cluster(key=True)
    id: Mapped[str] = mapped_column(Name, primary_key=True)
    """As the door gave it out: collected twice, it is kept once."""
    at: Mapped[datetime] = mapped_column(Moment)
    webhook: Mapped[str] = mapped_column(Name)
    operation: Mapped[str] = mapped_column(Name)
    api_group: Mapped[str] = mapped_column(Name)
    api_version: Mapped[str] = mapped_column(Name)
    kind: Mapped[str] = mapped_column(Name)
    namespace: Mapped[str] = mapped_column(Name)
    name: Mapped[str] = mapped_column(Name)
    subresource: Mapped[str] = mapped_column(Name)
    user: Mapped[str] = mapped_column(Words)
    outcome: Mapped[str] = mapped_column(Name)
    allowed: Mapped[bool]
    dry_run: Mapped[bool]
    broke_glass: Mapped[bool]
    late: Mapped[bool]
    seconds: Mapped[float] = mapped_column(Double)
    policy: Mapped[str] = mapped_column(Name)
    """The first that refused; else the first that said anything."""
    findings: Mapped[Json] = mapped_column(Document)


class PolicyChangeRow(Table):
    __tablename__ = "policy_changes"
    __table_args__ = (
        Index("ix_policy_changes_at", "cluster_id", "at"),
        Index("ix_policy_changes_policy", "cluster_id", "policy_kind", "policy", "id"),
    )

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    cluster_id: Mapped[int] = _cluster()
    at: Mapped[datetime] = mapped_column(Moment)
    policy: Mapped[str] = mapped_column(Name)
    policy_kind: Mapped[str] = mapped_column(Name)
    uid: Mapped[str] = mapped_column(Name)
    generation: Mapped[int] = mapped_column(BigInteger)
    what: Mapped[str] = mapped_column(Name)
    rules: Mapped[Json] = mapped_column(Document)
    """Its rules from then on, each with its controls: a control passes only if all rules behind it were evaluated."""
    title: Mapped[str] = mapped_column(Words)
    severities: Mapped[Json] = mapped_column(Document)
    """Of its rules."""


class CoverageRow(Table):
    """From this moment until the next row of the kind."""

    __tablename__ = "coverage"
    __table_args__ = (
        Index("ix_coverage_at", "cluster_id", "at"),
        Index("ix_coverage_kind", "cluster_id", "api_group", "resource", "id"),
    )

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    cluster_id: Mapped[int] = _cluster()
    at: Mapped[datetime] = mapped_column(Moment)
    api_group: Mapped[str] = mapped_column(Name)
    resource: Mapped[str] = mapped_column(Name)
    present: Mapped[int | None]
    """Objects; none where that is not known, which is not 0."""
    evaluated: Mapped[int]
    not_evaluated: Mapped[int]
    stale: Mapped[bool]
    reason: Mapped[str] = mapped_column(Words)
    excluded: Mapped[bool]
    """Left out on purpose."""
    gone: Mapped[bool]
    """There is no such kind any more."""


class KindPoliciesRow(Table):
    """Which policies may concern a kind, and whether all of it is judged by them: until the next row of the kind."""

    __tablename__ = "kind_policies"
    __table_args__ = (Index("ix_kind_policies_kind", "cluster_id", "api_group", "resource", "id"),)

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    cluster_id: Mapped[int] = _cluster()
    at: Mapped[datetime] = mapped_column(Moment)
    api_group: Mapped[str] = mapped_column(Name)
    resource: Mapped[str] = mapped_column(Name)
    policies: Mapped[Json] = mapped_column(Document)
    """By source, see `name_source`, without bindings: empty if all was judged by it, else why not."""


class ExceptionChangeRow(Table):
    """A PolicyException from this moment until its next row. That it expires is no change: `expires` says when."""

    __tablename__ = "exception_changes"
    __table_args__ = (Index("ix_exception_changes_exception", "cluster_id", "namespace", "name", "id"),)

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    cluster_id: Mapped[int] = _cluster()
    at: Mapped[datetime] = mapped_column(Moment)
    namespace: Mapped[str] = mapped_column(Name)
    name: Mapped[str] = mapped_column(Name)
    uid: Mapped[str] = mapped_column(Name)
    generation: Mapped[int] = mapped_column(BigInteger)
    what: Mapped[str] = mapped_column(Name)
    policies: Mapped[Json] = mapped_column(Document)
    rules: Mapped[Json] = mapped_column(Document)
    owner: Mapped[str] = mapped_column(Words)
    reason: Mapped[str] = mapped_column(Words)
    expires: Mapped[datetime | None] = mapped_column(Moment)
    """None: it cannot be read, and excuses nobody."""


class ReleaseRow(Table):
    """Which version of auditor wrote from this moment on."""

    __tablename__ = "releases"

    id: Mapped[int] = mapped_column(_Number, primary_key=True)
    cluster_id: Mapped[int] = _cluster()
    at: Mapped[datetime] = mapped_column(Moment)
    version: Mapped[str] = mapped_column(Name)


class HorizonRow(Table):
    """Of what was before this moment, something has gone: old enough for the retention. Nobody is to read it as 0."""

    __tablename__ = "horizons"

    cluster_id: Mapped[int] = _cluster(key=True)
    what: Mapped[str] = mapped_column(Name, primary_key=True)
    """The table; `hours`: of days before nothing is left but how they ended."""
    before: Mapped[datetime] = mapped_column(Moment)


class WriterRow(Table):
    """The last batch of each writing process that is in here: one that comes again, because its commit was not heard
    of, is not written twice."""

    __tablename__ = "writers"

    cluster_id: Mapped[int] = _cluster(key=True)
    instance: Mapped[str] = mapped_column(Name, primary_key=True)
    batch: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(Moment)
