"""What the writer of reports tells of itself: numbers, and what is in its way."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from auditor.model.settings import ReportApi


@dataclass(frozen=True, slots=True)
class ReportsStatus:
    written: int
    deleted: int
    failed: int
    """Attempts, since the start."""
    waiting: int
    """Objects whose reports are to be looked at, some of them after a failure."""
    present: int
    """Reports of ours in the cluster, of all watchers."""
    cut: int
    """Objects whose reports have no room for all of their findings now."""
    beyond: int
    """Objects with findings and without a report, because there are too many."""
    trouble: str
    """Why reports are not what they have to be, and what to do about it; empty if nothing is known to be wrong."""


class ReportMeters:
    """Labels: the two APIs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._written = Counter(
            "auditor_reports_written_total", "Reports that were written, by API.", ("api",), registry=registry
        )
        self._deleted = Counter(
            "auditor_reports_deleted_total", "Reports that were deleted, by API.", ("api",), registry=registry
        )
        self._failed = Counter(
            "auditor_reports_failed_total", "Attempts to write or delete a report that failed.", registry=registry
        )
        self._waiting = Gauge("auditor_reports_waiting", "Reports that are to be looked at.", registry=registry)
        self._present = Gauge("auditor_reports_present", "Reports of ours in the cluster.", registry=registry)
        self._cut = Gauge(
            "auditor_reports_cut", "Objects whose reports have no room for all of their findings.", registry=registry
        )
        self._beyond = Gauge(
            "auditor_reports_beyond_limit",
            "Objects that have no report, because there are too many.",
            registry=registry,
        )
        self._trouble = Gauge(
            "auditor_reports_in_trouble", "1 while reports cannot be written as they have to be.", registry=registry
        )
        self._delay = Histogram(
            "auditor_reports_delay_seconds",
            "Seconds from a change of findings to the report that tells it.",
            # We wait for 0.2 s for more of the same object, and promise a second; after a first audit there are many.
            buckets=(0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
            registry=registry,
        )
        self.written = self.deleted = self.failed = 0

    def follow(self, status: Callable[[], ReportsStatus]) -> None:
        """What is counted anew each time that somebody looks."""
        self._waiting.set_function(lambda: status().waiting)
        self._present.set_function(lambda: status().present)
        self._cut.set_function(lambda: status().cut)
        self._beyond.set_function(lambda: status().beyond)
        self._trouble.set_function(lambda: bool(status().trouble))

    def wrote(self, api: ReportApi) -> None:
        self.written += 1
        self._written.labels(api).inc()

    def took_away(self, api: ReportApi) -> None:
        self.deleted += 1
        self._deleted.labels(api).inc()

    def told(self, seconds: float) -> None:
        self._delay.observe(seconds)

    def fail(self) -> None:
        self.failed += 1
        self._failed.inc()
