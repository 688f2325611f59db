"""The metrics of registration. Labels: two configurations, and the CRDs that have a Conversion."""

import contextlib

from prometheus_client import CollectorRegistry, Counter, Gauge


class RegistrationMeters:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._writes = Counter(
            "auditor_registration_writes_total",
            "Writes to what is registered, by object and reason: change (of policies), drift (by others).",
            ("object", "reason"),
            registry=registry,
        )
        self._failures = Counter(
            "auditor_registration_failures_total",
            "Attempts to read or write what is registered that failed.",
            ("object",),
            registry=registry,
        )
        self._in_force = Gauge(
            "auditor_registration_in_force",
            "1 if it is registered as it has to be, 0 if not.",
            ("object",),
            registry=registry,
        )
        self._contested = Gauge(
            "auditor_registration_contested",
            "1 while somebody else keeps changing it back, so that corrections are made more slowly.",
            ("object",),
            registry=registry,
        )

    def wrote(self, target: str, reason: str) -> None:
        self._writes.labels(target, reason).inc()

    def failed(self, target: str) -> None:
        self._failures.labels(target).inc()

    def stands(self, target: str, *, in_force: bool, contested: bool) -> None:
        self._in_force.labels(target).set(in_force)
        self._contested.labels(target).set(contested)

    def forget(self, target: str) -> None:
        for gauge in (self._in_force, self._contested):
            with contextlib.suppress(KeyError):
                gauge.remove(target)
