"""Our metrics are named and described as Prometheus wants it."""

import subprocess

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

import auditor.cluster.metrics  # noqa: F401 - it declares what REGISTRY has
from auditor.audit.reports.meters import ReportMeters
from auditor.operations import Vitals
from auditor.webhooks.metrics import Meters
from auditor.webhooks.registration import RegistrationMeters
from tests.programs import promtool
from tests.unit.audit.docs.tables import of_nothing
from tests.unit.webhooks.docs.tables import state_of_nothing


def check(text: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, check=False, timeout=50)


def test_promtool_has_nothing_against_them() -> None:
    registry = CollectorRegistry()
    registry.register(REGISTRY)
    for meters in (Meters, RegistrationMeters, ReportMeters):
        meters(registry)
    for collector in (Vitals("watch", stops=lambda: {("jq", "rule"): 1}), state_of_nothing(), of_nothing()):
        registry.register(collector)
    text = generate_latest(registry)
    assert b'auditor_expression_stops_total{language="jq",reason="rule"} 1.0' in text
    done = check(text)
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_it_has_something_against_is_seen() -> None:
    assert check(b"# HELP a_count x\n# TYPE a_count counter\na_count 1\n").returncode == 3
