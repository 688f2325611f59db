"""Writes the generated tables of docs/watcher.md: python -m tests.unit.audit.docs.tables."""

from pathlib import Path
from types import SimpleNamespace

from prometheus_client import CollectorRegistry

from auditor.audit.dispatch.meters import Meters
from auditor.audit.meters import WatcherCollector
from auditor.audit.reports.meters import ReportMeters
from auditor.cli.watch import command
from auditor.json import Json
from tests.sole import Sole
from tests.unit.webhooks.docs.tables import describe_metrics, fill, options

PAGE = Path(__file__).parents[4] / "docs" / "watcher.md"


def metrics() -> str:
    registry = CollectorRegistry()
    ReportMeters(registry)
    Meters(registry)
    return describe_metrics([*registry._collector_to_names, of_nothing()])


def of_nothing() -> WatcherCollector:
    """Which metrics there are does not depend on what is going on."""
    watcher: Json = SimpleNamespace(
        turf=Sole(), judged={}, evaluations={}, followers={}, left=(), rejudger=SimpleNamespace(waiting=0), view=None
    )
    return WatcherCollector(watcher, ready=lambda: False)


def render(page: str) -> str:
    return fill(page, options=options(command), metrics=metrics())


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
