"""What can be set of the watcher. What it follows, checks and reports the AuditConfig in the cluster says."""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from auditor.audit.doors import DoorService
from auditor.audit.rounds import RESYNC
from auditor.cluster import Settings as ClusterSettings
from auditor.cluster.lease import Durations
from auditor.operations.listen import Listen
from auditor.report.history import Retention

DOORS: Final = DoorService("auditor-webhook")
"""The Service of the door, as its own --service has it."""
WRITES: Final = 100.0
"""Reports a second that may be written: the goal is 50 changed objects a second, each within a second of its change.
API Priority and Fairness guards the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    cluster: ClusterSettings
    operations: Listen
    namespace: str = "auditor-system"
    """Ours: of the Lease and of the door's Service; exceptions for cluster-scoped objects count here."""
    database: str = ""
    """URL of the history; empty: none is kept."""
    cluster_name: str = ""
    """By which people know the cluster, in the history and its reports."""
    reports: Path = field(default_factory=lambda: default_reports())  # defined below
    """Below it ReportSchedules may have files written."""
    private_receivers: bool = True
    """Whether what is delivered may go to private addresses, as those in the cluster are."""
    doors: tuple[str, ...] = ()
    """Operations ports of doors that are asked in any case."""
    door_service: DoorService | None = DOORS
    """None: only those that were named."""
    share: bool = False
    """Whether several watchers share the kinds; otherwise one leads, and the others wait."""
    events: bool = True
    report_crds: bool = False
    """Whether the CRDs of the reports are created where they are absent."""
    traces: bool = False
    resync: timedelta = RESYNC
    interval: timedelta = timedelta(hours=1)
    """By which the history counts: a day has 24 of them, and after a month days are enough."""
    tick: timedelta = timedelta(minutes=5)
    """In which what is counted is written: a watcher that is killed loses no more than that of an hour."""
    lease: Durations = field(default_factory=Durations)
    retention: Retention = field(default_factory=Retention)


def default_database() -> str:
    return f"sqlite:///{_find_state() / 'history.db'}"


def default_reports() -> Path:
    return _find_state() / "reports"


def _find_state() -> Path:
    """Where programs keep what they remember: in a container a volume takes its place."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "auditor"
