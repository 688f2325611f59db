"""The metrics of the webhooks. Labels come from what is registered and loaded, never from what a request says."""

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from auditor.model.finding import Finding

# From 0.25 ms, what a review of small objects takes, to 10 s, the timeout of a webhook unless it is set.
BUCKETS: Final = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meters:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter(
            "auditor_webhook_requests_total",
            "Reviews that were answered, by webhook, outcome and dry run.",
            ("webhook", "outcome", "dry_run"),
            registry=registry,
        )
        self._seconds = Histogram(
            "auditor_webhook_seconds",
            "Seconds from the body of a review to that of its answer.",
            ("webhook",),
            buckets=BUCKETS,
            registry=registry,
        )
        self._findings = Counter(
            "auditor_webhook_findings_total",
            "Findings of reviews that were no dry runs, by policy and result; passes are not counted.",
            ("policy", "result"),
            registry=registry,
        )
        self._errors = Counter(
            "auditor_webhook_errors_total",
            "Requests that could not be judged, by webhook and reason.",
            ("webhook", "reason"),
            registry=registry,
        )
        self._late = Counter(
            "auditor_webhook_late_total",
            "Answers that came after the API server had stopped waiting for them.",
            ("webhook",),
            registry=registry,
        )
        self._broken_glass = Counter(
            "auditor_webhook_break_glass_total",
            "Requests that were admitted only because of the group of the user.",
            ("webhook",),
            registry=registry,
        )
        self._in_flight = Gauge("auditor_webhook_in_flight", "Requests that are being answered.", registry=registry)
        self._age = Gauge("auditor_webhook_lookups_age_seconds", "Age of what lookups find.", registry=registry)
        # To look up a child by its labels takes longer than to count, so each is looked up once.
        self._children: dict[tuple[str, str, bool], tuple[Counter, Histogram]] = {}

    def watch_in_flight(self, in_flight: Callable[[], float]) -> None:
        self._in_flight.set_function(in_flight)

    def watch_age(self, age: Callable[[], float]) -> None:
        self._age.set_function(age)

    def answered(self, webhook: str, outcome: str, *, dry_run: bool, seconds: float) -> None:
        key = (webhook, outcome, dry_run)
        children = self._children.get(key)
        if children is None:
            counter = self._requests.labels(webhook, outcome, str(dry_run).lower())
            children = self._children[key] = (counter, self._seconds.labels(webhook))
        children[0].inc()
        children[1].observe(seconds)

    def found(self, findings: Sequence[Finding]) -> None:
        for each in findings:
            self._findings.labels(each.policy, each.result).inc()

    def failed(self, webhook: str, reason: str) -> None:
        self._errors.labels(webhook, reason).inc()

    def late(self, webhook: str) -> None:
        self._late.labels(webhook).inc()

    def broke_glass(self, webhook: str) -> None:
        self._broken_glass.labels(webhook).inc()
