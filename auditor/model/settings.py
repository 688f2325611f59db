"""What the watcher follows, checks and reports: an AuditConfig, read. Without one all defaults are in force."""

from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from enum import StrEnum

from auditor.dataclass import dataclass
from auditor.model.policy import Severity


class Check(StrEnum):
    """The built-in detectors of drift, by their names in AuditConfig."""

    POLICY = "policy"
    SCHEMA = "schema"
    BYPASS = "bypass"
    MUTATION = "mutation"
    OWNERSHIP = "ownership"
    VERSIONS = "versions"
    CONVERSION = "conversion"
    RECONCILE = "reconcile"


class ReportApi(StrEnum):
    OPENREPORTS = "openreports"
    WGPOLICY = "wgpolicyk8s"
    NONE = "none"


class Reading(StrEnum):
    LISTED = "listed"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    enabled: bool = True
    severity: Severity | None = None
    """None: that of the rule behind it."""
    lag: timedelta = timedelta(minutes=10)
    """For `reconcile`: how long observedGeneration may be behind, or absent."""
    deletion: timedelta = timedelta(hours=1)
    """For `reconcile`: how long finalizers may hold up a deletion."""


# As the CRD of AuditConfig has them, for clusters without one.
DEFAULT_CHECKS: Mapping[Check, CheckSettings] = {
    Check.POLICY: CheckSettings(),
    Check.SCHEMA: CheckSettings(severity=Severity.MEDIUM),
    Check.BYPASS: CheckSettings(),
    Check.MUTATION: CheckSettings(severity=Severity.LOW),
    Check.OWNERSHIP: CheckSettings(severity=Severity.MEDIUM),
    Check.VERSIONS: CheckSettings(severity=Severity.LOW),
    Check.CONVERSION: CheckSettings(severity=Severity.HIGH),
    Check.RECONCILE: CheckSettings(severity=Severity.MEDIUM),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSettings:
    """What is in force for one kind."""

    follow: bool = True
    named: bool = False
    """Whether the AuditConfig names it: a built-in kind is then followed even if no policy names it."""
    checks: Mapping[Check, CheckSettings] = field(default_factory=lambda: DEFAULT_CHECKS)
    managers: frozenset[str] = frozenset()
    """Whose fields nobody else shall change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    api: ReportApi = ReportApi.OPENREPORTS
    passes: bool = False
    max_findings: int = 200
    """Of one object that its report lists."""
    max_reports: int = 50_000
    """In the whole cluster: at 2 KB each a tenth of what etcd holds by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    default: KindSettings = field(default_factory=KindSettings)
    kinds: Mapping[tuple[str, str], KindSettings] = field(default_factory=dict)
    """By group and resource, those that differ; each complete in itself."""
    excluded_users: frozenset[str] = frozenset()
    excluded_namespaces: frozenset[str] = frozenset()
    exception_days: int = 365
    """How many days ahead a PolicyException may expire."""
    reports: ReportSettings = field(default_factory=ReportSettings)
    reading: Reading = Reading.LISTED
    generation: int = 0
    """Of the AuditConfig; 0: there is none."""

    def of(self, group: str, resource: str) -> KindSettings:
        return self.kinds.get((group, resource), self.default)
