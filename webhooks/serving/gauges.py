"""Metrics of the state that a replica is in, read when they are asked for."""

from collections import Counter
from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from auditor.intake.live.live import Live
from auditor.webhooks.certificates.source import Certificates
from auditor.webhooks.serving.standin import find_working

STATES = ("in force", "stale", "wrong")


class StateCollector(Collector):
    def __init__(self, live: Live, certificates: Certificates, *, ready: Callable[[], bool]) -> None:
        self._live, self._certificates, self._ready = live, certificates, ready

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("auditor_webhook_ready", "1 if requests should be sent to this replica.", self._ready())
        yield self._policies()
        yield self._certificate()
        yield from self._caches()
        failures = CounterMetricFamily(
            "auditor_webhook_handshake_failures", "TLS handshakes that failed, by reason.", labels=["reason"]
        )
        for reason, count in sorted(self._certificates.tls.handshakes.failures.items()):
            failures.add_metric([reason], count)
        yield failures

    def _policies(self) -> Metric:
        found = GaugeMetricFamily(
            "auditor_webhook_policies",
            "Policies by state: in force, stale (its last good form goes on), wrong (what it matches is an error).",
            labels=["state"],
        )
        view = self._live.view
        states = () if view is None else view.policies.values()
        counts = Counter("in force" if s.right else "stale" if find_working(s) is not None else "wrong" for s in states)
        for state in STATES:
            found.add_metric([state], counts[state])
        return found

    def _certificate(self) -> Metric:
        found = GaugeMetricFamily(
            "auditor_webhook_certificate_expiry_timestamp_seconds",
            "When the serving certificate, and the authority that issued it, end.",
            labels=["certificate"],
        )
        material = self._certificates.material
        if material is not None:
            found.add_metric(["serving"], material.expiry.timestamp())
            if material.authority_expiry is not None:
                found.add_metric(["authority"], material.authority_expiry.timestamp())
        return found

    def _caches(self) -> Iterable[Metric]:
        found = GaugeMetricFamily(
            "auditor_webhook_cache_age_seconds",
            "Seconds since the API server was last heard on what is followed; up to a minute is usual.",
            labels=["resource"],
        )
        for status in self._live.followed():
            if status.age is not None:
                found.add_metric([status.resource.name], status.age)
        yield found
